//! The operator's mind: (stack, desired, observed) → what to write now, what waits on whom, what goes. Pure.
//!
//! Gating limits what is *applied*, never what is *wanted*: pruned is what is owned and not wanted, so that a component
//! which merely waits is never deleted.
mod counts;
mod growth;
mod retention;
pub mod rollout;
pub mod tasks;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::codes::Code;
use crate::desired::{self, Desired, Object};
use crate::kinds::{KINDS, Kind};
use crate::model::{Component, Database, Service, Stack, Storage, Violation, is_newer};
use crate::observed::{Child, Observed, PodState, State, fields};
use crate::readiness::{self, Readiness};

use counts::Wish;
pub use counts::services_have_ended;
pub use growth::{Growth, Step, growth};
pub use retention::{Deletion, Erase, Retention, deletion, erasable, retention, still_registered};

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
    /// Services whose template waits for their migration, and how that is.
    pub migrating: BTreeMap<String, String>,
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
        /// Count to come back to after hibernation, kept on the workload.
        remembered: Option<i32>,
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
        // Of a cluster, the record keeps empty members out: it waits for all.
        readiness.instances.serving >= if database.is_cluster() { database.instances } else { 1 }
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

/// The identity records that are due.
pub fn records(stack: &Stack, desired: &Desired, observed: &Observed) -> Vec<Object> {
    let record = |(name, identity): &(String, String)| {
        stack.databases.get(name).map(|database| desired::identity_record(stack, database, identity))
    };
    unrecorded(stack, desired, observed).iter().filter_map(record).collect()
}

/// A database whose version or number of members may not change is not touched, and not recreated either.
pub fn with_kept_data(stack: &Stack, mut held: Held) -> Held {
    for database in stack.databases.values() {
        if let Some(violation) = &database.held {
            let reason = if violation.code == Code::MembersFixed { "MembersFixed" } else { "VersionRefused" };
            held.entry(database.name.clone()).or_insert_with(|| (reason.to_owned(), violation.clone()));
        }
    }
    held
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
    let stands = tasks::stands(stack, desired, observed);
    let migrating = tasks::migrating(stack, &stands, observed);
    let mut plan = Plan { blocked: blocked(stack, observed), migrating, ..Plan::default() };
    plan.writes.extend(records.iter().map(|object| record(object, observed)));
    for object in &desired.objects {
        if waits(stack, &plan, object, observed) {
            continue;
        }
        let stays =
            is_held(held, object) || object.kind == Kind::StatefulSet && growth::is_replaced(stack, &object.component, observed);
        decide(stack, object, observed, stays, &mut plan);
    }
    let due = tasks::due(stack, desired, &stands, observed);
    plan.writes.extend(due.into_iter().map(|object| Write { object, child: None, how: How::Create }));
    plan.writes.sort_by_key(|write| write.object.kind.runs());
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

/// Components that have not started yet and use something that has never been ready (rule 5), and those that wake from
/// hibernation before what they use (rule 11).
fn blocked(stack: &Stack, observed: &Observed) -> BTreeMap<String, Vec<String>> {
    if stack.hibernates {
        return BTreeMap::new();
    }
    let workload = |service: &Service| readiness::workload(observed, Kind::Deployment, &service.objects.base);
    let waiting_for = |service: &Service, wakes: bool| -> Vec<String> {
        let hard = service.uses.iter().filter(|edge| !edge.optional);
        hard.filter_map(|edge| {
            let readiness = readiness::of(stack, &edge.target, observed);
            let outside = stack.databases.get(&edge.target).and_then(Database::external);
            let words = || match outside {
                Some(secret) => format!("database {}: its Secret {} does not tell where it is", edge.target, secret.name),
                None => waiting_words(&edge.target, edge.kind, &readiness),
            };
            (!readiness.serves() && (wakes || !readiness.was_ready)).then(words)
        })
        .collect()
    };
    let reasons = |service: &Service| match workload(service) {
        None => waiting_for(service, false),
        Some((child, _)) if child.hibernated_from.is_some() => waiting_for(service, true),
        Some(_) => Vec::new(),
    };
    let services = stack.services.values().map(|service| (service.name.clone(), reasons(service)));
    services.filter(|(_, reasons)| !reasons.is_empty()).collect()
}

fn waiting_words(name: &str, kind: Component, readiness: &Readiness) -> String {
    let noun = match kind {
        Component::Service => "service",
        Component::Database => "database",
    };
    format!("{noun} {name}: {} of {} instances serving", readiness.instances.serving, readiness.floor)
}

/// A component that is blocked or migrates has everything but what starts it, and nothing is started while the stack hibernates.
fn waits(stack: &Stack, plan: &Plan<'_>, object: &Object, observed: &Observed) -> bool {
    let starts = matches!(object.kind, Kind::Deployment | Kind::HorizontalPodAutoscaler | Kind::StatefulSet);
    let waits =
        stack.hibernates || plan.blocked.contains_key(&object.component) || plan.migrating.contains_key(&object.component);
    starts && waits && observed.get(object.kind, &object.name).is_none()
}

/// What is `held` keeps its template, but goes to sleep and wakes with the others. What migrates keeps it too, and its count
/// goes on following the spec.
fn decide<'a>(stack: &Stack, object: &'a Object, observed: &'a Observed, held: bool, plan: &mut Plan<'a>) {
    let Some(child) = observed.get(object.kind, &object.name) else {
        if !held {
            plan.writes.push(Write { object, child: None, how: How::Create });
        }
        return;
    };
    if child.deleting || is_left_over(stack, child) || object.kind.row().once {
        return; // Its deletion arrives as an event, and then it is created.
    }
    if child.owner.as_deref() != Some(&stack.uid) && !is_ours_without_owner(child) {
        return plan.conflicts.push(Conflict {
            component: object.component.clone(),
            kind: object.kind,
            name: object.name.clone(),
        });
    }
    let wish = counts::wish(stack, object, child, observed, plan.blocked.contains_key(&object.component));
    if held && !stack.hibernates && child.hibernated_from.is_none() {
        return;
    }
    let migrates = object.kind == Kind::Deployment && plan.migrating.contains_key(&object.component);
    let sent = !held && !migrates && decide_template(object, child, wish, plan);
    if let (Some((count, remembered)), false) = (count(wish), sent) {
        let by = child.managed.count.other.as_deref().filter(|_| !stack.hibernates).map(str::to_owned);
        plan.writes.push(Write { object, child: Some(child), how: How::Count { count, remembered, by } });
    }
}

