//! The object itself: metadata of the kind, and the top of the spec.
use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Database, Egress, Isolation, Peer, Security, Service, StackStatus, Task, Test, Text};

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
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]{0,51}[a-z0-9])?$')").message("a stack is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 53 characters, no dots; rename it [MS0101]")
)]
#[x_kube(
    validation = Rule::new("(has(self.names) ? self.names : 'Plain') == (has(oldSelf.names) ? oldSelf.names : 'Plain')").message("names cannot change once the stack exists, for every child would be re-created under another name; make a new stack [MS0105]").field_path(".names"),
    validation = Rule::new("!has(self.services) || self.services.all(n, n.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$'))").message("a service is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 40 characters; rename it [MS0102]").field_path(".services"),
    validation = Rule::new("!has(self.databases) || self.databases.all(n, n.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$'))").message("a database is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 40 characters; rename it [MS0102]").field_path(".databases"),
    validation = Rule::new("!has(self.tests) || self.tests.all(n, n.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$'))").message("a test is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 40 characters; rename it [MS0102]").field_path(".tests"),
    validation = Rule::new("!has(self.jobs) || self.jobs.all(n, n.matches('^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$'))").message("a job is named like a DNS label: lower-case letters, digits and '-', starting with a letter, at most 40 characters; rename it [MS0102]").field_path(".jobs"),
    validation = Rule::new("!has(self.services) || !has(self.databases) || self.services.all(n, !(n in self.databases))").message("a service and a database cannot have the same name; rename one of them [MS0103]").field_path(".databases"),
    validation = Rule::new("!has(self.services) || self.services.all(n, !has(self.services[n].uses) || self.services[n].uses.all(u, u != n && (u in self.services || (has(self.databases) && u in self.databases))))").message("every entry of `uses` names another service or a database of this stack; check the spelling, or add the component [MS0201]").field_path(".services")
)]
pub struct StackSpec {
    /// `true`: nothing is changed until it is `false` again; the status goes on telling the truth. A deletion of the
    /// stack goes through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// `true`: services go to 0 instances, then databases do; volumes and Secrets stay. When it is `false` again, databases
    /// wake first, then services after what they use, with the counts that they had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hibernate: Option<bool>,
    /// Profiles that are on, as in Compose: a component with `profiles` exists only when one of them is listed here. A
    /// database that goes with its profile leaves its data behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 63)))]
    pub profiles: Option<Vec<String>>,
    /// How children are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Names>,
    /// Environment variables of every service, such as `{ REGION: eu }`, each a string or a number. A service's own `config` wins. `$(NAME)` expands to a variable
    /// that comes before it: the injected ones first, then these by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 128))]
    pub config: BTreeMap<String, Text>,
    /// Security of every pod; a component's own `security` wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<Security>,
    /// Who may reach the pods of this stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What components may call outside of this stack; a service's own `egress` wins. By default everything. Once it is set,
    /// also to `[]`, the stack itself and DNS are all that is left besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub egress: Option<Vec<Egress>>,
    /// How the services with `expose` are reached from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<Routing>,
    /// How a change of services is rolled out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Databases, queues and caches by name, such as `{ orders: { engine: postgres, storage: { size: 20Gi } } }`. Each becomes a StatefulSet with its volumes, Services, a
    /// credentials Secret, a PodDisruptionBudget and a NetworkPolicy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub databases: BTreeMap<String, Database>,
    /// Stateless services by name, such as `{ web: { image: ghcr.io/acme/web:1.8.2, port: 8080 } }`. Each becomes a Deployment with a Service, a ServiceAccount, a
    /// PodDisruptionBudget, a NetworkPolicy and, where asked for, a HorizontalPodAutoscaler and routes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub services: BTreeMap<String, Service>,
    /// Tests of the stack from inside, by name, such as `{ flow: { image: ghcr.io/acme/e2e:2.4.0, uses: [web] } }`. Each becomes a Job once for each revision.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub tests: BTreeMap<String, Test>,
    /// What is to run once, like the loading of first data, by name, such as
    /// `{ seed: { image: ghcr.io/acme/seed:2.4.0, uses: [orders] } }`. Each becomes a Job, and another one when it changes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 32))]
    pub jobs: BTreeMap<String, Task>,
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

/// How a change of services is rolled out. A revision is all that makes the services' pods; counts and databases are not
/// in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// What is done when a service makes no progress: `Rollback` (default) puts all services that have changed
    /// back to the last good revision, once and together; `Hold` leaves them as they are. Counts go on following the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Time without progress after which a service has failed, such as `10m` (default). The time in which it waits for what
    /// it uses does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16), regex(pattern = r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    pub deadline: Option<String>,
    /// How many revisions are remembered, as `ControllerRevision` objects. 10 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub history: Option<i32>,
}

/// What is done when a revision fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnFailure {
    /// All services that have changed go back to the last good revision.
    #[default]
    Rollback,
    /// They stay as they are.
    Hold,
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
    /// Who may reach the exposed ports, such as the namespace of the gateway's own pods. By default anybody, for gateways
    /// live in many places.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub from: Option<Vec<Peer>>,
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
