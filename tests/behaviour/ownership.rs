//! Rules 9 and 12: nothing is touched without our owner UID, and exactly what nobody wants any more is pruned.
use std::collections::BTreeSet;
use std::time::Duration;

use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::stopwatch::Stopwatch;
use crate::world::{Namespace, Request, World, condition, message, reason};

/// How soon a stack goes on once what was in its way has gone: the longest wait between two looks, and as long again to start.
const SOON: Duration = Duration::from_secs(20);

fn phase<'a>(stack: &'a Value, service: &str) -> &'a Value {
    &stack["status"]["services"][service]["phase"]
}

fn words<'a>(stack: &'a Value, service: &str) -> &'a str {
    stack["status"]["services"][service]["message"].as_str().unwrap_or_default()
}

/// What of an object only its owner may change.
fn essence(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let managers: BTreeSet<&str> =
        metadata["managedFields"].as_array().unwrap().iter().filter_map(|entry| entry["manager"].as_str()).collect();
    assert!(!managers.iter().any(|manager| manager.starts_with("mstack")), "{object:#}");
    json!([metadata["uid"], metadata["labels"], metadata["ownerReferences"], object["spec"], object["data"]])
}

fn all(namespace: &Namespace<'_>) -> BTreeSet<String> {
    namespace
        .children()
        .into_iter()
        .flat_map(|(kind, names)| names.into_iter().map(move |name| format!("{kind}/{name}")))
        .collect()
}

