//! Rules 9 and 10: data outlives everything short of a declared deletion, and nothing is put in the place of lost data.
use std::time::Duration;

use kube::api::{ApiResource, Patch, PatchParams};
use mstack::cluster::slim;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::stopwatch::Stopwatch;
use crate::world::{Namespace, World, image, reason};

/// How soon a database goes on once what was in its way has gone: the longest wait between two looks, and as long again to start.
const SOON: Duration = Duration::from_secs(20);
const SHOP: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}, init: {01.sql: 'select 1'}}
services:
  api: {image: 'api:1', port: 8080, uses: [orders]}
  web: {image: 'web:1', port: 8080}
";

async fn secret(namespace: &Namespace<'_>) -> Value {
    let api = namespace.api(&ApiResource::erase::<k8s_openapi::api::core::v1::Secret>(&()));
    serde_json::to_value(api.get_opt("orders").await.unwrap()).unwrap()
}

fn identity(object: &Value) -> Value {
    assert!(object["metadata"]["ownerReferences"].is_null(), "data goes with nobody: {object:#}");
    json!([object["metadata"]["uid"], object["metadata"]["labels"]["microservicestack.dev/data-identity"]])
}

/// UIDs and identities of the volume, the Secret and the record.
async fn data(namespace: &Namespace<'_>) -> Value {
    let volume = namespace.get(Kind::PersistentVolumeClaim, "data-orders-0").await;
    let record = namespace.get(Kind::ConfigMap, "orders-identity").await;
    let secret = secret(namespace).await;
    json!([identity(&volume), identity(&record), identity(&secret), secret["data"], secret["metadata"]["resourceVersion"]])
}

async fn ready_with_record(namespace: &Namespace<'_>) -> Value {
    namespace.stack_ready("shop").await;
    namespace.child_until(Kind::ConfigMap, "orders-identity", "recorded", Value::is_object).await;
    data(namespace).await
}

/// Deletes the stack and waits until nothing but its data is left.
async fn delete_stack(namespace: &Namespace<'_>) {
    namespace.kubectl(&["delete", "microservicestack", "shop"]);
    namespace.child_until(Kind::StatefulSet, "orders", "gone", Value::is_null).await;
    namespace.child_until(Kind::Pod, "orders-0", "gone", Value::is_null).await;
    namespace.child_until(Kind::Deployment, "web", "gone", Value::is_null).await;
}

/// Waits until the database is held for a reason, while the rest of the stack goes on; nothing of it is made.
async fn held(namespace: &Namespace<'_>, word: &str, names: &str) {
    let told = namespace
        .stack_until("shop", word, |stack| reason(stack) == word && stack["status"]["services"]["web"]["phase"] == "Ready")
        .await;
    let orders = &told["status"]["databases"]["orders"];
    assert_eq!(orders["phase"], "Failed", "{told:#}");
    assert!(orders["message"].as_str().unwrap().contains(names), "{told:#}");
    assert!(namespace.get(Kind::StatefulSet, "orders").await.is_null());
}

async fn soon_ready(namespace: &Namespace<'_>) {
    let watch = Stopwatch::start(namespace.world);
    namespace.stack_ready("shop").await;
    watch.within(SOON, "ready");
}

#[tokio::test]
async fn rule_9_data_outlives_a_removed_database_and_a_deleted_stack() {
    let world = World::shared().await;
    let shop = world.namespace("data-outlives").await;
    shop.apply_stack("shop", SHOP);
    let before = ready_with_record(&shop).await;

    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": null}, "services": {"api": {"uses": null}}}})).await;
    shop.child_until(Kind::Pod, "orders-0", "gone", Value::is_null).await;
    shop.child_until(Kind::Service, "orders", "gone", Value::is_null).await;
    shop.stack_ready("shop").await;
    assert_eq!(data(&shop).await, before, "a removed database");

    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    assert_eq!(data(&shop).await, before, "the database is back with its data");

    delete_stack(&shop).await;
    assert_eq!(data(&shop).await, before, "a deleted stack");

    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    assert_eq!(data(&shop).await, before, "the stack is back with its data and password");
    let set = shop.get(Kind::StatefulSet, "orders").await;
    assert_eq!(identity(&set["spec"]["volumeClaimTemplates"][0])[1], before[0][1]);
}

#[tokio::test]
async fn rule_9_a_foreign_volume_of_the_right_name_is_a_name_conflict_and_is_not_mounted() {
    let world = World::shared().await;
    let shop = world.namespace("data-foreign").await;
    let claim = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: data-orders-0}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}";
    shop.apply(claim);
    shop.apply_stack("shop", SHOP);
    held(&shop, "NameConflict", "data-orders-0").await;
    assert!(secret(&shop).await.is_null(), "no credentials are made for it");
    shop.kubectl(&["delete", "persistentvolumeclaim", "data-orders-0"]);
    soon_ready(&shop).await;
}

