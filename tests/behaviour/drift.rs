//! Rule 12: drift of any kind in any child comes back, at once and with one write.
use std::time::Duration;

use futures::future::join_all;
use kube::api::{DeleteParams, Patch, PatchParams};
use mstack::cluster::slim;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::stopwatch::Stopwatch;
use crate::world::{Namespace, Request, World, image};

const EDITOR: &str = "kubectl-edit";
/// How soon drift is back.
const SOON: Duration = Duration::from_secs(2);

/// A stack with a child of every kind but the routes of the Gateway API.
pub const EVERY_KIND: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}, init: {01.sql: 'select 1'}}
services:
  web: {image: 'web:1', port: 8080, replicas: 2, expose: [{host: web.example.com}], files: {/etc/web.conf: a}}
  api: {image: 'api:1', port: 8080, scale: {min: 1, max: 3, cpu: 70}, resources: {cpu: 100m}, expose: [{host: api.example.com}]}
  jobs: {image: 'jobs:1', port: 8080}
";

/// One edit of a child, as JSON patch, and how the child is when it is back.
pub struct Edit {
    pub kind: Kind,
    pub name: &'static str,
    pub patch: Value,
    pub back: fn(&Value) -> bool,
}

pub async fn edit(namespace: &Namespace<'_>, kind: Kind, name: &str, patch: Value) -> Value {
    let params = PatchParams { field_manager: Some(EDITOR.to_owned()), ..PatchParams::default() };
    let operations: json_patch::Patch = serde_json::from_value(patch).unwrap();
    let api = namespace.api(&slim::resource(kind.row()));
    serde_json::to_value(api.patch(name, &params, &Patch::Json::<()>(operations)).await.unwrap()).unwrap()
}

async fn delete(namespace: &Namespace<'_>, kind: Kind, name: &str) {
    namespace.api(&slim::resource(kind.row())).delete(name, &DeleteParams::default()).await.unwrap();
}

fn writes_to(requests: &[Request], kind: Kind, name: &str) -> usize {
    let writes = requests.iter().filter(|request| is_write(request));
    writes.filter(|request| request.resource == kind.row().plural && request.name == name).count()
}

pub fn writes(requests: &[Request]) -> usize {
    requests.iter().filter(|request| is_write(request)).count()
}

/// One that was refused, as the object had changed meanwhile, has written nothing.
fn is_write(request: &Request) -> bool {
    request.is_child_write() && request.code < 300
}

/// Edits the children all at once; each must be back soon, with one write, and then nothing more is written.
pub async fn come_back(namespace: &Namespace<'_>, edits: &[Edit]) {
    let mark = namespace.requests_since(0).await.len();
    join_all(edits.iter().map(|change| async {
        let edited = edit(namespace, change.kind, change.name, change.patch.clone()).await;
        assert!(!(change.back)(&edited), "the edit of {:?} {} shows", change.kind, change.name);
        let watch = Stopwatch::start(namespace.world);
        namespace.child_until(change.kind, change.name, "put back", change.back).await;
        watch.within(SOON, &format!("{:?} {}", change.kind, change.name));
    }))
    .await;
    let requests = namespace.requests_since(mark).await;
    for change in edits {
        assert_eq!(writes_to(&requests, change.kind, change.name), 1, "{:?} {}: {requests:#?}", change.kind, change.name);
    }
    assert_eq!(writes(&requests), edits.len(), "{requests:#?}");
}

