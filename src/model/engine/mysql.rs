//! MySQL.
use super::{Connections, Recipe, Setting, base, pairs, shell, texts};
use crate::api::Engine;

/// Longest name of a user.
const LONGEST_USER: usize = 32;

pub fn row(database: &str) -> Recipe {
    Recipe {
        binding_type: "mysql".to_owned(),
        versions: &["8.0", "8.4"],
        mount_path: "/var/lib/mysql".to_owned(),
        env: pairs(&[
            ("MYSQL_DATABASE", database),
            // Root has no password and no way in but the socket inside the container.
            ("MYSQL_ALLOW_EMPTY_PASSWORD", "yes"),
            ("MYSQL_ROOT_HOST", "localhost"),
        ]),
        credentials_env: pairs(&[("MYSQL_USER", "username"), ("MYSQL_PASSWORD", "password")]),
        args: texts(&["--datadir=/var/lib/mysql/data"]),
        // Over TCP: while the image initialises, its server listens on the socket alone.
        ready: shell("exec mysqladmin --no-defaults --protocol=tcp --host=127.0.0.1 --connect-timeout=4 --silent ping"),
        username: database.chars().take(LONGEST_USER).collect(),
        databases: true,
        connections: Connections { most: Some(151), reserved: 0, setting: Setting::Args(&["--max-connections={}"]) },
        shares_data: true,
        init_path: "/docker-entrypoint-initdb.d".to_owned(),
        uri: "mysql://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)/$(DATABASE)".to_owned(),
        user: Some(999),
        group: Some(999),
        scratch: texts(&["/tmp", "/var/run/mysqld", "/var/lib/mysql-files"]),
        proof: &["data/mysql", "data/mysql.ibd"],
        ..base(Engine::Mysql, "docker.io/library/mysql", "8.4", 3306)
    }
}
