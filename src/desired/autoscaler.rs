//! HorizontalPodAutoscaler: chooses the count of a service with `scale`.
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
    ResourceMetricSource,
};

use super::{Object, meta};
use crate::kinds::Kind;
use crate::model::{Count, Service, Stack};

pub fn build(stack: &Stack, service: &Service) -> Option<Object> {
    let Count::Scaled { min, max, cpu, memory } = service.count else { return None };
    let metrics = [("cpu", cpu), ("memory", memory)];
    let autoscaler = HorizontalPodAutoscaler {
        metadata: meta::owned(stack, &service.name, &service.objects.base),
        spec: Some(HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some(Kind::Deployment.row().api_version()),
                kind: Kind::Deployment.row().name.to_owned(),
                name: service.objects.base.clone(),
            },
            min_replicas: Some(min),
            max_replicas: max,
            metrics: Some(metrics.into_iter().filter_map(|(resource, percent)| Some(utilization(resource, percent?))).collect()),
            ..HorizontalPodAutoscalerSpec::default()
        }),
        ..HorizontalPodAutoscaler::default()
    };
    Some(Object::new(Kind::HorizontalPodAutoscaler, &service.name, &autoscaler))
}

fn utilization(resource: &str, percent: i32) -> MetricSpec {
    MetricSpec {
        type_: "Resource".to_owned(),
        resource: Some(ResourceMetricSource {
            name: resource.to_owned(),
            target: MetricTarget {
                type_: "Utilization".to_owned(),
                average_utilization: Some(percent),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    }
}
