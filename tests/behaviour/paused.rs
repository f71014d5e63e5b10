//! `paused` and `profiles`: what is written down and does not, or not yet, exist.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, World, component, condition, image, is_ready, message, reason};

const SHOP: &str = "
services:
  web: {image: 'web:1', port: 8080, replicas: 2}
  api: {image: 'api:1', port: 8080}
";

async fn written_since(shop: &Namespace<'_>, mark: usize) -> usize {
    shop.requests_since(mark).await.iter().filter(|request| request.is_child_write()).count()
}

#[tokio::test]
async fn paused_reconciles_nothing_and_keeps_the_status_truthful() {
    let world = World::shared().await;
    let shop = world.namespace("paused").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    shop.patch_stack("shop", json!({"spec": {"paused": true}})).await;
    let paused = shop.stack_until("shop", "paused", |stack| condition(stack, "Paused").is_some() && is_ready(stack)).await;
    assert_eq!(reason(&paused), "Available", "Ready stays what is true");
    let mark = shop.requests_since(0).await.len();

    let change = json!({"web": {"image": "web:2", "replicas": 3}, "late": {"image": "late:1"}});
    shop.patch_stack("shop", json!({"spec": {"services": change}})).await;
    let told = shop.stack_until("shop", "told what waits", |stack| reason(stack) == "Paused").await;
    assert!(message(&told).contains("set `paused: false` to go on"), "{told:#}");
    assert_eq!(
        (component(&told, "web")["phase"].as_str(), component(&told, "api")["phase"].as_str()),
        (Some("Pending"), Some("Ready"))
    );
    assert_eq!(condition(&told, "Reconciling").unwrap()["status"], "False", "nothing is under way");
    shop.kubectl(&["scale", "deployment/api", "--replicas=0"]);
    shop.stack_until("shop", "told that api is down", |stack| component(stack, "api")["instances"]["serving"] == 0).await;
    assert_eq!(written_since(&shop, mark).await, 0, "nothing is written, drift neither");
    assert_eq!(image(&shop.get(Kind::Deployment, "web").await), "web:1");

    shop.patch_stack("shop", json!({"spec": {"paused": null}})).await;
    let ready = shop.stack_ready("shop").await;
    assert_eq!(condition(&ready, "Paused"), None);
    assert_eq!(image(&shop.get(Kind::Deployment, "web").await), "web:2");
    assert_eq!(component(&ready, "api")["instances"]["serving"], 1);
}

#[tokio::test]
async fn a_component_exists_only_with_one_of_its_profiles_and_a_database_that_goes_keeps_its_data() {
    let world = World::shared().await;
    let shop = world.namespace("profiles").await;
    shop.apply_stack(
        "shop",
        "
profiles: [full]
databases: {orders: {engine: postgres, storage: {size: 1Gi}, profiles: [full, data]}}
services:
  web: {image: 'web:1', port: 8080, usesOptional: [extra]}
  extra: {image: 'extra:1', port: 8080, uses: [orders], profiles: [full]}
",
    );
    shop.stack_ready("shop").await;
    let volume = shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await;
    let has_address = |web: &Value| web["spec"]["template"]["spec"]["containers"][0]["env"].to_string().contains("EXTRA_HOST");
    assert!(has_address(&shop.get(Kind::Deployment, "web").await));

    shop.patch_stack("shop", json!({"spec": {"profiles": null}})).await;
    shop.child_until(Kind::Deployment, "extra", "gone", Value::is_null).await;
    shop.child_until(Kind::StatefulSet, "orders", "gone", Value::is_null).await;
    shop.child_until(Kind::Deployment, "web", "without the address", |web| !has_address(web)).await;
    shop.stack_ready("shop").await;
    let kept = shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await;
    assert_eq!((&kept["metadata"]["uid"], &kept["metadata"]["deletionTimestamp"]), (&volume["metadata"]["uid"], &Value::Null));

    shop.patch_stack(
        "shop",
        json!({"spec": {"profiles": ["data"], "services": {"web": {"uses": ["extra"], "usesOptional": null}}}}),
    )
    .await;
    let refused = shop.stack_until("shop", "refused", |stack| reason(stack) == "InvalidSpec").await;
    assert!(message(&refused).contains("`extra` exists only with the profile `full`"), "{refused:#}");
    shop.patch_stack("shop", json!({"spec": {"profiles": ["full"]}})).await;
    shop.stack_ready("shop").await;
    assert_eq!(shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await["metadata"]["uid"], volume["metadata"]["uid"]);
}
