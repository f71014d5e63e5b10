//! From the API server's JSON to the compact record: a few fields are picked, the rest is never kept.
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::child::{Child, CountOwners, Endpoints, Foreign, Managed, PodState, Progress, State, Trouble, Workload};
use super::fields;
use crate::desired::{meta, object};
use crate::kinds::Kind;

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
    endpoints: Option<Vec<WireEndpoint>>,
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
    annotations: BTreeMap<String, String>,
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
struct WireEndpoint {
    #[serde(default)]
    conditions: EndpointConditions,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct EndpointConditions {
    ready: Option<bool>,
}

/// Makes the record of one object.
pub fn decode(kind: Kind, wire: &Wire) -> Child {
    let metadata = &wire.metadata;
    Child {
        kind,
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
        version: metadata.resource_version.parse().unwrap_or_default(),
        generation: metadata.generation,
        owner: metadata.owner_references.iter().find(|owner| owner.controller).map(|owner| owner.uid.clone()),
        owned_by_stack: metadata.owner_references.iter().any(|owner| owner.controller && owner.kind == "MicroserviceStack"),
        component: metadata.labels.get(meta::COMPONENT).cloned().unwrap_or_default(),
        identity: metadata.labels.get(meta::DATA_IDENTITY).cloned(),
        data_version: metadata.labels.get(meta::DATA_VERSION).cloned(),
        deleting: metadata.deletion_timestamp.is_some(),
        desired: metadata.annotations.get(object::DESIRED).cloned(),
        managed: if kind.row().managed { managed(kind, &metadata.managed_fields) } else { Managed::default() },
        state: state(kind, wire),
    }
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
        } else if !is(COUNT_MANAGER) && managed.foreign.is_none() && is_strict(kind, text) {
            managed.foreign = Some(Foreign { manager: entry.manager.as_str().into(), hash: hash(text) });
        }
    }
    managed
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

fn parse<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

