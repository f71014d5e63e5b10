//! How a revision is rolled out.
use super::super::{Rollout, Violations};
use super::duration;
use crate::api::{self, MicroserviceStack, OnFailure, RETRY};
use crate::codes::Code;

const DEADLINE_SECONDS: i32 = 600;
const HISTORY: i32 = 10;
const LONGEST_HISTORY: i32 = 100;

/// The settings, with defaults in place of what is not written, and the annotation that asks for a retry.
pub fn check(object: &MicroserviceStack, found: &mut Violations) -> Rollout {
    let written = object.spec.rollout.clone().unwrap_or_default();
    let retry = object.metadata.annotations.as_ref().and_then(|annotations| annotations.get(RETRY));
    Rollout {
        back: written.on_failure.unwrap_or_default() == OnFailure::Rollback,
        deadline: written
            .deadline
            .as_deref()
            .map_or(DEADLINE_SECONDS, |text| duration::seconds("spec.rollout.deadline", text, found)),
        history: history(&written, found),
        retry: retry.cloned().unwrap_or_default(),
    }
}

fn history(written: &api::Rollout, found: &mut Violations) -> usize {
    let history = written.history.unwrap_or(HISTORY);
    if !(1..=LONGEST_HISTORY).contains(&history) {
        found.add(
            Code::History,
            "spec.rollout.history",
            format!("{history} is not a number of revisions to remember"),
            format!("choose one from 1 to {LONGEST_HISTORY}"),
        );
    }
    usize::try_from(history).unwrap_or(1).max(1)
}
