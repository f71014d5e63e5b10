//! The operator's mind: (stack, desired, observed) → what to write now, what waits on whom, what goes. Pure.
//!
//! Gating limits what is *applied*, never what is *wanted*: pruned is what is owned and not wanted, so that a component
//! which merely waits is never deleted.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::desired::{Desired, Object};
use crate::kinds::{KINDS, Kind};
use crate::model::{Component, Count, Database, Service, Stack, Storage, Violation, is_newer};
use crate::observed::{Child, Observed, State, fields};
use crate::readiness::{self, Readiness};

/// What is to be done for a stack.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// Writes; those of workloads come after all others.
    pub writes: Vec<Write<'a>>,
    /// Children that nobody wants any more, consumers first.
    pub prune: Vec<&'a Child>,
    /// Children whose entry has been compared with what is sent, and is whole.
    pub verified: Vec<Verified>,
    /// Components that wait, and for what.
    pub blocked: BTreeMap<String, Vec<String>>,
    /// Children that somebody else has the name of.
    pub conflicts: Vec<Conflict>,
}

/// A child whose Apply entry has been compared with what is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Kind of the child.
    pub kind: Kind,
    /// Name of the child.
    pub name: String,
    /// Hash of the entry that was compared.
    pub entry: u64,
}

/// One write.
#[derive(Debug)]
pub struct Write<'a> {
    /// What is wanted.
    pub object: &'a Object,
    /// What is there.
    pub child: Option<&'a Child>,
    /// How to write.
    pub how: How,
}

/// How to write.
#[derive(Debug, PartialEq)]
pub enum How {
    /// Apply that must create: a name that is taken is a conflict.
    Create,
    /// Apply of the whole, with the count as long as the template's manager still owns it.
    Apply {
        /// Count to send along.
        count: Option<i32>,
        /// Why.
        why: Why,
    },
    /// Apply of the count alone, by its own manager.
    Count {
        /// The count.
        count: i32,
        /// Who had changed it, where that is known.
        by: Option<String>,
    },
    /// Removal of what another manager has put into the strict part of the object.
    Strip {
        /// The manager.
        by: String,
    },
}

/// Why a child is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// What is wanted has changed.
    Changed,
    /// Somebody has changed the child.
    Drifted,
}

/// A name that is taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// Component that wants the name.
    pub component: String,
    /// Kind of the object.
    pub kind: Kind,
    /// Name of the object.
    pub name: String,
}

/// What keeps a database's StatefulSet from being touched: its reason word, and path, reason and fix.
pub type Held = BTreeMap<String, (String, Violation)>;

/// The databases that serve, so that their data is initialised, and whose record is not there yet or tells a lower version
/// than the one that serves (rule 10): name and identity.
pub fn unrecorded(stack: &Stack, desired: &Desired, observed: &Observed) -> Vec<(String, String)> {
    let due = |database: &Database, identity: &str| {
        let readiness = readiness::of(stack, &database.name, observed);
        readiness.instances.serving > 0
            && match observed.get(Kind::ConfigMap, &database.objects.identity) {
                None => true,
                Some(record) => {
                    record.identity.as_deref() == Some(identity)
                        && readiness.rolled
                        && runs_what_is_wanted(database, desired, observed)
                        && tells_less(record, database)
                }
            }
    };
    stack
        .databases
        .values()
        .filter_map(|database| match &database.storage {
            Storage::Volume { identity: Some(identity), .. } => Some((database, identity)),
            _ => None,
        })
        .filter(|(database, identity)| due(database, identity))
        .map(|(database, identity)| (database.name.clone(), identity.clone()))
        .collect()
}

fn runs_what_is_wanted(database: &Database, desired: &Desired, observed: &Observed) -> bool {
    let sent = observed.get(Kind::StatefulSet, &database.objects.base).and_then(|child| child.desired.as_ref());
    let mut sets = desired.objects.iter().filter(|object| object.kind == Kind::StatefulSet);
    sets.any(|set| set.component == database.name && Some(&set.hash) == sent)
}

