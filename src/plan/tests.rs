//! The plan, rule by rule: a stack, what is wanted of it, and what is there.
use pretty_assertions::assert_eq;
use serde_json::json;

use super::*;
use crate::api::MicroserviceStack;
use crate::desired;
use crate::model::{Facts, check};
use crate::observed::{CountOwners, Endpoints, Foreign, Managed, Workload};

const SHOP: &str = "
databases: {orders: {engine: redis, ephemeral: true}}
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [orders]}
  api: {image: 'api:1', port: 8080, scale: {min: 2, max: 5, cpu: 70}, resources: {cpu: 100m}, files: {/etc/a: b}}
";

fn stack(spec: &str) -> Stack {
    let indented = spec.trim().replace('\n', "\n  ");
    let yaml = format!(
        "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {{name: shop, namespace: ns, uid: stack-uid}}\nspec:\n  {indented}\n"
    );
    check(&serde_saphyr::from_str::<MicroserviceStack>(&yaml).unwrap(), &Facts::default()).unwrap()
}

/// Everything as it is after it was applied and has become ready.
fn applied(desired: &Desired) -> Observed {
    let children = desired.objects.iter().map(|object| ((object.kind, object.name.clone()), child(object)));
    let serving = ["web", "api", "orders"].map(|service| ((Kind::EndpointSlice, service.to_owned()), slice(service, 2)));
    Observed { children: children.chain(serving).collect() }
}

fn child(object: &Object) -> Child {
    let state = object.count.map_or(State::Nothing, |count| {
        State::Workload(Workload { replicas: count, updated: count, ready: count, current: count, ..Workload::default() })
    });
    Child {
        kind: object.kind,
        name: object.name.clone(),
        uid: format!("uid-of-{}", object.name),
        version: 7,
        generation: 0,
        sent_generation: 0,
        owner: Some("stack-uid".to_owned()),
        owned_by_stack: true,
        component: object.component.clone(),
        identity: None,
        data_version: None,
        deleting: false,
        desired: Some(object.hash.clone()),
        managed: Managed { ours: 1, ..Managed::default() },
        state,
    }
}

fn slice(service: &str, ready: i32) -> Child {
    let nothing = Object::new(Kind::EndpointSlice, service, &json!({"metadata": {"name": service}}));
    Child { state: State::Endpoints(Endpoints { service: service.to_owned(), ready }), ..child(&nothing) }
}

fn edit(observed: &mut Observed, kind: Kind, name: &str, edit: impl FnOnce(&mut Child)) {
    edit(observed.children.get_mut(&(kind, name.to_owned())).unwrap());
}

fn workload(child: &mut Child) -> &mut Workload {
    match &mut child.state {
        State::Workload(workload) => workload,
        other => panic!("{other:?}"),
    }
}

/// The writes of a plan, as kind, name and how.
fn writes(stack: &Stack, desired: &Desired, observed: &Observed) -> Vec<(Kind, String, How)> {
    let plan = plan(stack, desired, &[], observed, &Held::new());
    plan.writes.into_iter().map(|write| (write.object.kind, write.object.name.clone(), write.how)).collect()
}

fn shop() -> (Stack, Desired, Observed) {
    let stack = stack(SHOP);
    let desired = desired::build(&stack);
    let observed = applied(&desired);
    (stack, desired, observed)
}

#[test]
fn rule_13_at_rest_nothing_is_written_and_nothing_pruned() {
    let (stack, desired, observed) = shop();
    let plan = plan(&stack, &desired, &[], &observed, &Held::new());
    assert_eq!((plan.writes.len(), plan.prune.len(), plan.conflicts.len()), (0, 0, 0));
    assert_eq!(plan.verified.len(), desired.objects.len());
}

#[test]
fn rule_13_what_is_not_there_is_created_once_and_workloads_come_last() {
    let stack = stack(&SHOP.replace(", uses: [orders]", ""));
    let (desired, observed) = (desired::build(&stack), Observed::default());
    let writes = writes(&stack, &desired, &observed);
    assert!(writes.iter().all(|(_, _, how)| *how == How::Create));
    assert_eq!(writes.len(), desired.objects.len());
    let first_workload = writes.iter().position(|(kind, ..)| matches!(kind, Kind::Deployment | Kind::StatefulSet)).unwrap();
    assert!(
        writes[first_workload..].iter().all(|(kind, ..)| !matches!(kind, Kind::ServiceAccount | Kind::ConfigMap | Kind::Service))
    );
}

#[test]
fn rule_12_a_path_that_somebody_took_over_is_put_back_by_one_apply() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Service, "web", |child| child.managed.text = Some(r#"{"f:metadata":{}}"#.into()));
    let expected = How::Apply { count: None, why: Why::Drifted };
    assert_eq!(writes(&stack, &desired, &observed), [(Kind::Service, "web".to_owned(), expected)]);
}

