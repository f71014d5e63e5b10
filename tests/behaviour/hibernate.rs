//! Rule 11: hibernate takes services to 0 (the HPA's too), then databases; the remembered counts come back in order.
use kube::api::{Patch, PatchParams};
use mstack::cluster::slim;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::history::History;
use crate::world::{Namespace, World, component, condition, image, reason};

const SHOP: &str = "
databases: {orders: {engine: postgres, version: 17, storage: {size: 1Gi}}}
services:
  web: {image: 'web:1', port: 8080, replicas: 3, uses: [api]}
  api: {image: 'api:1', port: 8080, uses: [orders], scale: {min: 2, max: 9, cpu: 70}, resources: {cpu: 100m}}
";

fn count(workload: &Value) -> i64 {
    workload["spec"]["replicas"].as_i64().unwrap()
}

fn remembered(workload: &Value) -> &Value {
    &workload["metadata"]["annotations"]["microservicestack.dev/hibernated-from"]
}

async fn ready(namespace: &Namespace<'_>) -> Value {
    namespace.stack_ready("shop").await;
    namespace.child_until(Kind::ConfigMap, "orders-identity", "recorded", Value::is_object).await;
    // As the autoscaler would.
    let params = PatchParams { field_manager: Some("kube-controller-manager".to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({"spec": {"replicas": 6}}));
    namespace.api(&slim::resource(Kind::Deployment.row())).patch_scale("api", &params, &patch).await.unwrap();
    let has_six = |stack: &Value| component(stack, "api")["instances"]["serving"] == 6;
    namespace.stack_until("shop", "6 of api", has_six).await
}

async fn hibernated(namespace: &Namespace<'_>) -> Value {
    namespace.patch_stack("shop", json!({"spec": {"hibernate": true}})).await;
    namespace.stack_until("shop", "hibernated", |stack| reason(stack) == "Hibernated").await
}

/// Child writes as resource and name, in their order.
fn writes(requests: &[crate::world::Request]) -> Vec<(&str, &str)> {
    let writes = requests.iter().filter(|request| request.is_child_write());
    writes.map(|write| (write.resource.as_str(), write.name.as_str())).collect()
}

#[tokio::test]
async fn rule_11_services_then_databases_go_to_0_in_one_write_each_and_come_back_in_order_with_their_counts() {
    let world = World::shared().await;
    let shop = world.namespace("hibernate").await;
    shop.apply_stack("shop", SHOP);
    ready(&shop).await;
    let volume = shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await;
    let mark = shop.requests_since(0).await.len();

    let told = hibernated(&shop).await;
    for name in ["web", "api", "orders"] {
        let own = component(&told, name);
        assert_eq!((&own["phase"], &own["instances"]["desired"]), (&"Hibernated".into(), &0.into()), "{told:#}");
    }
    assert_eq!(condition(&told, "Reconciling").unwrap()["status"], "False");
    let requests = shop.requests_since(mark).await;
    let order = writes(&requests);
    assert_eq!(order.len(), 3, "one write each: {order:?}");
    assert_eq!(order[2], ("statefulsets", "orders"), "databases after services");
    let (web, api) = (shop.get(Kind::Deployment, "web").await, shop.get(Kind::Deployment, "api").await);
    assert_eq!((count(&web), remembered(&web), count(&api), remembered(&api)), (0, &"3".into(), 0, &"6".into()));
    let kept = shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await;
    assert_eq!(kept["metadata"]["uid"], volume["metadata"]["uid"]);
    let mark = shop.requests().len();
    assert_eq!(shop.requests_since(mark).await, [], "silent at rest");

    let history = History::of(&shop, "shop").await;
    shop.patch_stack("shop", json!({"spec": {"hibernate": null}})).await;
    let awake = shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    assert_eq!(writes(&requests), [("statefulsets", "orders"), ("deployments", "api"), ("deployments", "web")], "{requests:#?}");
    assert_eq!(component(&awake, "api")["instances"]["desired"], 6, "the count that the autoscaler had chosen");
    assert_eq!(component(&awake, "web")["instances"]["serving"], 3);
    assert_eq!(*remembered(&shop.get(Kind::Deployment, "api").await), Value::Null);
    history.caught_up(&awake).await;
    let missed =
        |stack: &Value| component(stack, "orders")["message"].as_str().is_some_and(|words| words.contains("PodsMissing"));
    assert!(!history.states().iter().any(missed), "pods that are only about to be made are not missing: {:#?}", history.states());
    assert!(history.phases().iter().any(|phases| phases["services"]["web"] == "Blocked"), "{:#?}", history.phases());
}

#[tokio::test]
async fn rule_11_a_manual_start_in_hibernation_is_drift_and_a_new_template_waits_at_0() {
    let world = World::shared().await;
    let shop = world.namespace("hibernate-drift").await;
    shop.apply_stack("shop", SHOP);
    ready(&shop).await;
    // In the same change: the template that owned the count does not take the memory away.
    shop.patch_stack("shop", json!({"spec": {"hibernate": true, "services": {"web": {"image": "web:2"}}}})).await;
    shop.stack_until("shop", "hibernated", |stack| reason(stack) == "Hibernated").await;
    let has_image = |web: &Value| image(web) == "web:2" && count(web) == 0;
    shop.child_until(Kind::Deployment, "web", "at 0 with its new template", has_image).await;
    shop.kubectl(&["scale", "deployment/api", "--replicas=1"]);
    let put_back = |api: &Value| count(api) == 0 && remembered(api) == "6";
    shop.child_until(Kind::Deployment, "api", "put back, its count remembered", put_back).await;
    // The bounds may change meanwhile.
    shop.patch_stack("shop", json!({"spec": {"hibernate": false, "services": {"api": {"scale": {"max": 4}}}}})).await;
    let awake = shop.stack_ready("shop").await;
    assert_eq!(
        (&component(&awake, "api")["instances"]["desired"], &component(&awake, "web")["instances"]["desired"]),
        (&4.into(), &3.into())
    );
}

#[tokio::test]
async fn rule_11_a_stack_that_is_made_asleep_starts_nothing_until_it_wakes() {
    let world = World::shared().await;
    let shop = world.namespace("hibernate-new").await;
    shop.apply_stack("shop", &format!("hibernate: true\n{}", SHOP.trim()));
    shop.stack_until("shop", "hibernated", |stack| reason(stack) == "Hibernated").await;
    let children = shop.children();
    assert!(children.contains_key("service") && !children.contains_key("deployment") && !children.contains_key("statefulset"));
    shop.patch_stack("shop", json!({"spec": {"hibernate": false}})).await;
    shop.stack_ready("shop").await;
}
