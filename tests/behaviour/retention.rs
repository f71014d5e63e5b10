//! Rule 9: `onDelete` is stamped on data while declared, and deletion obeys the stamp.
use kube::api::ApiResource;
use mstack::cluster::slim;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, PATIENCE, World, condition, message, reason};

const SHOP: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}, onDelete: Delete}
  cache: {engine: valkey, ephemeral: true, onDelete: Delete}
  kept: {engine: postgres, version: 17, storage: {size: 1Gi}}
services:
  api: {image: 'api:1', port: 8080, uses: [orders, cache, kept]}
";
const STAMP: &str = "microservicestack.dev/on-delete";
const FINALIZER: &str = "microservicestack.dev/data";

async fn secret(namespace: &Namespace<'_>, name: &str) -> Value {
    let api = namespace.api(&ApiResource::erase::<k8s_openapi::api::core::v1::Secret>(&()));
    serde_json::to_value(api.get_opt(name).await.unwrap()).unwrap()
}

fn stamp(object: &Value) -> &Value {
    assert!(object.is_object());
    &object["metadata"]["annotations"][STAMP]
}

async fn until(what: &str, is: impl AsyncFn() -> bool) {
    let begun = std::time::Instant::now();
    while !is().await {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Waits until volume, record and Secret of `orders` carry this stamp.
async fn stamped(namespace: &Namespace<'_>, wanted: Value) {
    for (kind, name) in [(Kind::PersistentVolumeClaim, "data-orders-0"), (Kind::ConfigMap, "orders-identity")] {
        namespace.child_until(kind, name, "stamped as declared", |child| child.is_object() && *stamp(child) == wanted).await;
    }
    until("the Secret is stamped as declared", async || *stamp(&secret(namespace, "orders").await) == wanted).await;
}

async fn ready(namespace: &Namespace<'_>) {
    namespace.apply_stack("shop", SHOP);
    namespace.stack_ready("shop").await;
    stamped(namespace, json!("Delete")).await;
    namespace.child_until(Kind::ConfigMap, "kept-identity", "recorded", Value::is_object).await;
}

/// What is left of the data: names of volumes, Secrets and records.
fn data(namespace: &Namespace<'_>) -> Vec<String> {
    let list = namespace.kubectl(&["get", "pvc,secret,configmap", "-l", "microservicestack.dev/data-identity", "-o", "name"]);
    list.lines().map(str::to_owned).collect()
}

const KEPT: [&str; 3] = ["configmap/kept-identity", "persistentvolumeclaim/data-kept-0", "secret/kept"];

async fn only_kept_is_left(namespace: &Namespace<'_>) {
    until("the stamped data is gone", async || {
        let mut left = data(namespace);
        left.sort();
        left == KEPT
    })
    .await;
}

#[tokio::test]
async fn rule_9_delete_is_stamped_while_declared_and_retain_takes_the_stamp_and_the_finalizer_away() {
    let world = World::shared().await;
    let shop = world.namespace("stamps").await;
    ready(&shop).await;
    let stack = shop.stack("shop").await;
    assert_eq!((&stack["metadata"]["finalizers"], stamp(&stack)), (&json!([FINALIZER]), &json!("cache,orders")));
    assert_eq!((stamp(&secret(&shop, "cache").await), stamp(&secret(&shop, "kept").await)), (&json!("Delete"), &Value::Null));
    assert_eq!(*stamp(&shop.get(Kind::PersistentVolumeClaim, "data-kept-0").await), Value::Null);
    let mark = shop.requests_since(0).await.len();
    assert_eq!(shop.requests_since(mark).await, [], "silent at rest");

    // Somebody's change of a stamp is put back while it is declared.
    shop.kubectl(&["annotate", "pvc", "data-orders-0", &format!("{STAMP}-")]);
    stamped(&shop, json!("Delete")).await;
    let pod = shop.get(Kind::Pod, "orders-0").await;
    let retain = json!({"orders": {"onDelete": "Retain"}, "cache": {"onDelete": null}});
    shop.patch_stack("shop", json!({"spec": {"databases": retain}})).await;
    stamped(&shop, Value::Null).await;
    shop.stack_until("shop", "without finalizer", |stack| stack["metadata"]["finalizers"].is_null()).await;
    assert_eq!(*stamp(&secret(&shop, "cache").await), Value::Null);
    shop.stack_ready("shop").await;
    assert_eq!(shop.get(Kind::Pod, "orders-0").await["metadata"]["uid"], pod["metadata"]["uid"], "nothing restarts");
    // And back again.
    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"onDelete": "Delete"}}}})).await;
    stamped(&shop, json!("Delete")).await;
    shop.stack_until("shop", "with finalizer", |stack| stack["metadata"]["finalizers"] == json!([FINALIZER])).await;
}

