//! Where the revision of a stack stands (rule 7): settled, on its way, or put back. What came of a revision is recorded once
//! it is known; until then all is derived anew from the objects.
use std::collections::BTreeSet;

use super::Plan;
use super::tasks::{self, Stand};
use crate::desired::Desired;
use crate::kinds::Kind;
use crate::model::revision::Outcome;
use crate::model::{Record, Stack, Task, TaskKind};
use crate::observed::{Child, Observed, Progress, State};
use crate::readiness;

/// Where the revision that is asked for stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Course<'a> {
    /// It is the last good one.
    Settled,
    /// It is on its way, from the last good one if there is any.
    Forward {
        /// The last good one.
        since: Option<(&'a Child, &'a Record)>,
    },
    /// It has failed: the services are to be as in the last good one.
    Back {
        /// The last good one.
        good: &'a Child,
        /// What is remembered of the one that failed.
        failed: &'a Record,
    },
}

/// What has come of the revision that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet, or it is recorded already.
    Open,
    /// All that it changed serves.
    Good,
    /// It cannot be rolled out, for this reason.
    Failed(String),
}

/// The records of a stack's revisions, the earliest first.
pub fn records<'a>(uid: &str, observed: &'a Observed) -> Vec<(&'a Child, &'a Record)> {
    let mut records: Vec<_> = observed
        .of_kind(Kind::ControllerRevision)
        .filter(|child| child.owner.as_deref() == Some(uid) && !child.deleting)
        .filter_map(|child| match &child.state {
            State::Revision(record) => Some((child, &**record)),
            _ => None,
        })
        .collect();
    records.sort_by_key(|(_, record)| record.number);
    records
}

/// Where a revision stands. A failure counts until the stack's annotation for retries says something else (rule 7).
pub fn course<'a>(uid: &str, revision: &str, retry: &str, observed: &'a Observed) -> Course<'a> {
    let records = records(uid, observed);
    let good = records.iter().rfind(|(_, record)| record.outcome == Outcome::Good).copied();
    let own = records.iter().find(|(child, _)| child.name == revision);
    match (own, good) {
        (Some((_, failed)), Some((good, _))) if failed.outcome == Outcome::Failed && failed.retry == retry => {
            Course::Back { good, failed }
        }
        (Some((own, _)), Some((good, _))) if own.name == good.name => Course::Settled,
        (_, since) => Course::Forward { since },
    }
}

/// Where the revision that a stack asks for stands.
pub fn course_of<'a>(stack: &Stack, observed: &'a Observed) -> Course<'a> {
    course(&stack.uid, &stack.asked, &stack.rollout.retry, observed)
}

/// Whether what a good revision would need again has to stay: while another one is on its way, or could not be put back.
pub fn keeps_what_was(stack: &Stack, observed: &Observed) -> bool {
    match course_of(stack, observed) {
        Course::Settled => false,
        Course::Forward { since } => since.is_some(),
        Course::Back { .. } => stack.revision.name == stack.asked,
    }
}

/// The records that stay: the latest as far as the history goes, and those that say where the stack stands.
pub fn remembered<'a>(stack: &Stack, observed: &'a Observed) -> BTreeSet<&'a str> {
    let records = records(&stack.uid, observed);
    let good = records.iter().rfind(|(_, record)| record.outcome == Outcome::Good).map(|(child, _)| child.name.as_str());
    let latest = records.iter().rev().take(stack.rollout.history).map(|(child, _)| child.name.as_str());
    let asked = records.iter().map(|(child, _)| child.name.as_str()).filter(|name| *name == stack.asked);
    latest.chain(good).chain(asked).collect()
}

