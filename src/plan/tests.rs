//! The plan, rule by rule: a stack, what is wanted of it, and what is there.
use pretty_assertions::assert_eq;
use serde_json::json;

use super::*;
use crate::api::MicroserviceStack;
use crate::codes::Code;
use crate::desired;
use crate::model::{Facts, check};
use crate::observed::{CountOwners, Endpoints, Foreign, Managed, PodState, Progress, State, Workload};

pub(super) const SHOP: &str = "
databases: {orders: {engine: redis, ephemeral: true}}
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [orders]}
  api: {image: 'api:1', port: 8080, scale: {min: 2, max: 5, cpu: 70}, resources: {cpu: 100m}, files: {/etc/a: b}}
";

pub(super) fn stack(spec: &str) -> Stack {
    let indented = spec.trim().replace('\n', "\n  ");
    let yaml = format!(
        "apiVersion: microservicestack.dev/v1alpha1\nkind: MicroserviceStack\nmetadata: {{name: shop, namespace: ns, uid: stack-uid}}\nspec:\n  {indented}\n"
    );
    check(&serde_saphyr::from_str::<MicroserviceStack>(&yaml).unwrap(), &Facts::default()).unwrap()
}

/// Everything as it is after it was applied and has become ready.
pub(super) fn applied(desired: &Desired) -> Observed {
    let serving = ["web", "api", "orders-ro"].map(|service| slice(service, 2));
    desired.objects.iter().map(child).chain(serving).collect()
}

