//! RabbitMQ: one node, or a cluster of equal members.
use super::{Recipe, Replication, base, pairs, texts};
use crate::api::Engine;

/// Where the image reads it: after its own files, and beside a configuration that an own image brings.
const PLACE: &str = "/etc/rabbitmq/conf.d/90-mstack.conf";

pub fn row(database: &str) -> Recipe {
    let former = first_form(database);
    let row = Recipe {
        files: &[("rabbitmq.conf", include_str!("rabbitmq/rabbitmq.conf"))],
        places: &[("rabbitmq.conf", PLACE)],
        form: 2,
        ..former.clone()
    };
    Recipe { members: Some(Box::new(members(row.clone()))), former: Some(Box::new(former)), ..row }
}

/// Without a configuration: the consumers' user is an administrator.
fn first_form(database: &str) -> Recipe {
    Recipe {
        binding_type: "rabbitmq".to_owned(),
        versions: &["3.13", "4"],
        // The cookie lies beside this folder: on the volume, its group-readable mode would stop the server.
        mount_path: "/var/lib/rabbitmq/mnesia".to_owned(),
        // The data is kept in a folder of the node's name, so the name must not follow the pod's.
        env: pairs(&[("RABBITMQ_NODENAME", "rabbit@localhost")]),
        credentials_env: pairs(&[("RABBITMQ_DEFAULT_USER", "username"), ("RABBITMQ_DEFAULT_PASS", "password")]),
        username: database.to_owned(),
        uri: "amqp://$(USERNAME):$(PASSWORD)@$(HOST):$(PORT)".to_owned(),
        user: Some(999),
        group: Some(999),
        scratch: texts(&["/tmp", "/var/lib/rabbitmq", "/var/log/rabbitmq"]),
        replication: Replication::Members(&[3, 5]),
        proof: &["rabbit@localhost"],
        ..base(Engine::Rabbitmq, "docker.io/library/rabbitmq", "4.1", 5672)
    }
}

/// Each member has a name that the others find it by, and is told the names of all.
fn members(single: Recipe) -> Recipe {
    Recipe {
        env: pairs(&[
            ("RABBITMQ_NODENAME", "rabbit@$(POD_NAME).{headless}"),
            ("RABBITMQ_USE_LONGNAME", "true"),
            ("RABBITMQ_MNESIA_DIR", "/var/lib/rabbitmq/mnesia/member"),
        ]),
        peer_env: Some("RABBITMQ_ERLANG_COOKIE"),
        peer: "cluster_formation.classic_config.nodes.{number} = rabbit@{host}",
        files: &[("rabbitmq.conf", include_str!("rabbitmq/members.conf")), ("prepare.sh", include_str!("rabbitmq/prepare.sh"))],
        prepare: texts(&["bash", "/mstack/prepare.sh"]),
        proof: &["member"],
        ..single
    }
}
