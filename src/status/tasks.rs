//! What is reported of migrations, tests and jobs (rule 7).
use std::collections::BTreeMap;

use super::rollout::again;
use super::{Facts, Failed};
use crate::api::{TaskPhase, TaskStatus};
use crate::model::{Stack, Task, TaskKind};
use crate::plan::rollout::{self, Course};
use crate::plan::tasks::Stand;

/// The status of each test, or of each job.
pub fn status(facts: &Facts<'_>, is: impl Fn(TaskKind) -> bool) -> BTreeMap<String, TaskStatus> {
    let told = |(task, stand): &(&Task, Stand)| {
        let (phase, message) = match stand {
            Stand::Waits(why) => (TaskPhase::Waiting, why.clone()),
            Stand::Runs(trouble) => (TaskPhase::Running, trouble.clone()),
            Stand::Done => (TaskPhase::Succeeded, String::new()),
            Stand::Failed(words) | Stand::CutOff(words) => (TaskPhase::Failed, format!("{words}; {}", again(facts.stack))),
        };
        (task.name.clone(), TaskStatus { phase, job: task.job.clone(), message })
    };
    facts.tasks.iter().filter(|(task, _)| is(task.kind)).map(told).collect()
}

/// What holds a revision back, and cannot go on without a person: where nothing is put back, or nobody knows what a database
/// holds.
pub fn failures(stack: &Stack, tasks: &[(&Task, Stand)]) -> Vec<Failed> {
    let failed = |(task, stand): &(&Task, Stand)| {
        let (component, reason, message) = match (task.kind, stand) {
            (TaskKind::Migrate, Stand::Failed(words)) => {
                (task.name.clone(), "MigrationFailed", format!("its migration failed: {words}"))
            }
            (TaskKind::Migrate, Stand::CutOff(words)) => {
                let words =
                    format!("its migration was cut off, so its database may be changed in part; look at it first: {words}");
                (task.name.clone(), "MigrationFailed", words)
            }
            (TaskKind::Test { gate: true, .. }, Stand::Failed(words)) => {
                (String::new(), "TestFailed", format!("the test {} failed: {words}", task.name))
            }
            _ => return None,
        };
        Some(Failed { component, reason: reason.to_owned(), message: format!("{message}; {}", again(stack)), permanent: true })
    };
    tasks.iter().filter_map(failed).collect()
}

/// What a revision that serves still waits for: its gated tests.
pub fn testing(facts: &Facts<'_>) -> Option<String> {
    if !matches!(rollout::course_of(facts.stack, facts.observed), Course::Forward { .. }) {
        return None;
    }
    let open = |(task, stand): &&(&Task, Stand)| {
        matches!(task.kind, TaskKind::Test { gate: true, .. }) && matches!(stand, Stand::Waits(_) | Stand::Runs(_))
    };
    let (task, stand) = facts.tasks.iter().find(open)?;
    Some(match stand {
        Stand::Waits(why) if !why.is_empty() => format!("the test {} {why}", task.name),
        Stand::Runs(trouble) if !trouble.is_empty() => format!("the test {}: {trouble}", task.name),
        _ => format!("the test {} runs (job {})", task.name, task.job),
    })
}

/// Whether all tests, or all jobs, have ended well, and a word on those that have not; none where there are none.
pub fn all_succeeded(tasks: &BTreeMap<String, TaskStatus>) -> Option<(bool, &'static str, String)> {
    if tasks.is_empty() {
        return None;
    }
    let of = |phase: TaskPhase| tasks.iter().filter(move |(_, task)| task.phase == phase);
    let failed: Vec<String> = of(TaskPhase::Failed).map(|(name, task)| format!("{name}: {}", task.message)).collect();
    let open: Vec<&str> = of(TaskPhase::Waiting).chain(of(TaskPhase::Running)).map(|(name, _)| name.as_str()).collect();
    Some(match (failed.is_empty(), open.is_empty()) {
        (false, _) => (false, "Failed", failed.join("; ")),
        (true, false) => (false, "Running", format!("{} not at the end yet", open.join(", "))),
        (true, true) => (true, "Succeeded", "all have ended well".to_owned()),
    })
}
