//! The end of a reconcile: what failed and what was corrected, in words; the status, if it differs; Events of transitions.
use tracing::{debug, info, warn};

use super::{Context, Next};
use crate::api::StackStatus;
use crate::cluster::apply::{Cause, Correction, Failure, Outcome};
use crate::cluster::events::Note;
use crate::cluster::store::{Key, Root};
use crate::plan::Plan;
use crate::status::Failed;

/// What failed, for the status. What merely changed under our hands is no failure.
pub fn failures(plan: &Plan<'_>, outcome: &Outcome) -> Vec<Failed> {
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
    taken.chain(failed).collect()
}

/// Drift that was put back, for Events.
pub fn notes(outcome: &Outcome) -> Vec<Note> {
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
    outcome.corrections.iter().map(corrected).collect()
}

/// When to look again after these writes. Data that is `held` is looked at again, for no watch tells that a Secret or a
/// volume of ours has come back.
pub fn next(outcome: &Outcome, held: bool) -> Next {
    let any = |wanted: &[Cause]| outcome.failures.iter().any(|Failure { cause, .. }| wanted.contains(cause));
    if any(&[Cause::Stale]) {
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
    next: Next,
) -> Next {
    if status != *previous {
        match context.cluster.report(key, root, &status).await {
            Ok(()) => {
                debug!(stack = %key, "status written");
                notes.extend(transition(previous, &status));
            }
            Err(error) if matches!(error.code(), Some(404 | 409)) => return Next::Event, // The stack is gone or another.
            Err(error) => {
                warn!(stack = %key, %error, "the status cannot be written; trying again");
                return Next::Backoff;
            }
        }
    }
    for note in &notes {
        info!(stack = %key, reason = note.reason, "{}", note.message);
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
    let calm = on == "True" || matches!(reason.as_str(), "Progressing" | "Blocked");
    (!same).then_some(Note { warning: !calm, reason, message, about: None })
}
