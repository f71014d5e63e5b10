//! Stacks of every shape, the same at every run.
use std::collections::BTreeMap;

use mstack::api::MicroserviceStack;
use serde_json::{Map, Value, json};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn one(&mut self, of: &[Value]) -> Value {
        of[self.roll(of.len())].clone()
    }

    fn some(&mut self, most: usize, of: &[Value]) -> Vec<Value> {
        (0..self.roll(most + 1)).map(|_| self.one(of)).collect()
    }

    fn peers() -> [Value; 5] {
        [
            json!({ "namespace": "monitoring" }),
            json!({ "namespace": "monitoring", "labels": { "role": "scraper" } }),
            json!({ "labels": { "role": "neighbour" } }),
            json!({ "cidr": "192.0.2.0/24" }),
            json!({ "cidr": "0.0.0.0/0", "except": ["192.0.2.0/24", "198.51.100.0/24"] }),
        ]
    }

    /// Peers, each with some of these ports or without a word of ports.
    fn doors(&mut self, ports: &[Value]) -> Value {
        let doors = self.some(2, &Self::peers()).into_iter().map(|mut door| {
            if !ports.is_empty() && self.roll(2) == 0 {
                door["ports"] = json!([self.one(ports)]);
            }
            door
        });
        doors.collect()
    }

    fn service(&mut self, before: &[String], all: &[String], own: &str) -> Value {
        let ports: Map<String, Value> = match self.roll(4) {
            0 => Map::new(),
            1 => Map::from_iter([("http".to_owned(), json!("80:8080"))]),
            2 => Map::from_iter([("http".to_owned(), json!(8080)), ("metrics".to_owned(), json!(9100))]),
            _ => Map::from_iter([("http".to_owned(), json!(8080)), ("trace".to_owned(), json!("6831/UDP"))]),
        };
        let uses: Vec<String> = before.iter().filter(|_| self.roll(3) == 0).cloned().collect();
        let optional = all.iter().filter(|name| *name != own && !uses.contains(name));
        let optional: Vec<String> = optional.filter(|_| self.roll(6) == 0).cloned().chain(["absent".to_owned()]).collect();
        let mut service = json!({ "image": "acme/it:1", "uses": uses, "usesOptional": optional });
        if !ports.is_empty() {
            let names: Vec<Value> = ports.keys().map(|name| json!(name)).collect();
            service["allowFrom"] = self.doors(&names);
            if self.roll(3) == 0 {
                service["expose"] = json!([{ "host": format!("{own}.example.com") }]);
            }
            service["ports"] = ports.into();
        }
        if self.roll(4) == 0 {
            service["egress"] = self.doors(&[json!(443), json!("123/UDP")]);
        }
        if self.roll(4) == 0 {
            service["migrate"] = json!({ "command": ["/migrate"] });
        }
        service
    }
}

/// Many stacks.
pub fn stacks() -> Vec<MicroserviceStack> {
    let mut dice = Dice(7);
    (0..60).map(|_| stack(&mut dice)).collect()
}

fn stack(dice: &mut Dice) -> MicroserviceStack {
    let engines = [
        json!({ "engine": "postgres", "storage": { "size": "1Gi" } }),
        json!({ "engine": "redis", "ephemeral": true }),
        json!({ "engine": "external", "credentials": { "secret": "far" } }),
    ];
    let mut databases = BTreeMap::new();
    for n in 0..dice.roll(3) {
        let mut database = dice.one(&engines);
        if database["engine"] != "external" {
            database["allowFrom"] = dice.some(1, &Dice::peers()).into();
        }
        databases.insert(format!("d{n}"), database);
    }
    let services: Vec<String> = (0..=dice.roll(5)).map(|n| format!("s{n}")).collect();
    let all: Vec<String> = databases.keys().cloned().chain(services.clone()).collect();
    let mut written = BTreeMap::new();
    for (n, name) in services.iter().enumerate() {
        let service = dice.service(&all[..databases.len() + n], &all, name);
        written.insert(name.clone(), service);
    }
    let mut task = || json!({ "image": "acme/it:1", "uses": all.iter().filter(|_| dice.roll(3) == 0).collect::<Vec<_>>() });
    let (tests, jobs) = (json!({ "flow": task() }), json!({ "seed": task() }));
    let mut spec = json!({ "names": "Prefixed", "databases": databases, "services": written, "tests": tests, "jobs": jobs });
    if dice.roll(3) == 0 {
        spec["egress"] = dice.doors(&[json!(443), json!("123/UDP")]);
    }
    if dice.roll(3) == 0 {
        spec["routing"] = json!({ "from": [dice.one(&Dice::peers())] });
    }
    if dice.roll(10) == 0 {
        spec["isolation"] = json!("Open");
    }
    let metadata = json!({ "name": "shop", "namespace": "shop" });
    let object = json!({ "apiVersion": "microservicestack.dev/v1alpha1", "kind": "MicroserviceStack", "metadata": metadata, "spec": spec });
    serde_json::from_value(object).unwrap()
}