fn state(kind: Kind, wire: &Wire) -> State {
    let (spec, status) = (wire.spec.as_deref(), wire.status.as_deref());
    match kind {
        Kind::Deployment | Kind::StatefulSet => State::Workload(workload(kind, spec, status)),
        Kind::HorizontalPodAutoscaler => {
            let status: AutoscalerStatus = parse(status);
            State::Autoscaler {
                desired: status.desired_replicas,
                trouble: trouble_of(&status.conditions, &["AbleToScale", "ScalingActive"], "False"),
            }
        }
        Kind::Pod => State::Pod(pod(status)),
        Kind::EndpointSlice => State::Endpoints(Endpoints {
            service: wire.metadata.labels.get("kubernetes.io/service-name").cloned().unwrap_or_default(),
            ready: i32::try_from(
                wire.endpoints.iter().flatten().filter(|endpoint| endpoint.conditions.ready.unwrap_or(true)).count(),
            )
            .unwrap_or(i32::MAX),
        }),
        Kind::PersistentVolumeClaim => claim(spec, status),
        Kind::HttpRoute => route(wire.metadata.generation, status),
        _ => State::Nothing,
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WorkloadSpec {
    replicas: Option<i32>,
    volume_claim_templates: Vec<ClaimTemplate>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClaimTemplate {
    metadata: WireMeta,
    spec: ClaimSpec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClaimSpec {
    storage_class_name: Option<String>,
    resources: ClaimResources,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClaimResources {
    requests: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WorkloadStatus {
    observed_generation: i64,
    replicas: i32,
    updated_replicas: i32,
    ready_replicas: i32,
    conditions: Vec<WireCondition>,
    current_revision: String,
    update_revision: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct WireCondition {
    r#type: String,
    status: String,
    reason: String,
    message: String,
    observed_generation: Option<i64>,
}

fn trouble_of(conditions: &[WireCondition], types: &[&str], bad: &str) -> Option<Trouble> {
    conditions
        .iter()
        .find(|condition| types.contains(&condition.r#type.as_str()) && condition.status == bad)
        .map(|condition| Trouble { reason: condition.reason.clone(), message: condition.message.clone() })
}

fn workload(kind: Kind, spec: Option<&RawValue>, status: Option<&RawValue>) -> Workload {
    let spec: WorkloadSpec = parse(spec);
    let status: WorkloadStatus = parse(status);
    let template = spec.volume_claim_templates.into_iter().next();
    let progressing = status.conditions.iter().find(|condition| condition.r#type == "Progressing");
    // A StatefulSet counts no updated pods once its rollout is complete and its revisions are equal.
    let rolled =
        kind == Kind::StatefulSet && !status.update_revision.is_empty() && status.current_revision == status.update_revision;
    Workload {
        replicas: spec.replicas.unwrap_or(1),
        observed_generation: status.observed_generation,
        updated: if rolled { status.replicas } else { status.updated_replicas },
        ready: status.ready_replicas,
        current: status.replicas,
        progress: match progressing.map(|condition| condition.reason.as_str()) {
            Some("NewReplicaSetAvailable") => Progress::Complete,
            Some("ProgressDeadlineExceeded") => Progress::Stuck,
            _ => Progress::Underway,
        },
        trouble: trouble_of(&status.conditions, &["ReplicaFailure"], "True"),
        volume_size: template.as_ref().and_then(|template| template.spec.resources.requests.get("storage").cloned()),
        volume_identity: template.as_ref().and_then(|template| template.metadata.labels.get(meta::DATA_IDENTITY).cloned()),
        volume_class: template.and_then(|template| template.spec.storage_class_name),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AutoscalerStatus {
    desired_replicas: i32,
    conditions: Vec<WireCondition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ClaimStatus {
    phase: String,
    capacity: BTreeMap<String, String>,
}

fn claim(spec: Option<&RawValue>, status: Option<&RawValue>) -> State {
    let spec: ClaimSpec = parse(spec);
    let status: ClaimStatus = parse(status);
    let size = status.capacity.get("storage").or_else(|| spec.resources.requests.get("storage")).cloned().unwrap_or_default();
    State::Claim { size, bound: status.phase == "Bound" }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RouteStatus {
    parents: Vec<RouteParent>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RouteParent {
    conditions: Vec<WireCondition>,
}

fn route(generation: i64, status: Option<&RawValue>) -> State {
    let status: RouteStatus = parse(status);
    let current = |condition: &&WireCondition| condition.observed_generation.is_none_or(|seen| seen >= generation);
    let is_true = |parent: &RouteParent, r#type: &str| {
        parent.conditions.iter().filter(current).any(|condition| condition.r#type == r#type && condition.status == "True")
    };
    let accepted = status.parents.iter().any(|parent| is_true(parent, "Accepted") && is_true(parent, "ResolvedRefs"));
    let message = status
        .parents
        .iter()
        .flat_map(|parent| &parent.conditions)
        .find(|condition| condition.status == "False")
        .map(|condition| format!("{}: {}", condition.reason, condition.message))
        .unwrap_or_default();
    State::Route { accepted, message }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    conditions: Vec<WireCondition>,
    init_container_statuses: Vec<ContainerStatus>,
    container_statuses: Vec<ContainerStatus>,
    reason: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerStatus {
    name: String,
    ready: bool,
    restart_count: i32,
    state: ContainerState,
    last_state: ContainerState,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    waiting: Option<Ended>,
    terminated: Option<Ended>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ended {
    reason: String,
    message: String,
    exit_code: i32,
}

fn pod(status: Option<&RawValue>) -> PodState {
    let status: PodStatus = parse(status);
    let ready = status.conditions.iter().any(|condition| condition.r#type == "Ready" && condition.status == "True");
    PodState { ready, trouble: if ready { None } else { pod_trouble(&status) } }
}

fn pod_trouble(status: &PodStatus) -> Option<Trouble> {
    if !status.reason.is_empty() {
        return Some(Trouble { reason: status.reason.clone(), message: status.message.clone() });
    }
    let containers =
        || status.init_container_statuses.iter().chain(&status.container_statuses).filter(|container| !container.ready);
    containers()
        .find_map(waiting_trouble)
        .or_else(|| {
            status
                .conditions
                .iter()
                .find(|c| c.r#type == "PodScheduled" && c.status == "False")
                .map(|c| Trouble { reason: c.reason.clone(), message: c.message.clone() })
        })
        .or_else(|| containers().find_map(ended_trouble))
}

/// The container of ours that checks a volume before the engine opens it; its last words begin with a reason word.
const GUARD: &str = "volume-guard";

fn waiting_trouble(container: &ContainerStatus) -> Option<Trouble> {
    let last = container.last_state.terminated.as_ref();
    if let Some((reason, message)) = last.filter(|_| container.name == GUARD).and_then(|last| last.message.split_once(": ")) {
        return Some(Trouble { reason: reason.to_owned(), message: message.trim().to_owned() });
    }
    let calm = |reason: &str| matches!(reason, "ContainerCreating" | "PodInitializing" | "");
    let waiting = container.state.waiting.as_ref().filter(|waiting| !calm(&waiting.reason))?;
    let last = last.map(|last| format!("container {} ended: {}", container.name, last.words()));
    Some(Trouble { reason: waiting.reason.clone(), message: last.unwrap_or_else(|| waiting.message.clone()) })
}

fn ended_trouble(container: &ContainerStatus) -> Option<Trouble> {
    let ended =
        container.state.terminated.as_ref().or(container.last_state.terminated.as_ref()).filter(|ended| ended.exit_code != 0)?;
    Some(Trouble {
        reason: ended.reason.clone(),
        message: format!("container {} ended {} times: {}", container.name, container.restart_count.max(1), ended.words()),
    })
}

impl Ended {
    fn words(&self) -> String {
        match self.message.trim() {
            "" => format!("{}, exit code {}", self.reason, self.exit_code),
            message => format!("{}, exit code {}: {message}", self.reason, self.exit_code),
        }
    }
}
