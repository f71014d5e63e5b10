//! The sentence that joins the rooms: observe → validate → build → plan → carry out → report.
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::api::ObjectMeta;
use tracing::{debug, info, warn};

use crate::api::{MicroserviceStack, StackSpec, StackStatus};
use crate::cluster::apply::{Cause, Cluster, Failure, Outcome};
use crate::cluster::events::{Events, Note};
use crate::cluster::references::References;
use crate::cluster::store::{Key, Root};
use crate::desired::{self, Object};
use crate::kinds::Kind;
use crate::model::{self, Facts, Stack, VolumeFacts};
use crate::observed::{Observed, State};
use crate::plan::{self, Held, Plan};
use crate::status::{self, Failed};

/// What a reconcile needs.
pub struct Context {
    /// The cluster room.
    pub cluster: Arc<Cluster>,
    /// Secrets that users refer to.
    pub references: Arc<References>,
    /// Events.
    pub events: Events,
    /// Image of this operator.
    pub guard_image: Option<String>,
}

/// When a stack is looked at again without an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Never: the next event will tell.
    Event,
    /// Soon: something changed under our hands.
    Soon,
    /// After a wait that doubles with every failure.
    Backoff,
}

/// Reconciles one stack once.
pub async fn reconcile(context: &Context, key: &Key) -> Next {
    let Some((root, observed)) = observe(context, key) else { return Next::Event };
    if root.deleting {
        return Next::Event; // Children go by their owner references; data stays (rule 9).
    }
    let previous = previous_status(&root);
    let mut stack = match validate(context, key, &root, &observed) {
        Ok(Some(stack)) => stack,
        Ok(None) => return Next::Event, // A referenced Secret is being read.
        Err(violations) => {
            let status = status::of_violations(&previous, root.generation, &violations, &now());
            return report(context, key, &root, &previous, status, Vec::new(), Next::Event).await;
        }
    };
    let held = match context.cluster.prepare_data(&mut stack, &observed).await {
        Ok(held) => held,
        Err(error) => {
            let failed = Failed {
                component: String::new(),
                reason: "ApplyFailed".to_owned(),
                message: format!("the data objects cannot be read: {}", error.words()),
                permanent: false,
            };
            let status = status::of_failure(&previous, root.generation, &failed, &now());
            return report(context, key, &root, &previous, status, Vec::new(), Next::Backoff).await;
        }
    };
    let desired = desired::build(&stack);
    let records = identity_records(&stack, &observed);
    let held = with_kept_versions(&stack, held);
    let plan = plan::plan(&stack, &desired, &records, &observed, &held);
    let outcome = context.cluster.carry_out(key, &stack, &plan).await;
    let after = context.cluster.store().observed(key);
    let failures = failures(&plan, &outcome);
    let facts = status::Facts {
        stack: &stack,
        revision: &desired.revision,
        observed: &after,
        blocked: &plan.blocked,
        held: &held,
        failures: &failures,
        unsettled: false,
    };
    let status = status::of_stack(&previous, &facts, &now());
    report(context, key, &root, &previous, status, notes(&outcome), next(&outcome)).await
}

/// What the watches have seen; no call is made.
fn observe(context: &Context, key: &Key) -> Option<(Root, Observed)> {
    let store = context.cluster.store();
    store.root(key).map(|root| (root, store.observed(key)))
}

fn previous_status(root: &Root) -> StackStatus {
    root.status.as_deref().and_then(|status| serde_json::from_str(status).ok()).unwrap_or_default()
}

fn now() -> Time {
    Time(Timestamp::now())
}

/// The checked stack; none while a Secret that it refers to has not been read.
fn validate(context: &Context, key: &Key, root: &Root, observed: &Observed) -> Result<Option<Stack>, model::Violations> {
    let spec: StackSpec = serde_json::from_str(&root.spec).map_err(|error| undecodable(&error))?;
    let Some(secrets) = context.references.resolve(key, &secret_names(&spec)) else { return Ok(None) };
    let facts = Facts {
        gateway_api: context.cluster.store().has(Kind::HttpRoute),
        secrets,
        volumes: volumes(&spec, observed),
        guard_image: context.guard_image.clone(),
    };
    let metadata = ObjectMeta {
        name: Some(key.name.to_string()),
        namespace: Some(key.namespace.to_string()),
        uid: Some(root.uid.clone()),
        generation: Some(root.generation),
        ..ObjectMeta::default()
    };
    model::check(&MicroserviceStack { metadata, spec, status: None }, &facts).map(Some)
}

fn undecodable(error: &serde_json::Error) -> model::Violations {
    let mut violations = model::Violations::default();
    violations.add("spec", format!("it cannot be read: {error}"), "apply it again with the CRD of this version of the operator");
    violations
}

fn secret_names(spec: &StackSpec) -> BTreeSet<String> {
    let services = spec.services.values().flat_map(|service| service.secrets.iter().flatten().cloned());
    let databases = spec
        .databases
        .values()
        .filter_map(|database| database.credentials.as_ref().map(|credentials| credentials.secret.clone()));
    services.chain(databases).collect()
}

