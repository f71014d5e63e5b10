//! Rule 7: migrations, tests and jobs. On simulated nodes the tag of the image says what becomes of a Job's pod: `fails`,
//! `killed`, `waits`, or it ends well.
use std::collections::BTreeMap;
use std::time::Duration;

use kube::api::{ListParams, Patch, PatchParams};
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, World, component, condition, is_ready, message, reason};

const SHOP: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}}
services:
  web: {image: 'web:1', port: 8080, uses: [api]}
  api: {image: 'api:1', port: 8080, uses: [orders]}
";

/// The Jobs of a task by name, with the reason of their end.
async fn jobs(shop: &Namespace<'_>, task: &str) -> BTreeMap<String, String> {
    let api = shop.api(&mstack::cluster::slim::resource(Kind::Job.row()));
    let params = ListParams::default().labels(&format!("microservicestack.dev/task={task}"));
    let list = api.list(&params).await.unwrap().items;
    let jobs = list.iter().map(|job| serde_json::to_value(job).unwrap());
    jobs.map(|job| {
        let ends = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let end = ends.iter().find(|end| end["status"] == "True" && (end["type"] == "Complete" || end["type"] == "Failed"));
        let end = end.map_or("", |end| end["type"].as_str().unwrap()).to_owned();
        (job["metadata"]["name"].as_str().unwrap().to_owned(), end)
    })
    .collect()
}

/// Ends the pod of a task that waits, once it runs: its node would write over what is told earlier.
async fn end_well(shop: &Namespace<'_>, task: &str) {
    let pods = shop.api(&mstack::cluster::slim::resource(Kind::Pod.row()));
    let params = ListParams::default().labels(&format!("microservicestack.dev/task={task}"));
    let running = || async {
        let all = pods.list(&params).await.unwrap().items;
        all.into_iter().filter(|pod| pod.data["status"]["phase"] == "Running").filter_map(|pod| pod.metadata.name).collect()
    };
    let names = shop.until("running", running, |names: &Value| !names.as_array().unwrap().is_empty()).await;
    for name in names.as_array().unwrap().iter().filter_map(Value::as_str) {
        let patch = Patch::Merge(json!({"status": {"phase": "Succeeded"}}));
        pods.patch_status(name, &PatchParams::default(), &patch).await.unwrap();
    }
}

fn is_good(stack: &Value) -> bool {
    let revision = &stack["status"]["revision"];
    is_ready(stack) && reason(stack) == "Available" && revision["current"] == revision["update"]
}

#[tokio::test]
async fn rule_7_a_gated_test_that_fails_puts_the_services_back_and_its_job_is_kept() {
    let world = World::shared().await;
    let shop = world.namespace("gated").await;
    let with = |image: &str| format!("{SHOP}tests: {{flow: {{image: '{image}', uses: [web], gate: true}}}}\n");
    shop.apply_stack("shop", &with("e2e:1"));
    let stack = shop.stack_until("shop", "good with its test", is_good).await;
    assert_eq!(stack["status"]["tests"]["flow"]["phase"], "Succeeded", "{:#}", stack["status"]);
    assert_eq!(condition(&stack, "TestsPassed").unwrap()["status"], "True");
    shop.apply_stack("shop", &with("e2e:fails").replace("web:1", "web:2").replace("api:1", "api:2"));
    let stack = shop.stack_until("shop", "rolled back", |stack| reason(stack) == "RolledBack").await;
    let words = "the test flow failed: Error: container test ended: Error, exit code 1: step 2 | expected 200, got 500";
    assert!(message(&stack).contains(words), "{}", message(&stack));
    assert!(message(&stack).contains("api, web are back on shop-"), "{}", message(&stack));
    for (name, former) in [("web", "web:1"), ("api", "api:1")] {
        shop.image_until(name, "back", former).await;
    }
    shop.requests_since(0).await;
    let kept = jobs(&shop, "test-flow").await;
    assert_eq!(kept.values().filter(|end| *end == "Failed").count(), 1, "{kept:?}");
    shop.apply_stack("shop", &with("e2e:3").replace("web:1", "web:2").replace("api:1", "api:2"));
    shop.stack_until("shop", "good once the test is mended", is_good).await;
    assert_eq!(shop.image("web").await, "web:2");
    let left = || async { jobs(&shop, "test-flow").await.into_values().collect() };
    shop.until("rid of the Jobs of old revisions", left, |left| *left == json!(["Complete"])).await;
}

