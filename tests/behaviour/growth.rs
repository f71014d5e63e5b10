//! Rule 10: storage grows in place; the StatefulSet is made anew and its pods keep running.
use kube::api::{Patch, PatchParams};
use mstack::cluster::slim;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, World, component, is_ready};

/// A class, and a volume of it for the claim of this namespace; the control plane binds them, for there is no provisioner.
fn volume(namespace: &Namespace<'_>, class: &str, grows: bool) {
    let name = &namespace.name;
    namespace.apply(&format!(
        "
{{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {{name: {class}}}, provisioner: example.com/none, allowVolumeExpansion: {grows}}}
---
{{apiVersion: v1, kind: PersistentVolume, metadata: {{name: {name}}}, spec: {{storageClassName: {class}, capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce],
  hostPath: {{path: /none}}, claimRef: {{namespace: {name}, name: data-orders-0}}}}}}
"
    ));
}

fn shop(class: &str) -> String {
    format!(
        "
databases: {{orders: {{engine: postgres, version: 17, storage: {{size: 1Gi, class: {class}}}}}}}
services: {{web: {{image: 'web:1', port: 8080, uses: [orders]}}}}
"
    )
}

async fn resize(namespace: &Namespace<'_>, size: &str) {
    namespace.patch_stack("shop", json!({"spec": {"databases": {"orders": {"storage": {"size": size}}}}})).await;
}

/// As the driver of the storage would, once the volume has grown.
async fn grown(namespace: &Namespace<'_>, size: &str) {
    let claims = namespace.api(&slim::resource(Kind::PersistentVolumeClaim.row()));
    let patch = Patch::Merge(json!({"status": {"capacity": {"storage": size}}}));
    claims.patch_status("data-orders-0", &PatchParams::default(), &patch).await.unwrap();
}

fn requested(claim: &Value) -> &Value {
    &claim["spec"]["resources"]["requests"]["storage"]
}

fn has_template(set: &Value, size: &str) -> bool {
    *requested(&set["spec"]["volumeClaimTemplates"][0]) == size
}

async fn ready(namespace: &Namespace<'_>) -> Value {
    namespace
        .child_until(Kind::PersistentVolumeClaim, "data-orders-0", "bound", |claim| claim["status"]["phase"] == "Bound")
        .await;
    namespace.stack_ready("shop").await;
    namespace.child_until(Kind::ConfigMap, "orders-identity", "recorded", Value::is_object).await;
    namespace.requests_since(0).await;
    namespace.get(Kind::Pod, "orders-0").await
}

fn uid(object: &Value) -> &Value {
    assert!(object.is_object());
    &object["metadata"]["uid"]
}

async fn has_taken_over(namespace: &Namespace<'_>, pod: &Value, size: &str) {
    let set = namespace.child_until(Kind::StatefulSet, "orders", "made anew", |set| has_template(set, size)).await;
    let adopted = |now: &Value| &now["metadata"]["ownerReferences"][0]["uid"] == uid(&set);
    let now = namespace.child_until(Kind::Pod, "orders-0", "taken over", adopted).await;
    assert_eq!(uid(&now), uid(pod), "its pods keep running");
    namespace.stack_ready("shop").await;
    namespace.requests_since(0).await;
    assert_eq!(uid(&namespace.get(Kind::Pod, "orders-0").await), uid(pod), "and are not restarted later");
}

#[tokio::test]
async fn rule_10_storage_grows_in_place_and_the_pods_keep_running() {
    let world = World::shared().await;
    let namespace = world.namespace("grows").await;
    volume(&namespace, "grows", true);
    namespace.apply_stack("shop", &shop("grows"));
    let pod = ready(&namespace).await;
    let mark = namespace.requests_since(0).await.len();
    resize(&namespace, "2Gi").await;
    has_taken_over(&namespace, &pod, "2Gi").await;
    assert_eq!(*requested(&namespace.get(Kind::PersistentVolumeClaim, "data-orders-0").await), "2Gi");

    let told = |stack: &Value| component(stack, "orders")["message"] == "its storage grows from 1Gi to 2Gi";
    namespace.stack_until("shop", "told", told).await;
    grown(&namespace, "2Gi").await;
    let over =
        |stack: &Value| is_ready(stack) && component(stack, "orders")["storage"] == json!({"requested": "2Gi", "actual": "2Gi"});
    namespace.stack_until("shop", "grown", over).await;
    let requests = namespace.requests_since(mark).await;
    let writes: Vec<_> = requests
        .iter()
        .filter(|request| request.is_child_write())
        .map(|write| (write.verb.as_str(), write.resource.as_str()))
        .collect();
    assert_eq!(
        writes,
        [("patch", "persistentvolumeclaims"), ("delete", "statefulsets"), ("patch", "statefulsets")],
        "{requests:#?}"
    );
    let reads =
        || world.requests().iter().filter(|request| request.resource == "storageclasses" && request.name == "grows").count();
    assert_eq!(reads(), 1, "the class is read once for a growth");

    // A shrink is told, and nothing is touched.
    let mark = namespace.requests().len();
    resize(&namespace, "1Gi").await;
    let told = |stack: &Value| component(stack, "orders")["message"].to_string().contains("never shrinks; it stays at 2Gi");
    namespace.stack_until("shop", "told of the shrink", told).await;
    assert!(!namespace.requests_since(mark).await.iter().any(crate::world::Request::is_child_write));
}

