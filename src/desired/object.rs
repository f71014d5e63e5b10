//! The one place where typed objects become data that is sent: body, hash, count.
use serde::Serialize;
use serde_json::Value;

use crate::kinds::Kind;
use crate::model::names;

/// Annotation of every child: hash of what mstack sends for it.
pub const DESIRED: &str = "microservicestack.dev/desired";

/// A child as it is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Object {
    /// Kind of the child.
    pub kind: Kind,
    /// Name of the child; the namespace is the stack's.
    pub name: String,
    /// Component that it belongs to.
    pub component: String,
    /// What is sent, with `apiVersion`, `kind` and the hash annotation, without `spec.replicas`.
    pub body: Value,
    /// Hash of what is sent.
    pub hash: String,
    /// Count of a workload that mstack sets (the floor of a scaled one): its own write, with its own field manager.
    pub count: Option<i32>,
}

impl Object {
    /// Erases a typed object. Its `spec.replicas`, if any, becomes the count.
    pub fn new(kind: Kind, component: &str, typed: &impl Serialize) -> Self {
        let mut body = serde_json::to_value(typed).unwrap_or_default();
        let row = kind.row();
        body["apiVersion"] = row.api_version().into();
        body["kind"] = row.name.into();
        let count = match kind {
            Kind::Deployment | Kind::StatefulSet => body["spec"].as_object_mut().and_then(|spec| spec.remove("replicas")),
            _ => None,
        };
        if let Some(object) = body.as_object_mut() {
            object.remove("status");
        }
        let hash = names::hex(&body.to_string())[..16].to_owned();
        body["metadata"]["annotations"][DESIRED] = hash.as_str().into();
        Self {
            kind,
            name: body["metadata"]["name"].as_str().unwrap_or_default().to_owned(),
            component: component.to_owned(),
            count: count.and_then(|count| i32::try_from(count.as_i64()?).ok()),
            body,
            hash,
        }
    }
}