#[tokio::test]
async fn rule_12_a_deleted_child_of_any_kind_is_back_within_two_seconds_with_one_write() {
    let world = World::shared().await;
    let shop = world.namespace("drift-deleted").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let files = shop.children()["configmap"].iter().find(|name| name.starts_with("web-files-")).unwrap().clone();
    let kinds = [
        (Kind::Deployment, "web"),
        (Kind::StatefulSet, "orders"),
        (Kind::Service, "web"),
        (Kind::Service, "orders-headless"),
        (Kind::ConfigMap, "orders-init"),
        (Kind::ConfigMap, &files),
        (Kind::ServiceAccount, "web"),
        (Kind::PodDisruptionBudget, "web"),
        (Kind::NetworkPolicy, "web"),
        (Kind::NetworkPolicy, "orders"),
        (Kind::HorizontalPodAutoscaler, "api"),
        (Kind::Ingress, "web"),
    ];
    let mark = shop.requests_since(0).await.len();
    join_all(kinds.map(|(kind, name)| {
        let shop = &shop;
        async move {
            let uid = shop.get(kind, name).await["metadata"]["uid"].clone();
            delete(shop, kind, name).await;
            let watch = Stopwatch::start(world);
            let is_new = |child: &Value| !child.is_null() && child["metadata"]["uid"] != uid;
            shop.child_until(kind, name, "made again", is_new).await;
            watch.within(SOON, &format!("{kind:?} {name}"));
        }
    }))
    .await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    for (kind, name) in kinds {
        assert_eq!(writes_to(&requests, kind, name), 1, "{kind:?} {name}: {requests:#?}");
    }
    assert_eq!(writes(&requests), kinds.len(), "{requests:#?}");
}