fn tells_less(record: &Child, database: &Database) -> bool {
    let recorded = record.data_version.as_deref();
    database.version.as_ref().is_some_and(|version| recorded.is_none_or(|recorded| is_newer(version, recorded)))
}

/// Decides what to do. `records` are the identity records that are due.
pub fn plan<'a>(stack: &Stack, desired: &'a Desired, records: &'a [Object], observed: &'a Observed, held: &Held) -> Plan<'a> {
    let mut plan = Plan { blocked: blocked(stack, observed), ..Plan::default() };
    plan.writes.extend(records.iter().map(|object| record(object, observed)));
    for object in &desired.objects {
        if waits(&plan, object, observed) || is_held(held, object) {
            continue;
        }
        decide(stack, object, observed, &mut plan);
    }
    plan.writes
        .sort_by_key(|write| matches!(write.object.kind, Kind::Deployment | Kind::StatefulSet | Kind::HorizontalPodAutoscaler));
    plan.prune = unwanted(stack, desired, observed, &plan.writes);
    plan
}

fn record<'a>(object: &'a Object, observed: &'a Observed) -> Write<'a> {
    let child = observed.get(object.kind, &object.name);
    let how = if child.is_some() { How::Apply { count: None, why: Why::Changed } } else { How::Create };
    Write { object, child, how }
}

fn is_held(held: &Held, object: &Object) -> bool {
    object.kind == Kind::StatefulSet && held.contains_key(&object.component)
}

/// Components that have not started yet and use something that has never been ready (rule 5).
fn blocked(stack: &Stack, observed: &Observed) -> BTreeMap<String, Vec<String>> {
    let waiting_for = |service: &Service| -> Vec<String> {
        let hard = service.uses.iter().filter(|edge| !edge.optional);
        hard.filter_map(|edge| {
            let readiness = readiness::of(stack, &edge.target, observed);
            (!readiness.serves() && !readiness.was_ready).then(|| waiting_words(&edge.target, edge.kind, &readiness))
        })
        .collect()
    };
    let not_started = stack
        .services
        .values()
        .filter(|service| readiness::workload(observed, Kind::Deployment, &service.objects.base).is_none());
    not_started.map(|service| (service.name.clone(), waiting_for(service))).filter(|(_, reasons)| !reasons.is_empty()).collect()
}

fn waiting_words(name: &str, kind: Component, readiness: &Readiness) -> String {
    let noun = match kind {
        Component::Service => "service",
        Component::Database => "database",
    };
    format!("{noun} {name}: {} of {} instances serving", readiness.instances.serving, readiness.floor)
}

/// A blocked component has everything but what starts it.
fn waits(plan: &Plan<'_>, object: &Object, observed: &Observed) -> bool {
    matches!(object.kind, Kind::Deployment | Kind::HorizontalPodAutoscaler)
        && plan.blocked.contains_key(&object.component)
        && observed.get(object.kind, &object.name).is_none()
}

fn decide<'a>(stack: &Stack, object: &'a Object, observed: &'a Observed, plan: &mut Plan<'a>) {
    let Some(child) = observed.get(object.kind, &object.name) else {
        return plan.writes.push(Write { object, child: None, how: How::Create });
    };
    if child.deleting || is_left_over(stack, child) {
        return; // Its deletion arrives as an event, and then it is created.
    }
    if child.owner.as_deref() != Some(&stack.uid) && !is_ours_without_owner(child) {
        return plan.conflicts.push(Conflict {
            component: object.component.clone(),
            kind: object.kind,
            name: object.name.clone(),
        });
    }
    let whole = is_whole(child, object);
    let Plan { writes, verified, .. } = plan;
    let mut write = |how| writes.push(Write { object, child: Some(child), how });
    let count = wanted_count(stack, object, child, observed);
    if child.desired.as_deref() == Some(&object.hash) && whole {
        verified.push(Verified { kind: child.kind, name: child.name.clone(), entry: child.managed.ours });
        if let Some(foreign) = &child.managed.foreign {
            write(How::Strip { by: foreign.manager.to_string() });
        }
    } else {
        let why = if whole { Why::Changed } else { Why::Drifted };
        let carried = carried_count(object, child, count);
        write(How::Apply { count: carried, why });
        if carried.is_some() {
            return;
        }
    }
    if let Some(count) = count {
        let by = child.managed.count.other.as_deref().map(str::to_owned);
        write(How::Count { count, by });
    }
}

