//! The end of a reconcile: what failed and what was corrected, in words; the status, if it differs; Events of transitions.
use std::collections::BTreeMap;

use tracing::{debug, info, warn};

use super::{Context, Next, inputs};
use crate::api::StackStatus;
use crate::cluster::apply::{Cause, Correction, Failure, Outcome};
use crate::cluster::events::Note;
use crate::cluster::store::{Key, Root};
use crate::model::{Stack, Task};
use crate::plan::tasks::Stand;
use crate::plan::{Plan, Write};
use crate::status::{self, Failed};

/// What failed, for the status. What merely changed under our hands is no failure.
pub fn failures(plan: &Plan<'_>, outcome: &Outcome, stack: &Stack, tasks: &[(&Task, Stand)]) -> Vec<Failed> {
    let taken = plan.conflicts.iter().map(|conflict| Failed {
        component: conflict.component.clone(),
        reason: "NameConflict".to_owned(),
        message: format!(
            "{} {} exists and belongs to somebody else; delete or rename it, or rename the component",
            conflict.kind.row().name,
            conflict.name
        ),
        permanent: true,
    });
    let failed = outcome.failures.iter().filter(|failure| failure.cause != Cause::Stale).map(|failure| Failed {
        component: failure.component.clone(),
        reason: failure.cause.reason().to_owned(),
        message: if failure.cause == Cause::NameConflict { failure.message.clone() } else { failure.to_string() },
        permanent: matches!(failure.cause, Cause::NameConflict | Cause::Refused),
    });
    taken.chain(failed).chain(status::task_failures(stack, tasks)).collect()
}

/// What waits while the stack is paused, by component: the status stays true, so what is not applied is not ready.
pub fn paused(plan: &Plan<'_>) -> Vec<Failed> {
    let mut waiting: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for Write { object, .. } in &plan.writes {
        waiting.entry(&object.component).or_default().push(format!("{} {}", object.kind.row().name, object.name));
    }
    let told = |(component, objects): (&str, Vec<String>)| Failed {
        component: component.to_owned(),
        reason: "Paused".to_owned(),
        message: format!("paused, so {} stays as it is; set `paused: false` to go on", objects.join(", ")),
        permanent: false,
    };
    waiting.into_iter().map(told).collect()
}

/// Drift that was put back, and what came of a revision, for Events.
pub fn notes(outcome: &Outcome, settled: Option<Note>) -> Vec<Note> {
    let corrected = |correction: &Correction| Note {
        warning: false,
        reason: "DriftCorrected".to_owned(),
        message: format!(
            "put back {} {}, changed by {}",
            correction.kind.row().name,
            correction.name,
            correction.by.as_deref().unwrap_or("somebody")
        ),
        about: Some((correction.kind, correction.name.clone())),
    };
    settled.into_iter().chain(outcome.corrections.iter().map(corrected)).collect()
}

/// When to look again after these writes. Data that is `held` is looked at again, for no watch tells that a Secret or a
/// volume of ours has come back.
pub fn next(outcome: &Outcome, held: bool) -> Next {
    let any = |wanted: &[Cause]| outcome.failures.iter().any(|Failure { cause, .. }| wanted.contains(cause));
    if outcome.again || any(&[Cause::Stale]) {
        Next::Soon
    } else if held || any(&[Cause::NameConflict]) {
        Next::Waits
    } else if any(&[Cause::Refused, Cause::Transient]) {
        Next::Backoff
    } else {
        Next::Event
    }
}

/// Writes the status if it differs, and tells of transitions.
pub async fn report(
    context: &Context,
    key: &Key,
    root: &Root,
    previous: &StackStatus,
    status: StackStatus,
    mut notes: Vec<Note>,
    mut next: Next,
) -> Next {
    let status = StackStatus { observed_requests: inputs::requests(root), ..status };
    if next == Next::Event && status != *previous && !status::is_transition(previous, &status) && context.pace.is_early(key) {
        next = Next::Counts;
    } else if status != *previous {
        match context.cluster.report(key, root, &status).await {
            Ok(()) => {
                debug!("status written");
                context.pace.wrote(key);
                notes.extend(transition(previous, &status));
            }
            Err(error) if matches!(error.code(), Some(404 | 409)) => return Next::Event, // The stack is gone or another.
            Err(error) => {
                warn!(%error, "the status cannot be written; trying again");
                return Next::Backoff;
            }
        }
    }
    for note in &notes {
        info!(reason = note.reason, "{}", note.message);
        context.events.publish(key, &root.uid, note).await;
    }
    next
}

/// A note when `Ready` changes its status or reason.
fn transition(previous: &StackStatus, status: &StackStatus) -> Option<Note> {
    let ready = |status: &StackStatus| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
            .map(|condition| (condition.status.clone(), condition.reason.clone(), condition.message.clone()))
    };
    let (on, reason, message) = ready(status)?;
    let same = ready(previous).is_some_and(|before| (before.0, before.1) == (on.clone(), reason.clone()));
    let calm = on == "True" || matches!(reason.as_str(), "Progressing" | "Blocked" | "Migrating" | "Testing" | "Hibernated");
    (!same).then_some(Note { warning: !calm, reason, message, about: None })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

    use super::*;

    fn status(on: &str, reason: &str, message: &str) -> StackStatus {
        let ready = Condition {
            type_: "Ready".to_owned(),
            status: on.to_owned(),
            reason: reason.to_owned(),
            message: message.to_owned(),
            observed_generation: None,
            last_transition_time: super::super::now(),
        };
        StackStatus { conditions: vec![ready], ..StackStatus::default() }
    }

    #[test]
    fn events_tell_of_transitions_alone_and_not_of_every_new_message() {
        let (one, two) = (status("False", "Progressing", "1 of 3"), status("False", "Progressing", "2 of 3"));
        assert_eq!(transition(&one, &two), None);
        assert_eq!(transition(&one, &one), None);
        let first = transition(&StackStatus::default(), &one).expect("the first status is a transition");
        assert_eq!((first.warning, first.reason.as_str(), first.message.as_str()), (false, "Progressing", "1 of 3"));
        assert!(transition(&two, &status("True", "Available", "")).is_some());
    }

    #[test]
    fn an_event_warns_where_a_person_should_look() {
        let warns =
            |on: &str, reason: &str| transition(&StackStatus::default(), &status(on, reason, "")).expect("a note").warning;
        for calm in ["Progressing", "Blocked", "Hibernated"] {
            assert!(!warns("False", calm), "{calm}");
        }
        assert!(!warns("True", "Available"));
        for loud in ["Failed", "Degraded", "NameConflict", "DataLost"] {
            assert!(warns("False", loud), "{loud}");
        }
    }
}
