//! Deployment: runs a service.
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, meta, pod};
use crate::kinds::Kind;
use crate::model::{Service, Stack};

const HISTORY: i32 = 3;

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
            progress_deadline_seconds: Some(stack.rollout.deadline),
            revision_history_limit: Some(HISTORY),
            template: pod::of_service(stack, service),
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    };
    Object::new(Kind::Deployment, &service.name, &deployment)
}
