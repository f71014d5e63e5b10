//! The last room: what is reported. (previous, stack or violations, plan, outcome, observed, now) → status. Pure: the
//! clock is an argument.
mod component;
mod conditions;
mod pace;
mod rollout;
mod tasks;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::StackStatus;
use crate::api::status::{ComponentStatus, Phase, Summary};
use crate::kinds::Kind;
use crate::model::{Route, RouteKind, Routing, Service, Stack, Task, TaskKind, Violations};
use crate::observed::{Observed, State};
use crate::plan::Held;
use crate::plan::tasks::Stand;
use crate::readiness::{self, Readiness};

pub use pace::is_transition;
pub use rollout::without_advice;
pub use tasks::failures as task_failures;

/// What the report of a checked stack is made from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// What is there, after the writes.
    pub observed: &'a Observed,
    /// Components that wait, and for what.
    pub blocked: &'a BTreeMap<String, Vec<String>>,
    /// Migrations, tests and jobs.
    pub tasks: &'a [(&'a Task, Stand)],
    /// Databases that are not touched.
    pub held: &'a Held,
    /// What failed, by component: reason word and message. An empty name: the whole stack.
    pub failures: &'a [Failed],
}

/// Something that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Component; empty: the whole stack.
    pub component: String,
    /// Reason word.
    pub reason: String,
    /// What, why, what next.
    pub message: String,
    /// Whether it can only go on when a person acts.
    pub permanent: bool,
}

/// The status of a checked stack.
pub fn of_stack(previous: &StackStatus, facts: &Facts<'_>, now: &Time) -> StackStatus {
    let stack = facts.stack;
    let readiness: BTreeMap<&str, Readiness> = stack
        .services
        .keys()
        .chain(stack.databases.keys())
        .map(|name| (name.as_str(), readiness::of(stack, name, facts.observed)))
        .collect();
    let services: BTreeMap<_, _> = stack
        .services
        .keys()
        .map(|name| (name.clone(), component::status(facts, name, &readiness, previous.services.get(name))))
        .collect();
    let databases: BTreeMap<_, _> = stack
        .databases
        .keys()
        .map(|name| (name.clone(), component::status(facts, name, &readiness, previous.databases.get(name))))
        .collect();
    let summary = summary(stack, &services, &databases);
    let tests = tasks::status(facts, |kind| matches!(kind, TaskKind::Test { .. }));
    let jobs = tasks::status(facts, |kind| kind == TaskKind::Job);
    let mut conditions = conditions::of_stack(previous, facts, &services, &databases, now);
    conditions.extend(conditions::of_tasks(previous, stack.generation, [("TestsPassed", &tests), ("JobsSucceeded", &jobs)], now));
    StackStatus {
        observed_generation: Some(stack.generation),
        observed_requests: None, // Those of the object are reported whatever its spec says.
        conditions,
        revision: Some(rollout::revision(stack, facts.observed)),
        summary: Some(summary),
        services,
        databases,
        tests,
        jobs,
    }
}

/// The status of a spec that is not valid: what was reported of its components stays, but the counts are true.
pub fn of_violations(
    previous: &StackStatus,
    generation: i64,
    violations: &Violations,
    observed: &Observed,
    now: &Time,
) -> StackStatus {
    let mut status = StackStatus {
        observed_generation: Some(generation),
        conditions: conditions::of_violations(previous, generation, violations, now),
        ..previous.clone()
    };
    for (kind, components) in [(Kind::Deployment, &mut status.services), (Kind::StatefulSet, &mut status.databases)] {
        for (name, component) in components {
            component.instances = readiness::counts(observed, kind, name, &component.instances);
        }
    }
    let instances = instance_words(status.services.values().chain(status.databases.values()));
    if let Some(summary) = &mut status.summary {
        summary.instances = instances;
    }
    status
}

/// Serving instances of all that are asked for.
fn instance_words<'a>(components: impl Iterator<Item = &'a ComponentStatus> + Clone) -> String {
    let serving: i32 = components.clone().map(|component| component.instances.serving.min(component.instances.desired)).sum();
    let desired: i32 = components.map(|component| component.instances.desired).sum();
    format!("{serving}/{desired}")
}

/// The status of a stack that is being deleted, together with its data: what was reported of its components stays.
pub fn of_deletion(previous: &StackStatus, generation: i64, message: &str, now: &Time) -> StackStatus {
    StackStatus {
        observed_generation: Some(generation),
        conditions: conditions::of_deletion(previous, generation, message, now),
        ..previous.clone()
    }
}

fn summary(
    stack: &Stack,
    services: &BTreeMap<String, ComponentStatus>,
    databases: &BTreeMap<String, ComponentStatus>,
) -> Summary {
    let ready = |components: &BTreeMap<String, ComponentStatus>| {
        let ready = components.values().filter(|component| component.phase == Phase::Ready).count();
        format!("{ready}/{}", components.len())
    };
    let url = stack.services.keys().find_map(|name| services.get(name).and_then(|service| service.url.clone()));
    Summary {
        services: ready(services),
        databases: ready(databases),
        instances: instance_words(services.values().chain(databases.values())),
        url,
    }
}

/// The routes of a service: their names, whether they are accepted, and what the parent says.
fn routes<'a>(stack: &Stack, service: &Service, observed: &'a Observed) -> Vec<(String, bool, &'a str)> {
    let told = |(kind, name): (Kind, String)| match observed.get(kind, &name).map(|child| &child.state) {
        None => (name, false, "the route is not there yet"),
        Some(State::Route { accepted, message }) => (name, *accepted, message.as_str()),
        Some(_) => (name, true, ""),
    };
    route_objects(stack, service).into_iter().map(told).collect()
}

/// The objects that carry the routes of a service.
fn route_objects(stack: &Stack, service: &Service) -> Vec<(Kind, String)> {
    let hosts = service.hosts();
    match stack.routing {
        Routing::Gateway { .. } => hosts.into_iter().map(|host| (of_kind(host.kind()), host.object)).collect(),
        Routing::Ingress { .. } => hosts.first().map(|_| (Kind::Ingress, service.objects.base.clone())).into_iter().collect(),
    }
}

fn of_kind(kind: RouteKind) -> Kind {
    match kind {
        RouteKind::Http => Kind::HttpRoute,
        RouteKind::Grpc => Kind::GrpcRoute,
    }
}

/// The address of a service from outside, once every route of it is accepted. Behind `*.example.com` there are many.
fn url(stack: &Stack, service: &Service, observed: &Observed) -> Option<String> {
    let accepted = routes(stack, service, observed).iter().all(|(_, accepted, _)| *accepted);
    let named = |route: &&Route| route.host.as_ref().is_some_and(|host| !host.starts_with('*'));
    let route = service.routes.iter().find(named).filter(|_| accepted)?;
    let scheme = if route.tls.is_some() { "https" } else { "http" };
    let path = if route.path == "/" { "" } else { &route.path };
    route.host.as_ref().map(|host| format!("{scheme}://{host}{path}"))
}
