//! What is told at once, and what may wait a moment: a rollout moves counts with every instance that comes and goes, and
//! a status for each of them would tell nobody more.
use crate::api::StackStatus;
use crate::api::status::Instances;

/// Whether a status tells more than the one before beside counts on their way: a phase, a condition, a wanted count.
pub fn is_transition(before: &StackStatus, now: &StackStatus) -> bool {
    without_counts(before) != without_counts(now)
}

/// Messages quote the counts, and who is hit follows from them.
fn without_counts(status: &StackStatus) -> StackStatus {
    let mut status = status.clone();
    for component in status.services.values_mut().chain(status.databases.values_mut()) {
        let Instances { desired, source, .. } = component.instances;
        component.instances = Instances { desired, source, ..Instances::default() };
        component.message.clear();
        component.impact.clear();
    }
    for condition in &mut status.conditions {
        condition.message.clear();
    }
    if let Some(summary) = &mut status.summary {
        summary.instances.clear();
    }
    status
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::api::status::{ComponentStatus, Phase};

    fn status(phase: Phase, desired: i32, serving: i32) -> StackStatus {
        let instances = Instances { desired, serving, ..Instances::default() };
        let web = ComponentStatus { phase, instances, message: format!("{serving} serving"), ..ComponentStatus::default() };
        StackStatus { services: BTreeMap::from([("web".to_owned(), web)]), ..StackStatus::default() }
    }

    #[test]
    fn rule_14_counts_on_their_way_are_no_transition() {
        assert!(!is_transition(&status(Phase::Rolling, 3, 1), &status(Phase::Rolling, 3, 2)));
    }

    #[test]
    fn rule_14_a_phase_and_a_wanted_count_are_transitions() {
        assert!(is_transition(&status(Phase::Rolling, 3, 2), &status(Phase::Ready, 3, 3)));
        assert!(is_transition(&status(Phase::Ready, 3, 3), &status(Phase::Ready, 4, 3)));
    }
}
