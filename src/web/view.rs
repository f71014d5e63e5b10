//! What a page says about a stack, from the stack's own object: the one place of the pages that knows spec and status. Pure.
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::Value;

use crate::api::status::{ComponentStatus, Instances, StorageStatus};
use crate::api::{StackSpec, StackStatus, TaskStatus};
use crate::picture::Edge;

/// How a stack or a component is; the worst comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// It waits for a person.
    Failed,
    /// Less than asked serves.
    Degraded,
    /// It waits for others.
    Blocked,
    /// Something is under way.
    Working,
    /// Nothing is reported yet.
    Unknown,
    /// It is off because the spec says so.
    Resting,
    /// All is well.
    Ready,
}

impl Health {
    /// Class of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Degraded => "degraded",
            Self::Blocked => "blocked",
            Self::Working => "working",
            Self::Unknown => "unknown",
            Self::Resting => "resting",
            Self::Ready => "ready",
        }
    }

    /// A sign that differs in form, not in colour alone.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Failed => "✕",
            Self::Degraded => "▲",
            Self::Blocked => "■",
            Self::Working => "◌",
            Self::Unknown => "?",
            Self::Resting => "☾",
            Self::Ready => "✓",
        }
    }

    /// The health behind a phase. A phase that this page does not know yet is something under way.
    fn of_phase(phase: &str) -> Self {
        match phase {
            "Ready" => Self::Ready,
            "Failed" => Self::Failed,
            "Degraded" => Self::Degraded,
            "Blocked" => Self::Blocked,
            "Hibernated" => Self::Resting,
            _ => Self::Working,
        }
    }

    /// The health behind the phase of a test or a job.
    pub fn of_task(phase: &str) -> Self {
        match phase {
            "Succeeded" => Self::Ready,
            "Failed" => Self::Failed,
            "Waiting" => Self::Blocked,
            _ => Self::Working,
        }
    }
}

/// What a view is made from.
#[derive(Clone, Copy, Debug)]
pub struct Object<'a> {
    /// Generation of the spec.
    pub generation: i64,
    /// Spec, in JSON.
    pub spec: &'a str,
    /// Status, in JSON.
    pub status: Option<&'a str>,
}

/// One stack.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Reason word of `Ready`.
    pub reason: String,
    /// Message of `Ready`.
    pub message: String,
    /// Generation of the spec, and the one that the status speaks of.
    pub generations: (i64, Option<i64>),
    /// Names and figures, in the words of the status.
    pub facts: Vec<(&'static str, String)>,
    /// Address from outside.
    pub url: Option<String>,
    /// Conditions.
    pub conditions: Vec<Told>,
    /// Components: services, then databases.
    pub components: Vec<Component>,
    /// Who uses whom.
    pub edges: Vec<Edge>,
    /// Tests and jobs.
    pub tasks: Vec<Task>,
}

/// A test or a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// `test`, `gated test` or `job`.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Phase word.
    pub phase: String,
    /// Name of its Job.
    pub job: String,
    /// Why it waits or has failed, and what next.
    pub message: String,
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its type.
    pub name: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason word.
    pub reason: String,
    /// In words.
    pub message: String,
    /// When its status last changed, in RFC 3339.
    pub since: String,
}

/// A service or a database.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// Name.
    pub name: String,
    /// Whether it keeps data.
    pub database: bool,
    /// How it is.
    pub health: Health,
    /// Phase word.
    pub phase: String,
    /// Place in the start order.
    pub wave: i32,
    /// Counts.
    pub instances: Instances,
    /// Fewest and most instances, where an autoscaler chooses.
    pub bounds: Option<(i32, i32)>,
    /// Volumes of a database.
    pub storage: Option<StorageStatus>,
    /// What is wrong, why, what next.
    pub message: String,
    /// What it waits for.
    pub blocked_by: Vec<String>,
    /// Who is hit while it is down.
    pub impact: Vec<String>,
    /// Address from outside.
    pub url: Option<String>,
    /// Whether it has a migration.
    pub migrates: bool,
}

impl Component {
    /// Whether it is well, or off on purpose.
    pub fn is_well(&self) -> bool {
        matches!(self.health, Health::Ready | Health::Resting)
    }
}

impl View {
    /// Whether nothing of it is changed until it is resumed.
    pub fn is_suspended(&self) -> bool {
        self.conditions.iter().any(|condition| condition.name == "Paused" && condition.status == "True")
    }

