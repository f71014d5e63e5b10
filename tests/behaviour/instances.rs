//! Rule 1: `instances` tells the truth, and `Ready` is true only when every component serves what is asked.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::history::History;
use crate::world::{Namespace, World, component, condition, is_ready, reason};

/// What the Deployment and the EndpointSlices of a component say.
async fn truth(shop: &Namespace<'_>, name: &str) -> Value {
    let workload = shop.get(Kind::Deployment, name).await;
    let count = |field: &str| workload["status"][field].as_i64().unwrap_or_default();
    let slices = shop.kubectl(&["get", "endpointslices", "-l", &format!("kubernetes.io/service-name={name}"), "-o", "json"]);
    let slices: Value = serde_json::from_str(&slices).unwrap();
    let endpoints =
        slices["items"].as_array().unwrap().iter().flat_map(|slice| slice["endpoints"].as_array().cloned().unwrap_or_default());
    let serving = endpoints.filter(|endpoint| endpoint["conditions"]["ready"] == true).count();
    let terminating = shop.pods(name).await.iter().filter(|pod| !pod["metadata"]["deletionTimestamp"].is_null()).count();
    json!({
        "desired": workload["spec"]["replicas"], "source": "Spec", "updated": count("updatedReplicas"), "ready": count("readyReplicas"),
        "serving": serving, "terminating": terminating,
    })
}

/// Waits until the counts of `web` are these, in the status and in truth: what is told follows what is true, a moment later.
async fn told_and_true(shop: &Namespace<'_>, expected: &Value) {
    let both = || async { json!([component(&shop.stack("shop").await, "web")["instances"], truth(shop, "web").await]) };
    shop.until("told and true", both, |both| both[0] == *expected && both[1] == *expected).await;
}

#[tokio::test]
async fn rule_1_instances_tell_the_truth_while_scaling() {
    let world = World::shared().await;
    let shop = world.namespace("truth").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080}, worker: {image: 'worker:1', replicas: 2}}");
    for count in [1, 3, 1] {
        shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": count}}}})).await;
        let expected =
            json!({"desired": count, "source": "Spec", "updated": count, "ready": count, "serving": count, "terminating": 0});
        told_and_true(&shop, &expected).await;
        shop.stack_ready("shop").await;
    }
    let expected = json!({"desired": 2, "source": "Spec", "updated": 2, "ready": 2, "serving": 2, "terminating": 0});
    let serves = |stack: &Value| component(stack, "worker")["instances"] == expected;
    shop.stack_until("shop", "a component without a port that serves when ready", serves).await;
}

#[tokio::test]
async fn rule_1_an_instance_that_goes_away_is_terminating_and_serves_no_more() {
    let world = World::shared().await;
    let shop = world.namespace("terminating").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 2}}");
    shop.stack_ready("shop").await;
    for pod in shop.pods("web").await {
        // It goes only when the test lets it go.
        let name = pod["metadata"]["name"].as_str().unwrap();
        shop.kubectl(&[
            "patch",
            "pod",
            name,
            "--type=merge",
            "-p",
            r#"{"metadata": {"finalizers": ["test.microservicestack.dev/hold"]}}"#,
        ]);
    }
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 1}}}})).await;
    let expected = json!({"desired": 1, "source": "Spec", "updated": 1, "ready": 1, "serving": 1, "terminating": 1});
    told_and_true(&shop, &expected).await;
    for pod in shop.pods("web").await {
        let name = pod["metadata"]["name"].as_str().unwrap();
        shop.kubectl(&["patch", "pod", name, "--type=merge", "-p", r#"{"metadata": {"finalizers": null}}"#]);
    }
    shop.stack_until("shop", "settled", |stack| component(stack, "web")["instances"]["terminating"] == 0).await;
}

#[tokio::test]
async fn rule_1_ready_is_true_only_at_the_observed_generation_with_the_template_fully_rolled() {
    let world = World::shared().await;
    let shop = world.namespace("generation").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 3}}");
    shop.stack_ready("shop").await;
    let history = History::of(&shop, "shop").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"image": "web:2"}}}})).await;
    let stack = shop.stack_ready("shop").await;
    let pods = shop.pods("web").await;
    let staying: Vec<_> = pods.iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect();
    assert_eq!(staying.iter().map(|pod| &pod["spec"]["containers"][0]["image"]).collect::<Vec<_>>(), ["web:2"; 3]);
    assert_eq!(stack["status"]["observedGeneration"], stack["metadata"]["generation"]);
    history.caught_up(&stack).await;
    for state in history.states() {
        let instances = &component(&state, "web")["instances"];
        let whole = instances["updated"] == 3 && instances["serving"].as_i64() >= Some(3);
        assert!(!is_ready(&state) || whole, "Ready, but {instances}");
    }
}