#[tokio::test]
async fn rule_7_a_revision_is_not_ready_before_its_gated_test_and_an_ungated_one_only_warns() {
    let world = World::shared().await;
    let shop = world.namespace("testing").await;
    let tests = "tests: {flow: {image: 'e2e:waits', uses: [api], gate: true}, nice: {image: 'e2e:fails', uses: [web]}}\n";
    shop.apply_stack("shop", &format!("{SHOP}{tests}"));
    let stack = shop.stack_until("shop", "testing", |stack| reason(stack) == "Testing").await;
    assert_eq!(condition(&stack, "Reconciling").unwrap()["status"], "True");
    shop.stack_until("shop", "running its test", |stack| stack["status"]["tests"]["flow"]["phase"] == "Running").await;
    end_well(&shop, "test-flow").await;
    let failed = |stack: &Value| is_good(stack) && stack["status"]["tests"]["nice"]["phase"] == "Failed";
    let stack = shop.stack_until("shop", "good with a warning", failed).await;
    let told = condition(&stack, "TestsPassed").unwrap();
    assert_eq!((&told["status"], &told["reason"]), (&json!("False"), &json!("Failed")));
    assert!(told["message"].as_str().unwrap().contains("nice: Error"), "{told}");
}

#[tokio::test]
async fn rule_7_a_migration_runs_once_after_its_database_and_before_its_template() {
    let world = World::shared().await;
    let shop = world.namespace("migrated").await;
    let with =
        |tag: &str| SHOP.replace("uses: [orders]", &format!("uses: [orders], migrate: {{image: 'm:{tag}', command: [/m]}}"));
    shop.apply_stack("shop", &with("waits"));
    let stack = shop.stack_until("shop", "migrating", |stack| component(stack, "api")["phase"] == "Migrating").await;
    assert_eq!(shop.get(Kind::Deployment, "api").await, Value::Null, "{stack:#}");
    shop.stack_until("shop", "running it", |stack| {
        component(stack, "api")["message"].as_str().is_some_and(|words| words.contains("runs (job"))
    })
    .await;
    let stack = shop.stack("shop").await;
    assert_eq!(component(&stack, "orders")["phase"], "Ready", "it begins once its database serves");
    end_well(&shop, "migrate-api").await;
    shop.stack_until("shop", "good", is_good).await;
    let first = jobs(&shop, "migrate-api").await;
    // Another image of the service alone is no other migration, for it has an image of its own.
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"image": "api:2"}}}})).await;
    shop.stack_until("shop", "good with another image", is_good).await;
    assert_eq!(jobs(&shop, "migrate-api").await, first);
    // The record remembers it when its Job is gone, and a running one outlives a newer spec.
    shop.kubectl(&["delete", "job", "-l", "microservicestack.dev/task=migrate-api"]);
    shop.requests_since(0).await;
    assert!(jobs(&shop, "migrate-api").await.is_empty());
    let api = json!({"image": "api:3", "config": {"A": "1"}});
    shop.patch_stack("shop", json!({"spec": {"rollout": {"deadline": "2s"}, "services": {"api": api}}})).await;
    shop.stack_until("shop", "running another one", |stack| {
        component(stack, "api")["message"].as_str().is_some_and(|words| words.contains("runs (job"))
    })
    .await;
    // One whose container has not begun yet may be replaced.
    let pods = ["get", "pods", "-l", "microservicestack.dev/task=migrate-api", "-o", "jsonpath={.items[*].status.phase}"];
    shop.stack_until("shop", "running it in a container", |_| shop.kubectl(&pods) == "Running").await;
    let running = jobs(&shop, "migrate-api").await;
    // The deadline is stopped meanwhile.
    tokio::time::sleep(Duration::from_secs(3)).await;
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"config": {"A": "2"}, "replicas": 2}}}})).await;
    shop.child_until(Kind::Deployment, "api", "scaled while it migrates", |api| api["spec"]["replicas"] == 2).await;
    shop.requests_since(0).await;
    assert_eq!(jobs(&shop, "migrate-api").await, running, "the newer one waits for its turn");
    assert_eq!(shop.image("api").await, "api:2");
    assert_eq!(component(&shop.stack("shop").await, "api")["phase"], "Migrating");
    shop.patch_stack("shop", json!({"spec": {"rollout": null}})).await;
    end_well(&shop, "migrate-api").await;
    shop.stack_until("shop", "running the newer one", |stack| {
        component(stack, "api")["message"]
            .as_str()
            .is_some_and(|words| words.contains("runs (job") && !words.contains(running.keys().next().unwrap()))
    })
    .await;
    end_well(&shop, "migrate-api").await;
    shop.stack_until("shop", "good", is_good).await;
    assert_eq!(shop.image("api").await, "api:3");
}

