//! PodDisruptionBudget: at most one instance of a component goes at a time, and none ever blocks the drain of a node.
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{Object, meta};
use crate::kinds::Kind;
use crate::model::Stack;

pub fn build(stack: &Stack, component: &str, name: &str) -> Object {
    let budget = PodDisruptionBudget {
        metadata: meta::owned(stack, component, name),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector { match_labels: Some(meta::selector(stack, component)), ..LabelSelector::default() }),
            // An instance that is not ready anyway must not hold a drain.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    };
    Object::new(Kind::PodDisruptionBudget, component, &budget)
}
