//! `engine: external`: a database outside the stack, of which its Secret tells all that is known.
use mstack::kinds::Kind;
use serde_json::{Value, json};

use crate::world::{Namespace, World, component};

const SHOP: &str = "
databases: {orders: {engine: external, credentials: {secret: legacy}}}
services:
  api: {image: 'api:1', port: 8080, uses: [orders]}
  web: {image: 'web:1', port: 8080}
";

fn secret(namespace: &Namespace<'_>, data: &Value) {
    namespace
        .apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "legacy"}, "stringData": data}).to_string());
}

fn variables(api: &Value) -> Vec<&str> {
    let env = api["spec"]["template"]["spec"]["containers"][0]["env"].as_array().into_iter().flatten();
    env.filter_map(|variable| variable["name"].as_str()).filter(|name| name.starts_with("ORDERS")).collect()
}

fn says(stack: &Value, name: &str, words: &str) -> bool {
    component(stack, name)["message"].to_string().contains(words)
}

#[tokio::test]
async fn rule_5_consumers_of_a_database_outside_the_stack_start_once_its_secret_tells_where_it_is() {
    let world = World::shared().await;
    let shop = world.namespace("external").await;
    shop.apply_stack("shop", SHOP);
    let told = |stack: &Value| {
        says(stack, "orders", "the Secret legacy does not exist; create it")
            && says(stack, "api", "its Secret legacy does not tell where it is")
    };
    let stack = shop.stack_until("shop", "told of the missing Secret", told).await;
    assert_eq!(
        (&component(&stack, "orders")["phase"], &component(&stack, "api")["phase"]),
        (&"Failed".into(), &"Blocked".into())
    );
    shop.stack_until("shop", "web beside it", |stack| component(stack, "web")["phase"] == "Ready").await;

    secret(&shop, &json!({"username": "u", "password": "p"}));
    shop.stack_until("shop", "told of the missing keys", |stack| says(stack, "orders", "has neither `host` nor `uri`")).await;
    secret(&shop, &json!({"uri": "postgresql://legacy.example.com/orders"}));
    let stack = shop.stack_ready("shop").await;
    assert!(says(&stack, "orders", "nothing else is known of it"), "{stack:#}");
    assert_eq!(variables(&shop.get(Kind::Deployment, "api").await), ["ORDERS_USERNAME", "ORDERS_PASSWORD", "ORDERS_URI"]);
    assert!(!shop.children().contains_key("statefulset"), "nothing is run for it");
}

#[tokio::test]
async fn rule_8_a_change_of_the_secret_of_a_database_outside_the_stack_rolls_its_consumers_alone() {
    let world = World::shared().await;
    let shop = world.namespace("external-rolls").await;
    secret(&shop, &json!({"uri": "postgresql://legacy.example.com/orders"}));
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let web = shop.get(Kind::Deployment, "web").await["metadata"]["generation"].clone();
    secret(&shop, &json!({"host": "new.example.com", "port": "5432"}));
    let has_address = |api: &Value| variables(api) == ["ORDERS_HOST", "ORDERS_PORT", "ORDERS_ADDR", "ORDERS_URI"];
    shop.child_until(Kind::Deployment, "api", "with its new address", has_address).await;
    shop.stack_ready("shop").await;
    assert_eq!(shop.get(Kind::Deployment, "web").await["metadata"]["generation"], web);

    let bound = json!({"spec": {"services": {"api": {"bindings": {"orders": {"env": {"PGPASSWORD": "password"}}}}}}});
    shop.patch_stack("shop", bound).await;
    shop.stack_until("shop", "told of the missing key", |stack| {
        says(stack, "api", "has no key `password`, which `bindings` asks for as PGPASSWORD")
    })
    .await;
    secret(&shop, &json!({"password": "p"}));
    shop.stack_ready("shop").await;
}
