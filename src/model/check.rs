//! From what users wrote to what is true: one checked stack, or everything that is wrong with it.
//!
//! Each judge returns a value even where it adds a violation, so that the rest is judged as well; a stack with a
//! violation is thrown away whole.
mod components;
mod database;
mod duration;
mod environment;
mod files;
mod history;
mod ports;
mod probes;
mod resources;
mod routes;
mod security;
mod service;
mod spelling;
#[cfg(test)]
mod tests;
mod uses;

pub use history::is_newer;

use std::collections::BTreeMap;

use super::{Checked, Database, Facts, Port, Stack, Violations};
use crate::api::{MicroserviceStack, Names, StackSpec};

/// Checks a stack against what is known of the cluster.
///
/// # Errors
/// All violations of the spec together (rule 15).
pub fn check(object: &MicroserviceStack, facts: &Facts) -> Result<Stack, Violations> {
    let mut found = Violations::default();
    let mut notices = Violations::default();
    let scope = Scope::new(object, facts);

    components::judge(scope, &mut found);
    let config = environment::config("spec.config", &object.spec.config, &mut found);
    let databases = database::check_all(scope, &mut found, &mut notices);
    let parts = Parts { ports: ports::check_all(&object.spec, &mut found), databases: &databases };
    let services = service::check_all(scope, &parts, &mut found);
    let routing = routes::routing(scope, &mut found);
    routes::judge_overlap(&services, &mut found);
    let waves = uses::waves(&object.spec, &mut found);

    if !found.0.is_empty() {
        found.0.sort();
        found.0.dedup();
        return Err(found);
    }
    Ok(Stack {
        name: scope.stack.to_owned(),
        namespace: scope.namespace.to_owned(),
        uid: object.metadata.uid.clone().unwrap_or_default(),
        generation: object.metadata.generation.unwrap_or_default(),
        config,
        routing,
        services,
        databases,
        waves,
        notices: notices.0,
        checked: Checked,
    })
}

/// What every judge may look at.
#[derive(Clone, Copy)]
struct Scope<'a> {
    stack: &'a str,
    names: Names,
    namespace: &'a str,
    spec: &'a StackSpec,
    facts: &'a Facts,
}

/// What is already checked of all components when services are judged.
struct Parts<'a> {
    ports: BTreeMap<&'a str, Vec<Port>>,
    databases: &'a BTreeMap<String, Database>,
}

impl<'a> Scope<'a> {
    fn new(object: &'a MicroserviceStack, facts: &'a Facts) -> Self {
        Self {
            stack: object.metadata.name.as_deref().unwrap_or_default(),
            names: object.spec.names.unwrap_or_default(),
            namespace: object.metadata.namespace.as_deref().unwrap_or("default"),
            spec: &object.spec,
            facts,
        }
    }

    /// A Secret of the user's, with what is known of its data.
    fn secret(self, name: &str) -> super::SecretRef {
        super::SecretRef { name: name.to_owned(), digest: self.facts.secrets.get(name).cloned().flatten() }
    }
}