#[tokio::test]
async fn rule_12_an_edited_field_of_any_kind_of_child_is_put_back_and_an_event_names_the_manager() {
    let world = World::shared().await;
    let shop = world.namespace("drift-edited").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let path = "/spec/template/spec/containers/0/image";
    let edits = [
        Edit {
            kind: Kind::Deployment,
            name: "web",
            patch: json!([{"op": "replace", "path": path, "value": "evil:1"}]),
            back: |web| image(web) == "web:1",
        },
        Edit {
            kind: Kind::StatefulSet,
            name: "orders",
            patch: json!([{"op": "replace", "path": path, "value": "evil:1"}]),
            back: |orders| image(orders) == "docker.io/library/postgres:17",
        },
        Edit {
            kind: Kind::Service,
            name: "web",
            patch: json!([{"op": "replace", "path": "/spec/selector", "value": {"app": "evil"}}]),
            back: |web| {
                web["spec"]["selector"]["microservicestack.dev/component"] == "web" && web["spec"]["selector"]["app"].is_null()
            },
        },
        Edit {
            kind: Kind::PodDisruptionBudget,
            name: "web",
            patch: json!([{"op": "replace", "path": "/spec/maxUnavailable", "value": 0}]),
            back: |web| web["spec"]["maxUnavailable"] == 1,
        },
        Edit {
            kind: Kind::NetworkPolicy,
            name: "orders",
            patch: json!([{"op": "replace", "path": "/spec/podSelector/matchLabels", "value": {"app": "evil"}}]),
            back: |orders| orders["spec"]["podSelector"]["matchLabels"]["microservicestack.dev/component"] == "orders",
        },
        Edit {
            kind: Kind::HorizontalPodAutoscaler,
            name: "api",
            patch: json!([{"op": "replace", "path": "/spec/maxReplicas", "value": 50}]),
            back: |api| api["spec"]["maxReplicas"] == 3,
        },
        Edit {
            kind: Kind::Ingress,
            name: "web",
            patch: json!([{"op": "replace", "path": "/spec/rules/0/host", "value": "evil.example.com"}]),
            back: |web| web["spec"]["rules"][0]["host"] == "web.example.com",
        },
        Edit {
            kind: Kind::ConfigMap,
            name: "orders-init",
            patch: json!([{"op": "replace", "path": "/data/01.sql", "value": "drop table"}]),
            back: |init| init["data"]["01.sql"] == "select 1",
        },
        Edit {
            kind: Kind::ServiceAccount,
            name: "web",
            patch: json!([{"op": "replace", "path": "/metadata/labels/app.kubernetes.io~1part-of", "value": "evil"}]),
            back: |web| web["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shop",
        },
    ];
    come_back(&shop, &edits).await;
    for Edit { kind, name, .. } in &edits {
        let wanted = format!("put back {} {name}, changed by {EDITOR}", kind.row().name);
        let is_told = |events: &[Value]| events.iter().any(|event| event["note"] == wanted);
        shop.events_until("DriftCorrected", &format!("told: {wanted}"), is_told).await;
    }
}

#[tokio::test]
async fn rule_12_what_is_removed_from_a_child_comes_back() {
    let world = World::shared().await;
    let shop = world.namespace("drift-removed").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let remove = |path: &str| json!([{"op": "remove", "path": path}]);
    let edits = [
        Edit {
            kind: Kind::ServiceAccount,
            name: "web",
            patch: remove("/metadata/labels/app.kubernetes.io~1part-of"),
            back: |web| web["metadata"]["labels"]["app.kubernetes.io/part-of"] == "shop",
        },
        Edit {
            kind: Kind::Ingress,
            name: "web",
            patch: remove("/metadata/annotations/microservicestack.dev~1desired"),
            back: |web| web["metadata"]["annotations"]["microservicestack.dev/desired"].is_string(),
        },
        Edit {
            kind: Kind::PodDisruptionBudget,
            name: "web",
            patch: remove("/metadata/ownerReferences"),
            back: |web| web["metadata"]["ownerReferences"][0]["kind"] == "MicroserviceStack",
        },
        Edit {
            kind: Kind::NetworkPolicy,
            name: "web",
            patch: remove("/spec/ingress/1"),
            back: |web| web["spec"]["ingress"].as_array().is_some_and(|rules| rules.len() == 3),
        },
        Edit {
            kind: Kind::Deployment,
            name: "web",
            patch: remove("/spec/template/spec/containers/0/env/0"),
            back: |web| web["spec"]["template"]["spec"]["containers"][0]["env"][0]["name"] == "STACK_NAME",
        },
        Edit {
            kind: Kind::HorizontalPodAutoscaler,
            name: "api",
            patch: remove("/spec/metrics"),
            back: |api| api["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 70,
        },
    ];
    come_back(&shop, &edits).await;
}

#[tokio::test]
async fn rule_12_a_child_without_its_label_is_found_again() {
    let world = World::shared().await;
    let shop = world.namespace("drift-label").await;
    shop.apply_stack("shop", EVERY_KIND);
    shop.stack_ready("shop").await;
    let before = shop.get(Kind::Deployment, "web").await;
    for kind in [Kind::Service, Kind::Deployment] {
        edit(&shop, kind, "web", json!([{"op": "remove", "path": "/metadata/labels/microservicestack.dev~1stack"}])).await;
        let watch = Stopwatch::start(world);
        shop.child_until(kind, "web", "labelled", |web| web["metadata"]["labels"]["microservicestack.dev/stack"] == "shop").await;
        watch.within(SOON, &format!("{kind:?}"));
    }
    let after = shop.stack_ready("shop").await;
    let web = shop.get(Kind::Deployment, "web").await;
    assert_eq!((&web["metadata"]["uid"], &web["spec"]), (&before["metadata"]["uid"], &before["spec"]), "{after:#}");
}

#[tokio::test]
async fn rule_12_routes_of_the_gateway_api_come_back_too() {
    let world = World::shared().await;
    let shop = world.namespace("drift-route").await;
    shop.apply_stack(
        "shop",
        "{routing: {gateway: {name: public}}, services: {web: {image: 'web:1', port: 8080, expose: [{host: a.example.com}, {host: b.example.com}]}}}",
    );
    let routes = || async { shop.kubectl(&["get", "httproutes", "-o", "name"]).lines().collect::<Value>() };
    shop.until("two routes", routes, |routes| routes.as_array().unwrap().len() == 2).await;
    assert!(shop.get(Kind::HttpRoute, "web").await.is_object());
    let edits = [Edit {
        kind: Kind::HttpRoute,
        name: "web",
        patch: json!([{"op": "replace", "path": "/spec/hostnames/0", "value": "evil.example.com"}]),
        back: |web| web["spec"]["hostnames"][0] == "a.example.com",
    }];
    come_back(&shop, &edits).await;
    let mark = shop.requests_since(0).await.len();
    delete(&shop, Kind::HttpRoute, "web").await;
    shop.child_until(Kind::HttpRoute, "web", "made again", Value::is_object).await;
    let requests = shop.requests_since(mark).await;
    assert_eq!(writes(&requests), 1, "{requests:#?}");
}
