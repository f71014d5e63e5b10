//! MariaDB.
use super::{Connections, Recipe, Setting, base, pairs, shell, texts};
use crate::api::Engine;

pub fn row(database: &str) -> Recipe {
    Recipe {
        binding_type: "mysql".to_owned(),
        versions: &["10.6", "10.11", "11.4", "11.8"],
        mount_path: "/var/lib/mysql".to_owned(),
        env: pairs(&[
            ("MARIADB_DATABASE", database),
            // Root has no password and no way in but the socket inside the container.
            ("MARIADB_ALLOW_EMPTY_ROOT_PASSWORD", "1"),
            ("MARIADB_ROOT_HOST", "localhost"),
            // Within a major version the system tables follow the server.
            ("MARIADB_AUTO_UPGRADE", "1"),
        ]),
        credentials_env: pairs(&[("MARIADB_USER", "username"), ("MARIADB_PASSWORD", "password")]),
        // A volume's top folder may hold `lost+found`, which would be taken for a database.
        args: texts(&["--datadir=/var/lib/mysql/data"]),
        // Over TCP: while the image initialises, its server listens on the socket alone.
        ready: shell("exec mariadb-admin --no-defaults --protocol=tcp --host=127.0.0.1 --connect-timeout=4 --silent ping"),
        username: database.to_owned(),
        databases: true,
        connections: Connections { most: Some(151), reserved: 0, setting: Setting::Args(&["--max-connections={}"]) },
        shares_data: true,
        init_path: "/docker-entrypoint-initdb.d".to_owned(),
        uri: "mysql://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)/$(DATABASE)".to_owned(),
        user: Some(999),
        group: Some(999),
        scratch: texts(&["/tmp", "/run/mysqld"]),
        proof: &["data/mysql"],
        ..base(Engine::Mariadb, "docker.io/library/mariadb", "11.8", 3306)
    }
}
