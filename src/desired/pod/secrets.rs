//! Existing Secrets of the namespace: environment of a service, and the digest that rolls it when they change.
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvFromSource, SecretEnvSource};

use crate::model::{Credentials, SecretRef, Service, Stack, names};

/// Annotation of pod templates: digest of the Secrets that the user's spec refers to. Outside revisions (rule 8).
pub const SECRETS: &str = "microservicestack.dev/secrets";

/// A Secret that does not exist keeps its pods from starting, with a message that names it.
pub fn env_from(service: &Service) -> Vec<EnvFromSource> {
    let reference = |secret: &SecretRef| SecretEnvSource { name: secret.name.clone(), ..SecretEnvSource::default() };
    service
        .secrets
        .iter()
        .map(|secret| EnvFromSource { secret_ref: Some(reference(secret)), ..EnvFromSource::default() })
        .collect()
}

/// One digest of a service's own Secrets and of those with the given credentials of the databases that it uses.
pub fn annotation(stack: &Stack, service: &Service) -> Option<BTreeMap<String, String>> {
    let used = service.uses.iter().filter_map(|edge| stack.databases.get(&edge.target));
    let given = used.filter_map(|database| match &database.credentials {
        Credentials::Given { secret } => Some(secret),
        Credentials::Generated { .. } | Credentials::None => None,
    });
    let digests: BTreeMap<&str, &str> = service
        .secrets
        .iter()
        .chain(given)
        .map(|secret| (secret.name.as_str(), secret.digest.as_deref().unwrap_or_default()))
        .collect();
    if digests.is_empty() {
        return None;
    }
    let digest = names::short_hash(&serde_json::to_string(&digests).unwrap_or_default());
    Some(BTreeMap::from([(SECRETS.to_owned(), digest)]))
}