#[tokio::test]
async fn rule_9_a_foreign_secret_of_the_right_name_is_neither_used_nor_overwritten() {
    let world = World::shared().await;
    let shop = world.namespace("data-secret").await;
    shop.kubectl(&["create", "secret", "generic", "orders", "--from-literal=password=theirs"]);
    let before = secret(&shop).await;
    shop.apply_stack("shop", SHOP);
    held(&shop, "NameConflict", "Secret orders").await;
    assert_eq!(secret(&shop).await, before);
    shop.kubectl(&["delete", "secret", "orders"]);
    soon_ready(&shop).await;
}

#[tokio::test]
async fn rule_9_credentials_missing_while_a_volume_exists_are_not_replaced_by_a_new_password() {
    let world = World::shared().await;
    let shop = world.namespace("data-password").await;
    shop.apply_stack("shop", SHOP);
    let before = ready_with_record(&shop).await;
    let backup = secret(&shop).await;
    delete_stack(&shop).await;
    shop.kubectl(&["delete", "secret", "orders"]);
    shop.apply_stack("shop", SHOP);
    held(&shop, "CredentialsMissing", "Secret orders").await;
    assert!(secret(&shop).await.is_null());
    let labels = &backup["metadata"]["labels"];
    let restored =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "orders", "labels": labels}, "data": backup["data"]});
    shop.apply(&restored.to_string());
    soon_ready(&shop).await;
    assert_eq!(data(&shop).await[3], before[3], "the same password");
}

#[tokio::test]
async fn rule_10_with_a_recorded_identity_an_empty_volume_does_not_take_the_place_of_a_lost_one() {
    let world = World::shared().await;
    let shop = world.namespace("data-lost").await;
    shop.apply_stack("shop", SHOP);
    ready_with_record(&shop).await;
    delete_stack(&shop).await;
    shop.kubectl(&["delete", "persistentvolumeclaim", "data-orders-0"]);
    shop.apply_stack("shop", SHOP);
    held(&shop, "DataLost", "data-orders-0").await;
    assert!(shop.get(Kind::PersistentVolumeClaim, "data-orders-0").await.is_null());
    // The way out that the message names.
    shop.kubectl(&["delete", "configmap", "orders-identity"]);
    soon_ready(&shop).await;
}

#[tokio::test]
async fn rule_10_a_volume_a_secret_and_a_record_of_different_data_are_not_put_together() {
    let world = World::shared().await;
    let shop = world.namespace("data-mixed").await;
    shop.apply_stack("shop", SHOP);
    let before = ready_with_record(&shop).await;
    delete_stack(&shop).await;
    let label = |value: &Value| format!("microservicestack.dev/data-identity={}", value.as_str().unwrap());
    shop.kubectl(&["label", "--overwrite", "persistentvolumeclaim", "data-orders-0", &label(&json!("other"))]);
    shop.apply_stack("shop", SHOP);
    held(&shop, "DataMismatch", "different data").await;
    shop.kubectl(&["label", "--overwrite", "persistentvolumeclaim", "data-orders-0", &label(&before[0][1])]);
    soon_ready(&shop).await;
    assert_eq!(data(&shop).await, before);
}

fn recorded_version(record: &Value) -> &Value {
    &record["metadata"]["labels"]["microservicestack.dev/data-version"]
}

async fn refused(namespace: &Namespace<'_>, words: &str) {
    let told = namespace.stack_until("shop", "refused", |stack| reason(stack) == "VersionRefused").await;
    let orders = &told["status"]["databases"]["orders"];
    assert!(orders["message"].as_str().unwrap().contains(words), "{told:#}");
}

#[tokio::test]
async fn rule_10_another_major_version_is_refused_and_the_rest_of_the_stack_goes_on() {
    let world = World::shared().await;
    let shop = world.namespace("data-major").await;
    shop.apply_stack("shop", SHOP);
    let before = ready_with_record(&shop).await;
    let set = shop.get(Kind::StatefulSet, "orders").await;
    let changes = [
        json!({"version": 16}),
        json!({"version": 15}),
        json!({"version": null, "image": "mirror.example.com/postgres:16.4-alpine"}),
    ];
    for (count, change) in (2..).zip(changes) {
        let web = json!({"image": format!("web:{count}"), "replicas": count});
        shop.patch_stack("shop", json!({"spec": {"databases": {"orders": change}, "services": {"web": web}}})).await;
        let has_count = |web: &Value| web["spec"]["replicas"] == count && image(web) == &format!("web:{count}");
        shop.child_until(Kind::Deployment, "web", "changed", has_count).await;
        refused(&shop, "the volume holds data of 17").await;
    }
    let after = shop.get(Kind::StatefulSet, "orders").await;
    assert_eq!(
        (&after["spec"], &after["metadata"]["uid"]),
        (&set["spec"], &set["metadata"]["uid"]),
        "the StatefulSet is untouched"
    );
    shop.kubectl(&["delete", "statefulset", "orders"]);
    shop.requests_since(0).await;
    assert!(shop.get(Kind::StatefulSet, "orders").await.is_null(), "nor is it made again with another version");
    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"version": 17, "image": null}}}})).await;
    shop.stack_ready("shop").await;
    assert_eq!(data(&shop).await, before);
}