pub(super) fn child(object: &Object) -> Child {
    let state = object.count.map_or(State::Nothing, |count| {
        State::Workload(Box::new(Workload {
            replicas: count,
            updated: count,
            ready: count,
            current: count,
            ..Workload::default()
        }))
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
        members: None,
        form: None,
        hibernated_from: None,
        erasable: false,
        deleting: false,
        desired: Some(object.hash.clone()),
        managed: Managed { ours: 1, ..Managed::default() },
        state,
        seen: 0,
    }
}

pub(super) fn slice(service: &str, ready: i32) -> Child {
    let nothing = Object::new(Kind::EndpointSlice, service, &json!({"metadata": {"name": service}}));
    Child { state: State::Endpoints(Endpoints { service: service.to_owned(), ready }), ..child(&nothing) }
}

pub(super) fn edit(observed: &mut Observed, kind: Kind, name: &str, edit: impl FnOnce(&mut Child)) {
    edit(observed.edit(kind, name).unwrap());
}

/// Edits all of which something is true.
pub(super) fn change(observed: &mut Observed, which: impl Fn(&Child) -> bool, edit: impl Fn(&mut Child)) {
    *observed = observed
        .all()
        .cloned()
        .map(|mut child| {
            if which(&child) {
                edit(&mut child);
            }
            child
        })
        .collect();
}

pub(super) fn workload(child: &mut Child) -> &mut Workload {
    match &mut child.state {
        State::Workload(workload) => workload,
        other => panic!("{other:?}"),
    }
}

/// The writes of a plan, as kind, name and how.
pub(super) fn writes(stack: &Stack, desired: &Desired, observed: &Observed) -> Vec<(Kind, String, How)> {
    let plan = plan(stack, desired, &[], observed, &Held::new());
    plan.writes.into_iter().map(|write| (write.object.kind, write.object.name.clone(), write.how)).collect()
}

pub(super) fn shop() -> (Stack, Desired, Observed) {
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
    let expected = How::Count { count: 2, remembered: None, by: Some("kubectl".to_owned()) };
    assert_eq!(writes(&stack, &desired, &observed), [(Kind::Deployment, "web".to_owned(), expected)]);
}

#[test]
fn rule_2_with_scale_the_count_is_the_autoscalers_and_only_a_zero_is_drift() {
    let (stack, desired, mut observed) = shop();
    edit(&mut observed, Kind::Deployment, "api", |child| workload(child).replicas = 4);
    assert_eq!(writes(&stack, &desired, &observed), []);
    edit(&mut observed, Kind::Deployment, "api", |child| workload(child).replicas = 0);
    assert_eq!(
        writes(&stack, &desired, &observed),
        [(Kind::Deployment, "api".to_owned(), How::Count { count: 2, remembered: None, by: None })]
    );
}

#[test]
fn rule_2_a_count_is_taken_back_only_when_the_autoscaler_is_gone() {
    let (_, _, mut observed) = shop();
    let stack = stack(&SHOP.replace("scale: {min: 2, max: 5, cpu: 70}", "replicas: 3"));
    let desired = desired::build(&stack);
    edit(&mut observed, Kind::Deployment, "api", |child| child.managed.count.count = true);
    assert_eq!(writes(&stack, &desired, &observed), []);
    observed.remove(Kind::HorizontalPodAutoscaler, "api");
    assert_eq!(
        writes(&stack, &desired, &observed),
        [(Kind::Deployment, "api".to_owned(), How::Count { count: 3, remembered: None, by: None })]
    );
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
    observed.retain(|child| child.name != "web");
    edit(&mut observed, Kind::EndpointSlice, "orders-ro", |child| child.state = State::Nothing);
    edit(&mut observed, Kind::StatefulSet, "orders", |child| *workload(child) = Workload { replicas: 1, ..Workload::default() });
    let plan = plan(&stack, &desired, &[], &observed, &Held::new());
    assert!(plan.writes.iter().all(|write| write.object.component == "web" && write.object.kind != Kind::Deployment));
    assert_eq!(plan.blocked["web"], ["database orders: 0 of 1 instances serving"]);
    assert_eq!(plan.prune.len(), 0);
}

#[test]
fn rule_5_a_dependency_that_falls_over_later_stops_nothing() {
    let (stack, desired, mut observed) = shop();
    observed.remove(Kind::EndpointSlice, "orders-ro");
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

/// A removed database may take two minutes to end, and its data is not to be had by everybody meanwhile.
#[test]
fn the_policy_of_a_removed_component_goes_after_its_last_pod() {
    let (_, _, mut observed) = shop();
    let without = SHOP.replace("databases: {orders: {engine: redis, ephemeral: true}}", "").replace(", uses: [orders]", "");
    let pruned = |spec: &str, observed: &Observed| {
        let stack = stack(spec);
        let desired = desired::build(&stack);
        plan(&stack, &desired, &[], observed, &Held::new()).prune.iter().map(|child| child.kind).collect::<Vec<_>>()
    };
    let of_policies = |kinds: &[Kind]| kinds.iter().filter(|kind| **kind == Kind::NetworkPolicy).count();
    let first = pruned(&without, &observed);
    assert!(first.contains(&Kind::StatefulSet) && of_policies(&first) == 0, "{first:?}");
    let pod = Child { kind: Kind::Pod, name: "orders-0".into(), state: State::Pod(PodState::default()), ..slice("orders", 0) };
    observed.insert(pod);
    observed.remove(Kind::StatefulSet, "orders");
    assert_eq!(of_policies(&pruned(&without, &observed)), 0, "its pod still ends");
    assert_eq!(of_policies(&pruned(&format!("isolation: Open{without}"), &observed)), 3, "an open stack has none");
    observed.remove(Kind::Pod, "orders-0");
    assert_eq!(of_policies(&pruned(&without, &observed)), 1);
}

#[test]
fn rule_12_nothing_without_our_uid_is_pruned() {
    let (_, _, mut observed) = shop();
    change(&mut observed, |_| true, |child| child.owner = None);
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
    observed.remove(Kind::StatefulSet, "orders");
    observed.remove(Kind::Service, "api");
    let violation = Violation {
        path: "spec.databases.orders".to_owned(),
        reason: "lost".to_owned(),
        fix: "restore".to_owned(),
        code: Code::DataHeld,
    };
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
        observed.insert(record);
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

#[test]
fn rule_10_a_cluster_is_recorded_with_its_members_once_all_of_them_serve() {
    let mut stack = stack("databases: {orders: {engine: nats, version: '2.11', instances: 3, storage: {size: 1Gi}}}");
    stack.set_identity("orders", "i-1");
    let desired = desired::build(&stack);
    let mut observed = applied(&desired);
    observed.insert(slice("orders", 3));
    let [record] = &records(&stack, &desired, &observed)[..] else { panic!("it serves") };
    assert_eq!(record.body["metadata"]["labels"]["microservicestack.dev/data-members"], "3");
    edit(&mut observed, Kind::EndpointSlice, "orders", |child| *child = slice("orders", 2));
    assert_eq!(unrecorded(&stack, &desired, &observed), []);
}

/// The stack of before, and what is there of it, once it is to hibernate.
fn hibernating() -> (Stack, Desired, Observed) {
    let (_, _, observed) = shop();
    let stack = stack(&format!("hibernate: true\n{}", SHOP.trim()));
    let desired = desired::build(&stack);
    (stack, desired, observed)
}

fn sleeps(kind: Kind, name: &str, remembered: i32) -> (Kind, String, How) {
    (kind, name.to_owned(), How::Count { count: 0, remembered: Some(remembered), by: None })
}

/// Everything of a kind at 0, and remembering what it had.
fn put_to_sleep(observed: &mut Observed, kind: Kind) {
    change(
        observed,
        |child| child.kind == kind,
        |child| {
            child.hibernated_from = Some(workload(child).replicas);
            *workload(child) = Workload { progress: Progress::Complete, ..Workload::default() };
        },
    );
}

#[test]
fn rule_11_hibernate_takes_services_to_0_then_databases_and_remembers_the_counts() {
    let (stack, desired, mut observed) = hibernating();
    edit(&mut observed, Kind::Deployment, "api", |child| workload(child).replicas = 4);
    let services = [sleeps(Kind::Deployment, "api", 4), sleeps(Kind::Deployment, "web", 2)];
    assert_eq!(writes(&stack, &desired, &observed), services);
    put_to_sleep(&mut observed, Kind::Deployment);
    let pod = Child { kind: Kind::Pod, name: "web-1".into(), state: State::Pod(PodState::default()), ..slice("web", 0) };
    observed.insert(pod);
    assert_eq!(writes(&stack, &desired, &observed), [], "an instance of a service is still there");
    observed.remove(Kind::Pod, "web-1");
    assert_eq!(writes(&stack, &desired, &observed), [sleeps(Kind::StatefulSet, "orders", 1)]);
    put_to_sleep(&mut observed, Kind::StatefulSet);
    assert_eq!(writes(&stack, &desired, &observed), []);
}

#[test]
fn rule_11_nothing_is_started_while_the_stack_hibernates() {
    let (stack, desired, _) = hibernating();
    let workloads = |(kind, ..): &(Kind, String, How)| matches!(kind, Kind::Deployment | Kind::StatefulSet);
    assert!(!writes(&stack, &desired, &Observed::default()).iter().any(workloads));
}

#[test]
fn rule_11_the_remembered_counts_come_back_in_order_and_within_the_present_bounds() {
    let (_, _, mut observed) = hibernating();
    edit(&mut observed, Kind::Deployment, "api", |child| workload(child).replicas = 9);
    put_to_sleep(&mut observed, Kind::Deployment);
    put_to_sleep(&mut observed, Kind::StatefulSet);
    observed.retain(|child| child.kind != Kind::EndpointSlice);
    let (stack, desired, _) = shop();
    let woken = |kind, name: &str, count| (kind, name.to_owned(), How::Count { count, remembered: None, by: None });
    let first = [woken(Kind::Deployment, "api", 5), woken(Kind::StatefulSet, "orders", 1)];
    assert_eq!(writes(&stack, &desired, &observed), first, "web waits for what it uses");
    observed.insert(slice("orders-ro", 1));
    edit(&mut observed, Kind::StatefulSet, "orders", |child| {
        child.hibernated_from = None;
        *workload(child) = Workload { replicas: 1, updated: 1, ready: 1, current: 1, ..Workload::default() };
    });
    assert_eq!(writes(&stack, &desired, &observed), [woken(Kind::Deployment, "api", 5), woken(Kind::Deployment, "web", 2)]);
}

#[test]
fn rule_11_a_template_waits_for_the_count_that_is_remembered() {
    let (stack, _, mut observed) = hibernating();
    let desired = desired::build(&super::tests::stack(&format!("hibernate: true\n{}", SHOP.trim()).replace("web:1", "web:2")));
    edit(&mut observed, Kind::Deployment, "web", |child| {
        child.managed.count = CountOwners { template: true, ..CountOwners::default() }
    });
    let web = |writes: Vec<(Kind, String, How)>| writes.into_iter().filter(|(_, name, _)| name == "web").collect::<Vec<_>>();
    assert_eq!(web(writes(&stack, &desired, &observed)), [sleeps(Kind::Deployment, "web", 2)]);
}

#[test]
fn rule_11_instances_that_are_only_about_to_be_made_are_not_missing() {
    let (stack, _, mut observed) = shop();
    observed.remove(Kind::EndpointSlice, "orders-ro");
    let mut told = |observed_generation| {
        edit(&mut observed, Kind::StatefulSet, "orders", |set| {
            set.generation = 2;
            *workload(set) = Workload { replicas: 1, observed_generation, ..Workload::default() };
        });
        crate::readiness::of(&stack, "orders", &observed).cause()
    };
    assert_eq!(told(1), "starting, 0 of 1 instances serving");
    assert!(told(2).starts_with("PodsMissing: 0 of 1 pods are there"), "{}", told(2));
}
