//! Carries out a plan: server-side apply, one write per child; then deletion of what nobody wants.
use std::sync::Mutex;

use futures::future::join_all;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, Preconditions};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tracing::debug;

use super::client::{Call, CallError};
use super::slim::{self, Meta, Slim};
use super::store::{Key, Store};
use crate::desired::Object;
use crate::desired::meta::HIBERNATED_FROM;
use crate::kinds::{Depth, Kind};
use crate::metrics::Metrics;
use crate::model::Stack;
use crate::observed::{COUNT_MANAGER, Child, MANAGER, Wire, fields};
use crate::plan::{How, Plan, Why, Write};

/// No live object has this resource version (etcd's first revision): an apply that carries it creates, or fails with 409
/// where the name is taken. One write, no read.
const MUST_NOT_EXIST: &str = "1";

/// What the cluster room works with.
pub struct Cluster {
    /// Client of every call but the Lease's.
    pub client: Client,
    /// What the watches have seen.
    pub store: Mutex<Store>,
    /// Bounds the writes in flight.
    pub writes: Semaphore,
    /// Counters.
    pub metrics: Metrics,
}

/// A write that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {name}: {message}", kind.row().name)]
pub struct Failure {
    /// Component that the object belongs to.
    pub component: String,
    /// Kind of the object.
    pub kind: Kind,
    /// Name of the object.
    pub name: String,
    /// What went wrong.
    pub cause: Cause,
    /// In words.
    pub message: String,
}

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The name is taken by somebody else's object.
    NameConflict,
    /// The object changed meanwhile; the next event brings the news.
    Stale,
    /// The API server refuses what is sent: trying again does not help until something changes.
    Refused,
    /// Not reached, too busy, or out of order.
    Transient,
}

impl Cause {
    /// The reason word of conditions.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NameConflict => "NameConflict",
            Self::Stale | Self::Transient => "ApplyFailed",
            Self::Refused => "ApplyRefused",
        }
    }
}

/// A change of somebody else's that was put back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// Kind of the object.
    pub kind: Kind,
    /// Name of the object.
    pub name: String,
    /// Who had changed it, where that is known.
    pub by: Option<String>,
}

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Writes that failed.
    pub failures: Vec<Failure>,
    /// Drift that was corrected.
    pub corrections: Vec<Correction>,
    /// Something was found out that changes the answer: it is to be asked again.
    pub again: bool,
}

impl Cluster {
    /// The store, whole or not at all: it is never held across a call.
    pub fn store(&self) -> std::sync::MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Carries out a plan: first what workloads need, then the workloads; last, if all went well, what is not wanted goes.
    pub async fn carry_out(&self, key: &Key, stack: &Stack, plan: &Plan<'_>) -> Outcome {
        self.store().verified(key, &plan.verified);
        let (last, first): (Vec<_>, Vec<_>) = plan.writes.iter().partition(|write| write.object.kind.runs());
        let mut outcome = Outcome::default();
        for wave in [first, last] {
            let results = join_all(wave.iter().map(|write| self.write(key, stack, write))).await;
            for (write, result) in wave.iter().zip(results) {
                match result {
                    Ok(()) => outcome.corrections.extend(correction(write)),
                    Err(failure) => outcome.failures.push(failure),
                }
            }
        }
        if outcome.failures.is_empty() && plan.conflicts.is_empty() && !plan.prune.is_empty() {
            match self.is_current(stack).await {
                Ok(true) => outcome.failures = self.prune(key, &plan.prune).await,
                Ok(false) => debug!("what is not wanted stays: the spec has changed meanwhile"),
                Err(error) => outcome.failures.extend(plan.prune.first().map(|child| not_removed(child, &error))),
            }
        }
        outcome
    }

