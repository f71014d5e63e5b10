//! What the watches have seen, by stack. Events at or below the version of an own write are dropped; lists sweep by epoch.
mod root;
mod texts;

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::feed::{Feed, Scope, Source};
use crate::desired::meta;
use crate::kinds::Kind;
use crate::observed::{Child, Observed, Wire, decode};
use crate::plan::Verified;

pub use root::Root;
use texts::Texts;

/// Namespace and name of a stack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Namespace.
    pub namespace: Box<str>,
    /// Name.
    pub name: Box<str>,
}

impl Key {
    /// Makes a key.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What an event means for a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its spec.
    Spec,
    /// A child was changed by somebody, came or went.
    Child,
    /// Counts and readiness alone.
    Readiness,
}

#[derive(Debug, Default)]
struct Entry {
    root: Option<(Root, u32)>,
    observed: Observed,
    tolerated: BTreeMap<(Kind, String), u64>,
}

/// All stacks and their children.
#[derive(Debug, Default)]
pub struct Store {
    entries: HashMap<Key, Entry>,
    scope: Scope,
    epochs: BTreeMap<Feed, u32>,
    listed: BTreeMap<Feed, bool>,
    /// Highest version that each watch has shown.
    latest: BTreeMap<Feed, u64>,
    texts: Texts,
}

impl Store {
    /// An empty store for these namespaces.
    pub fn new(scope: Scope) -> Self {
        Self { scope, ..Self::default() }
    }

    /// The watches that fill it.
    pub fn feeds(&self) -> Vec<Feed> {
        self.scope.feeds()
    }

    /// Whether every watch has delivered its first list (or its kind is absent): only then may anything be written.
    pub fn synced(&self) -> bool {
        self.scope.feeds().iter().all(|feed| self.listed.contains_key(feed))
    }

