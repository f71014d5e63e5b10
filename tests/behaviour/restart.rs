//! What a stack costs at rest, and what a restart of the operator costs: nothing (rule 13).
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use mstack::kinds::{KINDS, Kind};
use serde_json::{Value, json};

use crate::commands::{code, done, err, mstack};
use crate::requests::{SHOP, child_writes, status_writes};
use crate::world::{Namespace, PATIENCE, Request, World, component, is_ready, reason};

/// How long the stacks are watched at rest; `MSTACK_REST_SECONDS` watches for longer.
fn rest() -> Duration {
    let seconds = std::env::var("MSTACK_REST_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(20))
}

const STACKS: usize = 50;

/// Everything but watches, the Lease, and what a page asks.
fn noise(requests: &[Request]) -> Vec<&Request> {
    requests.iter().filter(|request| request.verb != "watch" && request.resource != "leases").collect()
}

/// Waits until the operator has listed everything after a start, has looked at every stack, and all is at rest.
async fn settled(world: &World, mark: usize) -> Vec<Request> {
    let begun = Instant::now();
    let is_listed = || world.requests().iter().skip(mark).filter(|request| request.verb == "list").count() > KINDS.len();
    while !is_listed() {
        assert!(begun.elapsed() < PATIENCE, "not listed within {PATIENCE:?}: {:#?}", world.requests().split_off(mark));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let stacks = world.cluster.kubectl(&["get", "microservicestacks", "--all-namespaces", "-o", "name"]).unwrap().lines().count();
    while world.looked_at() < stacks {
        assert!(begun.elapsed() < PATIENCE, "{} of {stacks} stacks were looked at within {PATIENCE:?}", world.looked_at());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.at_rest(None).await;
    world.requests().split_off(mark)
}

fn lists(requests: &[Request]) -> Vec<&str> {
    let mut lists: Vec<_> =
        requests.iter().filter(|request| request.verb == "list").map(|request| request.resource.as_str()).collect();
    lists.sort_unstable();
    lists
}

fn all_kinds() -> Vec<&'static str> {
    let mut kinds: Vec<_> = KINDS.iter().map(|row| row.plural).chain(["microservicestacks"]).collect();
    kinds.sort_unstable();
    kinds
}

#[tokio::test]
async fn rule_13_fifty_stacks_at_rest_cost_nothing_and_a_restart_costs_one_list_of_each_kind() {
    let mut world = World::alone().await;
    let small = "services: {web: {image: 'web:1', port: 8080}, worker: {image: 'worker:1', uses: [web]}}";
    let shop = world.namespace("rest").await;
    for index in 0..STACKS {
        let name = format!("rest-{index}");
        shop.apply_stack(&name, &format!("names: Prefixed\n{small}"));
    }
    for index in 0..STACKS {
        shop.stack_ready(&format!("rest-{index}")).await;
    }
    drop(shop);
    let mark = settled(&world, 0).await.len();
    let rest = rest();
    tokio::time::sleep(rest).await;
    let requests = world.requests().split_off(mark);
    assert_eq!(noise(&requests), Vec::<&Request>::new(), "{STACKS} stacks at rest for {rest:?}");

    world.kill_operator();
    let mark = world.requests().len();
    world.start_operator();
    let requests = settled(&world, mark).await;
    assert_eq!(lists(&requests), all_kinds());
    let of_objects = |request: &&Request| !request.resource.is_empty() && !matches!(request.verb.as_str(), "list" | "watch");
    assert_eq!(requests.iter().filter(of_objects).collect::<Vec<_>>(), Vec::<&Request>::new());
}

#[tokio::test]
async fn rule_13_another_version_of_the_operator_restarts_no_database() {
    let mut world = World::alone().await;
    let shop = world.namespace("upgrade").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    world.at_rest(None).await;
    drop(shop);
    world.kill_operator();
    let mark = world.requests().len();
    world.start_operator_as("localhost/mstack:next");
    let requests = settled(&world, mark).await;
    let shop = Namespace::again(&world, "upgrade").await;
    assert_eq!(child_writes(&requests), Vec::<&Request>::new());
    assert_eq!(status_writes(&requests), 0, "{requests:#?}");
    let image = |set: &Value| set["spec"]["template"]["spec"]["initContainers"][0]["image"].clone();
    assert_eq!(image(&shop.get(Kind::StatefulSet, "orders").await), "localhost/mstack:test");
    // Another image that somebody has put there is drift all the same.
    shop.kubectl(&["set", "image", "statefulset/orders", "volume-guard=localhost/evil:1"]);
    let put_back = |set: &Value| image(set) != "localhost/evil:1";
    shop.child_until(Kind::StatefulSet, "orders", "put back", put_back).await;
    drop(shop);
    world.kill_operator();
    world.start_operator();
}

/// How many objects were made. What was sent as the operator died may have been taken all the same, with nobody to hear it.
fn made(writes: &[&Request]) -> usize {
    let taken: Vec<&&Request> = writes.iter().filter(|write| (200..300).contains(&write.code)).collect();
    let is_cut_off = |write: &&&Request| write.code == 0 || write.code >= 499;
    let was_taken = |cut: &&&Request| taken.iter().any(|write| (&write.resource, &write.name) == (&cut.resource, &cut.name));
    let cut_off: BTreeSet<_> = writes.iter().filter(is_cut_off).filter(|cut| !was_taken(cut)).collect();
    taken.len() + cut_off.len()
}

#[tokio::test]
async fn rule_13_a_restart_in_the_middle_of_a_creation_converges_with_one_write_per_child() {
    let mut world = World::alone().await;
    let shop = world.namespace("midway").await;
    shop.apply_stack("shop", SHOP);
    shop.child_until(Kind::StatefulSet, "orders", "there", |set| !set.is_null()).await;
    drop(shop);
    world.kill_operator();
    world.start_operator();
    let shop = Namespace::again(&world, "midway").await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(0).await;
    let children: usize =
        shop.children().iter().filter(|(kind, _)| *kind != "persistentvolumeclaim").map(|(_, names)| names.len()).sum();
    assert_eq!(made(&child_writes(&requests)), children, "{requests:#?}");
}

#[tokio::test]
async fn a_wait_ends_only_once_the_operator_has_seen_a_restart_though_it_raises_no_generation() {
    let mut world = World::alone().await;
    let shop = world.namespace("unseen").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}}");
    shop.stack_ready("shop").await;
    drop(shop);
    world.kill_operator();
    let shop = Namespace::again(&world, "unseen").await;
    done(&shop, &["restart", "shop"]);
    let unseen = mstack(&shop, None, &["status", "shop", "--wait", "--timeout", "1s"], None);
    assert!(code(&unseen) == 1 && err(&unseen).contains("has not looked at this change yet"), "{}", err(&unseen));
    drop(shop);
    world.start_operator();
    let shop = Namespace::again(&world, "unseen").await;
    done(&shop, &["status", "shop", "--wait", "--timeout", "60s"]);
    let web = shop.get(Kind::Deployment, "web").await;
    let (asked, seen) = (&shop.stack("shop").await["metadata"]["annotations"], &shop.stack("shop").await["status"]);
    assert_eq!(asked["microservicestack.dev/restarted-at"], seen["observedRequests"]["restartedAt"]);
    assert!(web["spec"]["template"]["metadata"]["annotations"]["microservicestack.dev/restarted-at"].is_string(), "{web:#}");
    assert_eq!((&web["status"]["updatedReplicas"], &web["status"]["replicas"]), (&json!(1), &json!(1)), "{web:#}");
}

