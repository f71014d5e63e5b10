//! Design, section 5, on `Strict` isolation: what is rendered lets a pair talk exactly when the spec declares it. Both are
//! judged for every pair and every port: the policies as a cluster does, the spec by itself.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at what it does not expect")]

#[path = "../cases/mod.rs"]
mod cases;
mod declared;
mod evaluator;
mod graphs;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use declared::{Port, Who, may_call, ports};
use evaluator::{Labels, Place, admits};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use mstack::api::{Isolation, MicroserviceStack};
use mstack::desired::{self, Object};
use mstack::kinds::Kind;
use serde_json::{Value, json};

/// Ports that nobody declares, and those of DNS and of calls to the outside.
const OTHER_PORTS: [Port; 8] =
    [(22, "TCP"), (8080, "UDP"), (53, "UDP"), (53, "TCP"), (5353, "UDP"), (443, "TCP"), (443, "UDP"), (123, "UDP")];

fn built(object: &MicroserviceStack) -> Vec<Object> {
    let built = desired::build(&cases::stack(object.clone(), cases::UID));
    built.objects.into_iter().chain(built.tasks).collect()
}

fn policies(objects: &[Object]) -> Vec<NetworkPolicy> {
    let policies = objects.iter().filter(|object| object.kind == Kind::NetworkPolicy);
    policies.map(|object| serde_json::from_value(object.body.clone()).unwrap()).collect()
}

/// The pods of a stack, as their templates label them.
fn pods(objects: &[Object], namespace: &str) -> Vec<(String, Place)> {
    let workloads = objects.iter().filter(|object| matches!(object.kind, Kind::Deployment | Kind::StatefulSet | Kind::Job));
    let place = |(n, object): (u8, &Object)| {
        let labels = serde_json::from_value(object.body["spec"]["template"]["metadata"]["labels"].clone()).unwrap();
        let pod = Some((namespace.to_owned(), labels));
        (object.component.clone(), Place { name: object.component.clone(), pod, address: Ipv4Addr::new(10, 128, 0, n) })
    };
    (1..).zip(workloads).map(place).collect()
}

fn stranger(name: &str, namespace: &str, labels: Value, last: u8) -> Place {
    let labels: Labels = serde_json::from_value(labels).unwrap();
    let pod = Some((namespace.to_owned(), labels));
    Place { name: name.to_owned(), pod, address: Ipv4Addr::new(10, 129, 0, last) }
}

/// Everybody who is not of the stack: neighbours in its namespace, pods of others, and addresses outside of the cluster.
fn strangers(namespace: &str) -> Vec<Place> {
    let outside = |name: &str, address: [u8; 4]| Place { name: name.to_owned(), pod: None, address: address.into() };
    vec![
        stranger("bystander", namespace, json!({}), 1),
        stranger("neighbour", namespace, json!({ "role": "neighbour" }), 2),
        stranger("scraper", "monitoring", json!({ "role": "scraper" }), 3),
        stranger("dashboard", "monitoring", json!({ "role": "dashboard" }), 4),
        stranger("far neighbour", "elsewhere", json!({ "role": "neighbour" }), 5),
        outside("office", [192, 0, 2, 7]),
        outside("lab", [198, 51, 100, 7]),
        outside("internet", [203, 0, 113, 7]),
    ]
}

fn who(name: &str) -> Who<'_> {
    name.strip_prefix("task/")
        .and_then(|task| task.split_once('-'))
        .map_or(Who::Component(name), |(kind, name)| Who::Task(kind, name))
}

/// Judges every pair of a stack and its surroundings for every port; returns how many pairs may talk and how many may not.
fn judge(object: &MicroserviceStack) -> (usize, usize) {
    let namespace = object.metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    let mut object = object.clone();
    object.metadata.namespace = Some(namespace.clone());
    let objects = built(&object);
    let policies = policies(&objects);
    let own = pods(&objects, &namespace);
    let mut other = own.clone();
    // The same components of another stack beside it.
    for (_, place) in &mut other {
        place.name = format!("another stack's {}", place.name);
        place.pod.as_mut().unwrap().1.insert("microservicestack.dev/stack".to_owned(), "another".to_owned());
        place.pod.as_mut().unwrap().1.retain(|key, _| !key.starts_with("uses."));
    }
    let others: Vec<Place> = strangers(&namespace).into_iter().chain(other.into_iter().map(|(_, place)| place)).collect();
    let ends: Vec<(Who, &Place)> =
        own.iter().map(|(name, place)| (who(name), place)).chain(others.iter().map(|place| (Who::Stranger, place))).collect();
    let active = mstack::model::active(&object.spec);
    let declared = active.services.keys().chain(active.databases.keys()).flat_map(|name| ports(&active, name));
    let ports: BTreeSet<Port> = declared.map(|(_, port)| port).chain(OTHER_PORTS).collect();
    let (mut open, mut closed) = (0, 0);
    for (from, caller) in &ends {
        for (to, called) in ends.iter().filter(|(to, _)| !matches!((from, to), (Who::Stranger, Who::Stranger))) {
            for &port in &ports {
                let wanted = may_call(&active, &namespace, (from, caller), (to, called), port);
                let admitted = admits(&policies, caller, called, port.0, port.1);
                assert_eq!(wanted, admitted, "{} -> {} {port:?} of {:#?}", caller.name, called.name, object.spec);
                if admitted { open += 1 } else { closed += 1 }
            }
        }
    }
    (open, closed)
}

