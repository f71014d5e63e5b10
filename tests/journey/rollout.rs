//! New versions, and nodes that are emptied, while customers come: a version whose test fails is put back, and nobody
//! outside notices any of it.
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::traffic::{Seen, Traffic};
use crate::world::World;
use crate::{list, names, staying_pods};

const SERVICES: [&str; 4] = ["catalog", "mailer", "orders", "web"];

const UNCHECKED: &str = "
apiVersion: microservicestack.dev/v1alpha1
kind: MicroserviceStack
metadata: { name: plain, namespace: unchecked }
spec:
  rollout: { deadline: 8s }
  services:
    clock: { image: 'localhost/busybox:1', command: [sh, -c, 'trap exit TERM; while :; do sleep 0.2; done'] }
";

/// Rule 7: "A failed deadline [...] brings all services changed in the revision back"; docs/operations.md: "a version that ends right
/// after its start replaces nothing".
pub fn a_version_without_a_check_that_ends_after_its_start_replaces_nothing(world: &World) {
    world.kubectl(&["create", "namespace", "unchecked"]);
    world.apply(UNCHECKED);
    let until = |reason: &str| {
        world.until(&format!("the stack is {reason}"), Duration::from_mins(2), || {
            let seen = world.field("unchecked", "mstack/plain", "{.status.conditions[?(@.type=='Ready')].reason}");
            (seen == reason).then_some(()).ok_or(seen)
        });
    };
    until("Available");
    let pods = || names(&world.list("unchecked", "pods", "microservicestack.dev/component=clock"));
    let before = pods();
    world.apply(&UNCHECKED.replace("trap exit TERM; while :; do sleep 0.2; done", "sleep 0.5; exit 1"));
    until("RolledBack");
    world.until("the one of before alone is there", Duration::from_mins(1), || {
        let now = pods();
        (now == before).then_some(()).ok_or(format!("{before:?} -> {now:?}"))
    });
    world.kubectl(&["delete", "namespace", "unchecked"]);
}

/// Rule 7: "a gated test [...] puts all changed services back to the last good revision, once, together [...]. Afterwards
/// Ready=False/RolledBack, Stalled=True with what failed and how to go on."
pub fn a_version_whose_test_fails_is_put_back_and_a_mended_one_stays(world: &World) -> usize {
    let (good, _) = revision(world);
    let traffic = Traffic::start(world.gateway(), "/api/products");

    let begun = Instant::now();
    world.merge(&version_2("100"));
    until_settled(world, "RolledBack");
    // That it has failed is told before anything goes back.
    world.until("the templates are those of before", Duration::from_mins(1), || {
        let versions = versions(world);
        (versions == ["1"; 4]).then_some(()).ok_or(format!("{versions:?}"))
    });
    let stack = until_settled(world, "RolledBack");
    world.figure("new version of four services to its failed test, and back", begun.elapsed());
    traffic.let_requests_pass(100);
    assert_eq!(versions(world), ["1"; 4], "{:#}", stack["status"]);
    assert_eq!(revision(world).0, good);
    let told = condition(&stack, "Stalled");
    assert_eq!((&told["status"], &told["reason"]), (&json!("True"), &json!("RolledBack")));
    let told = told["message"].as_str().unwrap();
    for words in [
        "the test checkout failed",
        "the shop gives nothing away",
        &format!("catalog, mailer, orders, web are back on {good}"),
        "mstack retry shop -n shop",
    ] {
        assert!(told.contains(words), "{words:?} is not in {told:?}");
    }
    let events = world.list("shop", "events", "");
    let event = events.iter().find(|event| event["reason"] == "RevisionFailed").unwrap();
    assert!(event["message"].as_str().unwrap().contains("the shop gives nothing away"), "{event:#}");
    let log = world.kubectl(&["-n", "shop", "logs", "-l", "microservicestack.dev/task=test-checkout", "--tail=-1"]);
    assert!(log.contains("the shop gives nothing away"), "the Job of the failed test is gone: {log:?}");

    the_spec_is_taken_back_to_what_runs(world, &good);

    let begun = Instant::now();
    world.merge(&version_2("10"));
    let stack = until_settled(world, "Available");
    world.figure("mended version of four services to good", begun.elapsed());
    traffic.let_requests_pass(100);
    assert_eq!(versions(world), ["2"; 4], "{:#}", stack["status"]);
    let (current, update) = revision(world);
    assert!(current == update && current != good, "{current} {update} {good}");
    assert_eq!(stack["status"]["tests"]["checkout"]["phase"], "Succeeded", "{:#}", stack["status"]);

    let Seen { answered, versions, .. } = traffic.stop("a version that is put back and its mended one");
    assert_eq!(versions.iter().collect::<Vec<_>>(), ["1", "2"], "customers met both versions");
    answered
}

