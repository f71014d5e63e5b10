//! `watch.namespaces` (section 5): an operator with the rights of the chart's Roles alone.
use std::collections::BTreeSet;

use cluster::Options;
use serde_json::Value;

use crate::requests::SHOP;
use crate::world::{Namespace, Request, World};

#[tokio::test]
async fn section_5_with_watch_namespaces_the_operator_keeps_these_alone_and_asks_for_no_other() {
    let mut world = World::of_namespaces(Options { kwok_nodes: 1, ..Options::default() }, &["left", "right"]).await;
    let outside = world.namespace("outside").await;
    outside.apply_stack("shop", SHOP);
    for name in ["left", "right"] {
        let inside = Namespace::again(&world, name).await;
        inside.apply_stack("shop", SHOP);
        inside.stack_ready("shop").await;
        inside.kubectl(&["delete", "service", "web"]);
        inside.child_until(mstack::kinds::Kind::Service, "web", "put back", |web| !web.is_null()).await;
    }
    let before = requests_of(&world);
    drop(outside);
    world.kill_operator();
    world.start_operator();
    let right = Namespace::again(&world, "right").await;
    right.kubectl(&["delete", "service", "api"]);
    right.child_until(mstack::kinds::Kind::Service, "api", "put back after a restart", |api| !api.is_null()).await;
    assert_eq!(Namespace::again(&world, "outside").await.stack("shop").await["status"], Value::Null);
    let namespaces: BTreeSet<String> = requests_of(&world).into_iter().map(|request| request.namespace).collect();
    assert_eq!(namespaces, BTreeSet::from(["left", "right"].map(str::to_owned)));
    assert!(!before.is_empty());
    let forbidden: Vec<Request> = world.requests().into_iter().filter(|request| request.code == 403).collect();
    assert_eq!(forbidden, Vec::<Request>::new(), "the chart's Roles are enough");
}

/// Requests for objects; the version that is asked for at the start is none.
fn requests_of(world: &World) -> Vec<Request> {
    world.requests().into_iter().filter(|request| !request.resource.is_empty()).collect()
}
