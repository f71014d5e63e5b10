//! What keeps a pod from being ready: the one cause that explains most.
use serde::Deserialize;
use serde_json::value::RawValue;

use super::child::{PodState, Trouble};
use super::state::{WireCondition, parse};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    conditions: Vec<WireCondition>,
    init_container_statuses: Vec<ContainerStatus>,
    container_statuses: Vec<ContainerStatus>,
    reason: String,
    message: String,
    phase: String,
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

/// The state of a pod.
pub(super) fn state(status: Option<&RawValue>) -> PodState {
    let status: PodStatus = parse(status);
    let ready = status.conditions.iter().any(|condition| condition.r#type == "Ready" && condition.status == "True");
    PodState {
        ready,
        ended: matches!(status.phase.as_str(), "Failed" | "Succeeded"),
        trouble: if ready { None } else { pod_trouble(&status) },
    }
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