#[tokio::test]
async fn rule_5_that_a_dependency_was_ready_is_re_derived_after_a_restart() {
    let mut world = World::alone().await;
    let shop = world.namespace("re-derived").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let database = shop.pods("orders").await.remove(0);
    shop.fail_pod(&database, "CrashLoopBackOff", "back-off").await;
    shop.stack_until("shop", "degraded", |stack| reason(stack) == "Degraded").await;
    // Kubernetes may still write its status.
    let before = shop.get(Kind::Deployment, "api").await["metadata"]["generation"].clone();
    drop(shop);
    world.kill_operator();
    let shop = Namespace::again(&world, "re-derived").await;
    let mark = shop.requests().len();
    // Nothing is known but the objects.
    shop.kubectl(&["patch", "microservicestack", "shop", "--subresource=status", "--type=merge", "-p", r#"{"status": null}"#]);
    drop(shop);
    world.start_operator();
    let shop = Namespace::again(&world, "re-derived").await;
    let is_told = |stack: &Value| reason(stack) == "Degraded" && component(stack, "api")["phase"] == "Degraded";
    let stack = shop.stack_until("shop", "degraded again", is_told).await;
    assert!(!is_ready(&stack));
    // What starts late waits for a database that had been ready no longer than it is down.
    let late = json!({"spec": {"services": {"late": {"image": "late:1", "uses": ["orders"]}}}});
    shop.patch_stack("shop", late).await;
    let made = |late: &Value| !late.is_null();
    shop.child_until(Kind::Deployment, "late", "made, for its database was ready once", made).await;
    assert_eq!(shop.get(Kind::Deployment, "api").await["metadata"]["generation"], before, "no consumer is touched");
    let written = |request: &&Request| request.is_child_write() && request.name == "api";
    assert_eq!(shop.requests_since(mark).await.iter().filter(written).collect::<Vec<_>>(), Vec::<&Request>::new());
    shop.mend_pod(&database).await;
    shop.stack_ready("shop").await;
}