#[tokio::test]
async fn rule_1_a_step_of_the_autoscaler_is_reconciling_and_not_unready() {
    let world = World::shared().await;
    let shop = world.namespace("autoscaler").await;
    shop.apply_stack(
        "shop",
        "services: {web: {image: 'web:1', port: 8080, scale: {min: 2, max: 9, cpu: 70}, resources: {cpu: 100m}}}",
    );
    let expected = json!({"desired": 2, "source": "HPA", "updated": 2, "ready": 2, "serving": 2, "terminating": 0});
    let settled = |stack: &Value| is_ready(stack) && component(stack, "web")["instances"] == expected;
    shop.stack_until("shop", "ready at two", settled).await;
    let history = History::of(&shop, "shop").await;
    // As the autoscaler does: a write of the scale.
    shop.kubectl(&["scale", "deployment", "web", "--replicas=6"]);
    let expected = json!({"desired": 6, "source": "HPA", "updated": 6, "ready": 6, "serving": 6, "terminating": 0});
    let stack = shop.stack_until("shop", "at six", |stack| component(stack, "web")["instances"] == expected).await;
    assert_eq!(condition(&stack, "Reconciling").unwrap()["status"], "False");
    history.caught_up(&stack).await;
    assert_eq!(history.ready(), [("True".to_owned(), "Available".to_owned())], "never unready");
    for state in history.states() {
        let instances = &component(&state, "web")["instances"];
        let reconciling = condition(&state, "Reconciling").unwrap()["status"] == "True";
        assert_eq!(reconciling, instances["serving"].as_i64() < instances["desired"].as_i64(), "{state}");
    }
}

#[tokio::test]
async fn rule_1_ready_is_true_only_when_the_routes_are_accepted() {
    let world = World::shared().await;
    let shop = world.namespace("routes").await;
    let spec = "
routing: {gateway: {name: public, namespace: infra}}
services: {web: {image: 'web:1', port: 8080, expose: [{host: shop.example.com, tls: {}}]}}
";
    shop.apply_stack("shop", spec);
    let waits = |stack: &Value| component(stack, "web")["phase"] == "Degraded";
    let stack = shop.stack_until("shop", "waiting for its route", waits).await;
    assert_eq!((reason(&stack), &condition(&stack, "RoutesAccepted").unwrap()["status"]), ("Degraded", &json!("False")));
    assert_eq!(stack["status"]["summary"]["url"], Value::Null);
    let words = component(&stack, "web")["message"].as_str().unwrap();
    assert!(words.contains("is the Gateway there, and does its listener admit this namespace?"), "{words}");
    let route = shop.get(Kind::HttpRoute, "web").await;
    accept(&shop, &route, "False", "NotAllowedByListeners");
    let told =
        |stack: &Value| component(stack, "web")["message"].as_str().is_some_and(|words| words.contains("NotAllowedByListeners"));
    shop.stack_until("shop", "told why", told).await;
    accept(&shop, &route, "True", "Accepted");
    let stack = shop.stack_ready("shop").await;
    assert_eq!(condition(&stack, "RoutesAccepted").unwrap()["status"], "True");
    assert_eq!(stack["status"]["summary"]["url"], "https://shop.example.com");
}

#[tokio::test]
async fn rule_1_a_stack_is_not_ready_before_its_grpc_route_is_accepted() {
    let world = World::shared().await;
    let shop = world.namespace("grpc-routes").await;
    let spec = "
routing: {gateway: {name: public, namespace: infra}}
services: {web: {image: 'web:1', port: 9090/grpc, expose: [{host: grpc.example.com, path: /shop.Orders}]}}
";
    shop.apply_stack("shop", spec);
    let waits = |stack: &Value| component(stack, "web")["phase"] == "Degraded";
    shop.stack_until("shop", "waiting for its route", waits).await;
    let route = shop.get(Kind::GrpcRoute, "web").await;
    assert_eq!(shop.get(Kind::HttpRoute, "web").await, Value::Null);
    accept(&shop, &route, "True", "Accepted");
    let stack = shop.stack_ready("shop").await;
    assert_eq!(stack["status"]["summary"]["url"], "http://grpc.example.com/shop.Orders");

    // A timeout is more than a GRPCRoute can say: an HTTPRoute takes its place.
    let slow = json!([{"host": "grpc.example.com", "path": "/shop.Orders", "timeout": "5s"}]);
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"expose": slow}}}})).await;
    shop.child_until(Kind::GrpcRoute, "web", "gone", Value::is_null).await;
    let route = shop.child_until(Kind::HttpRoute, "web", "made", Value::is_object).await;
    assert_eq!(route["spec"]["rules"][0]["timeouts"], json!({"request": "5s"}));
    accept(&shop, &route, "True", "Accepted");
    shop.stack_ready("shop").await;
}

/// Writes the route's status as its controller would.
fn accept(shop: &Namespace<'_>, route: &Value, status: &str, reason: &str) {
    let condition = |r#type: &str, status: &str, reason: &str| {
        json!({
            "type": r#type, "status": status, "reason": reason, "message": "of the test",
            "observedGeneration": route["metadata"]["generation"], "lastTransitionTime": "2026-01-01T00:00:00Z",
        })
    };
    let parent = json!({
        "parentRef": route["spec"]["parentRefs"][0], "controllerName": "test.microservicestack.dev/gateway",
        "conditions": [condition("Accepted", status, reason), condition("ResolvedRefs", "True", "ResolvedRefs")],
    });
    let patch = json!({"status": {"parents": [parent]}}).to_string();
    let kind = route["kind"].as_str().unwrap();
    shop.kubectl(&["patch", kind, "web", "--subresource=status", "--type=merge", "-p", &patch]);
}
