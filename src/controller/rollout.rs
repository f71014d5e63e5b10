//! Revisions (rule 7): the services of the last good one in place of one that failed, and what came of each.
use tracing::warn;

use super::{Context, Next};
use crate::api::StackSpec;
use crate::cluster::apply::Outcome as Written;
use crate::cluster::events::Note;
use crate::cluster::store::{Key, Root};
use crate::desired::{self, Desired};
use crate::kinds::Kind;
use crate::model::revision::{Outcome, Part};
use crate::model::{self, Stack};
use crate::observed::{Observed, State};
use crate::plan::Plan;
use crate::plan::rollout::{self, Course, Verdict};

/// The spec with the services of the last good revision, where the one that is asked for has failed; or why there is none.
pub async fn former(
    context: &Context,
    key: &Key,
    root: &Root,
    spec: &StackSpec,
    observed: &Observed,
) -> Result<Option<Result<StackSpec, String>>, Next> {
    let asked = Part::of(&model::active(spec)).revision(&key.name).name;
    let Course::Back { good, .. } = rollout::course(&root.uid, &asked, &root.retry, observed) else {
        context.parts.forget(key);
        return Ok(None);
    };
    let live = |name: &str| {
        observed.of(Kind::Deployment, name).find_map(|child| match &child.state {
            State::Workload(workload) => Some(workload.replicas),
            _ => None,
        })
    };
    match context.cluster.part(&context.parts, key, good).await {
        Ok(Some(part)) => Ok(Some(Ok(part.restored(spec, live)))),
        Ok(None) => Ok(Some(Err(format!("its record, the ControllerRevision {}, cannot be read", good.name)))),
        Err(error) => {
            warn!(stack = %key, %error, "the last good revision cannot be read; trying again");
            Err(Next::Backoff)
        }
    }
}

/// Records what has come of the revision that is asked for, once that is known, and tells it.
pub async fn settle(
    context: &Context,
    key: &Key,
    stack: &Stack,
    desired: &Desired,
    plan: &Plan<'_>,
    written: &mut Written,
) -> Option<Note> {
    let observed = context.cluster.store().observed(key);
    let (outcome, reason) = match rollout::verdict(stack, desired, &observed, plan) {
        Verdict::Good => (Outcome::Good, String::new()),
        Verdict::Failed(reason) => (Outcome::Failed, reason),
        Verdict::Open => return None,
    };
    let record = desired::revision_record(stack, &rollout::record(stack, &observed, outcome, reason.clone()));
    if let Err(error) = context.cluster.record(stack, &record, observed.get(record.kind, &record.name)).await {
        warn!(stack = %key, revision = record.name, %error, "what came of a revision cannot be recorded; trying again");
        written.again = true;
        return None;
    }
    written.again = true; // What the record sets free comes next.
    Some(match outcome {
        Outcome::Good => Note {
            warning: false,
            reason: "RevisionGood".to_owned(),
            message: format!("{} is good: all that it changed serves", record.name),
            about: Some((record.kind, record.name)),
        },
        Outcome::Failed => Note {
            warning: true,
            reason: "RevisionFailed".to_owned(),
            message: format!("{} failed: {reason}; the services are put back", record.name),
            about: Some((record.kind, record.name)),
        },
    })
}
