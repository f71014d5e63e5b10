//! What `mstack status` shows beyond the stack's own object. A section that rights do not cover is left out by name.
use std::collections::BTreeMap;

use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, MetricStatus};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::ListParams;

use super::super::common::access::Access;
use super::super::common::metrics;
use super::super::common::refusal::{Refusal, Right};
use super::ran;
use super::view::{self, Extras};
use crate::desired::meta;
use crate::web::view::View;

/// Asks for all sections at once.
pub async fn gather(access: &Access, stack: &View, wide: bool) -> Extras {
    let params = ListParams::default().labels(&format!("{}={}", meta::STACK, stack.name));
    let scaled = stack.components.iter().any(|component| component.bounds.is_some());
    let scaling = async { if scaled { Some(scaling(access, &params).await) } else { None } };
    let usage = async { if wide { Some(metrics::of(access, &stack.name).await) } else { None } };
    let runs = !stack.tasks.is_empty() || stack.components.iter().any(|component| component.migrates);
    let ran = async { if runs { Some(ran::gather(access, &stack.name).await) } else { None } };
    let (scaling, pods, usage, ran) = tokio::join!(scaling, pods(access, &params), usage, ran);
    let mut extras = Extras::default();
    let mut left_out = |section: &str, refusal: Refusal| {
        extras.left_out.push(format!("{section} ({})", refusal.short()));
    };
    let scaling = scaling.transpose().unwrap_or_else(|refusal| {
        left_out("what the autoscalers measure", refusal);
        None
    });
    let pods = pods.unwrap_or_else(|refusal| {
        left_out("pods", refusal);
        Vec::new()
    });
    let usage = usage.transpose().unwrap_or_else(|refusal| {
        left_out("what pods use", refusal);
        None
    });
    let ran = ran.transpose().unwrap_or_else(|refusal| {
        left_out("when tasks ran", refusal);
        None
    });
    Extras {
        ran: ran.unwrap_or_default(),
        scaling: scaling.unwrap_or_default(),
        pods,
        usage: usage.map(|uses| metrics::by_component(&uses)).unwrap_or_default(),
        ..extras
    }
}

async fn scaling(access: &Access, params: &ListParams) -> Result<BTreeMap<String, String>, Refusal> {
    let right = Right::new("list", "horizontalpodautoscalers.autoscaling");
    let list = access.ask(&right, access.api::<HorizontalPodAutoscaler>().list(params)).await?;
    let measured = list.items.iter().filter_map(|scaler| {
        let component = scaler.metadata.labels.as_ref()?.get(meta::COMPONENT)?.clone();
        Some((component, measured(scaler)))
    });
    Ok(measured.filter(|(_, words)| !words.is_empty()).collect())
}

/// Each measure beside its target, such as `cpu 54% of 70%`.
fn measured(scaler: &HorizontalPodAutoscaler) -> String {
    let now: BTreeMap<&str, i32> = scaler
        .status
        .iter()
        .flat_map(|status| status.current_metrics.iter().flatten())
        .filter_map(|MetricStatus { resource, .. }| {
            let resource = resource.as_ref()?;
            Some((resource.name.as_str(), resource.current.average_utilization?))
        })
        .collect();
    let targets = scaler.spec.iter().flat_map(|spec| spec.metrics.iter().flatten()).filter_map(|metric| {
        let resource = metric.resource.as_ref()?;
        let target = resource.target.average_utilization?;
        let now = now.get(resource.name.as_str()).map_or_else(|| "?".to_owned(), |now| format!("{now}%"));
        Some(format!("{} {now} of {target}%", resource.name))
    });
    targets.collect::<Vec<_>>().join(", ")
}

async fn pods(access: &Access, params: &ListParams) -> Result<Vec<view::Pod>, Refusal> {
    let list = access.ask(&Right::new("list", "pods"), access.api::<Pod>().list(params)).await?;
    Ok(list.items.iter().map(pod).collect())
}

/// A pod in the words of `kubectl get pods`.
fn pod(pod: &Pod) -> view::Pod {
    let status = pod.status.clone().unwrap_or_default();
    let is_true =
        |name: &str| status.conditions.iter().flatten().any(|condition| condition.type_ == name && condition.status == "True");
    let has_ended_well = status.phase.as_deref() == Some("Succeeded");
    view::Pod {
        component: pod.metadata.labels.as_ref().and_then(|labels| labels.get(meta::COMPONENT)).cloned().unwrap_or_default(),
        name: pod.metadata.name.clone().unwrap_or_default(),
        ready: has_ended_well || is_true("Ready") && pod.metadata.deletion_timestamp.is_none(),
        word: word(pod),
        restarts: containers(pod).map(|container| container.restart_count).sum(),
        node: pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap_or_default(),
    }
}

/// What a pod says of itself in a word, such as `Running` or `CrashLoopBackOff`.
pub fn word(pod: &Pod) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "Terminating".to_owned();
    }
    let phase = pod.status.as_ref().and_then(|status| status.phase.clone());
    containers(pod).find_map(trouble).or(phase).unwrap_or_default()
}

fn containers(pod: &Pod) -> impl Iterator<Item = &ContainerStatus> {
    pod.status
        .iter()
        .flat_map(|status| status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten()))
}

fn trouble(container: &ContainerStatus) -> Option<String> {
    let state = container.state.as_ref()?;
    let waiting = state.waiting.as_ref().and_then(|waiting| waiting.reason.clone());
    let ended = || {
        let ended = state.terminated.as_ref().filter(|ended| ended.exit_code != 0)?;
        ended.reason.clone()
    };
    waiting.filter(|reason| reason != "PodInitializing" && reason != "ContainerCreating").or_else(ended)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_pod_of_a_task_that_has_done_its_work_is_no_pod_that_is_not_ready() {
        let told = |phase: &str| {
            let status = json!({"phase": phase, "conditions": [{"type": "Ready", "status": "False"}]});
            let told = pod(&serde_json::from_value(json!({"metadata": {"name": "test-checkout"}, "status": status})).unwrap());
            (told.ready, told.word)
        };
        assert_eq!(told("Succeeded"), (true, "Succeeded".to_owned()));
        assert_eq!(told("Failed"), (false, "Failed".to_owned()));
    }
}
