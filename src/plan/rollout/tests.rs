//! Rule 7, sentence by sentence: what is recorded, what is changed, what fails and what goes back.
use pretty_assertions::assert_eq;

use super::*;
use crate::desired;
use crate::observed::{PodState, Workload};
use crate::plan::tests::{SHOP, applied, change, child, edit, stack, workload};
use crate::plan::{Held, plan};

/// The shop of a text as it serves, with a record of each of the revisions before, the earliest first.
fn shop(spec: &str, before: &[(&str, Outcome)]) -> (Stack, Desired, Observed) {
    let stack = stack(spec);
    let desired = desired::build(&stack);
    let mut observed = applied(&desired);
    let is_service = |child: &Child| child.kind == Kind::Deployment;
    change(&mut observed, is_service, |child| workload(child).progress = Progress::Complete);
    for (former, outcome) in before {
        remember(&mut observed, former, *outcome, "");
    }
    (stack, desired, observed)
}

fn remember(observed: &mut Observed, spec: &str, outcome: Outcome, retry: &str) {
    let former = stack(spec);
    let record = Record { retry: retry.to_owned(), ..record(&former, observed, outcome, "it was bad".to_owned()) };
    let object = desired::revision_record(&former, &record);
    observed.insert(Child { state: State::Revision(Box::new(record)), ..child(&object) });
}

fn web(image: &str) -> String {
    SHOP.replace("web:1", image)
}

fn judged((stack, desired, observed): &(Stack, Desired, Observed)) -> Verdict {
    verdict(stack, desired, observed, &plan(stack, desired, &[], observed, &Held::new()))
}

fn is_stuck(observed: &mut Observed, name: &str) {
    edit(observed, Kind::Deployment, name, |child| {
        let before = workload(child).clone();
        *workload(child) = Workload { progress: Progress::Stuck, updated: 1, current: 3, ..before };
    });
}

#[test]
fn rule_7_a_revision_is_good_once_all_that_it_changed_serves() {
    let mut shop = shop(&web("web:2"), &[(SHOP, Outcome::Good)]);
    assert_eq!(judged(&shop), Verdict::Good);
    edit(&mut shop.2, Kind::Deployment, "web", |web| workload(web).updated = 1);
    assert_eq!(judged(&shop), Verdict::Open, "it is not rolled out");
    edit(&mut shop.2, Kind::Deployment, "web", |web| {
        workload(web).updated = 2;
        web.desired = Some("the template before".to_owned());
    });
    assert_eq!(judged(&shop), Verdict::Open, "the template is not written");
}

#[test]
fn rule_6_a_service_that_was_down_before_does_not_hold_back_what_others_have_changed() {
    let mut shop = shop(&web("web:2"), &[(SHOP, Outcome::Good)]);
    shop.2.remove(Kind::EndpointSlice, "api");
    assert_eq!(judged(&shop), Verdict::Good);
    shop.2.remove(Kind::EndpointSlice, "web");
    assert_eq!(judged(&shop), Verdict::Open);
}

/// Rule 7: "what failed and how to go on".
#[test]
fn rule_7_an_instance_that_runs_and_does_not_pass_its_check_is_told_with_the_check() {
    let spec = web("web:2").replace("replicas: 2", "replicas: 2, health: {http: /nope}");
    let mut shop = shop(&spec, &[(SHOP, Outcome::Good)]);
    is_stuck(&mut shop.2, "web");
    let deployment = shop.2.get(Kind::Deployment, "web").unwrap().clone();
    let pod = |name: &str, ready: bool| {
        let state = State::Pod(PodState { begun: true, ready, ..PodState::default() });
        Child { kind: Kind::Pod, name: name.to_owned(), state, ..deployment.clone() }
    };
    shop.2.insert(pod("web-1", true));
    shop.2.insert(pod("web-2", false));
    let reason = "web made no progress for 600 s: 1 of 2 instances run the present template, 2 serving; 1 runs and has not \
                  passed its check GET /nope on port 8080";
    assert_eq!(judged(&shop), Verdict::Failed(reason.to_owned()));
}