fn count(wish: Wish) -> Option<(i32, Option<i32>)> {
    match wish {
        Wish::Keep => None,
        Wish::Set(count) => Some((count, None)),
        Wish::Sleep(before) => Some((0, Some(before))),
    }
}

/// Decides on all but the count; true when the count travels along.
fn decide_template<'a>(object: &'a Object, child: &'a Child, wish: Wish, plan: &mut Plan<'a>) -> bool {
    let whole = is_whole(child, object);
    let Plan { writes, verified, .. } = plan;
    let mut write = |how| writes.push(Write { object, child: Some(child), how });
    if child.desired.as_deref() == Some(&object.hash) && whole {
        verified.push(Verified { kind: child.kind, name: child.name.clone(), entry: child.managed.ours });
        if let Some(foreign) = &child.managed.foreign {
            write(How::Strip { by: foreign.manager.to_string() });
        }
    } else {
        let why = if whole { Why::Changed } else { Why::Drifted };
        let carried = counts::carried(object, child, wish);
        if carried.is_some() && matches!(wish, Wish::Sleep(_)) {
            return false; // The template comes once the counts' manager owns the count.
        }
        write(How::Apply { count: carried, why });
        return carried.is_some();
    }
    false
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

/// What is owned and not wanted, consumers first. ConfigMaps stay until their component no longer has old instances; they
/// and removed components stay until a revision is good (rule 7). Pods that end are not open to everybody meanwhile.
fn unwanted<'a>(stack: &Stack, desired: &Desired, observed: &'a Observed, writes: &[Write<'a>]) -> Vec<&'a Child> {
    let wanted: BTreeSet<(Kind, &str)> = desired.objects.iter().map(|object| (object.kind, object.name.as_str())).collect();
    let (remembered, kept) = (rollout::remembered(stack, observed), rollout::keeps_what_was(stack, observed));
    let is_of_former = |child: &Child| child.kind == Kind::ConfigMap || !stack.has(&child.component);
    let stays = |child: &Child| match child.kind {
        Kind::ControllerRevision => remembered.contains(child.name.as_str()),
        Kind::Job => tasks::stays(stack, child, observed),
        Kind::NetworkPolicy if is_of_former(child) => kept || stack.isolated && runs_still(stack, &child.component, observed),
        _ => kept && is_of_former(child),
    };
    let goes = |child: &&Child| {
        child.kind.row().managed
            && !child.deleting
            && child.owner.as_deref() == Some(&stack.uid)
            && !wanted.contains(&(child.kind, child.name.as_str()))
            && !(stays(child) || child.kind == Kind::ConfigMap && is_rolling(stack, child, observed, writes))
    };
    KINDS.iter().flat_map(|row| observed.of_kind(row.kind)).filter(goes).collect()
}

/// Whether something of a component or a task that has been removed may still run.
fn runs_still(stack: &Stack, component: &str, observed: &Observed) -> bool {
    let is_ours = |child: &Child| child.owner.as_deref() == Some(&stack.uid);
    let has_ended = |pod: &Child| matches!(pod.state, State::Pod(PodState { ended: true, .. }));
    [Kind::Deployment, Kind::StatefulSet].into_iter().any(|kind| observed.of(kind, component).any(is_ours))
        || !observed.of(Kind::Pod, component).all(has_ended)
}

/// Whether a child's component has instances of an older template, or is about to have them.
fn is_rolling(stack: &Stack, child: &Child, observed: &Observed, writes: &[Write<'_>]) -> bool {
    let is_written = |write: &Write<'_>| {
        matches!(write.object.kind, Kind::Deployment | Kind::StatefulSet) && write.object.component == child.component
    };
    stack.has(&child.component) && (writes.iter().any(is_written) || !readiness::of(stack, &child.component, observed).rolled)
}

#[cfg(test)]
mod tests;
