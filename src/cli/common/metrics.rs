//! What pods use now, from metrics.k8s.io, which a cluster may lack.
use std::collections::BTreeMap;

use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

use super::access::Access;
use super::refusal::Refusal;
use crate::desired::meta;
use crate::model::quantity::Quantity;

/// What one pod uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Component.
    pub component: String,
    /// Name of the pod.
    pub pod: String,
    /// Processor time in thousandths of a core.
    pub cpu: u64,
    /// Memory in bytes.
    pub memory: u64,
}

/// What the pods of a stack use.
///
/// # Errors
/// When the cluster has no metrics, or they may not be read.
pub async fn of(access: &Access, stack: &str) -> Result<Vec<Use>, Refusal> {
    let kind = GroupVersionKind::gvk("metrics.k8s.io", "v1beta1", "PodMetrics");
    let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
    let selector = format!("{}={stack}", meta::STACK);
    let found = access.list(&resource, false, Some(&selector)).await?;
    Ok(found.iter().map(read).collect())
}

fn read(pod: &Value) -> Use {
    let containers = || pod["containers"].as_array().into_iter().flatten();
    let sum = |name: &str, parts: u32| {
        let amounts = containers().filter_map(|container| Quantity::parse(container["usage"][name].as_str()?));
        amounts.map(|amount| amount.in_parts(parts)).sum()
    };
    Use {
        component: pod["metadata"]["labels"][meta::COMPONENT].as_str().unwrap_or_default().to_owned(),
        pod: pod["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
        cpu: sum("cpu", 1000),
        memory: sum("memory", 1),
    }
}

/// The sums by component.
pub fn by_component(uses: &[Use]) -> BTreeMap<String, (u64, u64)> {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for one in uses {
        let sum = sums.entry(one.component.clone()).or_default();
        *sum = (sum.0 + one.cpu, sum.1 + one.memory);
    }
    sums
}