    /// Whether the cluster has an optional kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.listed.iter().any(|(feed, there)| feed.source == Source::Kind(kind) && *there)
    }

    /// A kind that the cluster does not have.
    pub fn absent(&mut self, feed: impl Into<Feed>) -> Vec<Key> {
        let feed = feed.into();
        let known = self.listed.get(&feed) == Some(&false);
        self.begin(feed.clone());
        let touched = self.end(feed.clone());
        self.listed.insert(feed, false);
        if known { Vec::new() } else { touched }
    }

    /// A list begins: what it does not name is gone.
    pub fn begin(&mut self, feed: impl Into<Feed>) {
        let feed = feed.into();
        self.latest.remove(&feed);
        *self.epochs.entry(feed).or_default() += 1;
    }

    /// A list is complete: everything that it did not name, and that was not written meanwhile, is dropped.
    pub fn end(&mut self, feed: impl Into<Feed>) -> Vec<Key> {
        let feed = feed.into();
        let epoch = self.epoch(&feed);
        let mut touched = Vec::new();
        let listed = |key: &Key| feed.namespace.as_ref().is_none_or(|namespace| **namespace == *key.namespace);
        let first = self.listed.get(&feed) != Some(&true);
        for (key, entry) in self.entries.iter_mut().filter(|(key, _)| listed(key)) {
            let swept = match feed.source {
                Source::Stacks => entry.root.take_if(|(_, seen)| *seen < epoch).is_some(),
                Source::Kind(kind) => entry.sweep(kind, epoch),
            };
            if swept || first {
                touched.push(key.clone());
            }
        }
        self.listed.insert(feed, true);
        self.texts.forget();
        self.entries.retain(|_, entry| entry.root.is_some() || !entry.observed.is_empty());
        touched
    }

    /// Takes in an object that a watch or a list has delivered.
    pub fn put(&mut self, source: Source, wire: &Wire, listed: bool) -> Option<(Key, Change)> {
        let feed = self.scope.feed(source, &wire.metadata.namespace);
        let epoch = self.epoch(&feed);
        self.note_version(feed, wire);
        match source {
            Source::Stacks => self.put_root(wire, epoch, listed),
            Source::Kind(kind) => self.put_child(decode(kind, wire), wire, epoch, listed),
        }
    }

    /// Takes in the answer to an own write. Only the answer to an apply of the whole verifies it: the answer to a count or
    /// a patch may carry a change of somebody else's that has not been seen yet.
    pub fn wrote(&mut self, kind: Kind, wire: &Wire, of_whole: bool) {
        let feed = self.scope.feed(Source::Kind(kind), &wire.metadata.namespace);
        let epoch = self.epoch(&feed);
        let latest = self.latest.get(&feed).copied().unwrap_or_default();
        let mut child = decode(kind, wire);
        let Some(entry) = stack_of(wire).and_then(|key| self.entries.get_mut(&key)) else { return };
        entry.forgive(&mut child);
        let before = entry.observed.get(kind, &child.name);
        let is_news = match before {
            Some(before) => before.version <= child.version,
            // The watch is past this version and does not show it: it is deleted by now.
            None => child.version > latest,
        };
        let was_whole = before.is_some_and(|before| before.managed.ours == child.managed.ours && before.managed.text.is_none());
        if of_whole || was_whole {
            child.managed.text = None;
        }
        if is_news {
            entry.insert(child, epoch);
        }
    }

    /// Takes in a child that was read because no watch shows it: somebody has removed its labels.
    pub fn adopt(&mut self, key: &Key, kind: Kind, wire: &Wire) {
        let epoch = self.epoch(&self.scope.feed(Source::Kind(kind), &key.namespace));
        if let Some(entry) = self.entries.get_mut(key) {
            entry.insert(decode(kind, wire), epoch);
        }
    }

    fn note_version(&mut self, feed: Feed, wire: &Wire) {
        let version: u64 = wire.metadata.resource_version.parse().unwrap_or_default();
        let latest = self.latest.entry(feed).or_default();
        *latest = version.max(*latest);
    }

    /// An object is gone.
    pub fn gone(&mut self, source: Source, wire: &Wire) -> Option<(Key, Change)> {
        self.note_version(self.scope.feed(source, &wire.metadata.namespace), wire);
        match source {
            Source::Stacks => {
                let key = Key::new(&wire.metadata.namespace, &wire.metadata.name);
                let entry = self.entries.get_mut(&key)?;
                entry.root.take_if(|(root, _)| root.uid == wire.metadata.uid)?;
                Some((key, Change::Spec))
            }
            Source::Kind(kind) => {
                let key = stack_of(wire)?;
                let entry = self.entries.get_mut(&key)?;
                let name = &wire.metadata.name;
                if entry.observed.get(kind, name).is_none_or(|child| child.uid != wire.metadata.uid) {
                    return None;
                }
                entry.observed.remove(kind, name);
                let change =
                    if kind.row().managed || kind == Kind::PersistentVolumeClaim { Change::Child } else { Change::Readiness };
                Some((key, change))
            }
        }
    }

    /// A stack's own object.
    pub fn root(&self, key: &Key) -> Option<Root> {
        self.entries.get(key).and_then(|entry| entry.root.as_ref()).map(|(root, _)| root.clone())
    }

    /// A stack's children.
    pub fn observed(&self, key: &Key) -> Observed {
        self.entries.get(key).map(|entry| entry.observed.clone()).unwrap_or_default()
    }

    /// All stacks that exist.
    pub fn stacks(&self) -> impl Iterator<Item = &Key> {
        self.entries.iter().filter(|(_, entry)| entry.root.is_some()).map(|(key, _)| key)
    }

    /// All stacks' own objects.
    pub fn roots(&self) -> impl Iterator<Item = (&Key, &Root)> {
        self.entries.iter().filter_map(|(key, entry)| entry.root.as_ref().map(|(root, _)| (key, root)))
    }

    /// These children's entries are whole, as far as they are still the ones that were compared.
    pub fn verified(&mut self, key: &Key, children: &[Verified]) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        for Verified { kind, name, entry: compared } in children {
            if let Some(child) = entry.observed.edit(*kind, name).filter(|child| child.managed.ours == *compared) {
                child.managed.text = None;
            }
        }
    }

    /// Whether others have entries in the strict part of a child.
    pub fn is_mixed(&self, key: &Key, kind: Kind, name: &str) -> bool {
        let entry = self.entries.get(key);
        entry.and_then(|entry| entry.observed.get(kind, name)).is_some_and(|child| child.managed.foreign.is_some())
    }

    /// A child was removed: it counts as going until its watch shows that it is gone, so nobody removes it once more.
    pub fn told_to_go(&mut self, key: &Key, child: &Child) {
        let seen = self.entries.get_mut(key).and_then(|entry| entry.observed.edit(child.kind, &child.name));
        if let Some(seen) = seen.filter(|seen| seen.uid == child.uid) {
            seen.deleting = true;
        }
    }

    /// The entries of others add nothing to this child: they are no drift as long as they stay as they are.
    pub fn tolerate(&mut self, key: &Key, kind: Kind, name: &str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        if let Some(foreign) = entry.observed.edit(kind, name).and_then(|child| child.managed.foreign.take()) {
            entry.tolerated.insert((kind, name.to_owned()), foreign.hash);
        }
    }

    fn epoch(&self, feed: &Feed) -> u32 {
        self.epochs.get(feed).copied().unwrap_or_default()
    }

    fn put_root(&mut self, wire: &Wire, epoch: u32, listed: bool) -> Option<(Key, Change)> {
        let metadata = &wire.metadata;
        let key = Key::new(&metadata.namespace, &metadata.name);
        let entry = self.entries.entry(key.clone()).or_default();
        let root = Root::new(wire);
        let version = root.version;
        let before = entry.root.replace((root.clone(), epoch));
        match before {
            Some((old, _)) if old.version >= version && old.uid == root.uid && !listed => {
                entry.root = Some((old, epoch));
                None
            }
            Some((old, _)) if old.says_the_same(&root) => None,
            _ => Some((key, Change::Spec)),
        }
    }

    fn put_child(&mut self, mut child: Child, wire: &Wire, epoch: u32, listed: bool) -> Option<(Key, Change)> {
        let key = stack_of(wire)?;
        if listed {
            self.texts.share(&mut child.managed);
        }
        let entry = self.entries.entry(key.clone()).or_default();
        entry.forgive(&mut child);
        let change = match entry.observed.edit(child.kind, &child.name) {
            Some(old) if old.version >= child.version && old.uid == child.uid && (!listed || old.seen == epoch) => {
                // The echo of an own write; where it did not verify the entry, somebody has to compare it.
                let unverified = old.version == child.version && old.managed.text.is_some();
                old.seen = epoch;
                return unverified.then_some((key, Change::Child));
            }
            Some(old) => change(old, &mut child),
            None if child.kind.row().managed => Some(Change::Child),
            None => Some(Change::Readiness),
        };
        entry.insert(child, epoch);
        change.map(|change| (key, change))
    }
}