#[test]
fn rule_12_an_entry_of_somebody_else_in_the_strict_part_is_stripped() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Deployment, "web", |child| {
        child.managed.foreign = Some(Foreign { manager: "kubectl-edit".into(), hash: 1 });
    });
    assert_eq!(
        writes(&stack, &desired, &observed),
        [(Kind::Deployment, "web".to_owned(), How::Strip { by: "kubectl-edit".to_owned() })]
    );
}

#[test]
fn rule_12_a_name_taken_by_somebody_else_is_a_conflict_and_not_an_adoption() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Service, "web", |child| (child.owner, child.owned_by_stack) = (Some("else".to_owned()), false));
    let plan = plan(&stack, &desired, &[], &observed, &Held::new());
    let taken = Conflict { component: "web".to_owned(), kind: Kind::Service, name: "web".to_owned() };
    assert_eq!((plan.writes.len(), plan.conflicts), (0, vec![taken]));
}

#[test]
fn what_a_deleted_stack_of_the_same_name_has_left_is_waited_for() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Service, "web", |child| child.owner = Some("former-stack".to_owned()));
    let plan = plan(&stack, &desired, &[], &observed, &Held::new());
    assert_eq!((plan.writes.len(), plan.conflicts.len(), plan.prune.len()), (0, 0, 0));
}

#[test]
fn rule_2_a_changed_count_is_one_write_by_the_manager_of_counts_and_names_who_changed_it() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Deployment, "web", |child| {
        workload(child).replicas = 7;
        child.managed.count = CountOwners { other: Some("kubectl".into()), ..CountOwners::default() };
    });
    let expected = How::Count { count: 2, by: Some("kubectl".to_owned()) };
    assert_eq!(writes(&stack, &desired, &observed), [(Kind::Deployment, "web".to_owned(), expected)]);
}

#[test]
fn rule_2_with_scale_the_count_is_the_autoscalers_and_only_a_zero_is_drift() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Deployment, "api", |child| workload(child).replicas = 4);
    assert_eq!(writes(&stack, &desired, &observed), []);
    edit(&mut observed, Kind::Deployment, "api", |child| workload(child).replicas = 0);
    assert_eq!(writes(&stack, &desired, &observed), [(Kind::Deployment, "api".to_owned(), How::Count { count: 2, by: None })]);
}

#[test]
fn rule_2_a_count_is_taken_back_only_when_the_autoscaler_is_gone() {
    let (_, _, mut observed) = shop();
    let stack = stack(&SHOP.replace("scale: {min: 2, max: 5, cpu: 70}", "replicas: 3"));
    let desired = desired::build(&stack);
    edit(&mut observed, Kind::Deployment, "api", |child| child.managed.count.count = true);
    assert_eq!(writes(&stack, &desired, &observed), []);
    observed.children.remove(&(Kind::HorizontalPodAutoscaler, "api".to_owned()));
    assert_eq!(writes(&stack, &desired, &observed), [(Kind::Deployment, "api".to_owned(), How::Count { count: 3, by: None })]);
}

#[test]
fn rule_2_no_template_write_drops_a_count_that_nobody_else_owns() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Deployment, "api", |child| {
        workload(child).replicas = 4;
        child.desired = Some("former".to_owned());
        child.managed.count.template = true;
    });
    let carried = How::Apply { count: Some(4), why: Why::Changed };
    assert_eq!(writes(&stack, &desired, &observed), [(Kind::Deployment, "api".to_owned(), carried)]);
    edit(&mut observed, Kind::Deployment, "api", |child| child.managed.count.count = true);
    let alone = How::Apply { count: None, why: Why::Changed };
    assert_eq!(writes(&stack, &desired, &observed), [(Kind::Deployment, "api".to_owned(), alone)]);
}

#[test]
fn rule_5_a_service_whose_dependency_was_never_ready_waits_and_is_not_pruned() {
    let (stack, desired, mut observed) = shop();
    observed.children.retain(|(_, name), _| name != "web");
    edit(&mut observed, Kind::EndpointSlice, "orders", |child| child.state = State::Nothing);
    edit(&mut observed, Kind::StatefulSet, "orders", |child| *workload(child) = Workload { replicas: 1, ..Workload::default() });
    let plan = plan(&stack, &desired, &[], &observed, &Held::new());
    assert!(plan.writes.iter().all(|write| write.object.component == "web" && write.object.kind != Kind::Deployment));
    assert_eq!(plan.blocked["web"], ["database orders: 0 of 1 instances serving"]);
    assert_eq!(plan.prune.len(), 0);
}

#[test]
fn rule_5_a_dependency_that_falls_over_later_stops_nothing() {
    let (stack, desired, mut observed) = shop();
    observed.children.remove(&(Kind::EndpointSlice, "orders".to_owned()));
    edit(&mut observed, Kind::StatefulSet, "orders", |child| workload(child).ready = 0);
    let plan = plan(&stack, &desired, &[], &observed, &Held::new());
    assert_eq!((plan.writes.len(), plan.blocked.len()), (0, 0));
}