#[tokio::test]
async fn rule_10_a_minor_version_up_is_recorded_and_down_again_is_refused() {
    let world = World::shared().await;
    let shop = world.namespace("data-minor").await;
    shop.apply_stack("shop", SHOP);
    ready_with_record(&shop).await;
    for version in ["17.4", "17.6"] {
        shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"version": version}}}})).await;
        shop.child_until(Kind::StatefulSet, "orders", "updated", |set| {
            image(set) == &format!("docker.io/library/postgres:{version}")
        })
        .await;
        shop.child_until(Kind::ConfigMap, "orders-identity", "recorded", |record| recorded_version(record) == version).await;
        shop.stack_ready("shop").await;
    }
    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"version": "17.5"}}}})).await;
    refused(&shop, "the volume holds data of 17.6").await;
    assert_eq!(image(&shop.get(Kind::StatefulSet, "orders").await), "docker.io/library/postgres:17.6");
    let record = shop.get(Kind::ConfigMap, "orders-identity").await;
    assert_eq!((recorded_version(&record), &record["immutable"]), (&"17.6".into(), &true.into()));
}

#[tokio::test]
async fn an_edit_of_the_init_scripts_is_one_write_and_restarts_nothing() {
    let world = World::shared().await;
    let shop = world.namespace("data-init").await;
    shop.apply_stack("shop", SHOP);
    ready_with_record(&shop).await;
    let set = shop.get(Kind::StatefulSet, "orders").await;
    let mark = shop.requests_since(0).await.len();
    shop.patch_stack("shop", json!({"spec": {"databases": {"orders": {"init": {"01.sql": "select 2"}}}}})).await;
    shop.child_until(Kind::ConfigMap, "orders-init", "edited", |init| init["data"]["01.sql"] == "select 2").await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    assert_eq!(requests.iter().filter(|request| request.is_child_write()).count(), 1, "{requests:#?}");
    assert_eq!(shop.get(Kind::StatefulSet, "orders").await["metadata"]["generation"], set["metadata"]["generation"]);
}

#[tokio::test]
async fn rule_12_a_deleted_or_relabelled_record_of_the_identity_is_not_lost() {
    let world = World::shared().await;
    let shop = world.namespace("data-record").await;
    shop.apply_stack("shop", SHOP);
    let before = ready_with_record(&shop).await;
    shop.kubectl(&["delete", "configmap", "orders-identity"]);
    let record = shop.child_until(Kind::ConfigMap, "orders-identity", "recorded again", Value::is_object).await;
    assert_eq!(identity(&record)[1], before[1][1]);
    let records = shop.api(&slim::resource(Kind::ConfigMap.row()));
    let patch = Patch::Merge(json!({"metadata": {"labels": {"microservicestack.dev/data-version": null}}}));
    records.patch("orders-identity", &PatchParams::default(), &patch).await.unwrap();
    shop.child_until(Kind::ConfigMap, "orders-identity", "recorded again", |record| recorded_version(record) == "17").await;
}

#[tokio::test]
async fn rule_10_a_record_that_is_lost_is_made_again_from_the_volume_and_not_from_nothing() {
    let world = World::shared().await;
    let shop = world.namespace("data-record-lost").await;
    shop.apply_stack("shop", SHOP);
    let before = ready_with_record(&shop).await;
    // While it runs, and as after a restore of the API server from an older backup.
    shop.kubectl(&["delete", "configmap", "orders-identity"]);
    let again = |record: &Value| record["metadata"]["labels"]["microservicestack.dev/data-identity"] == before[0][1];
    shop.child_until(Kind::ConfigMap, "orders-identity", "made again", again).await;
    shop.requests_since(0).await;
    delete_stack(&shop).await;
    shop.kubectl(&["delete", "configmap", "orders-identity"]);
    shop.apply_stack("shop", SHOP);
    let after = ready_with_record(&shop).await;
    assert_eq!((&after[0], &after[1][1], &after[3]), (&before[0], &before[0][1], &before[3]));
}

#[tokio::test]
async fn rule_10_the_documented_way_puts_data_under_the_identity_that_its_volume_holds() {
    let world = World::shared().await;
    let shop = world.namespace("data-adopted").await;
    shop.apply_stack("shop", SHOP);
    let before = ready_with_record(&shop).await;
    delete_stack(&shop).await;
    let held = "microservicestack.dev/data-identity=held-by-the-volume";
    shop.kubectl(&["label", "--overwrite", "pvc/data-orders-0", "secret/orders", held]);
    shop.kubectl(&["delete", "configmap", "orders-identity"]);
    shop.apply_stack("shop", SHOP);
    let after = ready_with_record(&shop).await;
    let is_held = |data: &Value| data[1] == "held-by-the-volume";
    assert!(is_held(&after[0]) && is_held(&after[1]) && is_held(&after[2]), "{after:#}");
    assert_eq!((&after[0][0], &after[3]), (&before[0][0], &before[3]), "the same volume and password");
}
