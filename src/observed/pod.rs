//! What keeps a pod from being ready: the one cause that explains most.
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::child::{PodState, Trouble};
use super::state::{WireCondition, parse};
use crate::desired::{PREPARE, VOLUME_GUARD};

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
    running: Option<IgnoredAny>,
    terminated: Option<Ended>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Ended {
    reason: String,
    message: String,
    exit_code: i32,
}

/// How much of the last words is told.
const LAST_LINES: usize = 3;
const LAST_LETTERS: usize = 400;

/// The state of a pod.
pub(super) fn state(status: Option<&RawValue>) -> PodState {
    let status: PodStatus = parse(status);
    let ended = matches!(status.phase.as_str(), "Failed" | "Succeeded");
    let ready = !ended && status.conditions.iter().any(|condition| condition.r#type == "Ready" && condition.status == "True");
    let exit = || status.container_statuses.iter().find_map(|container| Some(container.state.terminated.as_ref()?.exit_code));
    PodState {
        ready,
        ended,
        begun: status.container_statuses.iter().any(has_begun),
        exit: if ended { exit() } else { None },
        trouble: if ready { None } else { pod_trouble(&status) },
    }
}

fn has_begun(container: &ContainerStatus) -> bool {
    container.state.running.is_some() || container.state.terminated.is_some() || container.last_state.terminated.is_some()
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

/// The containers that look at a volume before the engine opens it; their last words begin with a reason word.
const GUARDS: [&str; 2] = [VOLUME_GUARD, PREPARE];

fn waiting_trouble(container: &ContainerStatus) -> Option<Trouble> {
    let last = container.last_state.terminated.as_ref();
    if let Some((reason, message)) = last
        .filter(|_| GUARDS.contains(&container.name.as_str()))
        .and_then(|last| last.message.split_once(": "))
        .filter(|(reason, _)| is_word(reason))
    {
        return Some(Trouble { reason: reason.to_owned(), message: message.trim().to_owned() });
    }
    let calm = |reason: &str| matches!(reason, "ContainerCreating" | "PodInitializing" | "");
    let waiting = container.state.waiting.as_ref().filter(|waiting| !calm(&waiting.reason))?;
    let last = last.map(|last| format!("container {} ended: {}", container.name, last.words()));
    Some(Trouble { reason: waiting.reason.clone(), message: last.unwrap_or_else(|| waiting.message.clone()) })
}

fn is_word(reason: &str) -> bool {
    reason.chars().all(char::is_alphanumeric)
}

fn ended_trouble(container: &ContainerStatus) -> Option<Trouble> {
    let ended =
        container.state.terminated.as_ref().or(container.last_state.terminated.as_ref()).filter(|ended| ended.exit_code != 0)?;
    let often = if container.restart_count > 1 { format!(" {} times", container.restart_count) } else { String::new() };
    Some(Trouble {
        reason: ended.reason.clone(),
        message: format!("container {} ended{often}: {}", container.name, ended.words()),
    })
}

impl Ended {
    /// With its last words: the end of its log, where it has written none.
    fn words(&self) -> String {
        let lines: Vec<&str> = self.message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(LAST_LINES)..].join(" | ");
        let kept = last.chars().count().saturating_sub(LAST_LETTERS);
        match last.chars().skip(kept).collect::<String>() {
            last if last.is_empty() => format!("{}, exit code {}", self.reason, self.exit_code),
            last => format!("{}, exit code {}: {last}", self.reason, self.exit_code),
        }
    }
}
