//! Deployment: runs a service.
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, meta, pod};
use crate::kinds::Kind;
use crate::model::{Service, Stack};

const HISTORY: i32 = 3;
/// How long an instance without a check runs before it counts as available, in seconds: a program that ends right after its
/// start is ready until it does, and would replace the former one.
const SETTLES_SECONDS: i32 = 5;

pub fn build(stack: &Stack, service: &Service) -> Object {
    let deployment = Deployment {
        metadata: meta::owned(stack, &service.name, &service.objects.base),
        spec: Some(DeploymentSpec {
            replicas: Some(service.count.floor()),
            selector: LabelSelector { match_labels: Some(meta::selector(stack, &service.name)), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_unavailable: Some(IntOrString::Int(0)),
                    // Rounded up by Kubernetes, so at least one.
                    max_surge: Some(IntOrString::String("25%".to_owned())),
                }),
            }),
            min_ready_seconds: settles(service, stack.rollout.deadline),
            progress_deadline_seconds: Some(stack.rollout.deadline),
            revision_history_limit: Some(HISTORY),
            template: pod::of_service(stack, service),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    };
    Object::new(Kind::Deployment, &service.name, &deployment)
}

/// No more than half of the deadline, which counts from one instance that is ready to the next.
fn settles(service: &Service, deadline: i32) -> Option<i32> {
    let seconds = SETTLES_SECONDS.min(deadline / 2);
    (service.probes.ready.is_none() && seconds > 0).then_some(seconds)
}
