//! Valkey and Redis: the first instance is the primary, the others are copies of it.
use super::{Access, Connections, Recipe, Replication, Setting, base, pairs, texts};
use crate::api::Engine;

pub fn valkey() -> Recipe {
    let row = base(Engine::Valkey, "docker.io/valkey/valkey", "8.1", 6379);
    Recipe { versions: &["7.2", "8"], ready: ready("valkey-cli"), ..common(row) }
}

pub fn redis() -> Recipe {
    let row = base(Engine::Redis, "docker.io/library/redis", "8.2", 6379);
    Recipe { versions: &["6.2", "7", "8"], ready: ready("redis-cli"), ..common(row) }
}

fn common(row: Recipe) -> Recipe {
    Recipe {
        binding_type: "redis".to_owned(),
        mount_path: "/data".to_owned(),
        // The command line client reads its password from this variable.
        credentials_env: pairs(&[("REDISCLI_AUTH", "password")]),
        args: texts(&["/data/mstack.conf", "--appendonly", "yes"]),
        credentials_args: texts(&["--requirepass", "$(REDISCLI_AUTH)", "--masterauth", "$(REDISCLI_AUTH)"]),
        open_args: texts(&["--protected-mode", "no"]),
        access: Access::Either,
        connections: Connections { most: Some(10_000), reserved: 0, setting: Setting::Args(&["--maxclients", "{}"]) },
        replication: Replication::Followers,
        files: &[("prepare.sh", include_str!("key_value/prepare.sh")), ("ready.sh", include_str!("key_value/ready.sh"))],
        prepare: texts(&["sh", "/mstack/prepare.sh"]),
        proof: &["appendonlydir", "appendonly.aof"],
        uri: "redis://:$(PASSWORD)@$(HOST):$(PORT)".to_owned(),
        open_uri: "redis://$(HOST):$(PORT)".to_owned(),
        user: Some(999),
        group: Some(1000),
        scratch: texts(&["/tmp"]),
        ..row
    }
}

fn ready(client: &str) -> Vec<String> {
    texts(&["sh", "/mstack/ready.sh", client])
}
