//! The store: own writes, late events, sweeps.
use serde_json::{Value, json};

use super::*;

const SERVICES: Source = Source::Kind(Kind::Service);
const DEPLOYMENTS: Source = Source::Kind(Kind::Deployment);

fn wire(value: &Value) -> Wire {
    serde_json::from_str(&value.to_string()).unwrap()
}

fn stack(version: u64, generation: i64) -> Wire {
    wire(
        &json!({"metadata": {"name": "shop", "namespace": "ns", "uid": "root", "resourceVersion": version.to_string(), "generation": generation},
        "spec": {"services": {}}}),
    )
}

fn service(version: u64, hash: &str) -> Wire {
    wire(&json!({"metadata": {"name": "api", "namespace": "ns", "uid": "api-1", "resourceVersion": version.to_string(),
        "labels": {meta::STACK: "shop", meta::COMPONENT: "api"}, "annotations": {"microservicestack.dev/desired": hash},
        "managedFields": [{"manager": "mstack", "operation": "Apply", "fieldsV1": {"f:spec": {}}}]}}))
}

fn deployment(version: u64, generation: i64, hash: &str) -> Wire {
    wire(
        &json!({"metadata": {"name": "api", "namespace": "ns", "uid": "api-2", "resourceVersion": version.to_string(), "generation": generation,
        "labels": {meta::STACK: "shop", meta::COMPONENT: "api"}, "annotations": {"microservicestack.dev/desired": hash}}}),
    )
}

fn key() -> Key {
    Key::new("ns", "shop")
}

/// A store with the stack and one service, both listed.
fn listed() -> Store {
    let mut store = Store::default();
    for (source, wire) in [(Source::Stacks, stack(1, 1)), (SERVICES, service(2, "a"))] {
        store.begin(source);
        store.put(source, &wire, true);
        store.end(source);
    }
    store
}

fn version_of_api(store: &Store) -> Option<u64> {
    store.observed(&key()).get(Kind::Service, "api").map(|child| child.version)
}

/// The present entry of the service is compared and found whole.
fn verify(store: &mut Store) {
    let entry = store.observed(&key()).get(Kind::Service, "api").unwrap().managed.ours;
    store.verified(&key(), &[Verified { kind: Kind::Service, name: "api".to_owned(), entry }]);
}

fn is_verified(store: &Store) -> bool {
    store.observed(&key()).get(Kind::Service, "api").unwrap().managed.text.is_none()
}

#[test]
fn nothing_is_synced_before_every_watch_has_listed() {
    let mut store = listed();
    assert!(!store.synced());
    for source in Source::all() {
        store.begin(source);
        store.end(source);
    }
    assert!(store.synced());
}

#[test]
fn an_event_at_or_below_the_version_of_an_own_write_is_dropped() {
    let mut store = listed();
    store.wrote(Kind::Service, &service(5, "b"), true);
    assert_eq!(store.put(SERVICES, &service(4, "a"), false), None);
    assert_eq!(store.put(SERVICES, &service(5, "b"), false), None);
    assert_eq!(version_of_api(&store), Some(5));
}

#[test]
fn a_change_of_somebody_else_is_an_event_of_the_child() {
    let mut store = listed();
    assert_eq!(store.put(SERVICES, &service(6, "tampered"), false), Some((key(), Change::Child)));
}

#[test]
fn an_object_that_a_list_does_not_name_is_gone() {
    let mut store = listed();
    store.begin(SERVICES);
    assert_eq!(store.end(SERVICES), [key()]);
    assert_eq!(version_of_api(&store), None);
}

#[test]
fn an_own_write_during_a_list_survives_its_sweep() {
    let mut store = listed();
    store.begin(SERVICES);
    store.wrote(Kind::Service, &service(9, "b"), true);
    store.end(SERVICES);
    assert_eq!(version_of_api(&store), Some(9));
}

#[test]
fn a_list_is_believed_even_when_its_version_is_lower_as_after_a_restore_from_a_backup() {
    let mut store = listed();
    store.put(SERVICES, &service(100, "b"), false);
    store.begin(SERVICES);
    store.put(SERVICES, &service(3, "a"), true);
    store.end(SERVICES);
    assert_eq!(version_of_api(&store), Some(3));
}

#[test]
fn a_deletion_of_a_former_object_does_not_remove_its_successor() {
    let mut store = listed();
    let mut former = service(3, "a");
    former.metadata.uid = "api-0".to_owned();
    assert_eq!(store.gone(SERVICES, &former), None);
    assert_eq!(store.gone(SERVICES, &service(3, "a")), Some((key(), Change::Child)));
}

