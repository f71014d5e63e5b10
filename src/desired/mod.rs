//! From the model to the objects that are wanted. Infallible and deterministic: no client, no clock, no randomness.
mod autoscaler;
mod config_map;
mod deployment;
mod disruption;
mod ingress;
mod job;
pub mod meta;
mod network_policy;
pub mod object;
mod pod;
mod revision;
mod route;
mod secret;
mod service;
mod service_account;
mod stateful_set;
#[cfg(test)]
mod tests;
mod uri;

pub use config_map::identity_record;
pub use object::Object;
pub use pod::{PREPARE, SECRETS, VOLUME_GUARD};
pub use revision::record as revision_record;
pub use secret::{Passwords, credentials_secret, key as credentials_key};

use crate::model::{Database, Service, Stack};

/// Everything that a stack is to consist of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// The children: those of a component together, components in the order of the waves, and then what tasks need.
    pub objects: Vec<Object>,
    /// The Jobs of migrations, tests and jobs; each is made when it is due.
    pub tasks: Vec<Object>,
}

/// Builds all children of a stack, but for what is made once: data objects ([`credentials_secret`], [`identity_record`])
/// and records of revisions ([`revision_record`]).
pub fn build(stack: &Stack) -> Desired {
    Desired { objects: objects(stack).collect(), tasks: tasks(stack).collect() }
}

/// [`Desired::objects`], one after another.
pub fn objects(stack: &Stack) -> impl Iterator<Item = Object> {
    let components = stack.waves.iter().flatten().flat_map(|component| of_component(stack, component));
    components.chain(stack.tasks.iter().filter_map(|task| network_policy::of_task(stack, task)))
}

/// [`Desired::tasks`], one after another.
pub fn tasks(stack: &Stack) -> impl Iterator<Item = Object> {
    stack.tasks.iter().map(|task| job::build(stack, task))
}

fn of_component(stack: &Stack, name: &str) -> Vec<Object> {
    let service = stack.services.get(name).into_iter().flat_map(|service| of_service(stack, service));
    let database = stack.databases.get(name).into_iter().flat_map(|database| of_database(stack, database));
    service.chain(database).collect()
}

/// In the order of [`crate::kinds::KINDS`] from its end: what is needed comes first.
fn of_service(stack: &Stack, service: &Service) -> Vec<Object> {
    let mut objects = vec![service_account::build(stack, service)];
    objects.extend(config_map::files(stack, service));
    objects.extend(network_policy::of_service(stack, service));
    objects.extend(service::of_service(stack, service));
    objects.push(deployment::build(stack, service));
    objects.push(disruption::build(stack, &service.name, &service.objects.base));
    objects.extend(autoscaler::build(stack, service));
    objects.extend(ingress::build(stack, service));
    objects.extend(route::build(stack, service));
    objects
}

fn of_database(stack: &Stack, database: &Database) -> Vec<Object> {
    if database.external().is_some() {
        return Vec::new();
    }
    let mut objects = Vec::from_iter(config_map::init(stack, database));
    objects.extend(config_map::recipe(stack, database));
    objects.extend(network_policy::of_database(stack, database));
    objects.extend(service::of_database(stack, database));
    objects.push(stateful_set::build(stack, database));
    objects.push(disruption::build(stack, &database.name, &database.objects.base));
    objects
}

/// A value unless it is empty: server-side apply drops what is empty, and what it drops could not be told from drift.
fn filled<T: Default + PartialEq>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}