#[tokio::test]
async fn rule_10_a_class_that_cannot_grow_volumes_is_told_and_the_rest_goes_on() {
    let world = World::shared().await;
    let namespace = world.namespace("stays").await;
    volume(&namespace, "stays", false);
    namespace.apply_stack("shop", &shop("stays"));
    let pod = ready(&namespace).await;
    resize(&namespace, "2Gi").await;
    let told = |stack: &Value| {
        is_ready(stack)
            && component(stack, "orders")["message"]
                .to_string()
                .contains("`stays` does not have `allowVolumeExpansion: true`; it stays at 1Gi")
    };
    namespace.stack_until("shop", "told", told).await;
    let mark = namespace.requests_since(0).await.len();
    let reads =
        || world.requests().iter().filter(|request| request.resource == "storageclasses" && request.name == "stays").count();
    assert_eq!((reads(), namespace.requests_since(mark).await.len()), (1, 0), "silent at rest");
    assert!(has_template(&namespace.get(Kind::StatefulSet, "orders").await, "1Gi"));
    namespace.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 2}}}})).await;
    namespace.child_until(Kind::Deployment, "web", "scaled", |web| web["spec"]["replicas"] == 2).await;

    // The class learns it; the next change of the spec sees that.
    namespace.kubectl(&["patch", "storageclass", "stays", "-p", r#"{"allowVolumeExpansion": true}"#]);
    resize(&namespace, "3Gi").await;
    has_taken_over(&namespace, &pod, "3Gi").await;
}

#[tokio::test]
async fn rule_10_a_crash_between_the_two_stateful_sets_loses_neither_the_size_nor_the_pods() {
    let mut world = World::alone().await;
    let namespace = world.namespace("crashes").await;
    volume(&namespace, "crashes", true);
    namespace.apply_stack("shop", &shop("crashes"));
    let pod = ready(&namespace).await;
    drop(namespace);
    world.kill_operator();
    let namespace = Namespace::again(&world, "crashes").await;
    // What the operator does up to the middle, and then another version of it comes, with another guard.
    let grow = json!({"metadata": {"annotations": {"microservicestack.dev/volume-guard-image": "localhost/mstack:test"}}, "spec": {"resources": {"requests": {"storage": "2Gi"}}}});
    namespace.kubectl(&["patch", "pvc", "data-orders-0", "-p", &grow.to_string()]);
    namespace.kubectl(&["delete", "statefulset", "orders", "--cascade=orphan"]);
    // The spec says 1Gi, as if the edit had been reverted meanwhile: the volume counts.
    drop(namespace);
    world.start_operator_as("localhost/mstack:next");
    let namespace = Namespace::again(&world, "crashes").await;
    has_taken_over(&namespace, &pod, "2Gi").await;
    drop(namespace);
    world.kill_operator();
    world.start_operator();
}

#[tokio::test]
async fn a_cache_that_gets_storage_is_replaced_and_keeps_its_password() {
    let world = World::shared().await;
    let namespace = world.namespace("cache-kept").await;
    namespace.apply_stack("shop", "databases: {cache: {engine: valkey, ephemeral: true}}");
    namespace.stack_ready("shop").await;
    let secret = || namespace.kubectl(&["get", "secret", "cache", "-o", "jsonpath={.metadata.uid}"]);
    let before = secret();
    namespace
        .patch_stack("shop", json!({"spec": {"databases": {"cache": {"ephemeral": null, "storage": {"size": "1Gi"}}}}}))
        .await;
    namespace.child_until(Kind::StatefulSet, "cache", "made anew", |set| has_template(set, "1Gi")).await;
    let volume = namespace.child_until(Kind::PersistentVolumeClaim, "data-cache-0", "made", Value::is_object).await;
    assert!(volume["metadata"]["labels"]["microservicestack.dev/data-identity"].is_string());
    namespace.stack_ready("shop").await;
    assert_eq!(secret(), before);
}
