//! Rule 7 from the command line: `history`, `rollback` and `retry`.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::commands::{allow, code, done, err, mstack, out};
use crate::requests::child_writes;
use crate::rollout::{HUGE, SHOP, ask_for_failure, good};
use crate::world::{World, condition, is_ready, reason};

/// The revision that a stack asks for.
fn update(stack: &Value) -> String {
    stack["status"]["revision"]["update"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rule_7_history_tells_what_failed_and_a_rollback_makes_the_spec_agree_with_what_runs() {
    let world = World::shared().await;
    let shop = world.namespace("cli-history").await;
    shop.apply_stack("shop", SHOP);
    let first = good(&shop).await.as_str().unwrap().to_owned();
    let bad = json!({"spec": {"services": {
        "web": {"replicas": 3},
        "api": {"image": "api:2", "resources": {"cpu": HUGE}},
        "extra": {"image": "extra:1"},
    }}});
    ask_for_failure(&shop, bad).await;
    let stack = shop.stack_until("shop", "rolled back", |stack| reason(stack) == "RolledBack").await;
    let second = update(&stack);

    let told = done(&shop, &["history"]);
    assert!(told.contains(&format!("✕ {second}  Failed  number 2  ")), "{told}");
    assert!(told.contains("    api made no progress for 5 s: Unschedulable"), "{told}");
    assert!(told.contains("    api: image api:1 -> api:2\n") && told.contains("    extra comes (extra:1)\n"), "{told}");
    assert!(told.contains(&format!("✓ {first}  Good  number 1  ")) && told.contains("  runs, put back\n"), "{told}");
    let object: Value = serde_json::from_str(&done(&shop, &["history", "shop", "-o", "json"])).unwrap();
    let runs = |at: usize| (&object["revisions"][at]["name"], &object["revisions"][at]["runs"]);
    assert_eq!([runs(0), runs(1)], [(&json!(second), &json!(false)), (&json!(first), &json!(true))], "{object:#}");
    allow(&shop, "cli-historian", "get", "microservicestacks.microservicestack.dev").await;
    let refused = mstack(&shop, Some("cli-historian"), &["history", "shop"], None);
    assert!(code(&refused) == 2 && err(&refused).contains("you may not list controllerrevisions.apps"), "{}", err(&refused));

    let lines = ["extra goes", "api: image api:2 -> api:1", "api: resources.cpu goes"];
    let tried = done(&shop, &["rollback", "shop", "--dry-run=server"]);
    for line in lines {
        assert!(tried.contains(&format!("shop: {line} (server dry run)\n")), "{tried}");
    }
    assert_eq!(shop.stack("shop").await["metadata"]["generation"], stack["metadata"]["generation"]);
    // The services are back already, so agreeing with them costs no write.
    shop.child_until(Kind::NetworkPolicy, "extra", "gone", Value::is_null).await;
    let mark = shop.requests_since(0).await.len();
    let output = mstack(&shop, None, &["rollback", "shop"], None);
    assert!(out(&output).starts_with(&format!("shop: {second} -> {first}\n")), "{}{}", out(&output), err(&output));
    assert!(err(&output).contains("note: databases, counts, routing and profiles stay"), "{}", err(&output));
    let stack = shop.stack_until("shop", "well", |stack| is_ready(stack) && update(stack) == first).await;
    let services = &stack["spec"]["services"];
    assert_eq!((&services["api"], &services["web"]["replicas"]), (&json!({"image": "api:1", "port": 8080}), &json!(3)));
    assert_eq!(child_writes(&shop.requests_since(mark).await).len(), 0);
    let again = mstack(&shop, None, &["rollback", "shop"], None);
    assert!(code(&again) == 2 && err(&again).contains("there is no good revision of shop to go back to"), "{}", err(&again));

    // From a good one, the one before is meant.
    shop.patch_stack("shop", json!({"spec": {"rollout": null, "services": {"web": {"image": "web:2"}}}})).await;
    shop.stack_until("shop", "good with another image", |stack| {
        is_ready(stack)
            && stack["status"]["revision"]["current"] == stack["status"]["revision"]["update"]
            && update(stack) != first
    })
    .await;
    done(&shop, &["rollback", "shop"]);
    shop.stack_until("shop", "good as it was first", |stack| {
        is_ready(stack) && stack["status"]["revision"] == json!({"current": first, "update": first})
    })
    .await;
    assert_eq!(shop.image("web").await, "web:1");
    assert!(done(&shop, &["history"]).contains(&format!("✓ {first}  Good  number 4  ")));
}

#[tokio::test]
async fn rule_7_retry_tries_again_what_failed_and_is_refused_where_nothing_did() {
    let world = World::shared().await;
    let shop = world.namespace("cli-retry").await;
    shop.apply_stack("shop", &format!("{SHOP}tests: {{nice: {{image: 'e2e:fails', uses: [web]}}}}\n"));
    good(&shop).await;
    let failed = |stack: &Value| stack["status"]["tests"]["nice"]["phase"] == "Failed";
    let stack = shop.stack_until("shop", "told of its test", failed).await;
    let told = condition(&stack, "TestsPassed").unwrap()["message"].as_str().unwrap().to_owned();
    assert!(told.contains("mstack retry shop -n cli-retry"), "{told}");
    let shown = mstack(&shop, None, &["status", "shop"], None);
    let line = out(&shown).lines().find(|line| line.starts_with("test nice  ✕ Failed  ")).unwrap_or_default().to_owned();
    assert!(line.contains(" ago, took "), "{}{}", out(&shown), err(&shown));
    allow(&shop, "cli-retrier", "get", "microservicestacks.microservicestack.dev").await;
    let blind = out(&mstack(&shop, Some("cli-retrier"), &["status", "shop"], None));
    assert!(blind.contains("\ntest nice  ✕ Failed\n") && blind.contains("left out: when tasks ran (you may not list"), "{blind}");
    let job = stack["status"]["tests"]["nice"]["job"].as_str().unwrap().to_owned();
    let before = shop.get(Kind::Job, &job).await["metadata"]["uid"].clone();
    let output = done(&shop, &["retry"]);
    assert!(output.starts_with("shop: the test nice is tried again; it failed: Error"), "{output}");
    let anew = |job: &Value| job["metadata"]["uid"].is_string() && job["metadata"]["uid"] != before;
    shop.child_until(Kind::Job, &job, "made anew", anew).await;

    let bad = json!({"spec": {"tests": null, "services": {"api": {"image": "api:2", "resources": {"cpu": HUGE}}}}});
    ask_for_failure(&shop, bad).await;
    shop.stack_until("shop", "rolled back", |stack| reason(stack) == "RolledBack").await;
    shop.image_until("api", "back", "api:1").await;
    let output = done(&shop, &["retry", "shop"]);
    assert!(output.contains("is tried again; shop-") && output.contains("api made no progress for 5 s"), "{output}");
    shop.image_until("api", "tried again", "api:2").await;
    let mended = json!({"rollout": null, "services": {"api": {"resources": {"cpu": "10m"}}}});
    shop.patch_stack("shop", json!({"spec": mended})).await;
    good(&shop).await;
    let refused = mstack(&shop, None, &["retry"], None);
    assert!(code(&refused) == 2 && err(&refused).contains("nothing of shop has failed"), "{}", err(&refused));
}
