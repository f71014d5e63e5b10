//! From what users wrote to what is true: one checked stack, or everything that is wrong with it.
//!
//! Each judge returns a value even where it adds a violation, so that the rest is judged as well; a stack with a
//! violation is thrown away whole.
mod components;
mod database;
mod duration;
mod environment;
mod external;
mod files;
mod history;
mod instances;
mod isolation;
mod ports;
mod probes;
mod profiles;
mod references;
mod resources;
mod restarts;
mod rollout;
mod routes;
mod security;
mod service;
mod sharing;
mod spelling;
mod tasks;
#[cfg(test)]
mod tests;
mod uses;

pub use history::is_newer;
pub use instances::MOST_INSTANCES;
pub use profiles::active;
pub use references::referenced_secrets;
pub use routes::method as grpc_method;
pub use spelling::did_you_mean;

use std::collections::BTreeMap;

use super::revision::Part;
use super::{Checked, Database, Door, Facts, Port, Stack, Violations};
use crate::api::{MicroserviceStack, Names, StackSpec};

/// Checks a stack against what is known of the cluster.
///
/// # Errors
/// All violations of the spec together (rule 15).
pub fn check(object: &MicroserviceStack, facts: &Facts) -> Result<Stack, Violations> {
    let (mut found, mut notices) = (Violations::default(), Violations::default());
    let spec = profiles::active(&object.spec);
    let scope = Scope::new(object, &spec, facts);

    components::judge(scope, &mut found);
    profiles::judge(&object.spec, &mut notices);
    let config = environment::config("spec.config", &spec.config, &mut found);
    let isolated = isolation::is_strict(scope, &mut notices);
    let egress = isolation::of_stack(scope, &mut found);
    let databases = database::check_all(scope, egress.as_ref(), &mut found, &mut notices);
    let parts = Parts {
        ports: ports::check_all(&spec, &mut found),
        databases: &databases,
        absent: profiles::absent(&object.spec),
        egress: egress.as_ref(),
    };
    let mut services = service::check_all(scope, &parts, &mut found);
    sharing::judge(&databases, &services, &mut notices);
    let routing = routes::routing(scope, &mut found);
    let routes_from = isolation::routes_from(scope, &mut found);
    routes::judge(&routing, &services, &mut found);
    routes::choose_kinds(scope, &mut services);
    let waves = uses::waves(&spec, &mut found);
    let restarts = restarts::of(object, &mut notices);
    let rollout = rollout::check(object, &mut found);
    let revision = Part::of(&spec).revision(scope.stack);
    let tasks = tasks::check_all(scope, &parts, &services, &revision, &mut found);

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
        routes_from,
        isolated,
        services,
        databases,
        tasks,
        waves,
        restarts,
        names: scope.names,
        asked: revision.name.clone(),
        revision,
        stays: None,
        rollout,
        declared: database::declared(&object.spec),
        paused: spec.paused.unwrap_or_default(),
        hibernates: spec.hibernate.unwrap_or_default(),
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
    /// Components whose profiles are off, with those profiles.
    absent: BTreeMap<&'a str, &'a [String]>,
    /// Where components may go that do not say so themselves; none: anywhere.
    egress: Option<&'a Vec<Door>>,
}

impl<'a> Scope<'a> {
    fn new(object: &'a MicroserviceStack, spec: &'a StackSpec, facts: &'a Facts) -> Self {
        Self {
            stack: object.metadata.name.as_deref().unwrap_or_default(),
            names: spec.names.unwrap_or_default(),
            namespace: object.metadata.namespace.as_deref().unwrap_or("default"),
            spec,
            facts,
        }
    }

    /// A Secret of the user's, with what is known of its data.
    fn secret(self, name: &str) -> super::SecretRef {
        let known = self.facts.secrets.get(name).cloned().flatten();
        let (digest, keys) = known.map(|known| (known.digest, known.keys)).unzip();
        super::SecretRef { name: name.to_owned(), digest, keys: keys.unwrap_or_default() }
    }
}
