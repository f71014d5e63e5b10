//! Rule 2: counts have one owner at a time, and no template write ever drops one.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt;
use kube::api::{DeleteParams, Patch, PatchParams, WatchEvent, WatchParams};
use mstack::cluster::slim;
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, World};

/// Sets the count of a Deployment as another manager does: through the subresource that autoscalers and `kubectl scale` use.
async fn scale_as(namespace: &Namespace<'_>, manager: &str, name: &str, count: i32) {
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let patch = Patch::Merge(json!({"spec": {"replicas": count}}));
    namespace.api(&slim::resource(Kind::Deployment.row())).patch_scale(name, &params, &patch).await.unwrap();
}

/// Watches a Deployment and keeps every count that it ever has.
struct Counts {
    stop: Arc<AtomicBool>,
    seen: tokio::task::JoinHandle<Vec<i64>>,
}

impl Counts {
    async fn watch(namespace: &Namespace<'_>, name: &str) -> Self {
        let api = namespace.api(&slim::resource(Kind::Deployment.row()));
        let version = api.get(name).await.unwrap().metadata.resource_version.unwrap();
        let params = WatchParams::default().fields(&format!("metadata.name={name}")).timeout(290);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let mut events = api.watch(&params, &version).await.unwrap().boxed();
        let seen = tokio::spawn(async move {
            let mut counts = Vec::new();
            while let Some(event) = events.next().await {
                if let WatchEvent::Added(deployment) | WatchEvent::Modified(deployment) = event.unwrap() {
                    counts.push(deployment.data["spec"]["replicas"].as_i64().unwrap());
                    if stopped.load(Ordering::Relaxed) {
                        break;
                    }
                }
            }
            counts.dedup();
            counts
        });
        Self { stop, seen }
    }

    /// Ends the watch at the next change, which this makes.
    async fn end(self, namespace: &Namespace<'_>, name: &str) -> Vec<i64> {
        self.stop.store(true, Ordering::Relaxed);
        let patch = Patch::Merge(json!({"metadata": {"annotations": {"last": "one"}}}));
        namespace.api(&slim::resource(Kind::Deployment.row())).patch(name, &PatchParams::default(), &patch).await.unwrap();
        self.seen.await.unwrap()
    }
}

fn count_owner(deployment: &Value) -> Vec<&str> {
    let entries = deployment["metadata"]["managedFields"].as_array().unwrap();
    let owns = |entry: &&Value| !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null();
    entries.iter().filter(owns).map(|entry| entry["manager"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn rule_2_a_changed_count_is_written_by_its_own_manager_and_leaves_the_template_alone() {
    let world = World::shared().await;
    let shop = world.namespace("count-manager").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 2}}");
    shop.stack_ready("shop").await;
    let before = shop.get(Kind::Deployment, "web").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 5}}}})).await;
    let web = shop.child_until(Kind::Deployment, "web", "scaled", |web| web["spec"]["replicas"] == 5).await;
    assert_eq!(count_owner(&web), ["mstack-count"]);
    assert_eq!(web["spec"]["template"], before["spec"]["template"]);
}

#[tokio::test]
async fn rule_2_a_manual_change_of_a_count_is_put_back_with_an_event_that_names_the_manager() {
    let world = World::shared().await;
    let shop = world.namespace("count-manual").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 2}}");
    shop.stack_ready("shop").await;
    for count in [7, 0] {
        let mark = shop.requests_since(0).await.len();
        shop.kubectl(&["scale", "deployment/web", &format!("--replicas={count}")]);
        shop.child_until(Kind::Deployment, "web", "put back", |web| web["spec"]["replicas"] == 2).await;
        let requests = shop.requests_since(mark).await;
        assert_eq!(requests.iter().filter(|request| request.is_child_write()).count(), 1, "{requests:#?}");
    }
    let is_told = |events: &[Value]| events.iter().any(|event| event["note"] == "put back Deployment web, changed by kubectl");
    shop.events_until("DriftCorrected", "told who has changed it", is_told).await;
}

#[tokio::test]
async fn rule_2_no_template_write_ever_drops_the_count() {
    let world = World::shared().await;
    let shop = world.namespace("count-kept").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 4}}");
    shop.stack_ready("shop").await;
    let counts = Counts::watch(&shop, "web").await;
    for (image, count) in [("web:2", 4), ("web:3", 6), ("web:4", 6), ("web:5", 3)] {
        shop.patch_stack("shop", json!({"spec": {"services": {"web": {"image": image, "replicas": count}}}})).await;
        let is_there = |web: &Value| web["spec"]["replicas"] == count && crate::world::image(web) == image;
        shop.child_until(Kind::Deployment, "web", "at the new template and count", is_there).await;
    }
    assert_eq!(counts.end(&shop, "web").await, [4, 6, 3]);
}

#[tokio::test]
async fn rule_2_with_scale_the_count_is_the_autoscalers_and_never_ours() {
    let world = World::shared().await;
    let shop = world.namespace("count-scaled").await;
    shop.apply_stack(
        "shop",
        "services: {web: {image: 'web:1', port: 8080, scale: {min: 2, max: 9, cpu: 70}, resources: {cpu: 100m}}}",
    );
    shop.stack_ready("shop").await;
    scale_as(&shop, "kube-controller-manager", "web", 7).await;
    let counts = Counts::watch(&shop, "web").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"image": "web:2"}}}})).await;
    shop.image_until("web", "updated", "web:2").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"scale": {"max": 12}}}}})).await;
    shop.child_until(Kind::HorizontalPodAutoscaler, "web", "updated", |web| web["spec"]["maxReplicas"] == 12).await;
    let status =
        shop.stack_until("shop", "ready with 7", |shop| shop["status"]["services"]["web"]["instances"]["serving"] == 7).await;
    let instances = &status["status"]["services"]["web"]["instances"];
    assert_eq!((&instances["desired"], &instances["source"]), (&7.into(), &"HPA".into()));
    let web = shop.get(Kind::Deployment, "web").await;
    assert_eq!(count_owner(&web), ["kube-controller-manager"]);
    assert_eq!(counts.end(&shop, "web").await, [7]);
}

