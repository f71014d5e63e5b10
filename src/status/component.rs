//! The status of one component: its phase, its counts, and one root cause.
use std::collections::BTreeMap;

use super::{Facts, routes, url};
use crate::api::status::{ComponentStatus, Phase, StorageStatus};
use crate::kinds::Kind;
use crate::model::graph::Graph;
use crate::model::{Credentials, Database, Service, Stack, Storage};
use crate::observed::{Observed, Progress, State, Trouble};
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
        impact: if own.serves() { Vec::new() } else { impact(stack, name) },
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
    if let Some(blocked) = facts.blocked.get(name) {
        return (Phase::Blocked, format!("waits for {}", blocked.join(", ")));
    }
    if let Some(missing) = missing_secret(facts.stack, name) {
        return (Phase::Failed, format!("the Secret {missing} does not exist; create it, its instances start then"));
    }
    let cause = own.trouble.as_ref().map(|(object, trouble)| words(object, trouble));
    if own.trouble.as_ref().is_some_and(|(_, trouble)| trouble.is_of_data()) {
        return (Phase::Failed, cause.unwrap_or_default());
    }
    if !own.exists {
        return (Phase::Pending, cause.unwrap_or_default());
    }
    if !own.ready() {
        return (unready_phase(facts, name, own, previous), cause.unwrap_or_else(|| counting_words(own)));
    }
    if let Some(refused) = facts.stack.services.get(name).and_then(|service| refused_route(facts, service)) {
        return (Phase::Degraded, refused);
    }
    match down_dependency(facts.stack, name, readiness) {
        Some(target) => (Phase::Degraded, format!("depends on {target}, which is down: {}", cause_of(&readiness[target]))),
        None => (Phase::Ready, idle_autoscaler(facts, name).unwrap_or_else(|| notice(facts.stack, name))),
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

fn counting_words(own: &Readiness) -> String {
    let Readiness { instances, floor, .. } = own;
    if own.rolled {
        format!("{} of {floor} instances serving", instances.serving)
    } else {
        format!(
            "{} of {} instances run the present template, {} serving",
            instances.updated, instances.desired, instances.serving
        )
    }
}

fn cause_of(readiness: &Readiness) -> String {
    readiness.trouble.as_ref().map_or_else(|| counting_words(readiness), |(object, trouble)| words(object, trouble))
}

/// What is wrong, why, and what next.
fn words(object: &str, trouble: &Trouble) -> String {
    let next = match trouble.reason.as_str() {
        "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull" => {
            "; check the image's name and tag, and that the nodes may pull it"
        }
        "CrashLoopBackOff" => "; read the log of its last run: kubectl logs --previous",
        "Unschedulable" => "; lower the resources, or add nodes",
        "CreateContainerConfigError" => "; check the Secrets and ConfigMaps that it refers to",
        _ => "",
    };
    let message = trouble.message.trim();
    if message.is_empty() {
        format!("{}{next} ({object})", trouble.reason)
    } else {
        format!("{}: {message}{next} ({object})", trouble.reason)
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
        State::Claim { size, bound: true } => Some(size.clone()),
        _ => None,
    });
    Some(StorageStatus { requested: requested.clone(), actual })
}