#[test]
fn rule_7_no_progress_of_a_service_that_has_changed_is_a_failure_and_says_why() {
    let mut shop = shop(&web("web:2"), &[(SHOP, Outcome::Good)]);
    is_stuck(&mut shop.2, "web");
    let reason = "web made no progress for 600 s: 1 of 2 instances run the present template, 2 serving";
    assert_eq!(judged(&shop), Verdict::Failed(reason.to_owned()));
    edit(&mut shop.2, Kind::Deployment, "web", |web| web.sent_generation = 9);
    assert_eq!(judged(&shop), Verdict::Open, "it is the former template that made no progress");
}

#[test]
fn rule_7_changed_is_what_differs_from_the_last_good_revision_also_when_a_newer_spec_supersedes_an_unfinished_one() {
    // web:2 was never finished: with web:1 back and a new api, only api has changed.
    let newer = SHOP.replace("api:1", "api:2");
    let mut shop = shop(&newer, &[(SHOP, Outcome::Good)]);
    is_stuck(&mut shop.2, "web");
    assert_eq!(judged(&shop), Verdict::Open, "web is as it was when all was good");
    is_stuck(&mut shop.2, "api");
    assert!(matches!(judged(&shop), Verdict::Failed(reason) if reason.starts_with("api made no progress")));
}

#[test]
fn rule_7_without_a_good_revision_and_with_hold_what_is_stuck_is_waited_for() {
    let mut first = shop(SHOP, &[]);
    is_stuck(&mut first.2, "web");
    assert_eq!(judged(&first), Verdict::Open);
    let mut held = shop(&format!("rollout: {{onFailure: Hold}}\n{}", web("web:2").trim()), &[(SHOP, Outcome::Good)]);
    is_stuck(&mut held.2, "web");
    assert_eq!(judged(&held), Verdict::Open);
}

#[test]
fn rule_7_nothing_is_judged_while_the_stack_is_paused_or_sleeps() {
    for first in ["paused: true", "hibernate: true"] {
        let mut shop = shop(&format!("{first}\n{}", web("web:2").trim()), &[(SHOP, Outcome::Good)]);
        is_stuck(&mut shop.2, "web");
        assert_eq!(judged(&shop), Verdict::Open, "{first}");
    }
}

#[test]
fn rule_7_a_failure_is_remembered_by_the_revision_and_only_the_annotation_is_a_retry() {
    let bad = web("web:2");
    let (shop, _, observed) = shop(&bad, &[(SHOP, Outcome::Good), (&bad, Outcome::Failed)]);
    let Course::Back { good, failed } = course_of(&shop, &observed) else { panic!("not back") };
    assert_eq!((good.name.as_str(), failed.reason.as_str()), (stack(SHOP).revision.name.as_str(), "it was bad"));
    let counted = stack(&bad.replace("replicas: 2", "replicas: 7"));
    assert!(matches!(course_of(&counted, &observed), Course::Back { .. }), "a count edit is no retry");
    assert!(matches!(course(&shop.uid, &shop.asked, "again", &observed), Course::Forward { since: Some(_) }));
    assert!(matches!(course_of(&stack(&web("web:3")), &observed), Course::Forward { since: Some(_) }), "another revision");
    assert_eq!(course_of(&stack(SHOP), &observed), Course::Settled, "a revert is good already");
}

#[test]
fn rule_7_a_return_to_an_older_good_revision_is_rolled_out_again() {
    let (shop, _, observed) = shop(SHOP, &[(SHOP, Outcome::Good), (&web("web:2"), Outcome::Good)]);
    assert!(matches!(course_of(&shop, &observed), Course::Forward { since: Some(_) }));
    assert_eq!(record(&shop, &observed, Outcome::Good, String::new()).number, 3);
}

#[test]
fn rule_7_a_record_without_our_owner_uid_counts_for_nothing() {
    let (shop, _, mut observed) = shop(SHOP, &[(SHOP, Outcome::Good)]);
    let name = shop.asked.clone();
    edit(&mut observed, Kind::ControllerRevision, &name, |record| record.owner = Some("former-stack".to_owned()));
    assert_eq!(course_of(&shop, &observed), Course::Forward { since: None });
}

