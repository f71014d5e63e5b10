//! Labels, selectors and owner references: spelled here and nowhere else.
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::api::GROUP;
use crate::model::Stack;

/// Label of every child, its pods and volumes: the stack's name. Watches select by it, and so do selectors.
pub const STACK: &str = "microservicestack.dev/stack";
/// Label of every child, its pods and volumes: the component's name. Selectors use it.
pub const COMPONENT: &str = "microservicestack.dev/component";
/// Label of volumes, credentials and identity records: identity of the data.
pub const DATA_IDENTITY: &str = "microservicestack.dev/data-identity";
/// Label of an identity record: highest version of the engine that has served the data.
pub const DATA_VERSION: &str = "microservicestack.dev/data-version";
/// Value of `app.kubernetes.io/managed-by`.
pub const MANAGER: &str = "mstack";

/// The two immutable labels that select the pods of a component.
pub fn selector(stack: &Stack, component: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(STACK.to_owned(), stack.name.clone()), (COMPONENT.to_owned(), component.to_owned())])
}

/// All labels of an object of a component.
pub fn labels(stack: &Stack, component: &str) -> BTreeMap<String, String> {
    let mut labels = selector(stack, component);
    for (key, value) in [("name", component), ("instance", &stack.name), ("part-of", &stack.name), ("managed-by", MANAGER)] {
        labels.insert(format!("app.kubernetes.io/{key}"), value.to_owned());
    }
    labels
}

/// Metadata of a child that goes with its stack.
pub fn owned(stack: &Stack, component: &str, name: &str) -> ObjectMeta {
    ObjectMeta { owner_references: Some(vec![owner(stack)]), ..kept(stack, component, name) }
}

/// Metadata of an object that outlives its stack (rule 9).
pub fn kept(stack: &Stack, component: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(stack.namespace.clone()),
        labels: Some(labels(stack, component)),
        ..ObjectMeta::default()
    }
}

fn owner(stack: &Stack) -> OwnerReference {
    OwnerReference {
        api_version: format!("{GROUP}/v1alpha1"),
        kind: "MicroserviceStack".to_owned(),
        name: stack.name.clone(),
        uid: stack.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}
