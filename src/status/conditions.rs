//! Conditions in the sense of kstatus: `Ready`, `Reconciling` and `Stalled` always, `SpecValid` and `RoutesAccepted` as facts.
//! Source: <https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md>.
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{Facts, rollout, routes, tasks};
use crate::api::status::{ComponentStatus, Phase};
use crate::api::{StackStatus, TaskStatus};
use crate::model::Violations;
use crate::readiness;

/// How a stack is, in the three words of kstatus.
struct Verdict {
    ready: bool,
    reconciling: bool,
    stalled: bool,
    reason: String,
    message: String,
}

/// Conditions of a checked stack.
pub fn of_stack(
    previous: &StackStatus,
    facts: &Facts<'_>,
    services: &BTreeMap<String, ComponentStatus>,
    databases: &BTreeMap<String, ComponentStatus>,
    now: &Time,
) -> Vec<Condition> {
    let mut verdict = verdict(facts, services, databases);
    if let Some((reason, message)) = rollout::failure(facts.stack, facts.observed).filter(|_| !facts.stack.hibernates) {
        verdict = Verdict { ready: false, reconciling: false, stalled: true, reason: reason.to_owned(), message };
    }
    verdict.reconciling &= !facts.stack.paused;
    let mut conditions = standard(&verdict);
    conditions.push(("SpecValid", true, "Valid".to_owned(), "every reference resolves".to_owned()));
    if let Some((accepted, message)) = routes_accepted(facts) {
        conditions.push(("RoutesAccepted", accepted, if accepted { "Accepted" } else { "NotAccepted" }.to_owned(), message));
    }
    if facts.stack.paused {
        conditions.push(("Paused", true, "Paused".to_owned(), paused_words(facts)));
    }
    stamp(previous, facts.stack.generation, conditions, now)
}

