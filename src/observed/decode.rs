//! From the API server's JSON to the compact record: a few fields are picked, the rest is never kept.
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::child::{Child, CountOwners, Foreign, Managed, State};
use super::state::state;
use super::{fields, guard_image};
use crate::desired::{meta, object};
use crate::kinds::Kind;
use crate::model::task;

/// Field manager of templates.
pub const MANAGER: &str = "mstack";
/// Field manager of counts (rule 2).
pub const COUNT_MANAGER: &str = "mstack-count";

/// The fields of any object that are picked from the wire.
#[derive(Clone, Debug, Deserialize)]
pub struct Wire {
    /// Metadata.
    #[serde(default)]
    pub metadata: WireMeta,
    /// Spec, as text.
    #[serde(default)]
    pub spec: Option<Box<RawValue>>,
    /// Status, as text.
    #[serde(default)]
    pub status: Option<Box<RawValue>>,
    /// Null where a slice has none.
    #[serde(default)]
    pub(super) endpoints: Option<Vec<WireEndpoint>>,
}

/// The picked metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WireMeta {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// UID.
    pub uid: String,
    /// Resource version.
    pub resource_version: String,
    /// Generation of the spec.
    pub generation: i64,
    /// Set while the object is being deleted.
    pub deletion_timestamp: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Finalizers.
    pub finalizers: Vec<String>,
    owner_references: Vec<WireOwner>,
    managed_fields: Vec<WireEntry>,
}

#[derive(Clone, Debug, Deserialize)]
struct WireOwner {
    uid: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    controller: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireEntry {
    #[serde(default)]
    manager: String,
    #[serde(default)]
    operation: String,
    #[serde(default)]
    subresource: String,
    fields_v1: Option<Box<RawValue>>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct WireEndpoint {
    #[serde(default)]
    pub conditions: EndpointConditions,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct EndpointConditions {
    pub ready: Option<bool>,
}

/// Makes the record of one object.
pub fn decode(kind: Kind, wire: &Wire) -> Child {
    let metadata = &wire.metadata;
    let managed =
        if kind.row().managed && !kind.row().once { managed(kind, &metadata.managed_fields) } else { Managed::default() };
    let mut state = state(kind, wire);
    if let (State::Workload(workload), Some(spec), Some(ours)) = (&mut state, &wire.spec, &managed.text) {
        workload.guard_image = guard_image::of(spec.get(), ours);
    }
    Child {
        kind,
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        version: metadata.resource_version.parse().unwrap_or_default(),
        generation: metadata.generation,
        sent_generation: metadata.generation,
        owner: metadata.owner_references.iter().find(|owner| owner.controller).map(|owner| owner.uid.clone()),
        owned_by_stack: metadata.owner_references.iter().any(|owner| owner.controller && owner.kind == "MicroserviceStack"),
        component: component(&metadata.labels),
        identity: metadata.labels.get(meta::DATA_IDENTITY).cloned(),
        data_version: metadata.labels.get(meta::DATA_VERSION).cloned(),
        members: metadata.labels.get(meta::DATA_MEMBERS).and_then(|count| count.parse().ok()),
        form: metadata.annotations.get(meta::FORM).and_then(|form| form.parse().ok()),
        hibernated_from: metadata.annotations.get(meta::HIBERNATED_FROM).and_then(|count| count.parse().ok()),
        erasable: metadata.annotations.get(meta::ON_DELETE).is_some_and(|stamp| stamp == meta::ERASED),
        deleting: metadata.deletion_timestamp.is_some(),
        desired: metadata.annotations.get(object::DESIRED).cloned(),
        managed,
        state,
        seen: 0,
    }
}

/// The component, or the migration, test or job, that an object belongs to.
fn component(labels: &BTreeMap<String, String>) -> String {
    let task = || labels.get(meta::TASK).map(|label| task::of_label(label));
    labels.get(meta::COMPONENT).cloned().or_else(task).unwrap_or_default()
}

fn managed(kind: Kind, entries: &[WireEntry]) -> Managed {
    let mut managed = Managed::default();
    for entry in entries.iter().filter(|entry| entry.subresource != "status") {
        let Some(text) = entry.fields_v1.as_deref().map(RawValue::get) else { continue };
        let is = |manager: &str| entry.manager == manager && entry.operation == "Apply";
        if text.contains("\"f:replicas\"") {
            note_count_owner(&mut managed.count, entry, text);
        }
        if is(MANAGER) {
            managed.ours = hash(text);
            managed.text = Some(text.into());
        } else if !is(COUNT_MANAGER) {
            note_foreign(&mut managed, kind, entry, text);
        }
    }
    managed
}

/// Entries come in the order of their times, so that the last one is told.
fn note_foreign(managed: &mut Managed, kind: Kind, entry: &WireEntry, text: &str) {
    // Controllers note their progress in annotations.
    if ["\"f:spec\"", "\"f:data\"", "\"f:labels\"", "\"f:ownerReferences\""].iter().any(|part| text.contains(part)) {
        managed.editor = Some(entry.manager.as_str().into());
    }
    if is_strict(kind, text) {
        let others = managed.foreign.as_ref().map_or(0, |foreign| foreign.hash);
        managed.foreign = Some(Foreign { manager: entry.manager.as_str().into(), hash: others.rotate_left(1) ^ hash(text) });
    }
}

fn note_count_owner(owners: &mut CountOwners, entry: &WireEntry, text: &str) {
    if !serde_json::from_str::<Value>(text).is_ok_and(|fields| fields::reaches(&fields, &["spec", "replicas"])) {
        return;
    }
    match (entry.manager.as_str(), entry.operation.as_str()) {
        (MANAGER, "Apply") => owners.template = true,
        (COUNT_MANAGER, "Apply") => owners.count = true,
        (other, _) => owners.other = Some(other.into()),
    }
}

fn is_strict(kind: Kind, text: &str) -> bool {
    let strict = kind.row().strict;
    !strict.is_empty() && serde_json::from_str::<Value>(text).is_ok_and(|fields| fields::reaches(&fields, strict))
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn managed_by(entries: &[(&str, Value)]) -> Managed {
        let entries: Vec<Value> = entries
            .iter()
            .map(|(manager, fields)| json!({"manager": manager, "operation": "Update", "fieldsV1": fields}))
            .collect();
        let wire: Wire = serde_json::from_str(&json!({"metadata": {"managedFields": entries}}).to_string()).unwrap();
        decode(Kind::Deployment, &wire).managed
    }

    fn template() -> Value {
        json!({"f:spec": {"f:template": {"f:spec": {"f:hostNetwork": {}}}}})
    }

    #[test]
    fn rule_12_the_last_manager_in_the_strict_part_is_told_and_each_one_counts() {
        let one = managed_by(&[("first", template())]).foreign.unwrap();
        let both = managed_by(&[("first", template()), ("second", template())]).foreign.unwrap();
        assert_eq!((&*one.manager, &*both.manager), ("first", "second"));
        assert_ne!(one.hash, both.hash, "what was forgiven to one is not forgiven to the next");
    }

    #[test]
    fn a_controller_that_notes_its_progress_is_no_editor() {
        let progress = json!({"f:metadata": {"f:annotations": {"f:deployment.kubernetes.io/revision": {}}}});
        let labels = json!({"f:metadata": {"f:labels": {"f:team": {}}}});
        let managed = managed_by(&[("kubectl-edit", labels), ("kube-controller-manager", progress)]);
        assert_eq!((managed.editor.as_deref(), managed.foreign), (Some("kubectl-edit"), None));
    }
}
