//! What is read of specs and statuses: one small struct for each kind whose status matters.
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::child::{ClaimState, Endpoints, Progress, State, TaskEnd, TaskState, Trouble, Workload};
use super::decode::{Wire, WireMeta};
use super::{pod, revision};
use crate::api::RETRY;
use crate::desired::meta;
use crate::kinds::Kind;

pub(super) fn parse<'a, T: Deserialize<'a> + Default>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The state of an object of a kind.
pub(super) fn state(kind: Kind, wire: &Wire) -> State {
    let (spec, status) = (wire.spec.as_deref(), wire.status.as_deref());
    match kind {
        Kind::Deployment | Kind::StatefulSet => State::Workload(Box::new(workload(kind, spec, status))),
        Kind::HorizontalPodAutoscaler => {
            let status: AutoscalerStatus = parse(status);
            State::Autoscaler {
                desired: status.desired_replicas,
                trouble: trouble_of(&status.conditions, &["AbleToScale", "ScalingActive"], "False"),
            }
        }
        Kind::Pod => State::Pod(pod::state(status)),
        Kind::EndpointSlice => State::Endpoints(Endpoints {
            service: wire.metadata.labels.get("kubernetes.io/service-name").cloned().unwrap_or_default(),
            ready: i32::try_from(
                wire.endpoints.iter().flatten().filter(|endpoint| endpoint.conditions.ready.unwrap_or(true)).count(),
            )
            .unwrap_or(i32::MAX),
        }),
        Kind::PersistentVolumeClaim => State::Claim(Box::new(claim(wire, spec, status))),
        Kind::ControllerRevision => State::Revision(Box::new(revision::record(&wire.metadata.annotations))),
        Kind::Job => State::Task(Box::new(task(wire, status))),
        Kind::HttpRoute | Kind::GrpcRoute => route(wire.metadata.generation, status),
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
pub(super) struct WireCondition {
    pub r#type: String,
    pub status: String,
    pub reason: String,
    pub message: String,
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
        guard_image: None,
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

fn claim(wire: &Wire, spec: Option<&RawValue>, status: Option<&RawValue>) -> ClaimState {
    let spec: ClaimSpec = parse(spec);
    let status: ClaimStatus = parse(status);
    let requested = spec.resources.requests.get("storage").cloned().unwrap_or_default();
    ClaimState {
        size: status.capacity.get("storage").unwrap_or(&requested).clone(),
        requested,
        class: spec.storage_class_name,
        bound: status.phase == "Bound",
        guard_image: wire.metadata.annotations.get(meta::GUARD_IMAGE).cloned(),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JobStatus {
    conditions: Vec<WireCondition>,
}

fn task(wire: &Wire, status: Option<&RawValue>) -> TaskState {
    let status: JobStatus = parse(status);
    let annotation = |key: &str| wire.metadata.annotations.get(key).cloned().unwrap_or_default();
    let complete = trouble_of(&status.conditions, &["Complete"], "True").map(|_| TaskEnd::Complete);
    TaskState {
        end: complete.or_else(|| trouble_of(&status.conditions, &["Failed"], "True").map(TaskEnd::Failed)),
        retry: annotation(RETRY),
        locks: annotation(meta::LOCKS).split(',').filter(|lock| !lock.is_empty()).map(str::to_owned).collect(),
    }
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
