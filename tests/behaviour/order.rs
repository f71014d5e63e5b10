//! Rules 5 and 6: the order of the start, what falls over later, and what a broken component may not do to others.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, World, component, condition, message, reason};

const SHOP: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}}
services:
  web: {image: 'web:1', port: 8080, uses: [api]}
  api: {image: 'api:1', port: 8080, replicas: 2, uses: [orders]}
  mailer: {image: 'mailer:1'}
";

/// A request that no node can meet.
const HUGE: &str = "100000";

#[tokio::test]
async fn rule_5_a_component_whose_dependency_was_never_ready_waits_and_says_for_what() {
    let world = World::shared().await;
    let shop = world.namespace("blocked").await;
    shop.apply_stack(
        "shop",
        &SHOP.replace("storage: {size: 1Gi}", &format!("storage: {{size: 1Gi}}, resources: {{cpu: '{HUGE}'}}")),
    );
    let waits = |stack: &Value| {
        let words = component(stack, "orders")["message"].as_str();
        words.is_some_and(|words| words.starts_with("Unschedulable: 0/2")) && component(stack, "mailer")["phase"] == "Ready"
    };
    let stack = shop.stack_until("shop", "waiting for a database without a node", waits).await;
    for (name, wave, phase) in [("orders", 0, "Rolling"), ("mailer", 0, "Ready"), ("api", 1, "Blocked"), ("web", 2, "Blocked")] {
        let found = component(&stack, name);
        assert_eq!((&found["wave"], &found["phase"]), (&json!(wave), &json!(phase)), "{name}: {found}");
    }
    assert_eq!(component(&stack, "api")["blockedBy"], json!(["database orders: 0 of 1 instances serving"]));
    assert_eq!(component(&stack, "web")["blockedBy"], json!(["service api: 0 of 2 instances serving"]));
    assert_eq!(component(&stack, "orders")["impact"], json!(["api", "web"]));
    assert!(message(&stack).contains("orders: Unschedulable: 0/2 nodes are available"), "{}", message(&stack));
    assert!(message(&stack).contains("lower the resources, or add nodes"), "{}", message(&stack));
    // All but what starts it is there already.
    assert_eq!(shop.get(Kind::Deployment, "api").await, Value::Null);
    assert_ne!(shop.get(Kind::Service, "api").await, Value::Null);
    let mend = json!({"spec": {"databases": {"orders": {"resources": {"cpu": "100m"}}}}});
    shop.patch_stack("shop", mend).await;
    shop.stack_ready("shop").await;
}

#[tokio::test]
async fn rule_5_a_dependency_that_falls_over_later_degrades_its_consumers_and_touches_none_of_them() {
    let world = World::shared().await;
    let shop = world.namespace("fallen").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let before = running(&shop).await;
    let database = &shop.pods("orders").await[0];
    shop.fail_pod(database, "CrashLoopBackOff", "back-off 40s restarting failed container").await;
    let cause = "CrashLoopBackOff: back-off 40s restarting failed container; read the log of its last run: kubectl logs pod/orders-0 --previous -n fallen (pod orders-0)";
    // That it serves no more may be seen before why.
    let down = |stack: &Value| reason(stack) == "Degraded" && component(stack, "orders")["message"] == cause;
    let stack = shop.stack_until("shop", "degraded", down).await;
    assert_eq!(component(&stack, "orders")["impact"], json!(["api", "web"]));
    for consumer in ["api", "web"] {
        let found = component(&stack, consumer);
        assert_eq!(found["phase"], "Degraded", "{found}");
        assert_eq!(found["message"], format!("depends on orders, which is down: {cause}"));
    }
    assert_eq!(component(&stack, "mailer")["phase"], "Ready");
    assert!(message(&stack).starts_with(&format!("orders: {cause}")), "{}", message(&stack));
    shop.requests_since(0).await;
    assert_eq!(running(&shop).await, before, "no consumer is stopped, scaled or restarted");
    shop.mend_pod(database).await;
    shop.stack_ready("shop").await;
}

/// The pods of the consumers and the counts of their Deployments.
async fn running(shop: &Namespace<'_>) -> Vec<Value> {
    let mut all = Vec::new();
    for name in ["api", "web"] {
        all.push(shop.get(Kind::Deployment, name).await["metadata"]["generation"].clone());
        all.extend(shop.pods(name).await.iter().map(|pod| pod["metadata"]["uid"].clone()));
    }
    all
}

#[tokio::test]
async fn rule_5_a_cycle_is_refused_with_its_path_and_what_runs_keeps_running() {
    let world = World::shared().await;
    let shop = world.namespace("cycle").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let before = running(&shop).await;
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"uses": ["orders", "web"], "replicas": 5}}}})).await;
    let stack = shop.stack_until("shop", "refused", |stack| reason(stack) == "InvalidSpec").await;
    let words = "spec.services.api.uses: api → web → api is a cycle, so none of them could start first; move one of these edges to `usesOptional`";
    assert!(message(&stack).contains(words), "{}", message(&stack));
    assert_eq!(condition(&stack, "SpecValid").unwrap()["status"], "False");
    assert_eq!(condition(&stack, "Stalled").unwrap()["status"], "True");
    shop.requests_since(0).await;
    assert_eq!(running(&shop).await, before);
    let optional = json!({"spec": {"services": {"api": {"uses": ["orders"], "usesOptional": ["web"]}}}});
    shop.patch_stack("shop", optional).await;
    let stack = shop.stack_ready("shop").await;
    assert_eq!(component(&stack, "api")["instances"]["serving"], 5, "`usesOptional` never makes a cycle");
}

#[tokio::test]
async fn rule_6_one_broken_component_never_holds_back_scaling_drift_correction_or_status_of_the_others() {
    let world = World::shared().await;
    let shop = world.namespace("broken").await;
    let broken = format!("  broken: {{image: 'broken:1', port: 8080, resources: {{cpu: '{HUGE}'}}}}\n");
    shop.apply_stack("shop", &format!("{SHOP}{broken}"));
    let others = |stack: &Value| ["web", "api", "mailer", "orders"].iter().all(|name| component(stack, name)["phase"] == "Ready");
    let stack = shop.stack_until("shop", "ready but for one", others).await;
    assert_eq!(component(&stack, "broken")["phase"], "Rolling");
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 3}}}})).await;
    let scaled =
        |stack: &Value| component(stack, "web")["instances"]["serving"] == 3 && message(stack).contains("broken: Unschedulable");
    shop.stack_until("shop", "scaled beside a broken component", scaled).await;
    let service = shop.get(Kind::Service, "web").await["metadata"]["uid"].clone();
    shop.kubectl(&["delete", "service", "web"]);
    let back = |web: &Value| !web.is_null() && web["metadata"]["uid"] != service;
    shop.child_until(Kind::Service, "web", "back", back).await;
    shop.patch_stack("shop", json!({"spec": {"services": {"broken": {"resources": {"cpu": "10m"}}}}})).await;
    shop.stack_ready("shop").await;
}