/// Facts about tests and jobs, as far as there are any.
pub fn of_tasks(
    previous: &StackStatus,
    generation: i64,
    tasks: [(&'static str, &BTreeMap<String, TaskStatus>); 2],
    now: &Time,
) -> Vec<Condition> {
    let told = |(name, tasks): (&'static str, &BTreeMap<String, TaskStatus>)| {
        tasks::all_succeeded(tasks).map(|(on, reason, message)| (name, on, reason.to_owned(), message))
    };
    stamp(previous, generation, tasks.into_iter().filter_map(told).collect(), now)
}

fn paused_words(facts: &Facts<'_>) -> String {
    let waiting: Vec<&str> = facts.failures.iter().map(|failed| failed.component.as_str()).collect();
    let waiting = if waiting.is_empty() { "nothing waits".to_owned() } else { format!("changes of {} wait", waiting.join(", ")) };
    format!("nothing is changed until `paused` is false; {waiting}")
}

/// Conditions of a spec that is not valid.
pub fn of_violations(previous: &StackStatus, generation: i64, violations: &Violations, now: &Time) -> Vec<Condition> {
    let message = format!("nothing is changed until the spec is mended. {violations}");
    let verdict =
        Verdict { ready: false, reconciling: false, stalled: true, reason: "InvalidSpec".to_owned(), message: message.clone() };
    let mut conditions = standard(&verdict);
    conditions.push(("SpecValid", false, "InvalidSpec".to_owned(), message));
    stamp(previous, generation, conditions, now)
}

/// Conditions of a stack that is being deleted.
pub fn of_deletion(previous: &StackStatus, generation: i64, message: &str, now: &Time) -> Vec<Condition> {
    let (reason, message) = ("Deleting".to_owned(), message.to_owned());
    let verdict = Verdict { ready: false, reconciling: true, stalled: false, reason, message };
    stamp(previous, generation, standard(&verdict), now)
}

fn standard(verdict: &Verdict) -> Vec<(&'static str, bool, String, String)> {
    let told = |on: bool, otherwise: &str| {
        if on { (verdict.reason.clone(), verdict.message.clone()) } else { (otherwise.to_owned(), String::new()) }
    };
    let (reconciling, stalled) = (told(verdict.reconciling, "Settled"), told(verdict.stalled, "NotStalled"));
    vec![
        ("Ready", verdict.ready, verdict.reason.clone(), verdict.message.clone()),
        ("Reconciling", verdict.reconciling, reconciling.0, reconciling.1),
        ("Stalled", verdict.stalled, stalled.0, stalled.1),
    ]
}

fn verdict(
    facts: &Facts<'_>,
    services: &BTreeMap<String, ComponentStatus>,
    databases: &BTreeMap<String, ComponentStatus>,
) -> Verdict {
    let all = || databases.iter().chain(services);
    let settled = if facts.stack.hibernates { Phase::Hibernated } else { Phase::Ready };
    let unready: Vec<_> = all().filter(|(_, component)| component.phase != settled).collect();
    let Some((name, worst)) = unready.iter().min_by_key(|(_, component)| (rank(component.phase), component.wave)) else {
        if facts.stack.hibernates {
            return hibernated();
        }
        let scaling = all().any(|(_, component)| component.instances.serving < component.instances.desired);
        return ready_verdict(facts, all().count(), scaling);
    };
    let reason = reason(facts, name, worst.phase);
    let rest = match unready.len() - 1 {
        0 => String::new(),
        others => format!(" ({others} more not ready)"),
    };
    let stalled = unready.iter().any(|(_, component)| component.phase == Phase::Failed);
    let message = if worst.message.is_empty() {
        format!("{name} is being applied{rest}")
    } else {
        format!("{name}: {}{rest}", worst.message)
    };
    Verdict { ready: false, reconciling: !stalled, stalled, reason, message }
}

/// Nothing serves, as was asked, and nothing is under way.
fn hibernated() -> Verdict {
    let message = "the stack hibernates: nothing runs, and its data stays; set `hibernate: false` to wake it".to_owned();
    Verdict { ready: false, reconciling: false, stalled: false, reason: "Hibernated".to_owned(), message }
}

/// Every component serves its floor. A step of an autoscaler is still under way: `Reconciling`, not unready (rule 1).
fn ready_verdict(facts: &Facts<'_>, components: usize, scaling: bool) -> Verdict {
    if let Some(failed) = facts.failures.first() {
        return Verdict {
            ready: false,
            reconciling: !failed.permanent,
            stalled: failed.permanent,
            reason: failed.reason.clone(),
            message: failed.message.clone(),
        };
    }
    if let Some(message) = tasks::testing(facts) {
        let reason = "Testing".to_owned();
        return Verdict { ready: false, reconciling: true, stalled: false, reason, message };
    }
    let notices = facts.stack.notices.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let message = if notices.is_empty() {
        match components {
            1 => "all of it serves what is asked".to_owned(),
            _ => format!("all {components} components serve what is asked"),
        }
    } else {
        format!("all {components} components serve; {notices}")
    };
    Verdict { ready: true, reconciling: scaling, stalled: false, reason: "Available".to_owned(), message }
}

/// Which phase is the root of the others: a failure explains a wait, a wait is explained by what it waits for.
fn rank(phase: Phase) -> u8 {
    match phase {
        Phase::Failed => 0,
        Phase::Migrating => 1,
        Phase::Rolling => 2,
        Phase::Pending => 3,
        Phase::Degraded => 4,
        Phase::Blocked => 5,
        Phase::Ready | Phase::Hibernated => 6,
    }
}

fn reason(facts: &Facts<'_>, name: &str, phase: Phase) -> String {
    if let Some((reason, _)) = facts.held.get(name) {
        return reason.clone();
    }
    if let Some(failed) = facts.failures.iter().find(|failed| failed.component == name) {
        return failed.reason.clone();
    }
    let trouble = readiness::of(facts.stack, name, facts.observed).trouble;
    if let Some((_, trouble)) = trouble.filter(|(_, trouble)| trouble.is_of_data()) {
        return trouble.reason;
    }
    match phase {
        Phase::Failed => "Failed",
        Phase::Degraded => "Degraded",
        Phase::Blocked => "Blocked",
        Phase::Migrating => "Migrating",
        Phase::Pending | Phase::Rolling | Phase::Ready | Phase::Hibernated => "Progressing",
    }
    .to_owned()
}

fn routes_accepted(facts: &Facts<'_>) -> Option<(bool, String)> {
    let routes: Vec<_> = facts.stack.services.values().flat_map(|service| routes(facts.stack, service, facts.observed)).collect();
    if routes.is_empty() {
        return None;
    }
    let refused: Vec<_> =
        routes.iter().filter(|(_, accepted, _)| !accepted).map(|(name, _, message)| format!("{name}: {message}")).collect();
    let message = if refused.is_empty() { "every route is accepted".to_owned() } else { refused.join("; ") };
    Some((refused.is_empty(), message))
}

/// Conditions keep the time of their last transition as long as their status does not flip.
fn stamp(
    previous: &StackStatus,
    generation: i64,
    conditions: Vec<(&'static str, bool, String, String)>,
    now: &Time,
) -> Vec<Condition> {
    let stamped = |(type_, on, reason, message): (&str, bool, String, String)| {
        let status = if on { "True" } else { "False" };
        let before = previous.conditions.iter().find(|condition| condition.type_ == type_ && condition.status == status);
        Condition {
            type_: type_.to_owned(),
            status: status.to_owned(),
            reason,
            message: message.chars().take(4096).collect(),
            observed_generation: Some(generation),
            last_transition_time: before.map_or_else(|| now.clone(), |condition| condition.last_transition_time.clone()),
        }
    };
    conditions.into_iter().map(stamped).collect()
}