    /// Whether the spec is still the one that the plan was made from: the watch may lag behind, and what nobody wanted a
    /// moment ago may have been made since, by another instance of the operator. If not, its event is on its way.
    ///
    /// # Errors
    /// When the API server cannot be read.
    pub async fn is_current(&self, stack: &Stack) -> Result<bool, CallError> {
        let api = Api::<Meta>::namespaced_with(self.client.clone(), &stack.namespace, &slim::stacks());
        let live = api.get_opt(&stack.name).timed().await?;
        let same = |live: &Meta| live.wire.metadata.uid == stack.uid && live.wire.metadata.generation == stack.generation;
        Ok(live.is_some_and(|live| same(&live)))
    }

    async fn write(&self, key: &Key, stack: &Stack, write: &Write<'_>) -> Result<(), Failure> {
        let object = write.object;
        let result = match &write.how {
            How::Create => self.create(stack, object).await,
            How::Apply { count, .. } => self.apply_pure(key, stack, write, *count).await,
            How::Count { count, remembered, .. } => self.count(stack, object, write.child, *count, *remembered).await,
            How::Strip { .. } => self.strip(key, stack, object).await,
        };
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.code() == Some(409) && write.how == How::Create => {
                Err(self.name_conflict(key, stack, object).await)
            }
            Err(error) => Err(failure(object, &error)),
        }
    }

    /// Makes a child; a name that is taken is a conflict.
    pub(super) async fn create(&self, stack: &Stack, object: &Object) -> Result<(), CallError> {
        let mut body = object.body.clone();
        body["metadata"]["resourceVersion"] = MUST_NOT_EXIST.into();
        if let Some(count) = object.count {
            body["spec"]["replicas"] = count.into();
        }
        self.send(stack, object, &body, MANAGER).await
    }

    /// Applies, and removes at once what others still have in the strict part.
    async fn apply_pure(&self, key: &Key, stack: &Stack, write: &Write<'_>, count: Option<i32>) -> Result<(), CallError> {
        self.apply(stack, write.object, write.child, count).await?;
        let mixed = self.store().is_mixed(key, write.object.kind, &write.object.name);
        if mixed { self.strip(key, stack, write.object).await } else { Ok(()) }
    }

    async fn apply(&self, stack: &Stack, object: &Object, child: Option<&Child>, count: Option<i32>) -> Result<(), CallError> {
        let mut body = object.body.clone();
        if let Some(child) = child {
            body["metadata"]["uid"] = child.uid.as_str().into();
        }
        if let (Some(count), Some(child)) = (count, child) {
            // The count is only as fresh as the record: if an autoscaler was faster, try again with what it wrote.
            body["metadata"]["resourceVersion"] = child.version.to_string().into();
            body["spec"]["replicas"] = count.into();
        }
        self.send(stack, object, &body, MANAGER).await
    }

    async fn count(
        &self,
        stack: &Stack,
        object: &Object,
        child: Option<&Child>,
        count: i32,
        remembered: Option<i32>,
    ) -> Result<(), CallError> {
        let mut body = json!({
            "apiVersion": object.body["apiVersion"], "kind": object.body["kind"],
            "metadata": {"name": object.name}, "spec": {"replicas": count},
        });
        if let Some(child) = child {
            body["metadata"]["uid"] = child.uid.as_str().into();
        }
        if let Some(count) = remembered {
            body["metadata"]["annotations"][HIBERNATED_FROM] = count.to_string().into();
        }
        self.send(stack, object, &body, COUNT_MANAGER).await
    }

    async fn send(&self, stack: &Stack, object: &Object, body: &Value, manager: &str) -> Result<(), CallError> {
        let params = PatchParams::apply(manager).force();
        let wire = self.patch(&stack.namespace, object.kind, &object.name, &params, &Patch::Apply(body)).await?;
        self.store().wrote(object.kind, &wire, manager == MANAGER);
        Ok(())
    }

    /// Merges into a child, as it was seen, and takes in the answer: what comes before its echo must not do it once more.
    pub(super) async fn merge(&self, namespace: &str, child: &Child, manager: &str, mut body: Value) -> Result<Wire, CallError> {
        body["metadata"]["uid"] = child.uid.as_str().into();
        let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
        let wire = self.patch(namespace, child.kind, &child.name, &params, &Patch::Merge(&body)).await?;
        self.store().wrote(child.kind, &wire, false);
        Ok(wire)
    }

    /// Sends a patch; of the answer comes as much as the kind's watch has.
    async fn patch(
        &self,
        namespace: &str,
        kind: Kind,
        name: &str,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Wire, CallError> {
        match kind.row().depth {
            Depth::Full => self.patch_as::<false>(namespace, kind, name, params, patch).await,
            Depth::Metadata => self.patch_as::<true>(namespace, kind, name, params, patch).await,
        }
    }

    async fn patch_as<const META: bool>(
        &self,
        namespace: &str,
        kind: Kind,
        name: &str,
        params: &PatchParams,
        patch: &Patch<&Value>,
    ) -> Result<Wire, CallError> {
        let api = Api::<Slim<META>>::namespaced_with(self.client.clone(), namespace, &slim::resource(kind.row()));
        let _permit = self.writes.acquire().await;
        Ok(api.patch(name, params, patch).timed().await?.wire)
    }

    /// Removes what others have put into the strict part, as one JSON patch that holds only for what was read.
    async fn strip(&self, key: &Key, stack: &Stack, object: &Object) -> Result<(), CallError> {
        let resource = slim::resource(object.kind.row());
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &stack.namespace, &resource);
        let live = api.get(&object.name).timed().await?;
        let Some(operations) = removals(object, &live) else {
            self.store().tolerate(key, object.kind, &object.name);
            return Ok(());
        };
        let api = Api::<Slim<false>>::namespaced_with(self.client.clone(), &stack.namespace, &resource);
        let patch: json_patch::Patch = serde_json::from_value(operations).unwrap_or_default();
        let _permit = self.writes.acquire().await;
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let answer = api.patch(&object.name, &params, &Patch::Json::<()>(patch)).timed().await?;
        let mut store = self.store();
        store.wrote(object.kind, &answer.wire, false);
        if live.resource_version().as_deref() == Some(&answer.wire.metadata.resource_version) {
            store.tolerate(key, object.kind, &object.name); // The API server put all of it back: they were defaults.
        }
        Ok(())
    }

    /// Names the owner of a name that is taken. A child of ours that has lost its labels is taken in again.
    async fn name_conflict(&self, key: &Key, stack: &Stack, object: &Object) -> Failure {
        let resource = slim::resource(object.kind.row());
        let api = Api::<DynamicObject>::namespaced_with(self.client.clone(), &stack.namespace, &resource);
        let there = api.get_metadata_opt(&object.name).timed().await.ok().flatten();
        let ours = there.as_ref().is_none_or(|meta| meta.owner_references().iter().any(|owner| owner.uid == stack.uid));
        if ours && there.is_some() {
            let api = Api::<Slim<false>>::namespaced_with(self.client.clone(), &stack.namespace, &resource);
            if let Ok(Some(child)) = api.get_opt(&object.name).timed().await {
                self.store().adopt(key, object.kind, &child.wire);
            }
        }
        let whose = there.map(|meta| {
            whose(
                &meta.metadata.labels.unwrap_or_default(),
                meta.metadata.owner_references.unwrap_or_default().first().map(|owner| format!("{} {}", owner.kind, owner.name)),
            )
        });
        let kind = object.kind.row().name;
        Failure {
            component: object.component.clone(),
            kind: object.kind,
            name: object.name.clone(),
            cause: if ours { Cause::Stale } else { Cause::NameConflict },
            message: format!(
                "{kind} {} already exists and belongs to {}; delete or rename it, rename the component, or set `names: Prefixed` in a new stack",
                object.name,
                whose.unwrap_or_else(|| "somebody else".to_owned())
            ),
        }
    }

    /// Removes children, one after the other; the failures come back.
    pub async fn prune(&self, key: &Key, children: &[&Child]) -> Vec<Failure> {
        let mut failures = Vec::new();
        for child in children {
            let api = Api::<Meta>::namespaced_with(self.client.clone(), &key.namespace, &slim::resource(child.kind.row()));
            let preconditions = Preconditions { uid: Some(child.uid.clone()), resource_version: None };
            let params = DeleteParams::background().preconditions(preconditions);
            let _permit = self.writes.acquire().await;
            match api.delete(&child.name, &params).timed().await {
                Ok(_) => self.store().told_to_go(key, child),
                Err(error) if matches!(error.code(), Some(404 | 409)) => {} // Gone, or another object by now.
                Err(error) => failures.push(not_removed(child, &error)),
            }
        }
        failures
    }
}