    /// What is wrong by itself: not well, and everything that it needs is. The worst first.
    pub fn causes(&self) -> Vec<&Component> {
        let unwell = |name: &str| self.components.iter().any(|other| other.name == name && !other.is_well());
        let needs = |component: &Component| {
            self.edges.iter().filter(|edge| edge.from == component.name && !edge.optional).any(|edge| unwell(&edge.to))
        };
        let mut causes: Vec<&Component> =
            self.components.iter().filter(|component| !component.is_well() && !needs(component)).collect();
        causes.sort_by_key(|component| component.health);
        causes
    }
}

/// What there is to say about a stack.
pub fn of(namespace: &str, name: &str, object: &Object<'_>) -> View {
    let spec: StackSpec = serde_json::from_str(object.spec).unwrap_or_default();
    let (status, phases) = object.status.map(read).unwrap_or_default();
    let condition = |name: &str| status.conditions.iter().find(|condition| condition.type_ == name);
    let is_true = |name: &str| condition(name).is_some_and(|condition| condition.status == "True");
    let ready = condition("Ready");
    let health = match ready {
        None => Health::Unknown,
        Some(_) if is_true("Stalled") => Health::Failed,
        Some(ready) if ready.status == "True" => Health::Ready,
        Some(ready) if matches!(&*ready.reason, "Hibernated" | "Paused") => Health::Resting,
        Some(ready) => Health::of_phase(&ready.reason),
    };
    let text = |pick: fn(&Condition) -> &String| ready.map(|ready| pick(ready).clone()).unwrap_or_default();
    View {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        health,
        reason: text(|ready| &ready.reason),
        message: text(|ready| &ready.message),
        generations: (object.generation, status.observed_generation),
        facts: facts(&status),
        url: status.summary.as_ref().and_then(|summary| summary.url.clone()),
        conditions: status.conditions.iter().map(told).collect(),
        components: components(&spec, &status, &phases),
        edges: edges(&spec),
        tasks: tasks(&spec, &status, &phases),
    }
}

fn facts(status: &StackStatus) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(summary) = &status.summary {
        facts.push(("Services", summary.services.clone()));
        facts.push(("Databases", summary.databases.clone()));
        facts.push(("Instances", summary.instances.clone()));
    }
    if let Some(revision) = &status.revision {
        let (current, update) = (revision.current.clone(), revision.update.clone());
        if update != current {
            let is_back = |condition: &Condition| matches!(&*condition.reason, "RolledBack" | "RollbackFailed");
            let word = if status.conditions.iter().any(is_back) { "Failed" } else { "Being rolled out" };
            facts.extend(update.map(|update| (word, update)));
        }
        facts.extend(current.map(|current| ("Revision", current)));
    }
    facts
}

fn told(condition: &Condition) -> Told {
    Told {
        name: condition.type_.clone(),
        status: condition.status.clone(),
        reason: condition.reason.clone(),
        message: condition.message.clone(),
        since: condition.last_transition_time.0.to_string(),
    }
}

/// Phase words, by `<part of the status>/<name>`.
type Phases = BTreeMap<String, String>;

/// The status, and the phase words in it: a later version may know more of them than this one.
fn read(text: &str) -> (StackStatus, Phases) {
    let mut status: Value = serde_json::from_str(text).unwrap_or_default();
    let mut phases = BTreeMap::new();
    for (part, known) in [("services", "Pending"), ("databases", "Pending"), ("tests", "Waiting"), ("jobs", "Waiting")] {
        for (name, one) in status.get_mut(part).and_then(Value::as_object_mut).into_iter().flatten() {
            phases.insert(format!("{part}/{name}"), one["phase"].as_str().unwrap_or_default().to_owned());
            one["phase"] = known.into();
        }
    }
    (serde_json::from_value(status).unwrap_or_default(), phases)
}

fn tasks(spec: &StackSpec, status: &StackStatus, phases: &Phases) -> Vec<Task> {
    let gates = |name: &str| spec.tests.get(name).is_some_and(|test| test.gate == Some(true));
    let task = |kind: &'static str, part: &str, name: &String, status: &TaskStatus| {
        let phase = phases.get(&format!("{part}/{name}")).cloned().unwrap_or_default();
        let (job, message) = (status.job.clone(), status.message.clone());
        Task { kind, name: name.clone(), health: Health::of_task(&phase), phase, job, message }
    };
    let tests = status.tests.iter().map(|(name, test)| {
        let kind = if gates(name) { "gated test" } else { "test" };
        task(kind, "tests", name, test)
    });
    tests.chain(status.jobs.iter().map(|(name, job)| task("job", "jobs", name, job))).collect()
}

