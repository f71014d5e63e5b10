//! The object itself: metadata of the kind, and the top of the spec.
use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Database, Security, Service, StackStatus, Text};

/// What the application consists of.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "microservicestack.dev",
    version = "v1alpha1",
    kind = "MicroserviceStack",
    plural = "microservicestacks",
    singular = "microservicestack",
    shortname = "mss",
    shortname = "mstack",
    category = "stacks",
    namespaced,
    status = "StackStatus",
    derive = "PartialEq",
    doc = "A whole application in one object: stateless services, the databases and queues they use, and how they are reached. The operator keeps Deployments, Services, StatefulSets and the rest in line with it.",
    printcolumn(name = "READY", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "STATUS", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "SERVICES", type_ = "string", json_path = ".status.summary.services"),
    printcolumn(name = "DATABASES", type_ = "string", json_path = ".status.summary.databases"),
    printcolumn(name = "URL", type_ = "string", json_path = ".status.summary.url"),
    printcolumn(name = "MESSAGE", type_ = "string", priority = 1, json_path = ".status.conditions[?(@.type==\"Ready\")].message"),
    printcolumn(name = "REVISION", type_ = "string", priority = 1, json_path = ".status.revision.update"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$')").message("a stack is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 53 characters, no dots; rename it")
)]
#[x_kube(
    validation = Rule::new("(has(self.names) ? self.names : 'Plain') == (has(oldSelf.names) ? oldSelf.names : 'Plain')").message("names cannot change once the stack exists, for every child would be re-created under another name; make a new stack").field_path(".names"),
    validation = Rule::new("!has(self.services) || self.services.all(n, n.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$'))").message("a service is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 40 characters; rename it").field_path(".services"),
    validation = Rule::new("!has(self.databases) || self.databases.all(n, n.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$'))").message("a database is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 40 characters; rename it").field_path(".databases"),
    validation = Rule::new("!has(self.services) || !has(self.databases) || self.services.all(n, !(n in self.databases))").message("a service and a database cannot have the same name; rename one of them").field_path(".databases"),
    validation = Rule::new("!has(self.services) || self.services.all(n, !has(self.services[n].uses) || self.services[n].uses.all(u, u != n && (u in self.services || (has(self.databases) && u in self.databases))))").message("every entry of `uses` names another service or a database of this stack; check the spelling, or add the component").field_path(".services")
)]
pub struct StackSpec {
    /// How children are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Names>,
    /// Environment variables of every service, each a string or a number. A service's own `config` wins. `$(NAME)` expands to a variable
    /// that comes before it: the injected ones first, then these by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub config: BTreeMap<String, Text>,
    /// Security of every pod; a component's own `security` wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// How the services with `expose` are reached from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
    /// Databases, queues and caches by name. Each becomes a StatefulSet with its volumes, Services, a
    /// credentials Secret and a PodDisruptionBudget.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub databases: BTreeMap<String, Database>,
    /// Stateless services by name. Each becomes a Deployment with a Service, a ServiceAccount, a
    /// PodDisruptionBudget and, where asked for, a HorizontalPodAutoscaler and routes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub services: BTreeMap<String, Service>,
}

/// How children are called: `Plain` (default) like the component, so that `api` is reached as `api`; `Prefixed` as
/// `<stack>-<component>`, for several stacks in one namespace. Cannot change later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Names {
    /// Like the component.
    #[default]
    Plain,
    /// `<stack>-<component>`.
    Prefixed,
}

/// How the services with `expose` are reached from outside the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Routing {
    /// The Gateway that routes attach to (Gateway API). Its listener must admit this namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<GatewayRef>,
    /// Class of the Ingress that is made where the cluster has no Gateway API or no `gateway` is given. By
    /// default the cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub ingress_class_name: Option<String>,
}

/// A Gateway, of this namespace or another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GatewayRef {
    /// Name of the Gateway.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Namespace of the Gateway. By default the stack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Name of the Gateway's listener. By default every listener that admits the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub section_name: Option<String>,
}