fn correction(write: &Write<'_>) -> Option<Correction> {
    let by = match &write.how {
        How::Apply { why: Why::Drifted, .. } => write.child.and_then(|child| child.managed.editor.as_deref()).map(str::to_owned),
        How::Count { by: Some(by), .. } | How::Strip { by } => Some(by.clone()),
        _ => return None,
    };
    Some(Correction { kind: write.object.kind, name: write.object.name.clone(), by })
}

fn not_removed(child: &Child, error: &CallError) -> Failure {
    Failure {
        component: child.component.clone(),
        kind: child.kind,
        name: child.name.clone(),
        cause: Cause::Transient,
        message: format!("could not be removed: {}", error.words()),
    }
}

fn failure(object: &Object, error: &CallError) -> Failure {
    let cause = match error.code() {
        Some(409) => Cause::Stale,
        Some(400 | 403 | 422) => Cause::Refused,
        _ => Cause::Transient,
    };
    Failure { component: object.component.clone(), kind: object.kind, name: object.name.clone(), cause, message: error.words() }
}

fn whose(labels: &std::collections::BTreeMap<String, String>, owner: Option<String>) -> String {
    let label = |name: &str| labels.get(name).map(String::as_str);
    match (owner, label(crate::desired::meta::STACK), label("app.kubernetes.io/managed-by")) {
        (Some(owner), _, _) => owner,
        (_, Some(stack), _) => format!("the stack {stack}"),
        (_, _, Some(manager)) => manager.to_owned(),
        _ => "somebody else".to_owned(),
    }
}

