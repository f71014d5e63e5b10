//! Rule 10: a StatefulSet stuck on a bad revision is unstuck once mended.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{World, component};

#[tokio::test]
async fn rule_10_a_database_that_is_stuck_on_a_bad_revision_goes_on_once_its_template_is_mended() {
    let world = World::shared().await;
    let shop = world.namespace("stuck").await;
    shop.apply_stack("shop", "databases: {orders: {engine: postgres, version: 17, storage: {size: 1Gi}}}");
    shop.stack_ready("shop").await;
    let good = shop.get(Kind::Pod, "orders-0").await;
    let volume = shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await;

    // No node has so much, so the pod of this revision never becomes ready.
    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"resources": {"cpu": "100000"}}}}})).await;
    let waits =
        |stack: &Value| component(stack, "orders")["message"].as_str().is_some_and(|words| words.contains("Unschedulable"));
    shop.stack_until("shop", "stuck", waits).await;
    let bad = shop.get(Kind::Pod, "orders-0").await;
    assert_ne!(bad["metadata"]["uid"], good["metadata"]["uid"]);

    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"resources": null}}}})).await;
    shop.stack_ready("shop").await;
    let mended = shop.get(Kind::Pod, "orders-0").await;
    assert_ne!(mended["metadata"]["uid"], bad["metadata"]["uid"]);
    assert_eq!(shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await["metadata"]["uid"], volume["metadata"]["uid"]);
}

/// Kubernetes itself replaces the instances of a bad revision, for our StatefulSets are `Parallel`; with `OrderedReady` a
/// person would have to delete them. This holds several instances to it as well.
#[tokio::test]
async fn rule_10_kubernetes_replaces_never_ready_instances_of_a_bad_revision_by_itself() {
    let world = World::shared().await;
    let shop = world.namespace("stuck-raw").await;
    let set = |cpu: &str| {
        shop.apply(&format!(
            "{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: raw}}, spec: {{replicas: 3, podManagementPolicy: Parallel, selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{{name: a, image: 'a:1', resources: {{requests: {{cpu: {cpu}}}}}}}]}}}}}}}}"
        ));
    };
    let rolled = |set: &Value| {
        let status = &set["status"];
        set.is_object()
            && status["observedGeneration"] == set["metadata"]["generation"]
            && status["readyReplicas"] == 3
            && status["currentRevision"] == status["updateRevision"]
    };
    set("100m");
    shop.child_until(Kind::StatefulSet, "raw", "rolled", rolled).await;
    set("100000");
    shop.child_until(Kind::Pod, "raw-2", "stuck", |pod| pod["status"]["conditions"][0]["reason"] == "Unschedulable").await;
    set("200m");
    shop.child_until(Kind::StatefulSet, "raw", "mended", rolled).await;
}
