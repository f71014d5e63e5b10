//! What users write of things that run to their end: migrations, tests and jobs.
use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Resources, Security, Text};

/// How the databases of a service are brought up to date, before pods of its new template start. It runs once for each
/// command, image and environment of the service, with all that the service itself is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Migrate {
    /// What runs, such as `[/app, migrate]`.
    #[schemars(length(min = 1, max = 64), inner(length(max = 8192)))]
    pub command: Vec<String>,
    /// Arguments of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), inner(length(max = 8192)))]
    pub args: Option<Vec<String>>,
    /// Image, where it is not the service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
}

/// Something that runs to its end inside the stack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Container image, such as `ghcr.io/acme/e2e:2.4.0`.
    #[schemars(length(min = 1, max = 512))]
    pub image: String,
    /// Replaces the image's entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 8192)))]
    pub command: Option<Vec<String>>,
    /// Arguments of the entry point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128), inner(length(max = 8192)))]
    pub args: Option<Vec<String>>,
    /// Services and databases that it needs, such as `[orders, api]`: it runs once they serve, and gets their addresses and credentials as services do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub uses: Option<Vec<String>>,
    /// Environment variables, such as `{ LOG_LEVEL: info }`, each a string or a number, after the injected ones and the stack's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 256))]
    pub config: BTreeMap<String, Text>,
    /// Processor and memory, such as `{ cpu: 250m, memory: 256Mi }`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Security of its pod, over the stack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
}

/// A test of the stack from inside: it runs once for each revision, when the services that it uses serve with their new
/// templates.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Test {
    /// What runs.
    #[serde(flatten)]
    pub task: Task,
    /// `true`: a revision is good only once this test has passed, and fails with it. By default its failure is told and
    /// nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<bool>,
    /// How long it may take, such as `5m` (default); then it has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub timeout: Option<String>,
}

/// State of a test or a job in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TaskPhase {
    /// Waits for what it uses, or for its turn.
    #[default]
    Waiting,
    /// Runs.
    Running,
    /// Has ended well.
    Succeeded,
    /// Has failed; its Job is kept.
    Failed,
}

/// State of a test or a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskStatus {
    /// `Waiting`, `Running`, `Succeeded` or `Failed`.
    pub phase: TaskPhase,
    /// Name of its Job, whose pod has the log.
    pub job: String,
    /// The last lines of what failed, and what to do next.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}