impl Entry {
    /// Entries of others that add nothing are no drift.
    fn forgive(&self, child: &mut Child) {
        let tolerated = self.tolerated.get(&(child.kind, child.name.clone()));
        if child.managed.foreign.as_ref().is_some_and(|foreign| tolerated == Some(&foreign.hash)) {
            child.managed.foreign = None;
        }
    }

    fn insert(&mut self, mut child: Child, epoch: u32) {
        let before = self.observed.get(child.kind, &child.name);
        if let Some(old) = before.filter(|old| old.uid == child.uid && old.desired == child.desired) {
            child.sent_generation = old.sent_generation;
        }
        child.seen = epoch;
        self.observed.insert(child);
    }

    fn sweep(&mut self, kind: Kind, epoch: u32) -> bool {
        self.observed.retain(|child| child.kind != kind || child.seen >= epoch)
    }
}

/// The stack that an object's label names.
fn stack_of(wire: &Wire) -> Option<Key> {
    wire.metadata.labels.get(meta::STACK).map(|stack| Key::new(&wire.metadata.namespace, stack))
}

/// What the new record of a child means; an entry that is the same as the verified one stays verified.
fn change(old: &Child, new: &mut Child) -> Option<Change> {
    let same_entry = old.managed.ours == new.managed.ours && old.desired == new.desired;
    if same_entry && old.managed.text.is_none() {
        new.managed.text = None;
    }
    let ownership = old.uid == new.uid
        && same_entry
        && old.owner == new.owner
        && old.deleting == new.deleting
        && old.erasable == new.erasable
        && old.managed.foreign == new.managed.foreign
        && old.managed.count == new.managed.count;
    match (ownership, old.state == new.state) {
        (false, _) => Some(Change::Child),
        (true, false) => Some(Change::Readiness),
        (true, true) => None,
    }
}

#[cfg(test)]
mod tests;