/// The child of a deleted stack of the same name: the garbage collector takes it.
fn is_left_over(stack: &Stack, child: &Child) -> bool {
    child.owned_by_stack && child.owner.as_deref() != Some(&stack.uid)
}

/// Somebody removed our owner reference: the hash and our own managed fields still say whose it is.
fn is_ours_without_owner(child: &Child) -> bool {
    child.owner.is_none() && child.desired.is_some() && child.managed.ours != 0
}

fn is_whole(child: &Child, object: &Object) -> bool {
    match &child.managed.text {
        None => child.managed.ours != 0,
        Some(text) => serde_json::from_str::<Value>(text).is_ok_and(|entry| fields::covers(&entry, &object.body)),
    }
}

/// The count that the workload should have and has not; none when it is right, or when it is the autoscaler's.
fn wanted_count(stack: &Stack, object: &Object, child: &Child, observed: &Observed) -> Option<i32> {
    let floor = object.count?;
    let live = match &child.state {
        State::Workload(workload) => workload.replicas,
        _ => return None,
    };
    let scaled = stack.services.get(&object.component).is_some_and(|service| matches!(service.count, Count::Scaled { .. }));
    let handed_over = scaled || observed.get(Kind::HorizontalPodAutoscaler, &object.name).is_some();
    if handed_over {
        // An autoscaler never leaves a manual 0, so a 0 is drift (rule 2).
        (scaled && live == 0 && floor > 0).then_some(floor)
    } else {
        (live != floor).then_some(floor)
    }
}

/// As long as only the templates' manager owns the count, leaving it out would reset it to 1: it is sent along.
fn carried_count(object: &Object, child: &Child, wanted: Option<i32>) -> Option<i32> {
    object.count?;
    let owners = &child.managed.count;
    let live = match &child.state {
        State::Workload(workload) => workload.replicas,
        _ => return None,
    };
    (owners.template && !owners.count).then_some(wanted.unwrap_or(live))
}

/// What is owned and not wanted, consumers first. ConfigMaps stay until their component no longer has old instances.
fn unwanted<'a>(stack: &Stack, desired: &Desired, observed: &'a Observed, writes: &[Write<'a>]) -> Vec<&'a Child> {
    let wanted: BTreeSet<(Kind, &str)> = desired.objects.iter().map(|object| (object.kind, object.name.as_str())).collect();
    let goes = |child: &&Child| {
        child.kind.row().managed
            && !child.deleting
            && child.owner.as_deref() == Some(&stack.uid)
            && !wanted.contains(&(child.kind, child.name.as_str()))
            && !(child.kind == Kind::ConfigMap && is_rolling(stack, child, observed, writes))
    };
    KINDS.iter().flat_map(|row| observed.children.values().filter(move |child| child.kind == row.kind)).filter(goes).collect()
}

/// Whether a child's component has instances of an older template, or is about to have them.
fn is_rolling(stack: &Stack, child: &Child, observed: &Observed, writes: &[Write<'_>]) -> bool {
    let known = stack.services.contains_key(&child.component) || stack.databases.contains_key(&child.component);
    let is_written = |write: &Write<'_>| {
        matches!(write.object.kind, Kind::Deployment | Kind::StatefulSet) && write.object.component == child.component
    };
    known && (writes.iter().any(is_written) || !readiness::of(stack, &child.component, observed).rolled)
}

#[cfg(test)]
mod tests;
