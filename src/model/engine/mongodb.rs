//! MongoDB.
use super::{Access, Connections, Recipe, Setting, base, pairs, texts};
use crate::api::Engine;

pub fn row(database: &str) -> Recipe {
    Recipe {
        binding_type: "mongodb".to_owned(),
        versions: &["6.0", "7.0", "8.0"],
        mount_path: "/data/db".to_owned(),
        env: pairs(&[("MONGO_INITDB_DATABASE", database)]),
        credentials_env: pairs(&[("MONGO_INITDB_ROOT_USERNAME", "username"), ("MONGO_INITDB_ROOT_PASSWORD", "password")]),
        username: database.to_owned(),
        databases: true,
        access: Access::Either,
        connections: Connections { most: Some(65_536), reserved: 0, setting: Setting::Args(&["--maxConns", "{}"]) },
        shares_data: true,
        init_path: "/docker-entrypoint-initdb.d".to_owned(),
        // The user is one of the database `admin`.
        uri: "mongodb://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)/$(DATABASE)?authSource=admin".to_owned(),
        open_uri: "mongodb://$(HOST):$(PORT)/$(DATABASE)".to_owned(),
        user: Some(999),
        group: Some(999),
        scratch: texts(&["/tmp", "/data/configdb"]),
        proof: &["WiredTiger"],
        ..base(Engine::Mongodb, "docker.io/library/mongo", "8.0", 27017)
    }
}