#[test]
fn rule_7_nothing_is_pruned_until_a_revision_is_good_but_a_counts_autoscaler_goes_at_once() {
    let smaller = "services: {api: {image: 'api:1', port: 8080, resources: {cpu: 100m}, files: {/etc/a: c}}}";
    let (_, _, before) = shop(SHOP, &[(SHOP, Outcome::Good)]);
    let pruned = |observed: &Observed| {
        let stack = stack(smaller);
        let desired = desired::build(&stack);
        plan(&stack, &desired, &[], observed, &Held::new()).prune.iter().map(|child| (child.kind, child.name.clone())).collect()
    };
    let on_its_way: Vec<(Kind, String)> = pruned(&before);
    assert_eq!(on_its_way, [(Kind::HorizontalPodAutoscaler, "api".to_owned())]);
    let mut good = before.clone();
    remember(&mut good, smaller, Outcome::Good, "");
    let gone: Vec<(Kind, String)> = pruned(&good);
    for removed in [(Kind::Deployment, "web"), (Kind::StatefulSet, "orders")] {
        assert!(gone.contains(&(removed.0, removed.1.to_owned())), "{removed:?} stays: {gone:?}");
    }
}

#[test]
fn rule_7_history_is_kept_and_the_last_good_revision_always_is() {
    let texts: Vec<String> = (1..=4).map(|n| web(&format!("web:{n}"))).collect();
    let mut before = vec![(SHOP, Outcome::Good)];
    before.extend(texts[1..3].iter().map(|text| (text.as_str(), Outcome::Failed)));
    let (_, _, observed) = shop(SHOP, &before);
    let asked = stack(&format!("rollout: {{history: 1}}\n{}", texts[3].trim()));
    let names = |texts: &[&str]| texts.iter().map(|text| stack(text).asked).collect::<BTreeSet<_>>();
    let kept: BTreeSet<String> = remembered(&asked, &observed).into_iter().map(str::to_owned).collect();
    assert_eq!(kept, names(&[SHOP, &texts[2]]));
    let desired = desired::build(&asked);
    let gone: Vec<String> =
        plan(&asked, &desired, &[], &observed, &Held::new()).prune.iter().map(|child| child.name.clone()).collect();
    assert_eq!(gone.iter().cloned().collect::<BTreeSet<_>>(), names(&[&texts[1]]), "{gone:?}");
}

#[test]
fn rule_7_rolling_back_puts_all_changed_services_back_together_takes_added_ones_away_and_keeps_the_counts() {
    let bad = SHOP
        .replace("web:1", "web:2")
        .replace("api:1", "api:2")
        .replace("replicas: 2", "replicas: 7")
        .replace("max: 5", "max: 9")
        .trim()
        .to_owned()
        + "\n  extra: {image: 'extra:1'}";
    let (good, asked) = (stack(SHOP), stack(&bad));
    let spec = serde_saphyr::from_str(&bad).unwrap();
    let restored = good.revision.part.restored(&spec, |_| None);
    let yaml = serde_json::to_string(&restored).unwrap();
    let back = asked.clone().put_back(Ok(stack(&yaml)));
    assert_eq!((&back.revision.name, &back.asked), (&good.revision.name, &asked.revision.name));
    assert_eq!(back.services.keys().collect::<Vec<_>>(), ["api", "web"]);
    assert_eq!((back.services["web"].image.as_str(), back.services["api"].image.as_str()), ("web:1", "api:1"));
    assert_eq!(
        (&back.services["web"].count, &back.services["api"].count),
        (&asked.services["web"].count, &asked.services["api"].count)
    );
    let (template, of) = (
        |stack: &Stack, name: &str| {
            let objects = desired::build(stack).objects;
            objects.into_iter().find(|one| one.kind == Kind::Deployment && one.name == name).map(|one| one.hash)
        },
        ["web", "api"],
    );
    for name in of {
        assert_eq!(template(&back, name), template(&good, name), "{name}");
    }
}

#[test]
fn rule_7_a_removed_service_comes_back_with_the_count_that_it_has() {
    let (good, spec) = (stack(SHOP), serde_saphyr::from_str("services: {api: {image: 'api:2'}}").unwrap());
    let restored = good.revision.part.restored(&spec, |name| (name == "web").then_some(5));
    assert_eq!((restored.services["web"].replicas, &*restored.services["web"].image), (Some(5), "web:1"));
}
