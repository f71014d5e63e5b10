//! Rule 7: when migrations, tests and jobs run, what they hold back, and which of their Jobs stay.
use pretty_assertions::assert_eq;

use super::*;
use crate::desired;
use crate::model::revision::Outcome;
use crate::observed::{Progress, Trouble};
use crate::plan::rollout::{Verdict, verdict};
use crate::plan::tests::{applied, change, child, edit, slice, stack, workload};
use crate::plan::{Held, How, plan};

const SHOP: &str = "
databases: {orders: {engine: redis, ephemeral: true}}
services:
  web: {image: 'web:1', port: 8080, replicas: 2, uses: [api], migrate: {command: [/m]}}
  api: {image: 'api:1', port: 8080, replicas: 2, uses: [orders], migrate: {command: [/m]}}
tests:
  flow: {image: 'e2e:1', uses: [web], gate: true}
  nice: {image: 'e2e:2', uses: [api]}
jobs: {seed: {image: 'seed:1', uses: [orders]}}
";

/// The stack as it serves, but for its tasks.
fn shop(spec: &str) -> (Stack, Desired, Observed) {
    let stack = stack(spec);
    let desired = desired::build(&stack);
    let mut observed = applied(&desired);
    let is_service = |child: &Child| child.kind == Kind::Deployment;
    change(&mut observed, is_service, |child| workload(child).progress = Progress::Complete);
    (stack, desired, observed)
}

fn job<'a>(desired: &'a Desired, id: &str) -> &'a Object {
    desired.tasks.iter().find(|object| object.component == task::of_label(id)).unwrap()
}

/// Makes the Job of a task, ended as is said.
fn put(desired: &Desired, observed: &mut Observed, id: &str, end: Option<TaskEnd>) {
    let object = job(desired, id);
    let locks = object.body["metadata"]["annotations"][crate::desired::meta::LOCKS].as_str().unwrap_or_default();
    let state = TaskState { end, locks: locks.split(',').map(str::to_owned).collect(), ..TaskState::default() };
    observed.insert(Child { state: State::Task(Box::new(state)), ..child(object) });
}

fn failed() -> TaskEnd {
    TaskEnd::Failed(Trouble { reason: "BackoffLimitExceeded".to_owned(), message: "it failed".to_owned() })
}

/// A pod of a task's Job that has ended with a code.
fn pod(desired: &Desired, observed: &mut Observed, id: &str, exit: i32) {
    let object = job(desired, id);
    let trouble = Some(Trouble { reason: "Error".to_owned(), message: "last words".to_owned() });
    let state = State::Pod(PodState { ended: true, trouble, exit: Some(exit), begun: true, ..PodState::default() });
    let name = format!("{}-x1", object.name);
    observed.insert(Child { kind: Kind::Pod, name, component: object.component.clone(), state, ..slice("pod", 0) });
}

fn good(stack: &Stack, observed: &mut Observed) {
    let record = rollout::record(stack, observed, Outcome::Good, String::new());
    let object = desired::revision_record(stack, &record);
    observed.insert(Child { state: State::Revision(Box::new(record)), ..child(&object) });
}

/// The Jobs that a plan makes, by task.
fn made((stack, desired, observed): &(Stack, Desired, Observed)) -> Vec<String> {
    let plan = plan(stack, desired, &[], observed, &Held::new());
    let jobs = plan.writes.iter().filter(|write| write.object.kind == Kind::Job);
    jobs.map(|write| write.object.component.trim_start_matches("task/").to_owned()).collect()
}

fn judged((stack, desired, observed): &(Stack, Desired, Observed)) -> Verdict {
    verdict(stack, desired, observed, &plan(stack, desired, &[], observed, &Held::new()))
}

fn pruned((stack, desired, observed): &(Stack, Desired, Observed)) -> Vec<String> {
    let plan = plan(stack, desired, &[], observed, &Held::new());
    plan.prune.iter().filter(|child| child.kind == Kind::Job).map(|child| child.name.clone()).collect()
}

fn migrated(shop: &mut (Stack, Desired, Observed)) {
    for id in ["migrate-api", "migrate-web"] {
        put(&shop.1, &mut shop.2, id, Some(TaskEnd::Complete));
    }
}

#[test]
fn rule_7_a_migration_runs_after_its_databases_and_before_its_template_and_counts_go_on() {
    let mut shop = shop(SHOP);
    edit(&mut shop.2, Kind::Deployment, "api", |api| {
        api.desired = Some("the former template".to_owned());
        workload(api).replicas = 7;
    });
    let before = plan(&shop.0, &shop.1, &[], &shop.2, &Held::new());
    let of_api: Vec<_> = before.writes.iter().filter(|write| write.object.component == "api").map(|write| &write.how).collect();
    assert_eq!(of_api, [&How::Count { count: 2, remembered: None, by: None }]);
    assert_eq!(before.migrating["api"], "its migration waits for another one");
    assert!(made(&shop).contains(&"migrate-api".to_owned()));
    shop.2.remove(Kind::EndpointSlice, "orders-ro");
    assert!(!made(&shop).contains(&"migrate-api".to_owned()), "its database does not serve");
    migrated(&mut shop);
    let after = plan(&shop.0, &shop.1, &[], &shop.2, &Held::new());
    assert!(after.writes.iter().any(|write| write.object.component == "api" && matches!(write.how, How::Apply { .. })));
}