/// What existing StatefulSets, volumes and records say of each database.
fn volumes(spec: &StackSpec, observed: &Observed) -> BTreeMap<String, VolumeFacts> {
    let facts = |name: &String| {
        let workload = observed.of(Kind::StatefulSet, name).find_map(|child| match &child.state {
            State::Workload(workload) => Some(workload.clone()),
            _ => None,
        });
        let claim = observed.of(Kind::PersistentVolumeClaim, name).next();
        let record = observed.of(Kind::ConfigMap, name).find(|record| record.identity.is_some());
        let workload = workload.unwrap_or_default();
        let identity = workload
            .volume_identity
            .or_else(|| claim.and_then(|claim| claim.identity.clone()))
            .or_else(|| record.and_then(|record| record.identity.clone()));
        VolumeFacts {
            template_size: workload.volume_size,
            template_class: workload.volume_class,
            identity,
            version: record.and_then(|record| record.data_version.clone()),
        }
    };
    spec.databases.keys().map(|name| (name.clone(), facts(name))).filter(|(_, facts)| *facts != VolumeFacts::default()).collect()
}

fn identity_records(stack: &Stack, observed: &Observed) -> Vec<Object> {
    let due = plan::unrecorded(stack, observed);
    due.iter()
        .filter_map(|(name, identity)| {
            stack.databases.get(name).map(|database| desired::identity_record(stack, database, identity))
        })
        .collect()
}

/// A database whose version may not change is not touched, and not recreated either.
fn with_kept_versions(stack: &Stack, mut held: Held) -> Held {
    for database in stack.databases.values() {
        if let Some(violation) = &database.held {
            held.entry(database.name.clone()).or_insert_with(|| ("VersionRefused".to_owned(), violation.clone()));
        }
    }
    held
}

fn failures(plan: &Plan<'_>, outcome: &Outcome) -> Vec<Failed> {
    let taken = plan.conflicts.iter().map(|conflict| Failed {
        component: conflict.component.clone(),
        reason: "NameConflict".to_owned(),
        message: format!(
            "{} {} exists and belongs to somebody else; delete or rename it, or rename the component",
            conflict.kind.row().name,
            conflict.name
        ),
        permanent: true,
    });
    let failed = outcome.failures.iter().filter(|failure| failure.cause != Cause::Stale).map(|failure| Failed {
        component: failure.component.clone(),
        reason: failure.cause.reason().to_owned(),
        message: if failure.cause == Cause::NameConflict { failure.message.clone() } else { failure.to_string() },
        permanent: matches!(failure.cause, Cause::NameConflict | Cause::Refused),
    });
    taken.chain(failed).collect()
}

fn notes(outcome: &Outcome) -> Vec<Note> {
    let corrected = |correction: &crate::cluster::apply::Correction| Note {
        warning: false,
        reason: "DriftCorrected".to_owned(),
        message: format!(
            "put back {} {}, changed by {}",
            correction.kind.row().name,
            correction.name,
            correction.by.as_deref().unwrap_or("somebody")
        ),
    };
    outcome.corrections.iter().map(corrected).collect()
}

fn next(outcome: &Outcome) -> Next {
    match outcome.failures.iter().all(|Failure { cause, .. }| *cause == Cause::Stale) {
        true if outcome.failures.is_empty() => Next::Event,
        true => Next::Soon,
        false => Next::Backoff,
    }
}

/// Writes the status if it differs, and tells of transitions.
async fn report(
    context: &Context,
    key: &Key,
    root: &Root,
    previous: &StackStatus,
    status: StackStatus,
    mut notes: Vec<Note>,
    next: Next,
) -> Next {
    if status != *previous {
        match context.cluster.report(key, root, &status).await {
            Ok(()) => {
                debug!(stack = %key, "status written");
                notes.extend(transition(previous, &status));
            }
            Err(error) if matches!(error.code(), Some(404 | 409)) => return Next::Event, // The stack is gone or another.
            Err(error) => {
                warn!(stack = %key, %error, "the status cannot be written; trying again");
                return Next::Backoff;
            }
        }
    }
    for note in &notes {
        info!(stack = %key, reason = note.reason, "{}", note.message);
        context.events.publish(key, &root.uid, note).await;
    }
    next
}

/// A note when `Ready` changes its status or reason.
fn transition(previous: &StackStatus, status: &StackStatus) -> Option<Note> {
    let ready = |status: &StackStatus| {
        status
            .conditions
            .iter()
            .find(|condition| condition.type_ == "Ready")
            .map(|condition| (condition.status.clone(), condition.reason.clone(), condition.message.clone()))
    };
    let (on, reason, message) = ready(status)?;
    let same = ready(previous).is_some_and(|before| (before.0, before.1) == (on.clone(), reason.clone()));
    let calm = on == "True" || matches!(reason.as_str(), "Progressing" | "Blocked");
    (!same).then_some(Note { warning: !calm, reason, message })
}

/// How long to wait after so many failures in a row: 1 s, doubling up to 5 minutes.
pub fn backoff(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.saturating_sub(1).min(9)).min(Duration::from_mins(5))
}
