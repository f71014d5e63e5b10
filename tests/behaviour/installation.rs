//! The chart's life on a real API server, by helm itself: install, upgrade, rollback, uninstall, and install again, with
//! stacks that run meanwhile (rules 9 and 13).
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cluster::Options;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::requests::SHOP;
use crate::world::{Namespace, World};

const CRD: &str = "microservicestacks.microservicestack.dev";

fn helm(world: &World, arguments: &[&str]) {
    let mut helm = Command::new(cluster::helm().unwrap());
    let output =
        helm.env("KUBECONFIG", world.cluster.kubeconfig()).args(arguments).args(["--namespace", "mstack-system"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The chart of a later version, whose CRD says something new.
fn next_chart(world: &World) -> PathBuf {
    let (from, to) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/mstack"), world.cluster.kubeconfig().with_file_name("next"));
    copy(&from, &to);
    for (file, old, new) in [
        ("Chart.yaml", format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"99.0.0\"".to_owned()),
        ("Chart.yaml", format!("version: {}", env!("CARGO_PKG_VERSION")), "version: 99.0.0".to_owned()),
        (
            "files/microservicestacks.yaml",
            "A whole application in one object".to_owned(),
            "A whole application at once".to_owned(),
        ),
    ] {
        let text = fs::read_to_string(to.join(file)).unwrap();
        assert!(text.contains(&old), "{file} has no {old}");
        fs::write(to.join(file), text.replace(&old, &new)).unwrap();
    }
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap().path();
        let there = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            copy(&entry, &there);
        } else {
            fs::copy(&entry, &there).unwrap();
        }
    }
}

/// What must not change: the generation of every workload, the identity of every pod, volume and Secret.
async fn running(shop: &Namespace<'_>) -> BTreeMap<String, Value> {
    let mut running = BTreeMap::new();
    for (kind, name) in [(Kind::Deployment, "web"), (Kind::Deployment, "api"), (Kind::StatefulSet, "orders")] {
        let metadata = shop.get(kind, name).await["metadata"].clone();
        running.insert(format!("{kind:?} {name}"), json!([metadata["uid"], metadata["generation"]]));
        for pod in shop.pods(name).await {
            running.insert(format!("pod {}", pod["metadata"]["name"]), pod["metadata"]["uid"].clone());
        }
    }
    let data = shop.kubectl(&["get", "persistentvolumeclaims,secrets,configmaps", "-o", "name"]);
    running.insert("data".to_owned(), json!(data));
    running
}

fn description(world: &World) -> String {
    let path = "jsonpath={.spec.versions[0].schema.openAPIV3Schema.description}";
    world.cluster.kubectl(&["get", "crd", CRD, "-o", path]).unwrap()
}

#[tokio::test]
async fn rule_9_and_13_an_upgrade_a_rollback_and_an_uninstall_of_the_chart_change_nothing_that_runs() {
    const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/mstack");
    let mut world = World::bare(Options { kwok_nodes: 2, ..Options::default() }).await;
    let next = next_chart(&world);
    helm(&world, &["install", "mstack", CHART, "--create-namespace", "--wait", "--timeout", "5m"]);
    world.start_operator();
    let shop = world.namespace("shop").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    shop.child_until(Kind::ConfigMap, "orders-identity", "recorded", Value::is_object).await;
    world.at_rest(Some("shop")).await;
    let before = running(&shop).await;
    drop(shop);

    helm(&world, &["upgrade", "mstack", next.to_str().unwrap(), "--wait", "--timeout", "5m"]);
    world.kill_operator();
    world.start_operator_as("localhost/mstack:next");
    assert!(description(&world).starts_with("A whole application at once"), "the CRD is upgraded too");
    let shop = put_back_by_the_operator(&world).await;
    assert_eq!(running(&shop).await, before, "an upgrade changes nothing that runs");
    drop(shop);

    helm(&world, &["rollback", "mstack", "--wait", "--timeout", "5m"]);
    world.kill_operator();
    world.start_operator();
    assert!(description(&world).starts_with("A whole application in one object"));
    let shop = put_back_by_the_operator(&world).await;
    assert_eq!(running(&shop).await, before, "a rollback changes nothing that runs");
    drop(shop);

    world.kill_operator();
    helm(&world, &["uninstall", "mstack", "--wait", "--timeout", "5m"]);
    let left = world.cluster.kubectl(&["-n", "mstack-system", "get", "deployments,services,roles,networkpolicies", "-o", "name"]);
    assert_eq!(left.unwrap(), "", "the operator's own objects go");
    let shop = Namespace::again(&world, "shop").await;
    assert!(!shop.stack("shop").await.is_null(), "the CRD stays, and with it the stacks");
    assert_eq!(running(&shop).await, before, "an uninstall leaves what runs, and its data");
    drop(shop);

    helm(&world, &["install", "mstack", CHART, "--wait", "--timeout", "5m"]);
    world.start_operator();
    let shop = put_back_by_the_operator(&world).await;
    assert_eq!(running(&shop).await, before, "installed again, the operator takes up what is there");
}

/// The operator works: a Service that somebody deletes comes back.
async fn put_back_by_the_operator(world: &World) -> Namespace<'_> {
    let shop = Namespace::again(world, "shop").await;
    shop.kubectl(&["delete", "service", "web"]);
    shop.child_until(Kind::Service, "web", "put back", |web| !web.is_null()).await;
    shop.stack_ready("shop").await;
    shop
}