#[test]
fn rule_7_one_migration_at_a_time_for_each_database() {
    let spec = SHOP.replace("uses: [api]", "uses: [api, orders]");
    let mut shop = shop(&spec);
    let migrations = |made: Vec<String>| made.into_iter().filter(|id| id.starts_with("migrate")).collect::<Vec<_>>();
    assert_eq!(migrations(made(&shop)), ["migrate-api"]);
    put(&shop.1, &mut shop.2, "migrate-api", None);
    assert_eq!(migrations(made(&shop)), Vec::<String>::new());
    put(&shop.1, &mut shop.2, "migrate-api", Some(TaskEnd::Complete));
    assert_eq!(migrations(made(&shop)), ["migrate-web"]);
}

#[test]
fn rule_7_a_running_migration_is_never_stopped_by_a_newer_spec_but_one_that_cannot_begin_is() {
    let (_, before, mut observed) = shop(SHOP);
    put(&before, &mut observed, "migrate-api", None);
    let newer = stack(&SHOP.replace("api:1", "api:2"));
    let desired = desired::build(&newer);
    let mut newer = (newer, desired, observed);
    assert_eq!(pruned(&newer), Vec::<String>::new());
    assert!(!made(&newer).contains(&"migrate-api".to_owned()), "the newer one waits for its turn");
    let old = job(&before, "migrate-api");
    let state = State::Pod(PodState { trouble: Some(Trouble::default()), ..PodState::default() });
    let name = format!("{}-x1", old.name);
    newer.2.insert(Child { kind: Kind::Pod, name, component: old.component.clone(), state, ..slice("pod", 0) });
    assert_eq!(pruned(&newer), [old.name.as_str()]);
}

#[test]
fn rule_7_a_migration_that_fails_is_a_failure_and_one_that_was_cut_off_is_held() {
    for (exit, expected) in [(Some(1), true), (Some(137), false), (None, false)] {
        let former = stack(&SHOP.replace("api:1", "api:0"));
        let (stack, desired, mut observed) = shop(SHOP);
        good(&former, &mut observed);
        put(&desired, &mut observed, "migrate-api", Some(failed()));
        if let Some(exit) = exit {
            pod(&desired, &mut observed, "migrate-api", exit);
        }
        let verdict = judged(&(stack, desired, observed));
        match verdict {
            Verdict::Failed(reason) if expected => {
                assert!(reason.starts_with("the migration of api failed: Error: last words"), "{reason}");
            }
            verdict => assert_eq!((verdict, expected), (Verdict::Open, false), "{exit:?}"),
        }
    }
}

#[test]
fn rule_7_a_migration_whose_command_is_not_there_has_changed_nothing_and_is_a_failure() {
    let former = stack(&SHOP.replace("api:1", "api:0"));
    let (stack, desired, mut observed) = shop(SHOP);
    good(&former, &mut observed);
    put(&desired, &mut observed, "migrate-api", Some(failed()));
    pod(&desired, &mut observed, "migrate-api", 128);
    let name = format!("{}-x1", job(&desired, "migrate-api").name);
    edit(&mut observed, Kind::Pod, &name, |pod| {
        if let State::Pod(PodState { trouble: Some(trouble), .. }) = &mut pod.state {
            trouble.reason = "StartError".to_owned();
        }
    });
    let verdict = judged(&(stack, desired, observed));
    assert_eq!(verdict, Verdict::Failed("the migration of api failed: StartError: last words (pod NAME)".replace("NAME", &name)));
}

#[test]
fn rule_7_a_completed_migration_is_remembered_by_the_record_and_never_runs_again() {
    let mut shop = shop(SHOP);
    migrated(&mut shop);
    put(&shop.1, &mut shop.2, "test-flow", Some(TaskEnd::Complete));
    assert_eq!(judged(&shop), Verdict::Good);
    good(&shop.0, &mut shop.2);
    for id in ["migrate-api", "migrate-web", "test-flow"] {
        let name = job(&shop.1, id).name.clone();
        shop.2.remove(Kind::Job, &name);
    }
    assert_eq!(made(&shop), ["test-nice", "job-seed"], "what is recorded is done");
    assert_eq!(plan(&shop.0, &shop.1, &[], &shop.2, &Held::new()).migrating, BTreeMap::new());
}

