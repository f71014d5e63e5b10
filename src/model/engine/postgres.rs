//! PostgreSQL: the first instance is the primary, the others are streaming standbys.
use super::{Connections, Recipe, Replication, Setting, base, pairs, texts};
use crate::api::Engine;

pub fn row(database: &str) -> Recipe {
    Recipe {
        binding_type: "postgresql".to_owned(),
        versions: &["14", "15", "16", "17"],
        mount_path: "/var/lib/postgresql/data".to_owned(),
        // A volume's top folder may hold `lost+found`, which initdb refuses. The superuser's name is none that a database
        // of a stack could have.
        env: pairs(&[
            ("PGDATA", "/var/lib/postgresql/data/pgdata"),
            ("POSTGRES_DB", database),
            ("POSTGRES_USER", "_mstack"),
            ("PGUSER", "_mstack"),
            ("PGDATABASE", database),
        ]),
        credentials_env: pairs(&[("MSTACK_USER", "username"), ("POSTGRES_PASSWORD", "password")]),
        args: texts(&["-c", "config_file=/var/lib/postgresql/data/mstack.conf"]),
        ready: texts(&["sh", "/mstack/ready.sh"]),
        username: database.to_owned(),
        databases: true,
        connections: Connections { most: Some(100), reserved: 3, setting: Setting::Env("MSTACK_MAX_CONNECTIONS") },
        shares_data: true,
        replication: Replication::Followers,
        peer_env: Some("MSTACK_PEER_PASSWORD"),
        files: &[
            ("prepare.sh", include_str!("postgres/prepare.sh")),
            ("roles.sh", include_str!("postgres/roles.sh")),
            ("init-first.sh", include_str!("postgres/init-first.sh")),
            ("init-last.sh", include_str!("postgres/init-last.sh")),
            ("ready.sh", include_str!("postgres/ready.sh")),
            ("pg_hba.conf", include_str!("postgres/pg_hba.conf")),
        ],
        init_files: &[("00000-mstack.sh", "sh /mstack/init-first.sh\n"), ("zzzzz-mstack.sh", "sh /mstack/init-last.sh\n")],
        prepare: texts(&["sh", "/mstack/prepare.sh"]),
        proof: &["pgdata/PG_VERSION"],
        init_path: "/docker-entrypoint-initdb.d".to_owned(),
        uri: "postgresql://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)/$(DATABASE)".to_owned(),
        user: Some(999),
        group: Some(999),
        scratch: texts(&["/tmp", "/var/run/postgresql"]),
        ..base(Engine::Postgres, "docker.io/library/postgres", "17", 5432)
    }
}
