//! Environment of pods, in the fixed order of rule 4: injected variables, the stack's `config`, the service's `config`.
//! Kubernetes expands `$(NAME)` only to variables that come before.
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector};

use super::discovery;
use crate::model::{Stack, Use};

pub fn of_user(stack: &Stack, uses: &[Use], config: &BTreeMap<String, String>) -> Vec<EnvVar> {
    let injected = common(stack).into_iter().chain(discovery::of_uses(stack, uses));
    let config = stack.config.iter().chain(config).map(|(name, value)| plain(name, value));
    last_of_each(injected.chain(config))
}

/// The variables of every pod.
pub fn common(stack: &Stack) -> [EnvVar; 5] {
    [
        plain("STACK_NAME", &stack.name),
        plain("STACK_NAMESPACE", &stack.namespace),
        field("POD_NAME", "metadata.name"),
        field("POD_IP", "status.podIP"),
        field("NODE_NAME", "spec.nodeName"),
    ]
}

/// The same variables, a later one instead of earlier ones of its name: server-side apply refuses a name that comes twice.
pub fn last_of_each(variables: impl Iterator<Item = EnvVar>) -> Vec<EnvVar> {
    let mut last: Vec<EnvVar> = Vec::new();
    for variable in variables {
        last.retain(|earlier| earlier.name != variable.name);
        last.push(variable);
    }
    last
}

/// A variable with a value. An empty one is sent as a name alone, which means the same.
pub fn plain(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: super::filled(value.to_owned()), ..EnvVar::default() }
}

/// A variable from a Secret.
pub fn secret(name: &str, secret: &str, key: &str) -> EnvVar {
    let key = SecretKeySelector { name: secret.to_owned(), key: key.to_owned(), ..SecretKeySelector::default() };
    let source = EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value_from: Some(source), ..EnvVar::default() }
}

/// A variable from a key that a Secret may lack.
pub fn optional_secret(name: &str, from: &str, key: &str) -> EnvVar {
    let mut variable = secret(name, from, key);
    if let Some(reference) = variable.value_from.as_mut().and_then(|source| source.secret_key_ref.as_mut()) {
        reference.optional = Some(true);
    }
    variable
}

/// A variable from a field of the pod.
pub fn field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { field_path: path.to_owned(), ..ObjectFieldSelector::default() };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value_from: Some(source), ..EnvVar::default() }
}
