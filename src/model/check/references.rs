//! What a spec refers to outside of itself.
use std::collections::BTreeSet;

use super::active;
use crate::api::StackSpec;

/// The Secrets of the user's that the components refer to which exist.
pub fn referenced_secrets(spec: &StackSpec) -> BTreeSet<String> {
    let spec = active(spec);
    let services = spec.services.values().flat_map(|service| service.secrets.iter().flatten().cloned());
    let databases = spec
        .databases
        .values()
        .filter_map(|database| database.credentials.as_ref().map(|credentials| credentials.secret.clone()));
    // A name that cannot be one is reported by the check; to ask for it would only fail.
    let is_name = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    services.chain(databases).filter(is_name).collect()
}
