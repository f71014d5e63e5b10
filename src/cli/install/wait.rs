//! Waiting for what was applied, with a word each time that something has changed.
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ListParams};
use serde_json::Value;

use super::super::common::access::{Access, STACKS};
use super::super::common::refusal::{Refusal, Right};
use super::super::common::waiting::Waiting;
use super::super::status::word_of_pod;
use super::objects::title;
use super::place;
use crate::cluster::slim;
use crate::readiness::pull;

const AGAIN: Duration = Duration::from_millis(500);
const LONGEST_END: Duration = Duration::from_mins(1);
const OPERATOR: &str = "mstack";
const PODS: &str = "app.kubernetes.io/name=mstack,app.kubernetes.io/instance=mstack,app.kubernetes.io/component=operator";

/// Waits until the API server knows stacks.
///
/// # Errors
/// When it does not in time, or cannot be asked.
pub async fn until_served(access: &Access, longest: Duration) -> Result<(), String> {
    let waiting = Waiting::begin(longest, AGAIN);
    loop {
        let one = ListParams::default().limit(1);
        let api = Api::<kube::api::DynamicObject>::namespaced_with(access.client.clone(), &access.namespace, &slim::stacks());
        match access.ask(&Right::new("list", STACKS), api.list(&one)).await {
            Ok(_) => return Ok(()),
            Err(refusal @ (Refusal::NoSuchKind(_) | Refusal::Absent | Refusal::Other(_))) if waiting.is_over() => {
                return Err(format!("the API server does not serve the definition within {} s: {refusal}", longest.as_secs()));
            }
            Err(Refusal::NoSuchKind(_) | Refusal::Absent | Refusal::Other(_)) => waiting.pause().await,
            Err(refusal) => return Err(refusal.to_string()),
        }
    }
}

/// Waits until an object that was deleted has gone, so that the next command does not meet it.
///
/// # Errors
/// When it does not go, or cannot be read.
pub async fn until_gone(access: &Access, former: &Value) -> Result<(), String> {
    let waiting = Waiting::begin(LONGEST_END, AGAIN);
    while !place::is_gone(access, former).await? {
        if waiting.is_over() {
            return Err(format!("{} is deleted and still there after {} s", title(former), LONGEST_END.as_secs()));
        }
        waiting.pause().await;
    }
    Ok(())
}

/// Waits until all operators are available; the inner error is how they were when time was up.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn until_available(access: &Access, longest: Duration) -> Result<Result<(), String>, String> {
    let mut waiting = Waiting::begin(longest, AGAIN);
    loop {
        let api = access.api::<Deployment>();
        let deployment = access.ask(&Right::new("get", "deployments.apps"), api.get(OPERATOR)).await;
        let Err(mut standing) = standing(&deployment.map_err(|refusal| refusal.to_string())?) else { return Ok(Ok(())) };
        let pods = access.ask(&Right::new("list", "pods"), access.api::<Pod>().list(&ListParams::default().labels(PODS))).await;
        if let Some(trouble) = pods.ok().and_then(|pods| pods.items.iter().find_map(trouble)) {
            standing = format!("{standing}; {trouble}");
        }
        if waiting.is_over() {
            return Ok(Err(standing));
        }
        waiting.tell(&standing);
        waiting.pause().await;
    }
}

/// Whether all operators run the present template and are available, or how many are.
fn standing(deployment: &Deployment) -> Result<(), String> {
    let wanted = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let (updated, available) = (status.updated_replicas.unwrap_or(0), status.available_replicas.unwrap_or(0));
    let seen = status.observed_generation >= deployment.metadata.generation;
    let rolled = updated >= wanted && status.replicas.unwrap_or(0) == updated;
    if seen && rolled && available >= wanted {
        return Ok(());
    }
    let available = if rolled { available } else { available.min(updated) };
    Err(format!("{available} of {wanted} operators are available"))
}

/// A pod that says why it does not run.
fn trouble(pod: &Pod) -> Option<String> {
    let name = pod.metadata.name.clone()?;
    let word = word_of_pod(pod);
    let calm = ["Running", "Pending", "Succeeded", "Terminating", ""].contains(&word.as_str());
    let message = || {
        let mut containers = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
        containers.find_map(|container| container.state.as_ref()?.waiting.as_ref()?.message.clone())
    };
    (!calm).then(|| format!("{name}: {word}{}", message().map(|words| format!(": {}", pull::cause(&words))).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_operator_works_when_all_of_the_present_template_are_available() {
        let told = |generation: i64, replicas: i32, updated: i32, available: i32| {
            let status = json!({"observedGeneration": 2, "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available});
            let deployment = json!({"metadata": {"generation": generation}, "spec": {"replicas": 2, "selector": {}, "template": {}}, "status": status});
            standing(&serde_json::from_value(deployment).unwrap())
        };
        assert_eq!(told(2, 2, 2, 2), Ok(()));
        assert_eq!(told(2, 2, 2, 1), Err("1 of 2 operators are available".to_owned()));
        assert_eq!(told(2, 3, 1, 2), Err("1 of 2 operators are available".to_owned()), "an old one does not count");
        assert!(told(3, 2, 2, 2).is_err(), "the status is of a former template");
    }

    #[test]
    fn a_pod_that_cannot_run_says_why() {
        let pod = json!({"metadata": {"name": "mstack-1"}, "status": {"phase": "Pending", "containerStatuses": [
            {"name": "operator", "image": "x", "imageID": "", "ready": false, "restartCount": 0,
             "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]}});
        assert_eq!(trouble(&serde_json::from_value(pod).unwrap()).unwrap(), "mstack-1: ImagePullBackOff: no such image");
    }
}