fn components(spec: &StackSpec, status: &StackStatus, phases: &Phases) -> Vec<Component> {
    let bounds = |name: &str| {
        let scale = spec.services.get(name)?.scale.as_ref()?;
        Some((scale.min.unwrap_or(1), scale.max))
    };
    let component = |database: bool| {
        move |(name, status): (&String, &ComponentStatus)| {
            let part = if database { "databases" } else { "services" };
            let phase = phases.get(&format!("{part}/{name}")).cloned().unwrap_or_default();
            Component {
                name: name.clone(),
                database,
                health: Health::of_phase(&phase),
                phase,
                wave: status.wave,
                instances: status.instances.clone(),
                bounds: bounds(name),
                storage: status.storage.clone(),
                message: status.message.clone(),
                blocked_by: status.blocked_by.clone(),
                impact: status.impact.clone(),
                url: status.url.clone(),
                migrates: spec.services.get(name).is_some_and(|service| service.migrate.is_some()),
            }
        }
    };
    status.services.iter().map(component(false)).chain(status.databases.iter().map(component(true))).collect()
}

fn edges(spec: &StackSpec) -> Vec<Edge> {
    let of_service = |(name, service): (&String, &crate::api::Service)| {
        let uses = service.uses.iter().flatten().map(|to| (to.clone(), false));
        let optional = service.uses_optional.iter().flatten().map(|to| (to.clone(), true));
        let edges: BTreeMap<String, bool> = optional.chain(uses).collect();
        edges.into_iter().map(|(to, optional)| Edge { from: name.clone(), to, optional }).collect::<Vec<_>>()
    };
    spec.services.iter().flat_map(of_service).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(status: &str) -> View {
        let spec = r#"{"services": {"web": {"image": "w", "uses": ["api"]}, "api": {"image": "a", "uses": ["orders"], "usesOptional": ["mail"]}, "mail": {"image": "m"}},
            "databases": {"orders": {"engine": "postgres", "credentials": {"secret": "hidden"}}}}"#;
        let object = Object { generation: 3, spec, status: (!status.is_empty()).then_some(status) };
        of("shop", "shop", &object)
    }

    fn component(phase: &str) -> String {
        format!(
            r#"{{"phase": "{phase}", "wave": 0, "instances": {{"desired": 1, "updated": 1, "ready": 0, "serving": 0, "terminating": 0}}}}"#
        )
    }

    #[test]
    fn the_root_cause_is_what_fails_while_all_that_it_needs_is_well() {
        let (degraded, ready) = (component("Degraded"), component("Ready"));
        let view = view(&format!(
            r#"{{"services": {{"web": {degraded}, "api": {degraded}, "mail": {ready}}}, "databases": {{"orders": {degraded}}}}}"#
        ));
        assert_eq!(view.causes().iter().map(|cause| cause.name.as_str()).collect::<Vec<_>>(), ["orders"]);
    }

    #[test]
    fn an_outage_behind_an_optional_edge_excuses_nobody_and_the_worst_comes_first() {
        let (degraded, failed, ready) = (component("Degraded"), component("Failed"), component("Ready"));
        let view = view(&format!(
            r#"{{"services": {{"web": {ready}, "api": {degraded}, "mail": {failed}}}, "databases": {{"orders": {ready}}}}}"#
        ));
        assert_eq!(view.causes().iter().map(|cause| cause.name.as_str()).collect::<Vec<_>>(), ["mail", "api"]);
    }

    #[test]
    fn a_stack_without_a_status_is_unknown_and_has_no_cause() {
        let view = view("");
        assert_eq!((view.health, view.causes().len(), view.generations), (Health::Unknown, 0, (3, None)));
    }

    #[test]
    fn a_phase_of_a_later_version_is_something_under_way_and_hides_nothing_else() {
        let (newer, ready) = (component("Thinking"), component("Ready"));
        let view = view(&format!(r#"{{"services": {{"web": {newer}, "api": {ready}}}}}"#));
        let told: Vec<_> = view.components.iter().map(|component| (component.phase.as_str(), component.health)).collect();
        assert_eq!(told, [("Ready", Health::Ready), ("Thinking", Health::Working)]);
    }

    #[test]
    fn a_test_may_be_called_like_a_service_and_each_has_its_own_phase() {
        let ready = component("Ready");
        let view = view(&format!(
            r#"{{"services": {{"web": {ready}}}, "tests": {{"web": {{"phase": "Failed", "job": "t"}}}}, "jobs": {{"web": {{"phase": "Dreaming", "job": "j"}}}}}}"#
        ));
        assert_eq!(view.components[0].phase, "Ready");
        let told: Vec<_> = view.tasks.iter().map(|task| (task.kind, task.phase.as_str(), task.health)).collect();
        assert_eq!(told, [("test", "Failed", Health::Failed), ("job", "Dreaming", Health::Working)]);
    }
}
