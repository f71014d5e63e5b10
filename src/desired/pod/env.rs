//! Environment of pods, in the fixed order of rule 4: injected variables, the stack's `config`, the service's `config`.
//! Kubernetes expands `$(NAME)` only to variables that come before.
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, ObjectFieldSelector, SecretKeySelector};

use super::discovery;
use crate::model::{Service, Stack};

pub fn of_service(stack: &Stack, service: &Service) -> Vec<EnvVar> {
    let injected = common(stack).into_iter().chain(discovery::of_service(stack, service)).collect();
    overlaid(injected, stack.config.iter().chain(&service.config))
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

/// Later variables after earlier ones; one of the same name replaces the earlier one, for a name may come only once.
pub fn overlaid<'a>(mut variables: Vec<EnvVar>, config: impl IntoIterator<Item = (&'a String, &'a String)>) -> Vec<EnvVar> {
    for (name, value) in config {
        variables.retain(|variable| variable.name != *name);
        variables.push(plain(name, value));
    }
    variables
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

fn field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { field_path: path.to_owned(), ..ObjectFieldSelector::default() };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value_from: Some(source), ..EnvVar::default() }
}
