//! How stacks are, as metrics. They are made from the statuses when somebody asks, so that they cost nothing meanwhile and a
//! removed stack leaves none behind.
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::PREFIX;
use crate::api::StackStatus;
use crate::api::status::{ComponentStatus, Phase};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConditionLabels {
    stack_namespace: String,
    stack: String,
    r#type: String,
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ComponentLabels {
    stack_namespace: String,
    stack: String,
    component: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabels {
    stack_namespace: String,
    stack: String,
    component: String,
    state: &'static str,
}

/// The state of all stacks. The label is `stack_namespace`, for `namespace` is where the operator itself runs.
#[derive(Default)]
pub struct Stacks {
    conditions: Family<ConditionLabels, Gauge>,
    ready: Family<ComponentLabels, Gauge>,
    instances: Family<InstanceLabels, Gauge>,
}

impl Stacks {
    /// Adds a stack.
    pub fn add(&self, namespace: &str, stack: &str, status: &StackStatus) {
        for condition in &status.conditions {
            let labels = ConditionLabels {
                stack_namespace: namespace.to_owned(),
                stack: stack.to_owned(),
                r#type: condition.type_.clone(),
                reason: condition.reason.clone(),
            };
            self.conditions.get_or_create(&labels).set(i64::from(condition.status == "True"));
        }
        for (name, component) in status.services.iter().chain(&status.databases) {
            self.add_component(namespace, stack, name, component);
        }
    }

    fn add_component(&self, namespace: &str, stack: &str, name: &str, component: &ComponentStatus) {
        let labels =
            ComponentLabels { stack_namespace: namespace.to_owned(), stack: stack.to_owned(), component: name.to_owned() };
        self.ready.get_or_create(&labels).set(i64::from(component.phase == Phase::Ready));
        let instances = &component.instances;
        for (state, count) in [
            ("desired", instances.desired),
            ("updated", instances.updated),
            ("ready", instances.ready),
            ("serving", instances.serving),
            ("terminating", instances.terminating),
        ] {
            let ComponentLabels { stack_namespace, stack, component } = labels.clone();
            let labels = InstanceLabels { stack_namespace, stack, component, state };
            self.instances.get_or_create(&labels).set(i64::from(count));
        }
    }

    pub(super) fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("stack_condition", "1 where a condition of a stack is true", self.conditions.clone());
        registry.register("component_ready", "1 where a component is in the phase Ready", self.ready.clone());
        registry.register("component_instances", "Instances of a component, by state", self.instances.clone());
        registry
    }
}