#[tokio::test]
async fn rule_9_the_data_of_a_removed_database_goes_only_where_it_is_stamped_and_after_its_pods() {
    let world = World::shared().await;
    let shop = world.namespace("erased").await;
    ready(&shop).await;
    let mark = shop.requests_since(0).await.len();
    let gone = json!({"databases": {"orders": null, "cache": null, "kept": null}, "services": {"api": {"uses": null}}});
    shop.patch_stack("shop", json!({"spec": gone})).await;
    only_kept_is_left(&shop).await;
    for name in ["orders", "cache", "kept"] {
        shop.child_until(Kind::NetworkPolicy, name, "gone with the last pod", Value::is_null).await;
    }
    shop.stack_until("shop", "without finalizer", |stack| stack["metadata"]["finalizers"].is_null()).await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    let place = |resource: &str, name: &str| {
        let is =
            |request: &&crate::world::Request| request.verb == "delete" && request.resource == resource && request.name == name;
        requests.iter().position(|request| is(&request)).unwrap_or_else(|| panic!("{resource} {name}: {requests:#?}"))
    };
    let order = [place("statefulsets", "orders"), place("persistentvolumeclaims", "data-orders-0"), place("secrets", "orders")];
    assert!(order.is_sorted(), "{order:?}");
    let mark = shop.requests().len();
    assert_eq!(shop.requests_since(mark).await, [], "silent at rest");
}

#[tokio::test]
async fn rule_9_a_volume_whose_stamp_was_taken_away_stays_with_its_secret_and_so_does_a_dropped_profile() {
    let world = World::shared().await;
    let shop = world.namespace("not-erased").await;
    ready(&shop).await;
    let all = data(&shop);
    // The service that uses them goes with the same profile.
    let off = json!({"databases": {"orders": {"profiles": ["full"]}}, "services": {"api": {"uses": ["cache", "kept"]}}});
    shop.patch_stack("shop", json!({"spec": off})).await;
    shop.child_until(Kind::Pod, "orders-0", "gone", Value::is_null).await;
    shop.requests_since(0).await;
    assert_eq!(data(&shop), all, "a profile that is off keeps the data");
    assert_eq!(*stamp(&shop.stack("shop").await), json!("cache,orders"));

    // While it is in nobody's hands: paused, its stamp goes, and then the database.
    shop.patch_stack("shop", json!({"spec": {"paused": true}})).await;
    shop.stack_until("shop", "paused", |stack| condition(stack, "Paused").is_some()).await;
    shop.kubectl(&["annotate", "pvc", "data-orders-0", &format!("{STAMP}-")]);
    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": null}}})).await;
    shop.patch_stack("shop", json!({"spec": {"paused": null}})).await;
    shop.stack_until("shop", "forgotten", |stack| *stamp(stack) == "cache").await;
    assert_eq!(data(&shop), all);
}

#[tokio::test]
async fn rule_9_a_deleted_stack_goes_consumers_first_and_takes_the_stamped_data_with_it() {
    let world = World::shared().await;
    let shop = world.namespace("stack-erased").await;
    ready(&shop).await;
    let mark = shop.requests_since(0).await.len();
    shop.kubectl(&["delete", "microservicestack", "shop", "--timeout=180s"]);
    only_kept_is_left(&shop).await;
    shop.child_until(Kind::Service, "orders", "gone", Value::is_null).await;
    let requests = shop.requests_since(mark).await;
    let calls = requests.iter().filter(|request| request.verb == "delete");
    let deleted: Vec<_> = calls.map(|request| (request.resource.as_str(), request.name.as_str())).collect();
    let first = |wanted| deleted.iter().position(|deleted| *deleted == wanted).unwrap();
    let data = [("persistentvolumeclaims", "data-orders-0"), ("secrets", "orders"), ("configmaps", "orders-identity")];
    let order: Vec<_> = [("deployments", "api"), ("statefulsets", "orders")].into_iter().chain(data).map(first).collect();
    assert!(order.is_sorted(), "{deleted:?}");

    // The same name begins with new data, but for what was kept.
    ready(&shop).await;
}

#[tokio::test]
async fn rule_9_a_deleted_namespace_does_not_hang_on_the_finalizer() {
    let world = World::shared().await;
    let shop = world.namespace("namespace-erased").await;
    ready(&shop).await;
    world.cluster.kubectl(&["delete", "namespace", "namespace-erased", "--timeout=180s"]).unwrap();
}

#[tokio::test]
async fn rule_9_without_the_operator_the_documented_way_out_lets_the_stack_go_and_keeps_the_data() {
    let mut world = World::alone().await;
    let shop = world.namespace("way-out").await;
    ready(&shop).await;
    let all = data(&shop);
    drop(shop);
    world.kill_operator();
    let shop = Namespace::again(&world, "way-out").await;
    shop.kubectl(&["delete", "microservicestack", "shop", "--wait=false"]);
    shop.kubectl(&["patch", "microservicestack", "shop", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]);
    shop.stack_until("shop", "gone", Value::is_null).await;
    assert_eq!(data(&shop), all);
    drop(shop);
    world.start_operator();
}

#[tokio::test]
async fn rule_9_a_deletion_that_waits_says_for_what() {
    let world = World::shared().await;
    let shop = world.namespace("erase-waits").await;
    ready(&shop).await;
    let claims = shop.api(&slim::resource(Kind::PersistentVolumeClaim.row()));
    let hold = |finalizers: Value| kube::api::Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    claims.patch("data-orders-0", &kube::api::PatchParams::default(), &hold(json!(["example.com/hold"]))).await.unwrap();
    shop.kubectl(&["delete", "microservicestack", "shop", "--wait=false"]);
    let told = shop.stack_until("shop", "told", |stack| reason(stack) == "Deleting" && message(stack).contains("volumes")).await;
    assert!(told["metadata"]["deletionTimestamp"].is_string());
    claims.patch("data-orders-0", &kube::api::PatchParams::default(), &hold(Value::Null)).await.unwrap();
    shop.stack_until("shop", "gone", Value::is_null).await;
    only_kept_is_left(&shop).await;
}
