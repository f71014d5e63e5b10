//! The inputs of a reconcile: what the watches have seen, in the form that the pure rooms take. No call is made here.
use std::collections::{BTreeMap, BTreeSet};

use kube::api::ObjectMeta;

use super::Context;
use crate::api::{MicroserviceStack, StackSpec, StackStatus};
use crate::cluster::store::{Key, Root};
use crate::kinds::Kind;
use crate::model::{self, Facts, Stack, VolumeFacts};
use crate::observed::{Observed, State};

/// What the watches have seen of a stack.
pub fn observe(context: &Context, key: &Key) -> Option<(Root, Observed)> {
    let store = context.cluster.store();
    store.root(key).map(|root| (root, store.observed(key)))
}

/// The status as it was last written.
pub fn previous_status(root: &Root) -> StackStatus {
    root.status.as_deref().and_then(|status| serde_json::from_str(status).ok()).unwrap_or_default()
}

/// The checked stack; none while a Secret that it refers to has not been read.
pub fn validate(context: &Context, key: &Key, root: &Root, observed: &Observed) -> Result<Option<Stack>, model::Violations> {
    let spec: StackSpec = serde_json::from_str(&root.spec).map_err(|error| undecodable(&error))?;
    let Some(secrets) = context.references.resolve(key, &secret_names(&spec)) else { return Ok(None) };
    let facts = Facts {
        gateway_api: context.cluster.store().has(Kind::HttpRoute),
        secrets,
        volumes: volumes(&spec, observed),
        guard_image: context.guard_image.clone(),
    };
    let metadata = ObjectMeta {
        name: Some(key.name.to_string()),
        namespace: Some(key.namespace.to_string()),
        uid: Some(root.uid.clone()),
        generation: Some(root.generation),
        ..ObjectMeta::default()
    };
    model::check(&MicroserviceStack { metadata, spec, status: None }, &facts).map(Some)
}

fn undecodable(error: &serde_json::Error) -> model::Violations {
    let mut violations = model::Violations::default();
    violations.add("spec", format!("it cannot be read: {error}"), "apply it again with the CRD of this version of the operator");
    violations
}

fn secret_names(spec: &StackSpec) -> BTreeSet<String> {
    let services = spec.services.values().flat_map(|service| service.secrets.iter().flatten().cloned());
    let databases = spec
        .databases
        .values()
        .filter_map(|database| database.credentials.as_ref().map(|credentials| credentials.secret.clone()));
    // A name that cannot be one is reported by the check; a watch of it would only fail.
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    services.chain(databases).filter(is_name).collect()
}

/// What existing StatefulSets, volumes and records say of each database.
fn volumes(spec: &StackSpec, observed: &Observed) -> BTreeMap<String, VolumeFacts> {
    let facts = |name: &String| {
        let workload = observed.of(Kind::StatefulSet, name).find_map(|child| match &child.state {
            State::Workload(workload) => Some(workload.clone()),
            _ => None,
        });
        let claim = observed.of(Kind::PersistentVolumeClaim, name).next();
        let record = observed.of(Kind::ConfigMap, name).find(|record| record.identity.is_some());
        let workload = workload.unwrap_or_default();
        let identity = workload
            .volume_identity
            .or_else(|| claim.and_then(|claim| claim.identity.clone()))
            .or_else(|| record.and_then(|record| record.identity.clone()));
        VolumeFacts {
            template_size: workload.volume_size,
            template_class: workload.volume_class,
            identity,
            version: record.and_then(|record| record.data_version.clone()),
            guard_image: workload.guard_image,
        }
    };
    spec.databases.keys().map(|name| (name.clone(), facts(name))).filter(|(_, facts)| *facts != VolumeFacts::default()).collect()
}
