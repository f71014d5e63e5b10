//! Memcached.
use super::{Access, Connections, Recipe, Setting, base, texts};
use crate::api::Engine;

pub fn row() -> Recipe {
    Recipe {
        binding_type: "memcached".to_owned(),
        versions: &["1.6"],
        access: Access::Open,
        connections: Connections { most: Some(1024), reserved: 0, setting: Setting::Args(&["--conn-limit={}"]) },
        open_uri: "memcached://$(HOST):$(PORT)".to_owned(),
        user: Some(11_211),
        group: Some(11_211),
        scratch: texts(&["/tmp"]),
        ..base(Engine::Memcached, "docker.io/library/memcached", "1.6", 11_211)
    }
}