#[test]
fn strict_isolation_lets_a_pair_talk_exactly_when_the_spec_declares_it_in_every_golden_case() {
    for case in cases::cases() {
        let object = cases::object(&case);
        let (open, closed) = judge(&object);
        let strict = object.spec.isolation != Some(Isolation::Open);
        assert!(open > 0 && (closed > 0) == strict, "{}: {open} open, {closed} closed", case.display());
    }
}

#[test]
fn strict_isolation_lets_a_pair_talk_exactly_when_the_spec_declares_it_in_graphs_of_every_shape() {
    let (mut open, mut closed) = (0, 0);
    for object in graphs::stacks() {
        let judged = judge(&object);
        open += judged.0;
        closed += judged.1;
    }
    println!("{open} connections may be made, {closed} may not");
    assert!(open > 10_000 && closed > 10_000, "{open} open, {closed} closed: the graphs are lopsided");
}

/// A rollout, and one that is put back: the old pods keep what they use, whatever the spec says by now.
#[test]
fn an_edge_lives_as_long_as_the_pods_whose_template_has_it() {
    let of = |uses: &str| -> MicroserviceStack {
        serde_saphyr::from_str(&format!(
            "{{apiVersion: microservicestack.dev/v1alpha1, kind: MicroserviceStack, metadata: {{name: shop, namespace: shop}},
              spec: {{egress: [], databases: {{orders: {{engine: redis, ephemeral: true}}}}, services: {{api: {{image: a/b, uses: {uses}}}}}}}}}"
        ))
        .unwrap()
    };
    let (before, after) = (built(&of("[orders]")), built(&of("[]")));
    let pod = |objects: &[Object], name: &str| pods(objects, "shop").into_iter().find(|(own, _)| own == name).unwrap().1;
    let policies = policies(&after);
    let orders = pod(&after, "orders");
    assert!(admits(&policies, &pod(&before, "api"), &orders, 6379, "TCP"));
    assert!(!admits(&policies, &pod(&after, "api"), &orders, 6379, "TCP"));
}

/// Who uses a component is written on the pods that do, so a new consumer is no write to what it uses.
#[test]
fn rule_13_a_new_consumer_changes_no_policy_but_its_own() {
    let of = |more: &str| -> MicroserviceStack {
        serde_saphyr::from_str(&format!(
            "{{apiVersion: microservicestack.dev/v1alpha1, kind: MicroserviceStack, metadata: {{name: shop, namespace: shop}},
              spec: {{services: {{api: {{image: a/b, port: 80}}, web: {{image: a/b, uses: [api]}}{more}}}}}}}"
        ))
        .unwrap()
    };
    let (before, after) = (built(&of("")), built(&of(", mailer: {image: a/b, uses: [api]}")));
    let added: Vec<&str> =
        after.iter().filter(|object| !before.contains(object)).map(|object| object.component.as_str()).collect();
    assert!(!added.is_empty() && added.iter().all(|component| *component == "mailer"), "{added:?}");
}

#[test]
fn an_open_stack_has_no_policy_and_opening_it_restarts_nothing() {
    let mut object = graphs::stacks().into_iter().find(|object| object.spec.services.len() > 3).unwrap();
    object.spec.isolation = Some(Isolation::Strict);
    let strict = built(&object);
    object.spec.isolation = Some(Isolation::Open);
    let open = built(&object);
    assert_eq!(policies(&open), []);
    let without: Vec<Object> = strict.into_iter().filter(|object| object.kind != Kind::NetworkPolicy).collect();
    assert_eq!(without, open);
}