#[test]
fn rule_7_a_test_waits_until_no_former_instance_answers_it_any_more() {
    let mut shop = shop(SHOP);
    migrated(&mut shop);
    let leaving = |ready: bool| {
        let state = State::Pod(PodState { ready, begun: true, ..PodState::default() });
        Child {
            kind: Kind::Pod,
            name: "api-former".to_owned(),
            component: "api".to_owned(),
            deleting: true,
            state,
            ..slice("pod", 0)
        }
    };
    shop.2.insert(leaving(true));
    assert_eq!(made(&shop), ["job-seed"], "web is tested through api");
    let stand = stands(&shop.0, &shop.1, &shop.2).into_iter().find(|(task, _)| task.name == "flow").unwrap().1;
    assert_eq!(stand, Stand::Waits("waits for api: 1 that goes away still answers".to_owned()));
    shop.2.insert(leaving(false));
    assert_eq!(made(&shop), ["test-flow", "test-nice", "job-seed"], "its node may be lost");
}

#[test]
fn rule_7_a_test_runs_when_the_services_that_it_uses_serve_the_new_templates() {
    let mut shop = shop(SHOP);
    migrated(&mut shop);
    assert_eq!(made(&shop), ["test-flow", "test-nice", "job-seed"]);
    edit(&mut shop.2, Kind::Deployment, "api", |api| api.desired = Some("the former template".to_owned()));
    assert_eq!(made(&shop), ["job-seed"], "web is tested through api");
    put(&shop.1, &mut shop.2, "job-seed", None);
    assert_eq!(made(&shop), Vec::<String>::new(), "once");
}

#[test]
fn rule_7_a_gated_test_decides_whether_a_revision_is_good_and_another_one_does_not() {
    let former = stack(&SHOP.replace("api:1", "api:0"));
    let mut shop = shop(SHOP);
    good(&former, &mut shop.2);
    migrated(&mut shop);
    put(&shop.1, &mut shop.2, "test-nice", Some(failed()));
    put(&shop.1, &mut shop.2, "test-flow", None);
    assert_eq!(judged(&shop), Verdict::Open);
    put(&shop.1, &mut shop.2, "test-flow", Some(TaskEnd::Complete));
    assert_eq!(judged(&shop), Verdict::Good);
    put(&shop.1, &mut shop.2, "test-flow", Some(failed()));
    let reason = "the test flow failed: BackoffLimitExceeded: it failed";
    assert_eq!(judged(&shop), Verdict::Failed(reason.to_owned()));
}

#[test]
fn rule_7_successful_jobs_of_old_revisions_go_and_what_failed_stays_until_a_revision_is_good() {
    let (former, before, mut observed) = shop(SHOP);
    put(&before, &mut observed, "test-flow", Some(TaskEnd::Complete));
    put(&before, &mut observed, "test-nice", Some(failed()));
    put(&before, &mut observed, "migrate-api", Some(TaskEnd::Complete));
    let newer = stack(&SHOP.replace("api:1", "api:2"));
    let desired = desired::build(&newer);
    let mut newer = (newer, desired, observed);
    let name = |id: &str| job(&before, id).name.clone();
    assert_eq!(pruned(&newer), [name("test-flow")], "the success of a migration is told by its Job until it is recorded");
    good(&former, &mut newer.2);
    assert_eq!(pruned(&newer), [name("migrate-api"), name("test-flow")]);
    good(&newer.0, &mut newer.2);
    assert!(pruned(&newer).contains(&name("test-nice")), "{:?}", pruned(&newer));
}

#[test]
fn rule_7_what_failed_goes_and_is_tried_again_when_the_annotation_asks_for_it() {
    let mut shop = shop(SHOP);
    put(&shop.1, &mut shop.2, "migrate-api", Some(failed()));
    assert_eq!(pruned(&shop), Vec::<String>::new());
    shop.0.rollout.retry = "again".to_owned();
    let name = job(&shop.1, "migrate-api").name.clone();
    assert_eq!(pruned(&shop), [name.as_str()]);
    shop.2.remove(Kind::Job, &name);
    assert!(made(&shop).contains(&"migrate-api".to_owned()));
}

#[test]
fn rule_7_no_migration_and_no_test_runs_when_rolling_back() {
    let former = stack(&SHOP.replace("api:1", "api:0").replace("seed:1", "seed:2"));
    let (asked, _, mut observed) = shop(SHOP);
    good(&former, &mut observed);
    let record = rollout::record(&asked, &observed, Outcome::Failed, "bad".to_owned());
    let object = desired::revision_record(&asked, &record);
    observed.insert(Child { state: State::Revision(Box::new(record)), ..child(&object) });
    let back = asked.put_back(Ok(former));
    let desired = desired::build(&back);
    assert_eq!(made(&(back, desired, observed)), ["job-seed"]);
}

#[test]
fn rule_11_nothing_begins_while_the_stack_hibernates_and_databases_wait_for_a_running_migration() {
    let mut sleeping = shop(&format!("hibernate: true\n{}", SHOP.trim()));
    assert_eq!(made(&sleeping), Vec::<String>::new());
    let is_service = |child: &Child| child.kind == Kind::Deployment;
    change(&mut sleeping.2, is_service, |child| *workload(child) = crate::observed::Workload::default());
    assert!(crate::plan::services_have_ended(&sleeping.0, &sleeping.2));
    put(&sleeping.1, &mut sleeping.2, "migrate-api", None);
    assert!(!crate::plan::services_have_ended(&sleeping.0, &sleeping.2));
}
