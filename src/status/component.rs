//! The status of one component: its phase, its counts, and one root cause.
use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::{Facts, routes, url};
use crate::api::status::{ComponentStatus, Phase, StorageStatus};
use crate::kinds::Kind;
use crate::model::graph::Graph;
use crate::model::quantity::compare;
use crate::model::{Credentials, Database, Service, Stack, Storage};
use crate::observed::{Observed, Progress, State};
use crate::plan;
use crate::readiness::{self, Readiness};

/// The status of one component.
pub fn status(
    facts: &Facts<'_>,
    name: &str,
    readiness: &BTreeMap<&str, Readiness>,
    previous: Option<&ComponentStatus>,
) -> ComponentStatus {
    let stack = facts.stack;
    let own = &readiness[name];
    let (phase, message) = phase(facts, name, readiness, previous);
    let database = stack.databases.get(name);
    ComponentStatus {
        phase,
        wave: stack
            .waves
            .iter()
            .position(|wave| wave.iter().any(|member| member == name))
            .and_then(|wave| i32::try_from(wave).ok())
            .unwrap_or_default(),
        instances: own.instances.clone(),
        blocked_by: facts.blocked.get(name).cloned().unwrap_or_default(),
        impact: if own.serves() || stack.hibernates { Vec::new() } else { impact(stack, name) },
        message,
        url: stack
            .services
            .get(name)
            .and_then(|service| url(stack, service, facts.observed))
            .filter(|_| own.instances.serving > 0),
        storage: database.and_then(|database| storage(database, facts.observed)),
        credentials: database.and_then(|database| match &database.credentials {
            Credentials::Generated { secret } => Some(secret.clone()),
            Credentials::Given { secret } => Some(secret.name.clone()),
            Credentials::None => None,
        }),
    }
}

fn phase(
    facts: &Facts<'_>,
    name: &str,
    readiness: &BTreeMap<&str, Readiness>,
    previous: Option<&ComponentStatus>,
) -> (Phase, String) {
    let own = &readiness[name];
    if let Some((_, violation)) = facts.held.get(name) {
        return (Phase::Failed, violation.to_string());
    }
    if let Some(failed) = facts.failures.iter().find(|failed| failed.component == name) {
        return (if failed.permanent { Phase::Failed } else { Phase::Pending }, failed.message.clone());
    }
    if facts.stack.hibernates {
        return hibernation(facts, name);
    }
    if let Some(blocked) = facts.blocked.get(name) {
        return (Phase::Blocked, format!("waits for {}", blocked.join(", ")));
    }
    if let Some(words) = plan::tasks::migrating(facts.stack, facts.tasks, facts.observed).remove(name) {
        return (Phase::Migrating, words);
    }
    if let Some(missing) = missing_secret(facts.stack, name) {
        return (Phase::Failed, format!("the Secret {missing} does not exist; create it, its instances start then"));
    }
    if let Some(missing) = missing_key(facts.stack, name) {
        return (Phase::Failed, missing);
    }
    let cause = own.trouble_words();
    if own.trouble.as_ref().is_some_and(|(_, trouble)| trouble.is_of_data()) {
        return (Phase::Failed, cause.unwrap_or_default());
    }
    if !own.exists {
        return (Phase::Pending, cause.unwrap_or_default());
    }
    if !own.ready() {
        return (unready_phase(facts, name, own, previous), cause.unwrap_or_else(|| own.counted()));
    }
    if let Some(refused) = facts.stack.services.get(name).and_then(|service| refused_route(facts, service)) {
        return (Phase::Degraded, refused);
    }
    match down_dependency(facts.stack, name, readiness) {
        Some(target) => (Phase::Degraded, format!("depends on {target}, which is down: {}", readiness[target].cause())),
        None => (
            Phase::Ready,
            idle_autoscaler(facts, name)
                .or_else(|| outside(facts.stack, name))
                .or_else(|| growing(facts, name))
                .unwrap_or_else(|| notice(facts.stack, name)),
        ),
    }
}

/// Services end first, databases after them (rule 11).
fn hibernation(facts: &Facts<'_>, name: &str) -> (Phase, String) {
    let (kind, base) = match (facts.stack.services.get(name), facts.stack.databases.get(name)) {
        (Some(service), _) => (Kind::Deployment, &service.objects.base),
        (_, Some(database)) => (Kind::StatefulSet, &database.objects.base),
        _ => return (Phase::Hibernated, String::new()),
    };
    if readiness::has_ended(facts.observed, kind, base, name) {
        (Phase::Hibernated, String::new())
    } else if kind == Kind::Deployment || plan::services_have_ended(facts.stack, facts.observed) {
        (Phase::Rolling, "its instances end, for the stack hibernates".to_owned())
    } else {
        (Phase::Rolling, "its instances end once the last service has ended".to_owned())
    }
}

fn unready_phase(facts: &Facts<'_>, name: &str, own: &Readiness, previous: Option<&ComponentStatus>) -> Phase {
    let base = facts.stack.services.get(name).map(|service| &service.objects.base);
    let workload = base.and_then(|base| readiness::workload(facts.observed, Kind::Deployment, base));
    if workload.is_some_and(|(_, workload)| workload.progress == Progress::Stuck) {
        return Phase::Failed;
    }
    let grows = own.trouble.is_none() && previous.is_some_and(|previous| grows(previous, own));
    if !own.rolled || !own.was_ready || grows { Phase::Rolling } else { Phase::Degraded }
}