const BARE: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: dep}
spec: {replicas: 0, selector: {matchLabels: {app: dep}}, template: {metadata: {labels: {app: dep}}, spec: {containers: [{name: dep, image: theirs}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: svc}
spec: {selector: {app: theirs}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: account}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: budget}
spec: {maxUnavailable: 3, selector: {matchLabels: {app: theirs}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: scaled}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: dep}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: exposed}
spec: {rules: [{host: theirs.example.com}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: guarded}
spec: {podSelector: {matchLabels: {app: theirs}}, policyTypes: [Ingress]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: orders-init}
data: {theirs: 'yes'}
";

#[tokio::test]
async fn rule_12_a_name_taken_by_somebody_elses_object_is_a_name_conflict_not_an_adoption() {
    let world = World::shared().await;
    let shop = world.namespace("own-bare").await;
    shop.apply(BARE);
    let taken = [
        (Kind::Deployment, "dep", "dep"),
        (Kind::Service, "svc", "svc"),
        (Kind::ServiceAccount, "account", "account"),
        (Kind::PodDisruptionBudget, "budget", "budget"),
        (Kind::HorizontalPodAutoscaler, "scaled", "scaled"),
        (Kind::Ingress, "exposed", "exposed"),
        (Kind::NetworkPolicy, "guarded", "guarded"),
    ];
    let mut before = Vec::new();
    for (kind, name, _) in taken {
        before.push(essence(&shop.get(kind, name).await));
    }
    shop.apply_stack(
        "shop",
        "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}, init: {01.sql: 'select 1'}}
services:
  dep: {image: 'a:1', port: 8080}
  svc: {image: 'a:1', port: 8080}
  account: {image: 'a:1', port: 8080}
  budget: {image: 'a:1', port: 8080}
  scaled: {image: 'a:1', port: 8080, scale: {min: 1, max: 3, cpu: 70}, resources: {cpu: 100m}}
  exposed: {image: 'a:1', port: 8080, expose: [{host: ours.example.com}]}
  guarded: {image: 'a:1', port: 8080}
  fine: {image: 'a:1', port: 8080}
",
    );
    let told = shop
        .stack_until("shop", "all conflicts told", |stack| {
            phase(stack, "fine") == "Ready"
                && taken.iter().all(|(.., service)| phase(stack, service) == "Failed")
                && stack["status"]["databases"]["orders"]["phase"] == "Failed"
        })
        .await;
    assert_eq!(reason(&told), "NameConflict", "{told:#}");
    for (kind, name, service) in taken {
        assert!(words(&told, service).starts_with(&format!("{} {name} already exists", kind.row().name)), "{told:#}");
    }
    shop.patch_stack("shop", json!({"spec": {"services": {"fine": {"replicas": 3}}}})).await;
    shop.child_until(Kind::Deployment, "fine", "scaled while others conflict", |fine| fine["spec"]["replicas"] == 3).await;
    for ((kind, name, _), before) in taken.iter().zip(&before) {
        assert_eq!(&essence(&shop.get(*kind, name).await), before);
    }
    for (kind, name, _) in taken {
        shop.kubectl(&["delete", kind.row().plural, name, "--wait=false"]);
    }
    shop.kubectl(&["delete", "configmap", "orders-init"]);
    let watch = Stopwatch::start(world);
    shop.stack_ready("shop").await;
    watch.within(SOON, "goes on once the names are free");
}

#[tokio::test]
async fn rule_12_a_name_taken_by_another_stack_or_by_helm_is_said_with_its_owner() {
    let world = World::shared().await;
    let shop = world.namespace("own-other").await;
    shop.apply_stack("first", "services: {web: {image: 'a:1', port: 8080}}");
    shop.stack_ready("first").await;
    let helm = "{apiVersion: v1, kind: Service, metadata: {name: api, labels: {app.kubernetes.io/managed-by: Helm}}, spec: {ports: [{port: 80}]}}";
    shop.apply(helm);
    // Kubernetes may still write its status.
    let of_users = |web: &Value| {
        let metadata = &web["metadata"];
        json!([metadata["uid"], metadata["generation"], metadata["labels"], metadata["ownerReferences"], web["spec"]])
    };
    let before = of_users(&shop.get(Kind::Deployment, "web").await);
    let mark = shop.requests_since(0).await.len();
    shop.apply_stack(
        "second",
        "services: {web: {image: 'b:1', port: 8080}, api: {image: 'b:1', port: 8080}, fine: {image: 'b:1', port: 8080}}",
    );
    let told = shop
        .stack_until("second", "both conflicts told", |stack| {
            phase(stack, "fine") == "Ready" && phase(stack, "web") == "Failed" && phase(stack, "api") == "Failed"
        })
        .await;
    assert!(words(&told, "web").contains("belongs to MicroserviceStack first"), "{told:#}");
    assert!(words(&told, "api").contains("belongs to Helm"), "{told:#}");
    assert_eq!(of_users(&shop.get(Kind::Deployment, "web").await), before);
    let requests = shop.requests_since(mark).await;
    let is_taken = |request: &Request| request.is_child_write() && request.name == "web" && request.code < 300;
    assert!(!requests.iter().any(is_taken), "{requests:#?}");
    shop.kubectl(&["delete", "microservicestack", "first"]);
    shop.kubectl(&["delete", "service", "api"]);
    shop.stack_ready("second").await;
}

#[tokio::test]
async fn rule_12_an_object_that_only_carries_our_labels_is_not_ours() {
    let world = World::shared().await;
    let shop = world.namespace("own-labels").await;
    let labels = "{microservicestack.dev/stack: shop, microservicestack.dev/component: web}";
    shop.apply(&format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: web, labels: {labels}}}, spec: {{ports: [{{port: 80}}]}}}}"
    ));
    shop.apply(&format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: stray, labels: {labels}}}}}"));
    let before = shop.get(Kind::Service, "web").await;
    shop.apply_stack("shop", "services: {web: {image: 'a:1', port: 8080}, fine: {image: 'a:1', port: 8080}}");
    let told = shop
        .stack_until("shop", "the conflict told", |stack| phase(stack, "fine") == "Ready" && phase(stack, "web") == "Failed")
        .await;
    assert_eq!(reason(&told), "NameConflict", "{told:#}");
    assert_eq!(shop.get(Kind::Service, "web").await["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
    shop.kubectl(&["delete", "service", "web"]);
    shop.stack_ready("shop").await;
    assert!(shop.get(Kind::ConfigMap, "stray").await.is_object(), "what is not ours is not pruned either");
}

const THREE: &str = "
services:
  web: {image: 'a:1', port: 8080, replicas: 2, uses: [api], expose: [{host: a.example.com}], files: {/etc/a: b}}
  api: {image: 'a:1', port: 8080, scale: {min: 1, max: 3, cpu: 70}, resources: {cpu: 100m}}
  jobs: {image: 'a:1', port: 8080}
";

#[tokio::test]
async fn rule_12_removing_a_service_prunes_exactly_its_children() {
    let world = World::shared().await;
    let shop = world.namespace("own-prune").await;
    shop.apply_stack("shop", THREE);
    shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    let before = all(&shop);
    shop.patch_stack("shop", json!({"spec": {"services": {"web": null}}})).await;
    // The last to go: it stays until the last pod has ended.
    shop.child_until(Kind::NetworkPolicy, "web", "gone", Value::is_null).await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    let gone: BTreeSet<String> = before.difference(&all(&shop)).cloned().collect();
    let expected: BTreeSet<String> =
        before.iter().filter(|child| child.ends_with("/web") || child.contains("/web-files-")).cloned().collect();
    assert_eq!((&gone, gone.len()), (&expected, 7));
    let writes: Vec<_> = requests.iter().filter(|request| request.is_child_write()).collect();
    assert_eq!(writes[0].resource, "controllerrevisions", "nothing goes before the revision without it is good: {writes:#?}");
    assert!(writes[1..].iter().all(|request| request.verb == "delete" && request.code == 200), "{writes:#?}");
    assert_eq!(writes.len(), 1 + 7, "{writes:#?}");
    assert_eq!(writes[1].resource, "ingresses", "consumers first");
}

#[tokio::test]
async fn rule_15_nothing_is_pruned_while_the_spec_is_invalid() {
    let world = World::shared().await;
    let shop = world.namespace("own-invalid").await;
    shop.apply_stack("shop", THREE);
    shop.stack_ready("shop").await;
    let before = all(&shop);
    let mark = shop.requests_since(0).await.len();
    let cycle = json!({"spec": {"services": {"web": null, "api": {"uses": ["jobs"]}, "jobs": {"uses": ["api"]}}}});
    shop.patch_stack("shop", cycle).await;
    let told = shop.stack_until("shop", "refused", |stack| reason(stack) == "InvalidSpec").await;
    assert!(message(&told).contains("spec.services"), "{told:#}");
    assert_eq!(condition(&told, "Stalled").unwrap()["status"], "True");
    let requests = shop.requests_since(mark).await;
    assert!(!requests.iter().any(Request::is_child_write), "{requests:#?}");
    assert_eq!(all(&shop), before);
    shop.patch_stack("shop", json!({"spec": {"services": {"jobs": {"uses": null}}}})).await;
    shop.child_until(Kind::Deployment, "web", "gone once the spec is valid", Value::is_null).await;
}

#[tokio::test]
async fn rule_12_of_two_specs_within_a_second_nothing_of_the_last_one_is_pruned() {
    let world = World::shared().await;
    let shop = world.namespace("own-twice").await;
    shop.apply_stack(
        "shop",
        "services: {stays: {image: 'a:1', port: 8080}, one: {image: 'a:1', port: 8080}, two: {image: 'a:1', port: 8080}}",
    );
    shop.stack_ready("shop").await;
    let uid = shop.get(Kind::Deployment, "stays").await["metadata"]["uid"].clone();
    for round in 0..20 {
        let (goes, comes) = if round % 2 == 0 { ("one", "two") } else { ("two", "one") };
        shop.patch_stack("shop", json!({"spec": {"services": {comes: null, goes: {"image": "a:1", "port": 8080}}}})).await;
        tokio::time::sleep(Duration::from_millis(10 * round)).await;
        shop.patch_stack("shop", json!({"spec": {"services": {goes: null, comes: {"image": "a:1", "port": 8080}}}})).await;
        shop.stack_ready("shop").await;
        for kind in [Kind::Deployment, Kind::Service, Kind::ServiceAccount, Kind::PodDisruptionBudget, Kind::NetworkPolicy] {
            assert!(shop.get(kind, comes).await.is_object(), "round {round}: {kind:?} {comes}");
        }
    }
    // The last to go: it stays until the last pod has ended.
    shop.child_until(Kind::NetworkPolicy, "two", "gone", Value::is_null).await;
    assert_eq!(shop.get(Kind::Deployment, "stays").await["metadata"]["uid"], uid);
    let expected: BTreeSet<String> = ["deployment", "service", "serviceaccount", "poddisruptionbudget", "networkpolicy"]
        .into_iter()
        .flat_map(|kind| ["one", "stays"].map(|name| format!("{kind}/{name}")))
        .collect();
    let left: BTreeSet<String> = all(&shop).into_iter().filter(|child| !child.starts_with("controllerrevision")).collect();
    assert_eq!(left, expected, "besides the records of revisions");
}

#[tokio::test]
async fn rule_14_a_conflict_that_lasts_is_looked_at_again_and_writes_no_status() {
    let world = World::shared().await;
    let shop = world.namespace("own-lasts").await;
    shop.apply("{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}");
    shop.apply_stack("shop", "services: {web: {image: 'a:1', port: 8080}, fine: {image: 'a:1', port: 8080}}");
    let is_told = |stack: &Value| phase(stack, "fine") == "Ready" && phase(stack, "web") == "Failed";
    shop.stack_until("shop", "the conflict told", is_told).await;
    let mark = shop.requests_since(0).await.len();
    let is_told_again = |stack: &Value| {
        let again = shop.requests().into_iter().skip(mark).filter(|request| request.code == 409 && request.name == "web").count();
        is_told(stack) && again >= 2
    };
    shop.stack_until("shop", "looked at twice again", is_told_again).await;
    let since: Vec<_> = shop.requests().into_iter().skip(mark).collect();
    assert!(!since.iter().any(|request| request.is_status_write() || request.resource == "events"), "{since:#?}");
}

#[tokio::test]
async fn rule_12_children_that_a_deleted_stack_has_orphaned_are_taken_over_as_they_are() {
    let world = World::shared().await;
    let shop = world.namespace("own-orphans").await;
    shop.apply_stack("shop", THREE);
    shop.stack_ready("shop").await;
    let before = shop.get(Kind::Deployment, "web").await;
    shop.kubectl(&["delete", "microservicestack", "shop", "--cascade=orphan"]);
    let is_orphan = |web: &Value| web["metadata"]["ownerReferences"].is_null();
    shop.child_until(Kind::Deployment, "web", "an orphan", is_orphan).await;
    shop.apply_stack("shop", THREE);
    let stack = shop.stack_ready("shop").await;
    let after = shop.get(Kind::Deployment, "web").await;
    assert_eq!((&after["metadata"]["uid"], &after["spec"]), (&before["metadata"]["uid"], &before["spec"]));
    assert_eq!(after["metadata"]["ownerReferences"][0]["uid"], stack["metadata"]["uid"]);
}
