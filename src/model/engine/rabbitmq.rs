//! RabbitMQ.
use super::{Recipe, base, pairs, texts};
use crate::api::Engine;

/// Where the image reads it: after its own files, and beside a configuration that an own image brings.
const PLACE: &str = "/etc/rabbitmq/conf.d/90-mstack.conf";

pub fn row(database: &str) -> Recipe {
    let former = first_form(database);
    Recipe {
        files: &[("rabbitmq.conf", include_str!("rabbitmq/rabbitmq.conf"))],
        places: &[("rabbitmq.conf", PLACE)],
        form: 2,
        former: Some(Box::new(former.clone())),
        ..former
    }
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
        proof: &["rabbit@localhost"],
        ..base(Engine::Rabbitmq, "docker.io/library/rabbitmq", "4.1", 5672)
    }
}