/// Whether more instances were asked for, and none that served has been lost since.
fn grows(previous: &ComponentStatus, own: &Readiness) -> bool {
    let (before, now) = (&previous.instances, &own.instances);
    match previous.phase {
        Phase::Ready => now.desired > before.desired && now.serving >= before.desired,
        Phase::Rolling => now.serving >= before.serving,
        _ => false,
    }
}

fn missing_secret<'a>(stack: &'a Stack, name: &str) -> Option<&'a str> {
    let given = stack.databases.get(name).and_then(|database| match &database.credentials {
        Credentials::Given { secret } => Some(secret),
        _ => None,
    });
    let own = stack.services.get(name).into_iter().flat_map(|service| &service.secrets);
    own.chain(given).find(|secret| secret.digest.is_none()).map(|secret| secret.name.as_str())
}

/// What a Secret of a database outside the stack lacks: where it is, or what a consumer binds.
fn missing_key(stack: &Stack, name: &str) -> Option<String> {
    let outside = |name: &str| stack.databases.get(name).and_then(Database::external);
    if let Some(secret) = outside(name) {
        let told = ["host", "uri"].iter().any(|key| secret.keys.contains(*key));
        return (!told)
            .then(|| format!("the Secret {} has neither `host` nor `uri`, so nobody knows where it is; add one", secret.name));
    }
    let edges = stack.services.get(name).into_iter().flat_map(|service| &service.uses);
    let mut asked = edges.filter_map(|edge| Some((outside(&edge.target)?, edge)));
    asked.find_map(|(secret, edge)| {
        let has = |key: &str| {
            if key == "addr" { secret.keys.contains("host") && secret.keys.contains("port") } else { secret.keys.contains(key) }
        };
        let (variable, key) = edge.env.iter().find(|(_, key)| secret.digest.is_some() && !has(key))?;
        Some(format!(
            "the Secret {} has no key `{key}`, which `bindings` asks for as {variable}; add it, or remove the binding",
            secret.name
        ))
    })
}

fn refused_route(facts: &Facts<'_>, service: &Service) -> Option<String> {
    routes(facts.stack, service, facts.observed).into_iter().find(|(_, accepted, _)| !accepted).map(|(route, _, message)| {
        match message {
            "" => format!(
                "the route {route} is not accepted yet; is the Gateway there, and does its listener admit this namespace?"
            ),
            message => format!("the route {route} is not accepted: {message}"),
        }
    })
}

/// The root cause among all that a service uses, directly or through others: what is down and starts earliest.
fn down_dependency<'a>(stack: &'a Stack, name: &str, readiness: &BTreeMap<&str, Readiness>) -> Option<&'a str> {
    let used = graph(stack).reliance(name);
    let is_down = |target: &&str| used.contains(target) && readiness.get(target).is_some_and(|target| !target.serves());
    stack.waves.iter().flatten().map(String::as_str).find(is_down)
}

/// All edges of a stack, the optional ones too.
fn graph(stack: &Stack) -> Graph<'_> {
    let mut graph = Graph::default();
    for service in stack.services.values() {
        service.uses.iter().for_each(|edge| graph.edge(&service.name, &edge.target));
    }
    graph
}

/// An autoscaler that cannot work: the count stays as it is, and what runs is not hurt.
fn idle_autoscaler(facts: &Facts<'_>, name: &str) -> Option<String> {
    let base = &facts.stack.services.get(name)?.objects.base;
    match &facts.observed.get(Kind::HorizontalPodAutoscaler, base)?.state {
        State::Autoscaler { trouble: Some(trouble), .. } => {
            Some(format!("the count stays as it is, for the autoscaler cannot work: {}", trouble.message))
        }
        _ => None,
    }
}

/// Volumes that are asked to be larger than they are yet; their database serves meanwhile.
fn growing(facts: &Facts<'_>, name: &str) -> Option<String> {
    let Storage::Volume { size, .. } = &facts.stack.databases.get(name)?.storage else { return None };
    let actual = storage(&facts.stack.databases[name], facts.observed)?.actual?;
    (compare(&actual, size) == Some(Ordering::Less)).then(|| format!("its storage grows from {actual} to {size}"))
}

fn outside(stack: &Stack, name: &str) -> Option<String> {
    stack.databases.get(name)?.external()?;
    Some("it is outside the stack: its Secret is there, and nothing else is known of it".to_owned())
}

fn notice(stack: &Stack, name: &str) -> String {
    let own = format!("spec.databases.{name}.");
    let notices: Vec<_> = stack.notices.iter().filter(|notice| notice.path.starts_with(&own)).map(ToString::to_string).collect();
    notices.join("; ")
}

/// Everything that uses a component, directly or through others.
fn impact(stack: &Stack, name: &str) -> Vec<String> {
    graph(stack).impact(name).into_iter().map(str::to_owned).collect()
}

fn storage(database: &Database, observed: &Observed) -> Option<StorageStatus> {
    let Storage::Volume { requested, .. } = &database.storage else { return None };
    let actual = observed.of(Kind::PersistentVolumeClaim, &database.name).find_map(|claim| match &claim.state {
        State::Claim(claim) if claim.bound => Some(claim.size.clone()),
        _ => None,
    });
    Some(StorageStatus { requested: requested.clone(), actual })
}