#[test]
fn rule_12_what_is_owned_and_not_wanted_goes_consumers_first() {
    let (_, _, observed) = shop();
    let stack = stack("services: {api: {image: 'api:1'}}");
    let desired = desired::build(&stack);
    let plan = plan(&stack, &desired, &[], &observed, &Held::new());
    let kinds: Vec<_> = plan.prune.iter().map(|child| child.kind).collect();
    assert!(kinds.is_sorted_by_key(|kind| KINDS.iter().position(|row| row.kind == *kind)), "{kinds:?}");
    assert!(plan.prune.iter().any(|child| child.kind == Kind::StatefulSet && child.name == "orders"));
}

#[test]
fn rule_12_nothing_without_our_uid_is_pruned() {
    let (_, _, mut observed) = shop();
    for child in observed.children.values_mut() {
        child.owner = None;
    }
    let stack = stack("services: {other: {image: 'other:1'}}");
    let desired = desired::build(&stack);
    assert_eq!(plan(&stack, &desired, &[], &observed, &Held::new()).prune, Vec::<&Child>::new());
}

#[test]
fn rule_8_an_old_config_map_stays_until_no_old_instance_needs_it() {
    let (_, _, mut observed) = shop();
    let stack = stack(&SHOP.replace("files: {/etc/a: b}", "files: {/etc/a: c}"));
    let desired = desired::build(&stack);
    let pruned = |observed: &Observed| {
        plan(&stack, &desired, &[], observed, &Held::new()).prune.iter().map(|child| child.kind).collect::<Vec<_>>()
    };
    assert_eq!(pruned(&observed), [], "the rollout is only about to begin");
    let is_api = |object: &&Object| (object.kind, object.name.as_str()) == (Kind::Deployment, "api");
    let hash = desired.objects.iter().find(is_api).unwrap().hash.clone();
    edit(&mut observed, Kind::Deployment, "api", |child| {
        child.desired = Some(hash);
        workload(child).updated = 1;
    });
    assert_eq!(pruned(&observed), [], "the rollout is under way");
    edit(&mut observed, Kind::Deployment, "api", |child| workload(child).updated = 2);
    assert_eq!(pruned(&observed), [Kind::ConfigMap]);
}

#[test]
fn rule_10_a_database_that_is_held_is_not_touched_and_the_rest_goes_on() {
    let (stack, desired, mut observed) = shop();
    observed.children.remove(&(Kind::StatefulSet, "orders".to_owned()));
    observed.children.remove(&(Kind::Service, "api".to_owned()));
    let violation = Violation { path: "spec.databases.orders".to_owned(), reason: "lost".to_owned(), fix: "restore".to_owned() };
    let held = Held::from([("orders".to_owned(), ("DataLost".to_owned(), violation))]);
    let plan = plan(&stack, &desired, &[], &observed, &held);
    let written: Vec<_> = plan.writes.iter().map(|write| (write.object.kind, write.object.name.as_str())).collect();
    assert_eq!(written, [(Kind::Service, "api")]);
}

/// A database with a volume, as it is when it serves this version, and what its record tells.
fn recorded(version: &str, record: Option<&str>) -> (Stack, Desired, Observed) {
    let spec = format!("databases: {{orders: {{engine: postgres, version: {version:?}, storage: {{size: 1Gi}}}}}}");
    let mut stack = stack(&spec);
    stack.set_identity("orders", "i-1");
    let desired = desired::build(&stack);
    let mut observed = applied(&desired);
    if let Some(record) = record {
        let object = desired::identity_record(&stack, &stack.databases["orders"], "i-1");
        let (identity, data_version) = (Some("i-1".to_owned()), Some(record.to_owned()));
        let record = Child { identity, data_version, owner: None, ..child(&object) };
        observed.children.insert((object.kind, object.name), record);
    }
    (stack, desired, observed)
}

#[test]
fn rule_10_the_record_follows_the_highest_version_that_has_served() {
    let due = |version, record| {
        let (stack, desired, observed) = recorded(version, record);
        !unrecorded(&stack, &desired, &observed).is_empty()
    };
    assert!(due("17", None) && due("17.4", Some("17")) && due("17.4", Some("17.3")));
    assert!(!due("17.4", Some("17.4")) && !due("17.3", Some("17.4")) && !due("17", Some("17.4")));
}

#[test]
fn rule_10_a_version_that_does_not_serve_yet_is_not_recorded() {
    let (stack, desired, observed) = recorded("17.4", Some("17.3"));
    let unrecorded = |observed: &Observed| unrecorded(&stack, &desired, observed);
    assert_eq!(unrecorded(&observed), [("orders".to_owned(), "i-1".to_owned())]);
    let edits: [fn(&mut Child); 3] =
        [|set| set.desired = Some("the one before".to_owned()), |set| workload(set).updated = 0, |set| set.sent_generation = 9];
    for change in edits {
        let mut observed = observed.clone();
        edit(&mut observed, Kind::StatefulSet, "orders", change);
        assert_eq!(unrecorded(&observed), []);
    }
    let mut other = observed.clone();
    edit(&mut other, Kind::ConfigMap, "orders-identity", |record| record.identity = Some("i-2".to_owned()));
    assert_eq!(unrecorded(&other), [], "the record of other data is not touched");
}
