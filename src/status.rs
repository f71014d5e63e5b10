//! The last room: what is reported. (previous, stack or violations, plan, outcome, observed, now) → status. Pure: the
//! clock is an argument.
mod component;
mod conditions;

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::StackStatus;
use crate::api::status::{ComponentStatus, Phase, RevisionStatus, Summary};
use crate::kinds::Kind;
use crate::model::{Routing, Service, Stack, Violations};
use crate::observed::{Observed, State};
use crate::plan::Held;
use crate::readiness::{self, Readiness};

/// What the report of a checked stack is made from.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// Its revision.
    pub revision: &'a str,
    /// What is there, after the writes.
    pub observed: &'a Observed,
    /// Components that wait, and for what.
    pub blocked: &'a BTreeMap<String, Vec<String>>,
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
    let rolled = stack.services.keys().all(|name| readiness[name.as_str()].rolled);
    let summary = summary(stack, &services, &databases);
    let conditions = conditions::of_stack(previous, facts, &services, &databases, now);
    StackStatus {
        observed_generation: Some(stack.generation),
        conditions,
        revision: Some(RevisionStatus {
            current: if rolled {
                Some(facts.revision.to_owned())
            } else {
                previous.revision.as_ref().and_then(|revision| revision.current.clone())
            },
            update: Some(facts.revision.to_owned()),
        }),
        summary: Some(summary),
        services,
        databases,
    }
}

/// The status of a spec that is not valid: what was reported of its components stays.
pub fn of_violations(previous: &StackStatus, generation: i64, violations: &Violations, now: &Time) -> StackStatus {
    StackStatus {
        observed_generation: Some(generation),
        conditions: conditions::of_violations(previous, generation, violations, now),
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
    let all = || services.values().chain(databases.values());
    let serving: i32 = all().map(|component| component.instances.serving.min(component.instances.desired)).sum();
    let desired: i32 = all().map(|component| component.instances.desired).sum();
    let url = stack.services.keys().find_map(|name| services.get(name).and_then(|service| service.url.clone()));
    Summary { services: ready(services), databases: ready(databases), instances: format!("{serving}/{desired}"), url }
}

/// The routes of a service: their names, whether they are accepted, and what the parent says.
fn routes<'a>(stack: &Stack, service: &Service, observed: &'a Observed) -> Vec<(String, bool, &'a str)> {
    let kind = match stack.routing {
        Routing::Gateway { .. } => Kind::HttpRoute,
        Routing::Ingress { .. } => Kind::Ingress,
    };
    if service.routes.is_empty() {
        return Vec::new();
    }
    let found = observed.of(kind, &service.name).map(|child| match &child.state {
        State::Route { accepted, message } => (child.name.clone(), *accepted, message.as_str()),
        _ => (child.name.clone(), true, ""),
    });
    let found: Vec<_> = found.collect();
    if found.is_empty() { vec![(service.objects.base.clone(), false, "the route is not there yet")] } else { found }
}

/// The address of a service from outside, once every route of it is accepted.
fn url(stack: &Stack, service: &Service, observed: &Observed) -> Option<String> {
    let accepted = routes(stack, service, observed).iter().all(|(_, accepted, _)| *accepted);
    let route = service.routes.iter().find(|route| route.host.is_some()).filter(|_| accepted)?;
    let path = if route.path == "/" { "" } else { &route.path };
    route.host.as_ref().map(|host| format!("http://{host}{path}"))
}
