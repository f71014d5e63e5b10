//! More than one instance of a database: the first takes the writes, the others follow it.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, World, component, reason};

const SHOP: &str = "
databases: {orders: {engine: postgres, version: 17, storage: {size: 1Gi}}}
services: {api: {image: 'api:1', port: 8080, uses: [orders]}}
";

async fn set_instances(shop: &Namespace<'_>, count: i32) {
    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"instances": count}}}})).await;
}

fn counts(count: i32) -> Value {
    json!({"desired": count, "source": "Spec", "updated": count, "ready": count, "serving": count, "terminating": 0})
}

async fn uids(shop: &Namespace<'_>, component: &str) -> Vec<(Value, Value)> {
    let mut pods: Vec<_> =
        shop.pods(component).await.iter().map(|pod| (pod["metadata"]["name"].clone(), pod["metadata"]["uid"].clone())).collect();
    pods.sort_by_key(|(name, _)| name.to_string());
    pods
}

#[tokio::test]
async fn rule_1_instances_of_a_database_are_counted_on_the_service_that_selects_all_and_more_of_them_restart_nothing() {
    let world = World::shared().await;
    let shop = world.namespace("replicas").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let (first, api) = (uids(&shop, "orders").await, uids(&shop, "api").await);
    for count in [3, 1] {
        set_instances(&shop, count).await;
        shop.stack_until("shop", "counted", |stack| component(stack, "orders")["instances"] == counts(count)).await;
        assert_eq!(uids(&shop, "orders").await[0], first[0], "the primary was restarted");
        assert_eq!(uids(&shop, "api").await, api, "a consumer was restarted");
    }
    let selector = |service: &Value| service["spec"]["selector"]["apps.kubernetes.io/pod-index"].clone();
    assert_eq!(selector(&shop.get(Kind::Service, "orders").await), "0", "clients reach the primary alone");
    assert!(selector(&shop.get(Kind::Service, "orders-ro").await).is_null());
    for claim in ["data-orders-1", "data-orders-2"] {
        assert!(shop.get(Kind::PersistentVolumeClaim, claim).await.is_object(), "the data of {claim} stays");
    }
}

#[tokio::test]
async fn rule_9_a_database_does_not_grow_onto_a_volume_of_somebody_else_and_what_runs_goes_on() {
    let world = World::shared().await;
    let shop = world.namespace("replicas-foreign").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-orders-1"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    });
    shop.apply(&claim.to_string());
    let before = uids(&shop, "orders").await;
    set_instances(&shop, 2).await;
    let told = shop.stack_until("shop", "told of the foreign volume", |stack| reason(stack) == "NameConflict").await;
    assert!(component(&told, "orders")["message"].to_string().contains("volume claim data-orders-1"), "{told:#}");
    assert_eq!(shop.get(Kind::StatefulSet, "orders").await["spec"]["replicas"], 1);
    assert_eq!(uids(&shop, "orders").await, before);
    shop.kubectl(&["delete", "persistentvolumeclaim", "data-orders-1", "--wait=false"]);
    shop.stack_until("shop", "grown", |stack| component(stack, "orders")["instances"] == counts(2)).await;
}

#[tokio::test]
async fn rule_10_a_lost_first_volume_is_told_and_the_surviving_copies_are_left_alone() {
    let world = World::shared().await;
    let shop = world.namespace("replicas-lost").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    set_instances(&shop, 2).await;
    shop.stack_until("shop", "two of them", |stack| component(stack, "orders")["instances"] == counts(2)).await;
    let copy = shop.get(Kind::PersistentVolumeClaim, "data-orders-1").await["metadata"]["uid"].clone();
    shop.kubectl(&["delete", "mstack", "shop"]);
    shop.child_until(Kind::StatefulSet, "orders", "gone", Value::is_null).await;
    // Also where the record went with it.
    shop.kubectl(&["delete", "persistentvolumeclaim/data-orders-0", "configmap/orders-identity"]);
    shop.apply_stack("shop", SHOP);
    shop.stack_until("shop", "told of the loss", |stack| reason(stack) == "DataLost").await;
    set_instances(&shop, 2).await;
    shop.requests_since(0).await;
    shop.stack_until("shop", "told of the loss", |stack| reason(stack) == "DataLost").await;
    assert!(shop.get(Kind::StatefulSet, "orders").await.is_null(), "nothing starts beside the copy");
    assert_eq!(shop.get(Kind::PersistentVolumeClaim, "data-orders-1").await["metadata"]["uid"], copy);
}

#[tokio::test]
async fn rule_10_members_of_a_cluster_are_counted_and_another_number_of_them_is_told_and_not_done() {
    let world = World::shared().await;
    for (engine, version) in [("nats", "2.11"), ("rabbitmq", "4.1")] {
        let shop = world.namespace(&format!("members-{engine}")).await;
        let cluster = format!("engine: {engine}, version: '{version}', instances: 3");
        shop.apply_stack("shop", &SHOP.replace("engine: postgres, version: 17", &cluster));
        shop.stack_until("shop", "counted", |stack| component(stack, "orders")["instances"] == counts(3)).await;
        let is_recorded = |record: &Value| record["metadata"]["labels"]["microservicestack.dev/data-members"] == "3";
        shop.child_until(Kind::ConfigMap, "orders-identity", "recorded", is_recorded).await;
        let before = uids(&shop, "orders").await;
        let sent = shop.get(Kind::StatefulSet, "orders").await["spec"].clone();
        for count in [1, 5] {
            set_instances(&shop, count).await;
            shop.stack_until("shop", "told", |stack| reason(stack) == "MembersFixed").await;
            assert_eq!(shop.get(Kind::StatefulSet, "orders").await["spec"], sent);
            assert_eq!(uids(&shop, "orders").await, before);
            set_instances(&shop, 3).await;
            shop.stack_ready("shop").await;
        }
    }
}
