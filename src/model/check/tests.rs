//! The checked stack as a whole, and every violation by name.
mod fuzz;
mod history;
mod isolation;
mod routes;
mod violations;

use std::collections::BTreeMap;

use pretty_assertions::assert_eq;

use super::super::*;
use crate::api::{Engine, MicroserviceStack, Names};

const SHOP: &str = include_str!("../../../examples/shop/stack.yaml");

fn stack(spec: &str) -> MicroserviceStack {
    let spec: serde_json::Value = serde_saphyr::from_str(spec).unwrap();
    let metadata = serde_json::json!({ "name": "shop", "namespace": "shop", "uid": "u-1", "generation": 3 });
    serde_json::from_value(serde_json::json!({
        "apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": metadata, "spec": spec,
    }))
    .unwrap()
}

#[test]
fn the_example_shop_is_a_valid_stack() {
    let shop: MicroserviceStack = serde_saphyr::from_str(SHOP).unwrap();
    let shop = check(&shop, &Facts::default()).unwrap();
    assert_eq!(shop.waves[0], ["jobs", "products", "purchases"]);
    assert_eq!(shop.notices, []);
}

#[test]
fn the_smallest_stack_is_checked_whole() {
    let object = stack(
        "services: { web: { image: 'acme/web:1', port: 8080, uses: [cache] } }\ndatabases: { cache: { engine: redis, version: 7, ephemeral: true, auth: None } }",
    );
    let expected = Stack {
        name: "shop".into(),
        namespace: "shop".into(),
        uid: "u-1".into(),
        generation: 3,
        config: BTreeMap::new(),
        routing: Routing::Ingress { class: None },
        routes_from: vec![],
        isolated: true,
        services: BTreeMap::from([("web".to_owned(), smallest_service())]),
        databases: BTreeMap::from([("cache".to_owned(), smallest_database())]),
        tasks: vec![],
        waves: vec![vec!["cache".into()], vec!["web".into()]],
        restarts: BTreeMap::new(),
        names: Names::Plain,
        revision: revision::Part::of(&object.spec).revision("shop"),
        asked: revision::Part::of(&object.spec).revision("shop").name,
        stays: None,
        rollout: Rollout { back: true, deadline: 600, history: 10, retry: String::new() },
        declared: BTreeMap::from([("cache".to_owned(), false)]),
        paused: false,
        hibernates: false,
        notices: vec![],
        checked: Checked,
    };
    assert_eq!(check(&object, &Facts::default()), Ok(expected));
}

fn smallest_service() -> Service {
    Service {
        name: "web".into(),
        objects: ServiceNames::new(Names::Plain, "shop", "web"),
        image: "acme/web:1".into(),
        command: vec![],
        args: vec![],
        ports: vec![Port { name: "http".into(), service: 8080, container: 8080, protocol: "TCP", app_protocol: None }],
        count: Count::Fixed(1),
        routes: vec![],
        uses: vec![Use { target: "cache".into(), kind: Component::Database, optional: false, env: BTreeMap::new(), pool: None }],
        doors: Doors::default(),
        config: BTreeMap::new(),
        files: BTreeMap::new(),
        scratch: vec![],
        secrets: vec![],
        probes: Probes::default(),
        resources: Resources::default(),
        security: Security::default(),
    }
}

fn smallest_database() -> Database {
    Database {
        name: "cache".into(),
        objects: DatabaseNames::new(Names::Plain, "shop", "cache"),
        recipe: engine::recipe(Engine::Redis, "cache"),
        image: "docker.io/library/redis:7".into(),
        version: Some("7".into()),
        erasable: false,
        max_connections: None,
        connections: Some(10_000),
        shared: false,
        doors: Doors::default(),
        instances: 1,
        peers: vec![],
        storage: Storage::Ephemeral,
        credentials: Credentials::None,
        database: "cache".into(),
        init: BTreeMap::new(),
        env: BTreeMap::new(),
        command: vec![],
        args: ["/data/mstack.conf", "--appendonly", "yes", "--protected-mode", "no"].map(str::to_owned).to_vec(),
        resources: Resources::default(),
        security: Security { restricted: false, user: Some(999), group: Some(1000), fs_group: Some(1000) },
        guard_image: None,
        held: None,
    }
}
