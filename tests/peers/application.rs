//! The application that all peers keep: three services that use each other, as mstack renders them.
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{PATIENCE, World};

/// Where a peer fills in what changes: the image and the count of one service.
pub struct Blanks {
    pub image: Value,
    pub replicas: Value,
}

/// The stack with one service's image and count.
pub fn stack(image: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "microservicestack.dev/v1alpha1",
        "kind": "MicroserviceStack",
        "metadata": {"name": "shop"},
        "spec": {"services": {
            "web": {"image": image, "port": 8080, "replicas": replicas, "uses": ["api"]},
            "api": {"image": "api:1", "port": 8080, "replicas": 2, "uses": ["mail"], "config": {"REGION": "eu"}},
            "mail": {"image": "mail:1", "port": 8080, "files": {"/etc/mail.toml": "from = \"shop\""}},
        }},
    })
}

/// Its objects, as each peer makes them: without owner and namespace, which every peer gives by itself.
pub fn objects() -> Vec<Value> {
    let mut render = Command::new(env!("CARGO_BIN_EXE_mstack"))
        .args(["render", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    render.stdin.take().unwrap().write_all(stack("web:1", 2).to_string().as_bytes()).unwrap();
    let mut list: Value = serde_json::from_slice(&render.wait_with_output().unwrap().stdout).unwrap();
    let mut objects = std::mem::take(list["items"].as_array_mut().unwrap());
    for object in &mut objects {
        let metadata = object["metadata"].as_object_mut().unwrap();
        metadata.retain(|key, _| !["namespace", "ownerReferences"].contains(&key.as_str()));
    }
    objects
}

/// The same, to be filled in.
pub fn template(blanks: &Blanks) -> Vec<Value> {
    let mut objects = objects();
    let web = objects.iter_mut().find(|object| object["kind"] == "Deployment" && object["metadata"]["name"] == "web").unwrap();
    web["spec"]["replicas"] = blanks.replicas.clone();
    web["spec"]["template"]["spec"]["containers"][0]["image"] = blanks.image.clone();
    objects
}

/// Waits until all of its Deployments are available.
pub async fn until_it_serves(world: &World, namespace: &str) {
    let begun = Instant::now();
    let available = "jsonpath={.items[*].status.conditions[?(@.type==\"Available\")].status}";
    while world.cluster.kubectl(&["get", "deployments", "-n", namespace, "-o", available]).unwrap().trim() != "True True True" {
        assert!(begun.elapsed() < PATIENCE, "{namespace} does not serve");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