/// The JSON patch that removes what others have added, as long as the object is still the one that was read; none where
/// they have added nothing.
pub fn removals(object: &Object, live: &DynamicObject) -> Option<Value> {
    let strict = object.kind.row().strict;
    let body = serde_json::to_value(live).unwrap_or_default();
    let entries = live.managed_fields();
    let is_ours = |manager: &Option<String>| manager.as_deref().is_some_and(|name| name == MANAGER || name == COUNT_MANAGER);
    let ours =
        entries.iter().find(|entry| entry.manager.as_deref() == Some(MANAGER) && entry.operation.as_deref() == Some("Apply"))?;
    let ours = &ours.fields_v1.as_ref()?.0;
    let foreign = entries.iter().filter(|entry| !is_ours(&entry.manager) && entry.subresource.as_deref() != Some("status"));
    let mut pointers: Vec<String> = foreign
        .filter_map(|entry| entry.fields_v1.as_ref())
        .flat_map(|entry| fields::added(&entry.0, ours, strict))
        .filter_map(|path| fields::pointer(&body, &path))
        .collect();
    pointers.sort_by_key(|pointer| std::cmp::Reverse(order(pointer)));
    pointers.dedup();
    if pointers.is_empty() {
        return None;
    }
    let version = json!({"op": "replace", "path": "/metadata/resourceVersion", "value": live.resource_version()});
    Some(std::iter::once(version).chain(pointers.into_iter().map(|path| json!({"op": "remove", "path": path}))).collect())
}

/// Later list items go first, so that the places of earlier ones stay true.
fn order(pointer: &str) -> Vec<(u64, String)> {
    pointer.split('/').map(|part| part.parse().map_or_else(|_| (0, part.to_owned()), |index| (index, String::new()))).collect()
}
