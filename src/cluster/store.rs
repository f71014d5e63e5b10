//! What the watches have seen, by stack. Events at or below the version of an own write are dropped; lists sweep by epoch.
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use crate::desired::meta;
use crate::kinds::{KINDS, Kind};
use crate::observed::{Child, Observed, Wire, decode};
use crate::plan::Verified;

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

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The stacks themselves.
    Stacks,
    /// Children of a kind.
    Kind(Kind),
}

impl Source {
    /// Everything that is watched.
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(Self::Stacks).chain(KINDS.iter().map(|row| Self::Kind(row.kind)))
    }
}

/// A stack's own object: its spec and status as text, so that one that cannot be decoded stops no other.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// UID.
    pub uid: String,
    /// Generation of the spec.
    pub generation: i64,
    /// Resource version.
    pub version: u64,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Spec, in JSON.
    pub spec: Box<str>,
    /// Status, in JSON.
    pub status: Option<Box<str>>,
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
    epochs: BTreeMap<(Kind, String), u32>,
    tolerated: BTreeMap<(Kind, String), u64>,
}

/// All stacks and their children.
#[derive(Debug, Default)]
pub struct Store {
    entries: HashMap<Key, Entry>,
    epochs: BTreeMap<Source, u32>,
    listed: BTreeMap<Source, bool>,
    /// Highest version that each watch has shown.
    latest: BTreeMap<Source, u64>,
}

impl Store {
    /// Whether every watch has delivered its first list (or its kind is absent): only then may anything be written.
    pub fn synced(&self) -> bool {
        Source::all().all(|source| self.listed.contains_key(&source))
    }

    /// Whether the cluster has an optional kind.
    pub fn has(&self, kind: Kind) -> bool {
        self.listed.get(&Source::Kind(kind)).copied().unwrap_or_default()
    }

    /// A kind that the cluster does not have.
    pub fn absent(&mut self, source: Source) -> Vec<Key> {
        let known = self.listed.get(&source) == Some(&false);
        self.begin(source);
        let touched = self.end(source);
        self.listed.insert(source, false);
        if known { Vec::new() } else { touched }
    }

    /// A list begins: what it does not name is gone.
    pub fn begin(&mut self, source: Source) {
        *self.epochs.entry(source).or_default() += 1;
        self.latest.remove(&source);
    }

    /// A list is complete: everything that it did not name, and that was not written meanwhile, is dropped.
    pub fn end(&mut self, source: Source) -> Vec<Key> {
        let first = self.listed.insert(source, true) != Some(true);
        let epoch = self.epoch(source);
        let mut touched = Vec::new();
        for (key, entry) in &mut self.entries {
            let swept = match source {
                Source::Stacks => entry.root.take_if(|(_, seen)| *seen < epoch).is_some(),
                Source::Kind(kind) => entry.sweep(kind, epoch),
            };
            if swept || first {
                touched.push(key.clone());
            }
        }
        self.entries.retain(|_, entry| entry.root.is_some() || !entry.observed.children.is_empty());
        touched
    }

    /// Takes in an object that a watch or a list has delivered.
    pub fn put(&mut self, source: Source, wire: &Wire, listed: bool) -> Option<(Key, Change)> {
        let epoch = self.epoch(source);
        self.note_version(source, wire);
        match source {
            Source::Stacks => self.put_root(wire, epoch, listed),
            Source::Kind(kind) => self.put_child(decode(kind, wire), wire, epoch, listed),
        }
    }

    /// Takes in the answer to an own write. Only the answer to an apply of the whole verifies it: the answer to a count or
    /// a patch may carry a change of somebody else's that has not been seen yet.
    pub fn wrote(&mut self, kind: Kind, wire: &Wire, of_whole: bool) {
        let source = Source::Kind(kind);
        let epoch = self.epoch(source);
        let latest = self.latest.get(&source).copied().unwrap_or_default();
        let mut child = decode(kind, wire);
        let Some(entry) = stack_of(wire).and_then(|key| self.entries.get_mut(&key)) else { return };
        entry.forgive(&mut child);
        let before = entry.observed.children.get(&(kind, child.name.clone()));
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
        let epoch = self.epoch(Source::Kind(kind));
        if let Some(entry) = self.entries.get_mut(key) {
            entry.insert(decode(kind, wire), epoch);
        }
    }

    fn note_version(&mut self, source: Source, wire: &Wire) {
        let version: u64 = wire.metadata.resource_version.parse().unwrap_or_default();
        let latest = self.latest.entry(source).or_default();
        *latest = version.max(*latest);
    }

