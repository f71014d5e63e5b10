//! Migrations, tests and jobs: which are due, which hold something back, and which of their Jobs stay (rule 7).
use std::collections::{BTreeMap, BTreeSet};

use super::rollout::{self, Course};
use crate::desired::{Desired, Object};
use crate::kinds::Kind;
use crate::model::graph::Graph;
use crate::model::{Stack, Task, TaskKind, task};
use crate::observed::{Child, Observed, PodState, State, TaskEnd, TaskState};
use crate::readiness;

/// How a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stand {
    /// It has not begun, and waits for this, or for its turn.
    Waits(String),
    /// Its Job is there and has not ended.
    Runs(String),
    /// It has ended well.
    Done,
    /// It says that it has failed.
    Failed(String),
    /// It was cut off, so that nobody knows how far it came.
    CutOff(String),
}

/// Every task of a stack with how it is.
pub fn stands<'a>(stack: &'a Stack, desired: &Desired, observed: &Observed) -> Vec<(&'a Task, Stand)> {
    let complete = rollout::complete_migrations(stack, observed);
    stack.tasks.iter().map(|task| (task, stand(stack, task, desired, observed, &complete))).collect()
}

fn stand(stack: &Stack, task: &Task, desired: &Desired, observed: &Observed, complete: &BTreeSet<&str>) -> Stand {
    if task.kind == TaskKind::Migrate && complete.contains(task.job.as_str()) {
        return Stand::Done;
    }
    match state(observed.get(Kind::Job, &task.job)) {
        None if has_passed(stack, task, observed) => Stand::Done,
        None => Stand::Waits(waits_for(stack, task, desired, observed).unwrap_or_default()),
        Some(TaskState { end: None, .. }) => {
            Stand::Runs(trouble(stack, task, observed).map(|(words, _)| words).unwrap_or_default())
        }
        Some(TaskState { end: Some(TaskEnd::Complete), .. }) => Stand::Done,
        Some(TaskState { end: Some(TaskEnd::Failed(job)), .. }) => {
            let unknown = || (format!("{}: {}", job.reason, job.message), false);
            let (words, ended_by_itself) = trouble(stack, task, observed).unwrap_or_else(unknown);
            if task.kind == TaskKind::Migrate && !ended_by_itself { Stand::CutOff(words) } else { Stand::Failed(words) }
        }
    }
}

fn state(job: Option<&Child>) -> Option<&TaskState> {
    match &job.filter(|job| !job.deleting)?.state {
        State::Task(state) => Some(state),
        _ => None,
    }
}

/// A gated test of a revision that is good has passed, also when its Job is gone.
fn has_passed(stack: &Stack, task: &Task, observed: &Observed) -> bool {
    let gated = matches!(task.kind, TaskKind::Test { gate: true, .. });
    gated && matches!(rollout::course_of(stack, observed), Course::Settled | Course::Back { .. })
}

/// What is wrong with the pods of a task's Job, and whether its container has ended by itself.
fn trouble(stack: &Stack, task: &Task, observed: &Observed) -> Option<(String, bool)> {
    let component = task.component();
    let mut pods = observed.of(Kind::Pod, &component).filter(|pod| is_of(pod, &task.job));
    pods.find_map(|pod| match &pod.state {
        State::Pod(PodState { trouble: Some(trouble), exit, .. }) => {
            let words = readiness::words(&format!("pod {}", pod.name), trouble, &stack.namespace);
            Some((words, ended_by_itself(&trouble.reason, *exit)))
        }
        _ => None,
    })
}

/// Not by a signal (128 and more), nor so that nobody knows. What never began has changed nothing either.
fn ended_by_itself(reason: &str, exit: Option<i32>) -> bool {
    ["StartError", "ContainerCannotRun"].contains(&reason) || exit.is_some_and(|code| code < 128)
}

fn is_of(pod: &Child, job: &str) -> bool {
    pod.name.strip_prefix(job).is_some_and(|rest| rest.starts_with('-'))
}

/// What a task that has not begun waits for; none when it is due.
fn waits_for(stack: &Stack, task: &Task, desired: &Desired, observed: &Observed) -> Option<String> {
    let used: BTreeSet<&str> = match task.kind {
        TaskKind::Test { .. } => reliance(stack, task),
        TaskKind::Migrate | TaskKind::Job => task.uses.iter().map(|edge| edge.target.as_str()).collect(),
    };
    let waits = |name: &&str| {
        let readiness = readiness::of(stack, name, observed);
        let is_late = match task.kind {
            TaskKind::Migrate => stack.databases.contains_key(*name) && !readiness.serves(),
            TaskKind::Test { .. } if stack.services.contains_key(*name) => {
                !readiness.ready() || !rollout::runs_what_is_wanted(desired, observed, name)
            }
            TaskKind::Test { .. } | TaskKind::Job => !readiness.serves(),
        };
        let leaving = if matches!(task.kind, TaskKind::Test { .. }) { readiness::leaving(name, observed) } else { 0 };
        match (is_late, leaving) {
            (true, _) => Some(format!("waits for {name}: {}", readiness.counted())),
            (false, 0) => None,
            (false, leaving) => Some(format!("waits for {name}: {leaving} that goes away still answers")),
        }
    };
    used.iter().find_map(waits)
}

/// All that a task needs, through others too.
fn reliance<'a>(stack: &'a Stack, task: &'a Task) -> BTreeSet<&'a str> {
    let mut graph = Graph::default();
    for service in stack.services.values() {
        service.uses.iter().filter(|edge| !edge.optional).for_each(|edge| graph.edge(&service.name, &edge.target));
    }
    let direct = task.uses.iter().map(|edge| edge.target.as_str());
    direct.clone().flat_map(|name| graph.reliance(name)).chain(direct).collect()
}