/// What has come of the revision that is asked for. Without a good one to go back to, or where the stack says `Hold`, what
/// makes no progress is waited for.
pub fn verdict(stack: &Stack, desired: &Desired, observed: &Observed, plan: &Plan<'_>) -> Verdict {
    let Course::Forward { since } = course_of(stack, observed) else { return Verdict::Open };
    if stack.paused || stack.hibernates {
        return Verdict::Open;
    }
    let stands = tasks::stands(stack, desired, observed);
    if stands.iter().any(|(_, stand)| matches!(stand, Stand::CutOff(_))) {
        return Verdict::Open; // Nobody knows what the database holds: a person decides.
    }
    let changed = stack.revision.changed(since.map(|(_, record)| record));
    let failure = stands.iter().find_map(|(task, stand)| failed(task, stand));
    let failure = failure.or_else(|| changed.iter().find_map(|name| stuck(stack, desired, observed, name)));
    if let Some(reason) = failure.filter(|_| stack.rollout.back && since.is_some()) {
        return Verdict::Failed(reason);
    }
    let is_there = |name: &String| {
        let readiness = readiness::of(stack, name, observed);
        let serves = readiness.serves() || !changed.contains(name.as_str());
        !plan.blocked.contains_key(name) && readiness.rolled && serves && runs_what_is_wanted(desired, observed, name)
    };
    let is_done = |(task, stand): &(&Task, Stand)| *stand == Stand::Done || !decides(task);
    if stack.services.keys().all(is_there) && stands.iter().all(is_done) { Verdict::Good } else { Verdict::Open }
}

/// Whether a revision is good only when this has ended well.
fn decides(task: &Task) -> bool {
    matches!(task.kind, TaskKind::Migrate | TaskKind::Test { gate: true, .. })
}

fn failed(task: &Task, stand: &Stand) -> Option<String> {
    let Stand::Failed(words) = stand else { return None };
    match task.kind {
        TaskKind::Migrate => Some(format!("the migration of {} failed: {words}", task.name)),
        TaskKind::Test { gate: true, .. } => Some(format!("the test {} failed: {words}", task.name)),
        _ => None,
    }
}

/// Why a service makes no progress, by Kubernetes' own clock, with the template that is wanted.
fn stuck(stack: &Stack, desired: &Desired, observed: &Observed, name: &str) -> Option<String> {
    let service = stack.services.get(name)?;
    let (child, workload) = readiness::workload(observed, Kind::Deployment, &service.objects.base)?;
    let seen = workload.observed_generation >= child.sent_generation;
    if workload.progress != Progress::Stuck || !seen || !runs_what_is_wanted(desired, observed, name) {
        return None;
    }
    let cause = readiness::of(stack, name, observed).cause();
    Some(format!("{name} made no progress for {} s: {cause}", stack.rollout.deadline))
}

/// Whether the template of a service that is wanted is written.
pub fn runs_what_is_wanted(desired: &Desired, observed: &Observed, service: &str) -> bool {
    let mut deployments = desired.objects.iter().filter(|object| object.kind == Kind::Deployment && object.component == service);
    deployments
        .any(|object| observed.get(object.kind, &object.name).and_then(|child| child.desired.as_ref()) == Some(&object.hash))
}

/// The migrations that are recorded as complete.
pub fn complete_migrations<'a>(stack: &Stack, observed: &'a Observed) -> BTreeSet<&'a str> {
    records(&stack.uid, observed).into_iter().flat_map(|(_, record)| &record.migrations).map(String::as_str).collect()
}

/// Whether what has failed is still to be looked at: until a revision is good.
pub fn keeps_what_failed(stack: &Stack, observed: &Observed) -> bool {
    course_of(stack, observed) != Course::Settled
}

/// What is to be remembered of the revision that is asked for.
pub fn record(stack: &Stack, observed: &Observed, outcome: Outcome, reason: String) -> Record {
    let last = records(&stack.uid, observed).last().map_or(0, |(_, record)| record.number);
    let wanted = stack.tasks.iter().filter(|task| task.kind == TaskKind::Migrate).map(|task| task.job.as_str());
    let complete = complete_migrations(stack, observed);
    let recorded = wanted.filter(|job| complete.contains(job));
    Record {
        outcome,
        number: last + 1,
        reason,
        retry: stack.rollout.retry.clone(),
        services: stack.revision.services.clone(),
        migrations: tasks::succeeded_migrations(observed).chain(recorded).map(str::to_owned).collect(),
    }
}

#[cfg(test)]
mod tests;
