//! A stack's own object, as far as it is kept.
use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::{Key, Store};
use crate::api::RETRY;
use crate::desired::meta;
use crate::model::RESTARTED_AT;
use crate::observed::Wire;

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
    /// Databases whose data goes with them (rule 9); none where our finalizer is not on the stack.
    pub registered: Option<BTreeSet<String>>,
    /// When components were last asked to restart: the annotation's text.
    pub restarts: Option<Box<str>>,
    /// What its annotation for retries says.
    pub retry: Box<str>,
    /// Spec, in JSON.
    pub spec: Box<str>,
    /// Status, in JSON.
    pub status: Option<Box<str>>,
}

impl Root {
    /// The record of a stack.
    pub fn new(wire: &Wire) -> Self {
        let metadata = &wire.metadata;
        let raw = |text: &Option<Box<RawValue>>| text.as_deref().map(|raw| Box::<str>::from(raw.get()));
        let list = metadata.annotations.get(meta::ON_DELETE).map(String::as_str).unwrap_or_default();
        let registered = list.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        Self {
            uid: metadata.uid.clone(),
            generation: metadata.generation,
            version: metadata.resource_version.parse().unwrap_or_default(),
            deleting: metadata.deletion_timestamp.is_some(),
            registered: metadata.finalizers.iter().any(|finalizer| finalizer == meta::FINALIZER).then_some(registered),
            restarts: metadata.annotations.get(RESTARTED_AT).map(|text| text.as_str().into()),
            retry: metadata.annotations.get(RETRY).map(|text| text.as_str().into()).unwrap_or_default(),
            spec: raw(&wire.spec).unwrap_or_else(|| "{}".into()),
            status: raw(&wire.status),
        }
    }

    /// Whether another one says nothing new.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        Self { version: other.version, ..self.clone() } == *other
    }
}

impl Store {
    /// The status as it was just written. Where the answer tells more than the status, an edit came in between: its event is
    /// still to be seen, so the record stays as old as it is.
    pub fn wrote_status(&mut self, key: &Key, wire: &Wire, status: &str) {
        let answer = Root::new(wire);
        let Some((root, _)) = self.entries.get_mut(key).and_then(|entry| entry.root.as_mut()) else { return };
        let is_edited = (answer.generation, answer.deleting) != (root.generation, root.deleting)
            || (&answer.registered, &answer.restarts, &answer.retry) != (&root.registered, &root.restarts, &root.retry);
        if root.uid == answer.uid && root.version <= answer.version && !is_edited {
            root.version = answer.version;
            root.status = Some(status.into());
        }
    }

    /// The databases as they were just registered.
    pub fn wrote_registered(&mut self, key: &Key, databases: &BTreeSet<String>) {
        if let Some((root, _)) = self.entries.get_mut(key).and_then(|entry| entry.root.as_mut()) {
            root.registered = (!databases.is_empty()).then(|| databases.clone());
        }
    }
}
