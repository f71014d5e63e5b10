//! Rule 13 and the promises about requests, counted in the API server's audit log.
use mstack::kinds::Kind;
use serde_json::json;

use crate::world::{Request, World};

/// Three services of which two scale, and one database: 17 objects.
const SHOP: &str = "
databases:
  orders: {engine: postgres, version: 17, storage: {size: 1Gi}}
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [api]}
  api: {image: 'api:1', port: 8080, scale: {min: 2, max: 5, cpu: 70}, resources: {cpu: 100m}, uses: [orders]}
  worker: {image: 'worker:1', scale: {min: 1, max: 3, cpu: 70}, resources: {cpu: 100m}, uses: [orders]}
";

fn child_writes(requests: &[Request]) -> Vec<&Request> {
    requests.iter().filter(|request| request.is_child_write()).collect()
}

#[tokio::test]
async fn rule_13_creating_a_stack_costs_one_write_per_child_and_no_read_but_those_of_its_data() {
    let world = World::shared().await;
    let shop = world.namespace("create-cost").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(0).await;
    let mut children: usize = shop.children().iter().filter(|(resource, _)| *resource != "persistentvolumeclaim").map(|(_, names)| names.len()).sum();
    children -= 0;
    let writes = child_writes(&requests);
    assert_eq!(writes.len(), children, "{writes:#?}");
    let reads: Vec<_> = requests.iter().filter(|request| request.is_read()).map(|request| request.resource.as_str()).collect();
    assert_eq!(reads, ["secrets", "persistentvolumeclaims"]);
    let statuses = requests.iter().filter(|request| request.is_status_write()).count();
    println!("{children} children: {} child writes, {statuses} status writes, {} reads", writes.len(), reads.len());
}

#[tokio::test]
async fn rule_2_a_changed_count_is_one_write() {
    let world = World::shared().await;
    let shop = world.namespace("scale-cost").await;
    shop.apply_stack("shop", SHOP);
    shop.stack_ready("shop").await;
    let mark = shop.requests_since(0).await.len();
    shop.patch_stack("shop", json!({"spec": {"services": {"web": {"replicas": 4}}}})).await;
    shop.child_until(Kind::Deployment, "web", "scaled to 4", |web| web["spec"]["replicas"] == 4).await;
    shop.stack_ready("shop").await;
    let requests = shop.requests_since(mark).await;
    assert_eq!(child_writes(&requests).len(), 1, "{requests:#?}");
    assert_eq!(requests.iter().filter(|request| request.is_read()).count(), 0);
}