#[test]
fn an_entry_that_was_verified_stays_so_until_it_changes() {
    let mut store = listed();
    verify(&mut store);
    store.put(SERVICES, &service(7, "a"), false);
    assert_eq!(store.observed(&key()).get(Kind::Service, "api").unwrap().managed.text, None);
    let mut taken = json!({"metadata": {"name": "api", "namespace": "ns", "uid": "api-1", "resourceVersion": "8",
        "labels": {meta::STACK: "shop"}, "annotations": {"microservicestack.dev/desired": "a"}}});
    taken["metadata"]["managedFields"] = json!([{"manager": "mstack", "operation": "Apply", "fieldsV1": {"f:metadata": {}}}]);
    store.put(SERVICES, &wire(&taken), false);
    assert!(store.observed(&key()).get(Kind::Service, "api").unwrap().managed.text.is_some());
}

#[test]
fn rule_1_a_changed_count_raises_the_generation_and_not_the_one_that_a_rollout_waits_for() {
    let mut store = listed();
    let sent = |store: &Store| store.observed(&key()).get(Kind::Deployment, "api").unwrap().sent_generation;
    store.put(DEPLOYMENTS, &deployment(10, 1, "a"), false);
    store.put(DEPLOYMENTS, &deployment(11, 2, "a"), false);
    assert_eq!(sent(&store), 1);
    store.wrote(Kind::Deployment, &deployment(12, 3, "b"), true);
    assert_eq!(sent(&store), 3);
}

#[test]
fn an_edit_of_a_spec_is_a_live_change_and_its_own_status_is_not() {
    let mut store = listed();
    assert_eq!(store.put(Source::Stacks, &stack(4, 2), false), Some((key(), Change::Spec)));
    store.wrote_status(&key(), &stack(5, 2), "{}");
    assert_eq!(store.put(Source::Stacks, &stack(5, 2), false), None);
}

#[test]
fn an_edit_that_comes_between_a_reconcile_and_its_status_is_not_lost() {
    let mut store = listed();
    store.wrote_status(&key(), &stack(6, 2), "{}");
    assert_eq!(store.put(Source::Stacks, &stack(5, 2), false), Some((key(), Change::Spec)));
}

#[test]
fn an_entry_that_changed_since_it_was_compared_is_not_verified() {
    let mut store = listed();
    let stale = Verified { kind: Kind::Service, name: "api".to_owned(), entry: 1 };
    store.verified(&key(), &[stale]);
    assert!(!is_verified(&store));
}

#[test]
fn the_answer_to_a_count_verifies_nothing_and_hides_no_change_of_somebody_else() {
    let mut store = listed();
    verify(&mut store);
    let taken = wire(&json!({"metadata": {"name": "api", "namespace": "ns", "uid": "api-1", "resourceVersion": "7",
        "labels": {meta::STACK: "shop"}, "annotations": {"microservicestack.dev/desired": "a"},
        "managedFields": [{"manager": "mstack", "operation": "Apply", "fieldsV1": {"f:metadata": {}}}]}}));
    store.wrote(Kind::Service, &taken, false);
    assert_eq!(store.put(SERVICES, &taken, false), Some((key(), Change::Child)));
    assert!(!is_verified(&store));
}

#[test]
fn a_late_answer_does_not_bring_a_deleted_child_back() {
    let mut store = listed();
    store.put(SERVICES, &service(5, "b"), false);
    store.gone(SERVICES, &service(6, "b"));
    store.wrote(Kind::Service, &service(5, "b"), true);
    assert_eq!(version_of_api(&store), None);
}

#[test]
fn a_list_of_one_namespace_sweeps_that_namespace_alone() {
    let elsewhere = |wire: &Wire| {
        let mut wire = wire.clone();
        wire.metadata.namespace = "other".to_owned();
        wire
    };
    let mut store = Store::new(Scope::of(["ns", "other"]));
    for feed in store.feeds() {
        assert!(!store.synced());
        store.begin(feed.clone());
        if feed.source == Source::Stacks && feed.namespace.as_deref() == Some("ns") {
            store.put(Source::Stacks, &stack(1, 1), true);
        } else if feed.source == Source::Stacks {
            store.put(Source::Stacks, &elsewhere(&stack(2, 1)), true);
        }
        store.end(feed);
    }
    assert!(store.synced());
    let feed = Scope::of(["ns", "other"]).feed(Source::Stacks, "ns");
    store.begin(feed.clone());
    assert_eq!(store.end(feed), [key()]);
    assert_eq!(store.stacks().collect::<Vec<_>>(), [&Key::new("other", "shop")]);
}
