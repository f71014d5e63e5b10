//! What becomes of data (rule 9): it stays, unless `onDelete: Delete` was declared while its database was. The databases of
//! which that is true are registered on the stack, together with its finalizer, before anything of theirs is stamped; the
//! stamp on each volume, Secret and record is what a deletion obeys.
use std::collections::BTreeSet;

use crate::kinds::Kind;
use crate::model::{DatabaseNames, Names, Stack};
use crate::observed::{Child, Observed};
use crate::readiness;

/// What is to be done about the data of a stack before its workloads are written.
#[derive(Debug, Default, PartialEq)]
pub struct Retention<'a> {
    /// The databases that have to be registered, those of before included.
    pub registered: BTreeSet<String>,
    /// Volumes and records whose stamp is not as declared, and how it should be.
    pub stamps: Vec<(&'a Child, bool)>,
    /// Databases whose Secret is to be looked at and stamped or not; nothing watches it.
    pub secrets: Vec<(String, bool)>,
}

/// The data of a database that is gone from the spec.
#[derive(Debug, PartialEq)]
pub struct Erase<'a> {
    /// The database.
    pub database: String,
    /// Name of its generated Secret.
    pub secret: String,
    /// Its volumes.
    pub volumes: Vec<&'a Child>,
    /// Its record.
    pub record: Option<&'a Child>,
}

/// How far the deletion of a stack is whose data goes with it: consumers first.
#[derive(Debug, PartialEq)]
pub enum Deletion<'a> {
    /// These children go now.
    Remove(Vec<&'a Child>),
    /// What goes is not gone yet.
    Wait(String),
    /// No instance is left: the data goes.
    Erase(Vec<Erase<'a>>),
}

/// Compares what is declared with what is registered and stamped.
pub fn retention<'a>(stack: &Stack, registered: &BTreeSet<String>, observed: &'a Observed) -> Retention<'a> {
    let erased = stack.declared.iter().filter(|(_, erased)| **erased).map(|(name, _)| name.clone());
    let stamps = stack.declared.iter().flat_map(|(name, erased)| {
        let data = data(observed, name).filter(|child| child.erasable != *erased && !child.deleting);
        data.map(|child| (child, *erased))
    });
    Retention {
        registered: registered.iter().cloned().chain(erased).collect(),
        stamps: stamps.collect(),
        secrets: secrets(stack, registered, observed),
    }
}

/// The StatefulSet tells which stamp the Secret has, for it is written after it.
fn secrets(stack: &Stack, registered: &BTreeSet<String>, observed: &Observed) -> Vec<(String, bool)> {
    let is_due = |name: &str, erased: bool| {
        let base = DatabaseNames::new(stack.names, &stack.name, name).base;
        match observed.get(Kind::StatefulSet, &base) {
            Some(set) => set.erasable != erased,
            None => registered.contains(name) && (!erased || stack.databases.contains_key(name)),
        }
    };
    stack.declared.iter().filter(|(name, erased)| is_due(name, **erased)).map(|(name, erased)| (name.clone(), *erased)).collect()
}

/// The databases that stay registered after this reconcile, `erased` being those whose data has gone in it.
pub fn still_registered(
    stack: &Stack,
    registered: &BTreeSet<String>,
    erased: &BTreeSet<String>,
    observed: &Observed,
) -> BTreeSet<String> {
    let stays = |name: &&String| match stack.declared.get(*name) {
        Some(true) => true,
        Some(false) => observed.of(Kind::StatefulSet, name).chain(data(observed, name)).any(|child| child.erasable),
        None => !erased.contains(*name),
    };
    registered.iter().filter(stays).cloned().collect()
}

/// The registered databases that are gone from the spec, and of which no instance is left. One that merely went with its
/// profile is still declared.
pub fn erasable<'a>(stack: &Stack, registered: &BTreeSet<String>, observed: &'a Observed) -> Vec<Erase<'a>> {
    let removed = registered.iter().filter(|name| !stack.declared.contains_key(*name));
    let over = removed.filter(|name| has_ended(observed, name));
    over.map(|name| erase(stack.names, &stack.name, name, observed)).collect()
}

/// The next step of the deletion of a stack.
pub fn deletion<'a>(names: Names, stack: &str, uid: &str, registered: &BTreeSet<String>, observed: &'a Observed) -> Deletion<'a> {
    let ours = |child: &&Child| child.kind.row().managed && child.owner.as_deref() == Some(uid);
    let of = |wanted: &dyn Fn(&Child) -> bool| observed.all().filter(ours).filter(|child| wanted(child)).collect::<Vec<_>>();
    let sets = of(&|child| child.kind == Kind::StatefulSet);
    let databases: BTreeSet<&str> =
        sets.iter().map(|set| set.component.as_str()).chain(registered.iter().map(String::as_str)).collect();
    // The table of kinds is in the order of removal.
    let consumers = of(&|child| child.kind < Kind::StatefulSet);
    let pods = || observed.of_kind(Kind::Pod);
    let left = pods().filter(|pod| !databases.contains(pod.component.as_str())).count();
    if let Some(step) = step(&consumers, left, "services") {
        return step;
    }
    if let Some(step) = step(&sets, pods().count(), "databases") {
        return step;
    }
    Deletion::Erase(registered.iter().map(|name| erase(names, stack, name, observed)).collect())
}

fn step<'a>(children: &[&'a Child], pods: usize, of: &str) -> Option<Deletion<'a>> {
    let due: Vec<&Child> = children.iter().copied().filter(|child| !child.deleting).collect();
    if !due.is_empty() {
        return Some(Deletion::Remove(due));
    }
    (!children.is_empty() || pods > 0)
        .then(|| Deletion::Wait(format!("{pods} instances of {of} are ending, then their data goes")))
}

fn has_ended(observed: &Observed, name: &str) -> bool {
    let sets = observed.of(Kind::StatefulSet, name).count();
    sets == 0 && readiness::has_ended(observed, Kind::StatefulSet, name, name)
}

fn erase<'a>(names: Names, stack: &str, name: &str, observed: &'a Observed) -> Erase<'a> {
    Erase {
        database: name.to_owned(),
        secret: DatabaseNames::new(names, stack, name).base,
        volumes: observed.of(Kind::PersistentVolumeClaim, name).filter(|claim| claim.identity.is_some()).collect(),
        record: observed.of(Kind::ConfigMap, name).find(|record| record.identity.is_some()),
    }
}

/// Volumes and record of a database; identity labels tell them from what is no data of ours.
fn data<'a>(observed: &'a Observed, name: &str) -> impl Iterator<Item = &'a Child> {
    let volumes = observed.of(Kind::PersistentVolumeClaim, name);
    volumes.chain(observed.of(Kind::ConfigMap, name)).filter(|child| child.identity.is_some())
}
