//! Rule 7: revisions, their failures, and the way back.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::requests::child_writes;
use crate::world::{Namespace, World, component, condition, message, reason};

/// A request that no node can meet: the rollout makes no progress.
pub const HUGE: &str = "100000";
pub const SHOP: &str = "
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [api]}
  api: {image: 'api:1', port: 8080}
";

pub async fn good(shop: &Namespace<'_>) -> Value {
    let is_good = |stack: &Value| stack["status"]["revision"]["current"] == stack["status"]["revision"]["update"];
    shop.stack_ready("shop").await;
    let stack = shop.stack_until("shop", "recorded as good", is_good).await;
    stack["status"]["revision"]["current"].clone()
}

/// Asks for a revision of which `api` alone makes no progress, and lets its time run out once all else has rolled: a service
/// that is merely slow on this machine has not failed.
pub async fn ask_for_failure(shop: &Namespace<'_>, bad: Value) {
    shop.patch_stack("shop", bad).await;
    let others_have_rolled = |stack: &Value| {
        let mut services = stack["status"]["services"].as_object().into_iter().flatten();
        let is_seen = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
        is_seen
            && services.all(|(name, service)| match name.as_str() {
                "api" => service["message"].to_string().contains("Unschedulable"),
                _ => service["phase"] == "Ready",
            })
    };
    shop.stack_until("shop", "rolled but for api", others_have_rolled).await;
    shop.patch_stack("shop", json!({"spec": {"rollout": {"deadline": "5s"}}})).await;
}

fn bad() -> Value {
    json!({"spec": {"services": {
        "web": {"image": "web:2"},
        "api": {"image": "api:2", "resources": {"cpu": HUGE}},
        "extra": {"image": "extra:1"},
    }}})
}

#[tokio::test]
async fn rule_7_what_makes_no_progress_puts_all_changed_services_back_once_and_says_how_to_go_on() {
    let world = World::shared().await;
    let shop = world.namespace("rolled-back").await;
    shop.apply_stack("shop", SHOP);
    let first = good(&shop).await;
    ask_for_failure(&shop, bad()).await;
    let stack = shop.stack_until("shop", "rolled back", |stack| reason(stack) == "RolledBack").await;
    let bad = stack["status"]["revision"]["update"].as_str().unwrap().to_owned();
    assert_eq!(stack["status"]["revision"]["current"], first);
    assert_eq!(
        (&condition(&stack, "Ready").unwrap()["status"], &condition(&stack, "Stalled").unwrap()["status"]),
        (&json!("False"), &json!("True"))
    );
    let words = format!("{bad} failed: api made no progress for 5 s: Unschedulable");
    assert!(message(&stack).starts_with(&words), "{}", message(&stack));
    assert!(message(&stack).contains("api, web are back on shop-"), "{}", message(&stack));
    assert!(message(&stack).contains("mstack retry shop -n rolled-back, or take"), "{}", message(&stack));
    for (name, former) in [("web", "web:1"), ("api", "api:1")] {
        shop.image_until(name, "back", former).await;
    }
    let serve = |stack: &Value| ["web", "api"].iter().all(|name| component(stack, name)["phase"] == "Ready");
    shop.stack_until("shop", "serving on the last good revision", serve).await;
    shop.child_until(Kind::NetworkPolicy, "extra", "gone with the revision that added it", Value::is_null).await;
    let is_told = |events: &[Value]| events.iter().any(|event| event["note"].to_string().contains(&words));
    shop.events_until("RevisionFailed", "told", is_told).await;
    // Once, and then silence: neither a re-apply nor another count is a retry.
    let mark = shop.requests_since(0).await.len();
    shop.patch_stack("shop", json!({"metadata": {"labels": {"again": "true"}}, "spec": {"services": {"web": {"replicas": 3}}}}))
        .await;
    let scaled = |stack: &Value| component(stack, "web")["instances"]["serving"] == 3;
    let stack = shop.stack_until("shop", "scaled while it is put back", scaled).await;
    assert_eq!(reason(&stack), "RolledBack");
    let requests = shop.requests_since(mark).await;
    assert_eq!(child_writes(&requests).len(), 1, "the count alone: {requests:#?}");
    assert_eq!(shop.image("web").await, "web:1");
}

#[tokio::test]
async fn rule_7_the_annotation_is_a_retry_and_a_mended_spec_becomes_good() {
    let world = World::shared().await;
    let shop = world.namespace("retried").await;
    shop.apply_stack("shop", SHOP);
    good(&shop).await;
    ask_for_failure(&shop, bad()).await;
    shop.stack_until("shop", "rolled back", |stack| reason(stack) == "RolledBack").await;
    shop.image_until("api", "back", "api:1").await;
    shop.kubectl(&["annotate", "mss", "shop", "microservicestack.dev/retry=1"]);
    shop.image_until("api", "tried again", "api:2").await;
    shop.stack_until("shop", "on its way again", |stack| reason(stack) != "RolledBack").await;
    shop.stack_until("shop", "rolled back again", |stack| reason(stack) == "RolledBack").await;
    let mended = json!({"rollout": null, "services": {"api": {"resources": {"cpu": "10m"}}}});
    shop.patch_stack("shop", json!({"spec": mended})).await;
    good(&shop).await;
    assert_eq!((shop.image("web").await, shop.image("api").await), (json!("web:2"), json!("api:2")));
}

#[tokio::test]
async fn rule_7_without_a_good_revision_all_stays_and_goes_on_by_itself_when_it_can() {
    let world = World::shared().await;
    let shop = world.namespace("never-good").await;
    let without_a_node = SHOP.replace("'api:1',", &format!("'api:1', resources: {{cpu: '{HUGE}'}},"));
    shop.apply_stack("shop", &format!("rollout: {{deadline: 5s}}{without_a_node}"));
    let stack = shop.stack_until("shop", "failed", |stack| component(stack, "api")["phase"] == "Failed").await;
    assert_eq!((reason(&stack), &stack["status"]["revision"]["current"]), ("Failed", &Value::Null));
    assert_ne!(shop.get(Kind::Deployment, "api").await, Value::Null);
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"resources": {"cpu": "10m"}}}}})).await;
    good(&shop).await;
}

#[tokio::test]
async fn rule_7_with_hold_what_makes_no_progress_stays() {
    let world = World::shared().await;
    let shop = world.namespace("on-hold").await;
    shop.apply_stack("shop", &format!("rollout: {{onFailure: Hold}}{SHOP}"));
    let first = good(&shop).await;
    ask_for_failure(&shop, bad()).await;
    let stack = shop.stack_until("shop", "failed", |stack| component(stack, "api")["phase"] == "Failed").await;
    assert_eq!((reason(&stack), &stack["status"]["revision"]["current"]), ("Failed", &first));
    assert_eq!((shop.image("web").await, shop.image("api").await), (json!("web:2"), json!("api:2")));
    assert_ne!(shop.get(Kind::Deployment, "extra").await, Value::Null);
}
