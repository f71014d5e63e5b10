//! Rule 8: a changed config, file or referenced Secret rolls exactly the services that use it.
use std::collections::BTreeMap;

use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::requests::child_writes;
use crate::world::{Namespace, World, component, is_ready};

const SHOP: &str = "
config: {REGION: eu}
services:
  web: {image: 'web:1', port: 8080, secrets: [stripe]}
  api: {image: 'api:1', port: 8080, files: {/etc/api.toml: 'a = 1'}}
  mailer: {image: 'mailer:1', secrets: [stripe, smtp]}
  cron: {image: 'cron:1', config: {EVERY: 5m}}
";

fn set_secret(shop: &Namespace<'_>, name: &str, value: &str) {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"KEY": value}});
    shop.apply(&secret.to_string());
}

/// What the template of each service is, as its controller counts them.
async fn revisions(shop: &Namespace<'_>) -> BTreeMap<&'static str, Value> {
    let mut revisions = BTreeMap::new();
    for name in ["web", "api", "mailer", "cron"] {
        let revision = &shop.get(Kind::Deployment, name).await["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        revisions.insert(name, revision.clone());
    }
    revisions
}

/// Which services rolled after a change, and that each cost one write.
async fn rolled(shop: &Namespace<'_>, expected: &[&str], change: impl AsyncFnOnce()) {
    shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    let before = revisions(shop).await;
    change().await;
    for name in expected {
        let old = before[name].clone();
        let rolls = move |child: &Value| child["metadata"]["annotations"]["deployment.kubernetes.io/revision"] != old;
        shop.child_until(Kind::Deployment, name, "rolling", rolls).await;
    }
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    let after = revisions(shop).await;
    let changed: Vec<_> = after.iter().filter(|(name, revision)| before[*name] != **revision).map(|(name, _)| *name).collect();
    assert_eq!(changed, expected);
    let writes = child_writes(&requests);
    let deployments: Vec<_> =
        writes.iter().filter(|write| write.resource == "deployments").map(|write| write.name.as_str()).collect();
    assert_eq!(deployments.len(), expected.len(), "one write for each: {writes:#?}");
}

#[tokio::test]
async fn rule_8_a_missing_secret_is_said_and_its_service_starts_when_it_comes() {
    let world = World::shared().await;
    let shop = world.namespace("missing-secret").await;
    shop.apply_stack(
        "shop",
        "services: {web: {image: 'web:1', port: 8080, secrets: [stripe]}, api: {image: 'api:1', port: 8080}}",
    );
    let told = |stack: &Value| {
        component(stack, "web")["message"] == "the Secret stripe does not exist; create it, its instances start then"
    };
    let stack = shop.stack_until("shop", "told of the missing Secret", told).await;
    assert!(!is_ready(&stack));
    shop.stack_until("shop", "ready beside it", |stack| component(stack, "api")["phase"] == "Ready").await;
    set_secret(&shop, "stripe", "sk-1");
    shop.stack_ready("shop").await;
}

#[tokio::test]
async fn rule_8_a_changed_secret_config_or_file_rolls_exactly_the_services_that_use_it() {
    let world = World::shared().await;
    let shop = world.namespace("rolls").await;
    set_secret(&shop, "stripe", "sk-1");
    set_secret(&shop, "smtp", "pw-1");
    shop.apply_stack("shop", SHOP);
    rolled(&shop, &["mailer", "web"], async || set_secret(&shop, "stripe", "sk-2")).await;
    rolled(&shop, &["mailer"], async || set_secret(&shop, "smtp", "pw-2")).await;
    let config = json!({"spec": {"services": {"cron": {"config": {"EVERY": "1m"}}}}});
    rolled(&shop, &["cron"], async || shop.patch_stack("shop", config).await).await;
    let files = json!({"spec": {"services": {"api": {"files": {"/etc/api.toml": "a = 2"}}}}});
    rolled(&shop, &["api"], async || shop.patch_stack("shop", files).await).await;
    let config = json!({"spec": {"config": {"REGION": "us"}}});
    rolled(&shop, &["api", "cron", "mailer", "web"], async || shop.patch_stack("shop", config).await).await;
    // A Secret that says the same again rolls nothing.
    rolled(&shop, &[], async || {
        shop.kubectl(&["annotate", "secret", "stripe", "rotated=no"]);
    })
    .await;
}

#[tokio::test]
async fn rule_8_the_old_files_stay_until_the_rollout_is_over_and_go_then() {
    let world = World::shared().await;
    let shop = world.namespace("old-files").await;
    shop.apply_stack(
        "shop",
        SHOP.replace("secrets: [stripe]", "").replace("secrets: [stripe, smtp]", "").replace(", }", "}").as_str(),
    );
    shop.stack_ready("shop").await;
    let names = |shop: &Namespace<'_>| shop.children().remove("configmap").unwrap_or_default();
    let old = names(&shop);
    assert_eq!(old.len(), 1, "{old:?}");
    // The new pods cannot start: the old ones go on, with their files.
    let stuck = json!({"spec": {"services": {"api": {"files": {"/etc/api.toml": "a = 2"}, "resources": {"cpu": "100000"}}}}});
    shop.patch_stack("shop", stuck).await;
    let waits = |stack: &Value| component(stack, "api")["message"].as_str().is_some_and(|words| words.contains("Unschedulable"));
    shop.stack_until("shop", "stuck", waits).await;
    shop.requests_since(0).await;
    let both = names(&shop);
    assert!(both.len() == 2 && both.contains(&old[0]), "{both:?}");
    shop.patch_stack("shop", json!({"spec": {"services": {"api": {"resources": null}}}})).await;
    shop.stack_ready("shop").await;
    let now = || async { names(&shop).into() };
    shop.until("rid of the old files", now, |new: &Value| new.as_array().unwrap().len() == 1).await;
    shop.requests_since(0).await;
    let new = names(&shop);
    assert!(new.len() == 1 && !new.contains(&old[0]), "{new:?}");
}
