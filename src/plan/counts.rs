//! Which count a workload should have: the spec's, the autoscaler's, or none while the stack hibernates (rules 2 and 11).
use crate::desired::Object;
use crate::kinds::Kind;
use crate::model::{Count, Stack};
use crate::observed::{Child, Observed, State};
use crate::readiness;

use super::tasks;

/// What is to be done about a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing: it is right, it is the autoscaler's, or its time has not come.
    Keep,
    /// This count is set.
    Set(i32),
    /// 0 is set, and the count to come back to is kept on the workload: an autoscaler may have chosen it.
    Sleep(i32),
}

/// What is to be done about the count of a workload; one that is `blocked` does not wake yet.
pub fn wish(stack: &Stack, object: &Object, child: &Child, observed: &Observed, blocked: bool) -> Wish {
    let (Some(floor), Some(live)) = (object.count, live(child)) else { return Wish::Keep };
    if stack.hibernates {
        let due = live > 0 && (object.kind == Kind::Deployment || services_have_ended(stack, observed));
        return if due { Wish::Sleep(child.hibernated_from.unwrap_or(live)) } else { Wish::Keep };
    }
    match child.hibernated_from {
        Some(_) if blocked => Wish::Keep,
        Some(before) => Wish::Set(awake(stack, object, floor, before)),
        None => drifted(stack, object, observed, floor, live).map_or(Wish::Keep, Wish::Set),
    }
}

/// As long as only the templates' manager owns the count, leaving it out would reset it to 1: it is sent along. Falling
/// asleep is the counts' manager's business alone, for it remembers.
pub fn carried(object: &Object, child: &Child, wish: Wish) -> Option<i32> {
    object.count?;
    let owners = &child.managed.count;
    let count = match wish {
        Wish::Set(count) => count,
        Wish::Keep | Wish::Sleep(_) => live(child)?,
    };
    (owners.template && !owners.count).then_some(count)
}

/// Whether no instance of any service is left, and no migration runs: the databases may go to sleep after them.
pub fn services_have_ended(stack: &Stack, observed: &Observed) -> bool {
    let ended = |name: &str, base: &str| readiness::has_ended(observed, Kind::Deployment, base, name);
    stack.services.values().all(|service| ended(&service.name, &service.objects.base)) && !tasks::migrates(observed)
}

fn live(child: &Child) -> Option<i32> {
    match &child.state {
        State::Workload(workload) => Some(workload.replicas),
        _ => None,
    }
}

/// The count after hibernation: the spec's, or the autoscaler's of before within its present bounds.
fn awake(stack: &Stack, object: &Object, floor: i32, before: i32) -> i32 {
    match stack.services.get(&object.component).map(|service| &service.count) {
        Some(Count::Scaled { min, max, .. }) => before.min(*max).max(*min),
        _ => floor,
    }
}

/// The count that the workload should have and has not; none when it is right, or when it is the autoscaler's.
fn drifted(stack: &Stack, object: &Object, observed: &Observed, floor: i32, live: i32) -> Option<i32> {
    let scaled = stack.services.get(&object.component).is_some_and(|service| matches!(service.count, Count::Scaled { .. }));
    let handed_over = scaled || observed.get(Kind::HorizontalPodAutoscaler, &object.name).is_some();
    if handed_over {
        // An autoscaler never leaves a manual 0, so a 0 is drift (rule 2).
        (scaled && live == 0 && floor > 0).then_some(floor)
    } else {
        (live != floor).then_some(floor)
    }
}
