//! NATS with JetStream: one server, or a cluster of equal members.
use super::{Access, Recipe, Replication, base, pairs, texts};
use crate::api::Engine;

pub fn row(database: &str) -> Recipe {
    Recipe {
        binding_type: "nats".to_owned(),
        versions: &["2.10", "2.11", "2.12"],
        mount_path: "/data".to_owned(),
        credentials_env: pairs(&[("NATS_USER", "username"), ("NATS_PASSWORD", "password")]),
        args: texts(&["--name", "$(POD_NAME)", "--jetstream", "--store_dir", "/data"]),
        credentials_args: texts(&["--user", "$(NATS_USER)", "--pass", "$(NATS_PASSWORD)"]),
        // The members are told by name, so that none of them makes a cluster of fewer.
        replication: Replication::Members(&[3, 5]),
        member_args: texts(&[
            "--cluster_name",
            "$(STACK_NAME)",
            "--cluster",
            "nats://{user}0.0.0.0:6222",
            "--routes",
            "{peers}",
            "--http_port",
            "8222",
        ]),
        peer: "nats://{user}{host}:6222",
        peer_user: "_mstack:$(MSTACK_PEER_PASSWORD)@",
        peer_env: Some("MSTACK_PEER_PASSWORD"),
        // Ready is who has caught up with what the cluster has decided.
        member_ready: Some((8222, "/healthz?js-meta-only=true")),
        username: database.to_owned(),
        access: Access::Either,
        uri: "nats://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)".to_owned(),
        open_uri: "nats://$(HOST):$(PORT)".to_owned(),
        // The image has no user of its own.
        user: Some(1000),
        group: Some(1000),
        scratch: texts(&["/tmp"]),
        proof: &["jetstream"],
        ..base(Engine::Nats, "docker.io/library/nats", "2.11", 4222)
    }
}
