//! What users write of who may reach whom, beyond the edges of `uses`.
use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Text;

/// Who may reach the pods of a stack. `Strict` (default): along the edges of `uses` and `usesOptional`, from a component to
/// itself, from anywhere to exposed ports, and from `allowFrom`. `Open`: anybody; no NetworkPolicy is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Isolation {
    /// Only along what is declared.
    #[default]
    Strict,
    /// No NetworkPolicy is made.
    Open,
}

/// A place in the network outside of the stack: pods of a namespace, or addresses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.namespace) || has(self.labels) || has(self.cidr)").message("an entry without `namespace`, `labels` and `cidr` says nothing of who is meant; give one of them [MS0220]"),
    validation = Rule::new("!has(self.cidr) || !(has(self.namespace) || has(self.labels))").message("`cidr` is about addresses, `namespace` and `labels` are about pods; make two entries of them [MS0221]").field_path(".cidr"),
    validation = Rule::new("!has(self.except) || has(self.cidr)").message("`except` leaves out parts of `cidr`; add `cidr` [MS0221]").field_path(".except")
)]
pub struct Peer {
    /// Namespace of the pods. By default the stack's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Labels that the pods have, all of these, such as `{ app: prometheus }`. By default all pods of the namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 16))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Addresses instead of pods, such as `10.0.0.0/8`. Whether it holds for pods as well depends on the cluster's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 43))]
    pub cidr: Option<String>,
    /// Parts of `cidr` that are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 43)))]
    pub except: Option<Vec<String>>,
}

/// Callers from outside of the stack, and the ports that they may reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllowFrom {
    /// Who.
    #[serde(flatten)]
    pub peer: Peer,
    /// Names of the ports. By default all ports of the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(min = 1, max = 15)))]
    pub ports: Option<Vec<String>>,
}

/// A place outside of the stack that may be called.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Egress {
    /// Where.
    #[serde(flatten)]
    pub peer: Peer,
    /// Ports there, each `NUMBER[/PROTOCOL]`, such as `443` or `6831/UDP`; TCP by default. All ports where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16))]
    pub ports: Option<Vec<Text>>,
}