/// docs/cli.md: `history` has "what came of each, and what it changed"; `rollback` takes the spec back to "the services of a good
/// revision", and as they run already, nothing restarts.
fn the_spec_is_taken_back_to_what_runs(world: &World, good: &str) {
    let (_, failed) = revision(world);
    let told = world.told(&["history"]);
    for words in [
        &format!("\n✕ {failed}  Failed  "),
        "the shop gives nothing away",
        "\n    config SHOP_VERSION 1 -> 2\n",
        "\n    catalog: config.SHOP_DISCOUNT 100 comes\n",
        &format!("\n✓ {good}  Good  number 1  "),
        "  runs, put back\n",
    ] {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
    let pods = || names(&world.list("shop", "pods", "microservicestack.dev/component"));
    let before = pods();
    let said = world.say(&["rollback", "shop"], "");
    assert!(said.code == 0 && said.out.starts_with(&format!("shop: {failed} -> {good}\n")), "{}{}", said.out, said.err);
    until_settled(world, "Available");
    assert_eq!(revision(world), (good.to_owned(), good.to_owned()));
    assert_eq!(pods(), before, "what runs already was restarted");
}

/// A change of all services: the version that they tell, and the discount of the catalog. This version answers no longer than
/// it is asked to once it is told to end: what drains it is mstack's alone.
fn version_2(discount: &str) -> Value {
    json!({ "spec": {
        "config": { "SHOP_VERSION": "2", "SHOP_DRAIN": "0s" },
        "services": { "catalog": { "config": { "SHOP_DISCOUNT": discount } } },
    } })
}

/// Waits until the stack says this of its present generation, all its services serve, and no old pod is left.
pub fn until_settled(world: &World, reason: &str) -> Value {
    world.until(&format!("the shop is {reason} and settled"), Duration::from_mins(4), || {
        let stack = world.stack();
        let status = &stack["status"];
        let serves = |name: &str| {
            let service = &status["services"][name];
            service["phase"] == "Ready" && service["instances"]["terminating"] == 0
        };
        let told = condition(&stack, "Ready");
        let is_current = status["observedGeneration"] == stack["metadata"]["generation"];
        let is_settled = is_current && told["reason"] == reason && SERVICES.iter().all(|name| serves(name)) && is_rolled(world);
        if is_settled { Ok(stack) } else { Err(format!("{}: {}", told["reason"], told["message"])) }
    })
}

/// Whether only pods of the present templates are there.
fn is_rolled(world: &World) -> bool {
    let rolled = |deployment: &Value| {
        let (status, wanted) = (&deployment["status"], &deployment["spec"]["replicas"]);
        status["observedGeneration"] == deployment["metadata"]["generation"]
            && [&status["updatedReplicas"], &status["replicas"]] == [wanted, wanted]
    };
    let stays = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_null();
    world.list("shop", "deployments", "").iter().all(rolled)
        && world.list("shop", "pods", "microservicestack.dev/component").iter().all(stays)
}

fn condition(stack: &Value, name: &str) -> Value {
    let mut conditions = list(&stack["status"]["conditions"]).iter();
    conditions.find(|condition| condition["type"] == name).cloned().unwrap_or_default()
}

pub fn revision(world: &World) -> (String, String) {
    let revision = |which: &str| world.field("shop", "mstack/shop", &format!("{{.status.revision.{which}}}"));
    (revision("current"), revision("update"))
}

/// The version in the template of each service.
fn versions(world: &World) -> [String; 4] {
    let path = "{.spec.template.spec.containers[0].env[?(@.name==\"SHOP_VERSION\")].value}";
    SERVICES.map(|service| world.field("shop", &format!("deployment/{service}"), path))
}

/// Rule 3: "one going away is drained first (`preStop` sleep, readiness, PDB, surge)". The databases of this cluster cannot
/// leave their node, so the one that stays is the one that the customers' requests need.
pub fn a_drained_node_fails_no_request(world: &World) -> usize {
    world.merge(&json!({ "spec": { "services": { "catalog": { "replicas": 2 } } } }));
    world.until_ready(Duration::from_mins(2));
    let stays = world.field("shop", "pod/products-0", "{.spec.nodeName}");
    let leaves = if stays == "node-1" { "node-2" } else { "node-1" };
    let orders = world.get("/api/orders")["total"].clone();
    let traffic = Traffic::start(world.gateway(), "/api/products");
    traffic.let_requests_pass(100);

    let begun = Instant::now();
    world.kubectl(&["drain", leaves, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=4m"]);
    world.figure("node drained", begun.elapsed());
    let left =
        world.kubectl(&["-n", "shop", "get", "pods", "--field-selector", &format!("spec.nodeName={leaves}"), "-o", "name"]);
    assert_eq!(left, "", "pods are left on {leaves}");
    traffic.let_requests_pass(500);
    world.kubectl(&["uncordon", leaves]);
    world.until_ready(Duration::from_mins(3));
    let answered = traffic.stop("the drain of a node").answered;
    assert_eq!(world.get("/api/orders")["total"], orders, "an order was lost with its node; pods: {:?}", staying_pods(world));
    answered
}