/// The services whose template waits for their migration, and how that is. None while services are put back.
pub fn migrating(stack: &Stack, stands: &[(&Task, Stand)], observed: &Observed) -> BTreeMap<String, String> {
    if matches!(rollout::course_of(stack, observed), Course::Back { .. }) && stack.stays.is_none() {
        return BTreeMap::new();
    }
    let words = |task: &Task, stand: &Stand| match stand {
        Stand::Done => None,
        Stand::Waits(why) if why.is_empty() => Some("its migration waits for another one".to_owned()),
        Stand::Waits(why) => Some(format!("its migration {why}")),
        Stand::Runs(trouble) if trouble.is_empty() => Some(format!("its migration runs (job {})", task.job)),
        Stand::Runs(trouble) | Stand::Failed(trouble) | Stand::CutOff(trouble) => Some(format!("its migration: {trouble}")),
    };
    let migrations = stands.iter().filter(|(task, _)| task.kind == TaskKind::Migrate);
    migrations.filter_map(|(task, stand)| Some((task.name.clone(), words(task, stand)?))).collect()
}

/// The Jobs that are to be made now.
pub fn due<'a>(stack: &Stack, desired: &'a Desired, stands: &[(&Task, Stand)], observed: &Observed) -> Vec<&'a Object> {
    let course = rollout::course_of(stack, observed);
    if stack.hibernates || stack.stays.is_some() {
        return Vec::new();
    }
    let (back, settled) = (matches!(course, Course::Back { .. }), course == Course::Settled);
    let stopped =
        stands.iter().any(|(task, stand)| task.kind == TaskKind::Migrate && matches!(stand, Stand::Failed(_) | Stand::CutOff(_)));
    let mut taken = locked(observed);
    let mut due = Vec::new();
    for (task, stand) in stands {
        let is_there = observed.get(Kind::Job, &task.job).is_some();
        let ready = *stand == Stand::Waits(String::new()) && !is_there;
        let may = match task.kind {
            TaskKind::Migrate => !back && !stopped && free(task, &taken),
            TaskKind::Test { gate, .. } => !(back || gate && settled),
            TaskKind::Job => true,
        };
        if ready && may {
            if task.kind == TaskKind::Migrate {
                taken.extend(keys(task));
            }
            due.extend(desired.tasks.iter().find(|object| object.name == task.job));
        }
    }
    due
}

/// What running migrations hold: their databases, and their service.
fn locked(observed: &Observed) -> BTreeSet<String> {
    let running = observed.of_kind(Kind::Job).filter(|job| is_migration(job) && !has_ended(job));
    running
        .flat_map(|job| {
            let locks = match &job.state {
                State::Task(state) => state.locks.clone(),
                _ => Vec::new(),
            };
            locks.into_iter().chain([job.component.clone()])
        })
        .collect()
}

fn keys(task: &Task) -> impl Iterator<Item = String> {
    task.locks().into_iter().map(str::to_owned).chain([task.component()])
}

fn free(task: &Task, taken: &BTreeSet<String>) -> bool {
    keys(task).all(|key| !taken.contains(&key))
}

/// Whether a Job is of a migration.
fn is_migration(job: &Child) -> bool {
    job.component.starts_with(&task::of_label(TaskKind::Migrate.word()))
}

fn is_test(job: &Child) -> bool {
    job.component.starts_with(&task::of_label("test-"))
}

fn end(job: &Child) -> Option<&TaskEnd> {
    match &job.state {
        State::Task(state) => state.end.as_ref(),
        _ => None,
    }
}

fn has_ended(job: &Child) -> bool {
    end(job).is_some()
}

/// Whether any migration runs.
pub fn migrates(observed: &Observed) -> bool {
    observed.of_kind(Kind::Job).any(|job| is_migration(job) && !has_ended(job))
}

/// The migrations whose Jobs have ended well.
pub fn succeeded_migrations(observed: &Observed) -> impl Iterator<Item = &str> {
    let ended_well = |job: &&Child| end(job) == Some(&TaskEnd::Complete);
    observed.of_kind(Kind::Job).filter(|job| is_migration(job)).filter(ended_well).map(|job| job.name.as_str())
}

/// Whether a Job stays: it is wanted, or has failed and nothing has become good since; a migration is never stopped, and its
/// success is told by its Job until it is recorded. What failed goes when a retry is asked for.
pub fn stays(stack: &Stack, job: &Child, observed: &Observed) -> bool {
    let State::Task(state) = &job.state else { return true };
    let wanted = stack.tasks.iter().any(|task| task.job == job.name);
    match &state.end {
        Some(TaskEnd::Failed(_)) if wanted => state.retry == stack.rollout.retry,
        Some(TaskEnd::Failed(_)) => rollout::keeps_what_failed(stack, observed),
        Some(TaskEnd::Complete) if is_migration(job) && !wanted => {
            !rollout::complete_migrations(stack, observed).contains(job.name.as_str())
        }
        Some(TaskEnd::Complete) => wanted,
        None => wanted || !is_test(job) && has_begun(job, observed),
    }
}

/// Whether any container of a Job has begun, as far as is known.
fn has_begun(job: &Child, observed: &Observed) -> bool {
    let mut pods = observed.of(Kind::Pod, &job.component).filter(|pod| is_of(pod, &job.name)).peekable();
    pods.peek().is_none() || pods.any(|pod| matches!(&pod.state, State::Pod(PodState { begun: true, .. })))
}

#[cfg(test)]
mod tests;