#[tokio::test]
async fn rule_7_a_failed_migration_puts_back_what_has_changed_and_one_that_was_cut_off_holds() {
    let world = World::shared().await;
    let shop = world.namespace("unmigrated").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_until("shop", "good", is_good).await;
    let to = |tag: &str| {
        json!({"spec": {"services": {
            "web": {"image": format!("web:{tag}")},
            "api": {"image": format!("api:{tag}"), "migrate": {"image": format!("m:{tag}"), "command": ["/m"]}},
        }}})
    };
    shop.patch_stack("shop", to("fails")).await;
    let stack = shop.stack_until("shop", "rolled back", |stack| reason(stack) == "RolledBack").await;
    assert!(message(&stack).contains("the migration of api failed: Error"), "{}", message(&stack));
    shop.image_until("web", "back", "web:1").await;
    assert_eq!(shop.image("api").await, "api:1", "its template was never written");
    shop.patch_stack("shop", to("killed")).await;
    let stack = shop.stack_until("shop", "held", |stack| reason(stack) == "MigrationFailed").await;
    assert!(message(&stack).contains("may be changed in part"), "{}", message(&stack));
    assert_eq!(condition(&stack, "Stalled").unwrap()["status"], "True");
    shop.image_until("web", "not put back", "web:killed").await;
    let held = jobs(&shop, "migrate-api").await;
    shop.kubectl(&["annotate", "mss", "shop", "microservicestack.dev/retry=1"]);
    let uid = |shop: &Namespace<'_>| shop.kubectl(&["get", "jobs", "-o", "jsonpath={.items[*].metadata.annotations}"]);
    shop.stack_until("shop", "tried again", |_| uid(&shop).contains("retry")).await;
    shop.patch_stack("shop", to("2")).await;
    shop.stack_until("shop", "good once it is mended", is_good).await;
    assert_eq!(shop.image("api").await, "api:2", "{held:?}");
}

#[tokio::test]
async fn rule_7_a_job_runs_once_and_again_when_it_changes() {
    let world = World::shared().await;
    let shop = world.namespace("seeded").await;
    let with = |tag: &str| format!("{SHOP}jobs: {{seed: {{image: 'seed:{tag}', uses: [orders, api]}}}}\n");
    shop.apply_stack("shop", &with("1"));
    let done = |stack: &Value| stack["status"]["jobs"]["seed"]["phase"] == "Succeeded";
    shop.stack_until("shop", "seeded", |stack| done(stack) && is_good(stack)).await;
    let first = jobs(&shop, "job-seed").await;
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"image": "api:2"}}}})).await;
    shop.stack_until("shop", "good", is_good).await;
    shop.requests_since(0).await;
    assert_eq!(jobs(&shop, "job-seed").await, first, "once");
    shop.apply_stack("shop", &with("2"));
    let other = |stack: &Value| done(stack) && !first.contains_key(stack["status"]["jobs"]["seed"]["job"].as_str().unwrap());
    shop.stack_until("shop", "seeded again", other).await;
    let pods = shop.kubectl(&["get", "pods", "-l", "microservicestack.dev/component,microservicestack.dev/task", "-o", "name"]);
    assert_eq!(pods, "", "no pod of a task is selected with those of a service");
}