#[tokio::test]
async fn rule_2_handed_over_to_an_autoscaler_and_taken_back_the_count_stays_until_it_is_told() {
    let world = World::shared().await;
    let shop = world.namespace("count-handed").await;
    shop.apply_stack("shop", "services: {web: {image: 'web:1', port: 8080, replicas: 5, resources: {cpu: 100m}}}");
    shop.stack_ready("shop").await;
    let counts = Counts::watch(&shop, "web").await;
    let scaled =
        json!({"spec": {"services": {"web": {"image": "web:2", "replicas": null, "scale": {"min": 2, "max": 9, "cpu": 70}}}}});
    shop.patch_stack("shop", scaled).await;
    shop.child_until(Kind::HorizontalPodAutoscaler, "web", "made", Value::is_object).await;
    shop.image_until("web", "updated", "web:2").await;
    shop.stack_ready("shop").await;
    scale_as(&shop, "kube-controller-manager", "web", 6).await;
    let fixed = json!({"spec": {"services": {"web": {"image": "web:3", "replicas": 3, "scale": null}}}});
    shop.patch_stack("shop", fixed).await;
    shop.child_until(Kind::Deployment, "web", "taken back", |web| web["spec"]["replicas"] == 3).await;
    assert!(shop.get(Kind::HorizontalPodAutoscaler, "web").await.is_null(), "to take back, the HPA is deleted and gone first");
    shop.stack_ready("shop").await;
    assert_eq!(counts.end(&shop, "web").await, [5, 6, 3]);
}

#[tokio::test]
async fn rule_2_an_autoscaler_that_is_slow_to_go_keeps_the_count_until_it_is_gone() {
    let world = World::shared().await;
    let shop = world.namespace("count-slow").await;
    shop.apply_stack(
        "shop",
        "services: {web: {image: 'web:1', port: 8080, scale: {min: 2, max: 9, cpu: 70}, resources: {cpu: 100m}}}",
    );
    shop.stack_ready("shop").await;
    scale_as(&shop, "kube-controller-manager", "web", 6).await;
    let autoscalers = shop.api(&slim::resource(Kind::HorizontalPodAutoscaler.row()));
    let hold = |finalizers: Value| Patch::Merge(json!({"metadata": {"finalizers": finalizers}}));
    autoscalers.patch("web", &PatchParams::default(), &hold(json!(["example.com/hold"]))).await.unwrap();
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 3, "scale": null}}}})).await;
    shop.child_until(Kind::HorizontalPodAutoscaler, "web", "going", |web| web["metadata"]["deletionTimestamp"].is_string()).await;
    shop.requests_since(0).await;
    assert_eq!(shop.get(Kind::Deployment, "web").await["spec"]["replicas"], 6);
    autoscalers.patch("web", &PatchParams::default(), &hold(Value::Null)).await.unwrap();
    shop.child_until(Kind::Deployment, "web", "taken back", |web| web["spec"]["replicas"] == 3).await;
}

#[tokio::test]
async fn rule_2_a_live_0_under_a_min_above_0_is_drift() {
    let world = World::shared().await;
    let shop = world.namespace("count-zero").await;
    shop.apply_stack(
        "shop",
        "services: {web: {image: 'web:1', port: 8080, scale: {min: 2, max: 9, cpu: 70}, resources: {cpu: 100m}}}",
    );
    shop.stack_ready("shop").await;
    shop.kubectl(&["scale", "deployment/web", "--replicas=0"]);
    shop.child_until(Kind::Deployment, "web", "put back", |web| web["spec"]["replicas"] == 2).await;
    scale_as(&shop, "kube-controller-manager", "web", 4).await;
    shop.stack_until("shop", "4 desired", |shop| shop["status"]["services"]["web"]["instances"]["desired"] == 4).await;
}

#[tokio::test]
async fn rule_2_a_deleted_autoscaler_or_deployment_comes_back_without_taking_the_count_from_the_other() {
    let world = World::shared().await;
    let shop = world.namespace("count-deleted").await;
    shop.apply_stack(
        "shop",
        "services: {web: {image: 'web:1', port: 8080, scale: {min: 2, max: 9, cpu: 70}, resources: {cpu: 100m}}}",
    );
    shop.stack_ready("shop").await;
    scale_as(&shop, "kube-controller-manager", "web", 6).await;
    let autoscalers = shop.api(&slim::resource(Kind::HorizontalPodAutoscaler.row()));
    let uid = shop.get(Kind::HorizontalPodAutoscaler, "web").await["metadata"]["uid"].clone();
    autoscalers.delete("web", &DeleteParams::default()).await.unwrap();
    shop.child_until(Kind::HorizontalPodAutoscaler, "web", "made again", |web| !web.is_null() && web["metadata"]["uid"] != uid)
        .await;
    shop.requests_since(0).await;
    assert_eq!(shop.get(Kind::Deployment, "web").await["spec"]["replicas"], 6);
}
