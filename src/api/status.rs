//! What the operator reports: the truth about instances, conditions in the sense of kstatus, one root cause.
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TaskStatus;

/// What the operator has seen and done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StackStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Requests by annotation that this status speaks of; they raise no generation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_requests: Option<ObservedRequests>,
    /// `Ready`, `Reconciling` and `Stalled` in the sense of kstatus, and the facts behind them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Which revision of the services runs, and which is rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionStatus>,
    /// Ready-made words for tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// Each service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, ComponentStatus>,
    /// Each database.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, ComponentStatus>,
    /// Each test, for the present revision.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tests: BTreeMap<String, TaskStatus>,
    /// Each job.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<String, TaskStatus>,
}

/// Annotations that ask for something once, as they were when the operator last looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedRequests {
    /// `microservicestack.dev/restarted-at`, which `mstack restart` writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_at: Option<String>,
    /// `microservicestack.dev/retry`, which `mstack retry` writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<String>,
}

/// Revisions by name: the stack's name and a hash of the services' templates and config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// The revision that every service runs, once it is rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The revision of the present spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<String>,
}

/// Ready-made words for tables.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Ready services of all, such as `3/4`.
    pub services: String,
    /// Ready databases of all, such as `2/2`.
    pub databases: String,
    /// Serving instances of all that are asked for, such as `30/31`.
    pub instances: String,
    /// Address of the first route that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// State of one component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentStatus {
    /// `Pending`: not all applied yet. `Blocked`: waits for what it uses. `Migrating`: keeps its former template until
    /// its migration has ended. `Rolling`: instances are being replaced or
    /// added. `Ready`: serves at least what is asked. `Degraded`: fewer instances serve than asked, or something it uses is
    /// down. `Failed`: cannot go on without a person. `Hibernated`: at 0 instances, as `hibernate` asks.
    pub phase: Phase,
    /// Place in the start order: 0 uses nothing, 1 uses something of wave 0, and so on.
    pub wave: i32,
    /// Counts.
    pub instances: Instances,
    /// What this component waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_by: Vec<String>,
    /// Which components are hit while this one is down.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub impact: Vec<String>,
    /// What is wrong, why, and what to do next.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Address from outside, when a route is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Volumes of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<StorageStatus>,
    /// Secret with the credentials of a database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

/// State of one component in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// Not all objects are applied yet.
    #[default]
    Pending,
    /// Waits for what it uses.
    Blocked,
    /// Keeps its former template until its migration has ended.
    Migrating,
    /// Instances are being replaced or added.
    Rolling,
    /// Serves at least what is asked.
    Ready,
    /// Fewer instances serve than asked, or something it uses is down.
    Degraded,
    /// Cannot go on without a person.
    Failed,
    /// At 0 instances, as `hibernate` asks.
    Hibernated,
}

/// The truth about instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Instances {
    /// How many are wanted.
    pub desired: i32,
    /// Who says so: `Spec`, `HPA`, or `Hibernate`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<CountSource>,
    /// How many run the present template.
    pub updated: i32,
    /// How many pass their readiness check.
    pub ready: i32,
    /// How many get traffic: ready addresses in the EndpointSlices of the component's Service.
    pub serving: i32,
    /// How many are going away.
    pub terminating: i32,
}

/// Who chooses a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CountSource {
    /// `replicas` or `instances` of the spec.
    Spec,
    /// The HorizontalPodAutoscaler.
    HPA,
    /// `hibernate` of the spec.
    Hibernate,
}

/// Volumes of a database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageStatus {
    /// Size that the spec asks for.
    pub requested: String,
    /// Smallest size among the volumes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
}