    /// An object is gone.
    pub fn gone(&mut self, source: Source, wire: &Wire) -> Option<(Key, Change)> {
        self.note_version(source, wire);
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
                let id = (kind, wire.metadata.name.clone());
                if entry.observed.children.get(&id).is_none_or(|child| child.uid != wire.metadata.uid) {
                    return None;
                }
                entry.observed.children.remove(&id);
                entry.epochs.remove(&id);
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

    /// These children's entries are whole, as far as they are still the ones that were compared.
    pub fn verified(&mut self, key: &Key, children: &[Verified]) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        for Verified { kind, name, entry: compared } in children {
            if let Some(child) =
                entry.observed.children.get_mut(&(*kind, name.clone())).filter(|child| child.managed.ours == *compared)
            {
                child.managed.text = None;
            }
        }
    }

    /// Whether others have entries in the strict part of a child.
    pub fn is_mixed(&self, key: &Key, kind: Kind, name: &str) -> bool {
        let entry = self.entries.get(key);
        entry.and_then(|entry| entry.observed.get(kind, name)).is_some_and(|child| child.managed.foreign.is_some())
    }

    /// The entries of others add nothing to this child: they are no drift as long as they stay as they are.
    pub fn tolerate(&mut self, key: &Key, kind: Kind, name: &str) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let id = (kind, name.to_owned());
        if let Some(foreign) = entry.observed.children.get_mut(&id).and_then(|child| child.managed.foreign.take()) {
            entry.tolerated.insert(id, foreign.hash);
        }
    }

    /// The status as it was just written.
    pub fn wrote_status(&mut self, key: &Key, wire: &Wire, status: &str) {
        let version = wire.metadata.resource_version.parse().unwrap_or_default();
        if let Some((root, _)) = self.entries.get_mut(key).and_then(|entry| entry.root.as_mut())
            && root.uid == wire.metadata.uid
            && root.version <= version
        {
            root.version = version;
            root.status = Some(status.into());
        }
    }

    fn epoch(&self, source: Source) -> u32 {
        self.epochs.get(&source).copied().unwrap_or_default()
    }

    fn put_root(&mut self, wire: &Wire, epoch: u32, listed: bool) -> Option<(Key, Change)> {
        let metadata = &wire.metadata;
        let key = Key::new(&metadata.namespace, &metadata.name);
        let entry = self.entries.entry(key.clone()).or_default();
        let version = metadata.resource_version.parse().unwrap_or_default();
        let raw = |text: &Option<Box<serde_json::value::RawValue>>| text.as_deref().map(|raw| Box::<str>::from(raw.get()));
        let root = Root {
            uid: metadata.uid.clone(),
            generation: metadata.generation,
            version,
            deleting: metadata.deletion_timestamp.is_some(),
            spec: raw(&wire.spec).unwrap_or_else(|| "{}".into()),
            status: raw(&wire.status),
        };
        let before = entry.root.replace((root.clone(), epoch));
        match before {
            Some((old, _)) if old.version >= version && old.uid == root.uid && !listed => {
                entry.root = Some((old, epoch));
                None
            }
            Some((old, _))
                if old.uid == root.uid
                    && old.generation == root.generation
                    && old.deleting == root.deleting
                    && old.status == root.status =>
            {
                None
            }
            _ => Some((key, Change::Spec)),
        }
    }

    fn put_child(&mut self, mut child: Child, wire: &Wire, epoch: u32, listed: bool) -> Option<(Key, Change)> {
        let key = stack_of(wire)?;
        let entry = self.entries.entry(key.clone()).or_default();
        let id = (child.kind, child.name.clone());
        entry.forgive(&mut child);
        let seen = entry.epochs.get(&id).copied();
        let change = match entry.observed.children.get(&id) {
            Some(old) if old.version >= child.version && old.uid == child.uid && (!listed || seen == Some(epoch)) => {
                // The echo of an own write; where it did not verify the entry, somebody has to compare it.
                let unverified = old.version == child.version && old.managed.text.is_some();
                entry.epochs.insert(id, epoch);
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
        let id = (child.kind, child.name.clone());
        if let Some(old) = self.observed.children.get(&id).filter(|old| old.uid == child.uid && old.desired == child.desired) {
            child.sent_generation = old.sent_generation;
        }
        self.epochs.insert(id.clone(), epoch);
        self.observed.children.insert(id, child);
    }

    fn sweep(&mut self, kind: Kind, epoch: u32) -> bool {
        let stale: Vec<_> = self
            .observed
            .children
            .keys()
            .filter(|id| id.0 == kind && self.epochs.get(*id).is_none_or(|seen| *seen < epoch))
            .cloned()
            .collect();
        for id in &stale {
            self.observed.children.remove(id);
            self.epochs.remove(id);
        }
        !stale.is_empty()
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
