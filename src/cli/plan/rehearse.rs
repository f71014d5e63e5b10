//! Each foreseen write as a dry run by the API server, and what it would change.
use std::collections::BTreeMap;

use futures::future::join_all;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::super::common::access::{Access, qualified};
use super::super::common::refusal::{Refusal, Right};
use super::diff::{Difference, diff, diff_of_sent};
use super::gather::Gathered;
use super::marks::{self, Mark};
use crate::cluster::{apply, slim};
use crate::desired::{Object, SECRETS};
use crate::foresight::{Act, Step};
use crate::kinds::Row;
use crate::observed::MANAGER;

/// What happens to one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Name of the kind.
    pub kind: &'static str,
    /// Name of the object.
    pub name: String,
    /// Component that it belongs to.
    pub component: String,
    /// Whether it is there now.
    pub is_there: bool,
    /// Whether it is there afterwards.
    pub stays: bool,
    /// Whether it is done at once, or waits for what other changes bring about.
    pub at_once: bool,
    /// The operator's requests, by verb.
    pub requests: Vec<&'static str>,
    /// What differs afterwards.
    pub differences: Vec<Difference>,
    /// What it means for those who use it.
    pub marks: Vec<Mark>,
    /// Why the API server would refuse it.
    pub refused: Option<String>,
    /// Why the API server has not judged it.
    pub unjudged: Option<String>,
}

/// What one write comes to.
#[derive(Default)]
struct Trial {
    differences: Vec<Difference>,
    refused: Option<String>,
    unjudged: Option<String>,
    /// Nothing would be written.
    idle: bool,
}

/// Tries all steps, and puts those of one object together.
pub async fn rehearse(access: &Access, gathered: &Gathered<'_>, steps: &[Step]) -> Vec<Change> {
    let renewed =
        |step: &Step| steps.iter().any(|other| other.act == Act::Renew && (other.kind, &other.name) == (step.kind, &step.name));
    let trials = join_all(steps.iter().map(|step| attempt(access, gathered, step, renewed(step)))).await;
    let mut changes: Vec<Change> = Vec::new();
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (step, trial) in steps.iter().zip(trials).filter(|(_, trial)| !trial.idle) {
        let at = *places.entry((step.kind, &step.name)).or_insert_with(|| {
            changes.push(Change {
                kind: step.kind,
                name: step.name.clone(),
                component: step.component.clone(),
                is_there: is_there(gathered, step),
                at_once: step.round == 0,
                ..Change::default()
            });
            changes.len() - 1
        });
        take_in(&mut changes[at], step, trial);
    }
    for change in &mut changes {
        change.marks = marks::of(change, gathered.live(change.kind, &change.name), steps);
    }
    changes
}

fn take_in(change: &mut Change, step: &Step, trial: Trial) {
    change.requests.push(step.verb());
    change.stays = !matches!(step.act, Act::Delete);
    for difference in trial.differences {
        if !change.differences.iter().any(|known| known.path == difference.path) {
            change.differences.push(difference);
        }
    }
    change.refused = change.refused.take().or(trial.refused);
    change.unjudged = change.unjudged.take().or(trial.unjudged);
}

fn is_there(gathered: &Gathered<'_>, step: &Step) -> bool {
    match step.act {
        Act::MakeSecret => false,
        // Our own Secrets are not listed.
        _ if step.kind == "Secret" => true,
        _ => gathered.live(step.kind, &step.name).is_some(),
    }
}

async fn attempt(access: &Access, gathered: &Gathered<'_>, step: &Step, renewed: bool) -> Trial {
    let live = gathered.live(step.kind, &step.name);
    match &step.act {
        Act::Create(_) if renewed => Trial::default(), // It is in the way of its own successor.
        Act::Create(object) => of_send(access, gathered, object, object.count, None).await,
        Act::Apply { .. } if step.body().is_none() => Trial::default(), // Only what it tells is changed.
        Act::Apply { object, count, .. } => of_send(access, gathered, object, *count, live).await,
        Act::Count { count, .. } => {
            let now = live.map_or(Value::Null, |live| live["spec"]["replicas"].clone());
            told("spec.replicas", now, json!(count))
        }
        Act::Strip { object } => live.map_or_else(Trial::default, |live| of_strip(object, live)),
        Act::Grow(size) => {
            let path = "spec.resources.requests.storage";
            told(path, live.map_or(Value::Null, |live| live["spec"]["resources"]["requests"]["storage"].clone()), json!(size))
        }
        Act::Stamp(_) | Act::Delete | Act::Renew | Act::MakeSecret => Trial::default(),
    }
}

fn told(path: &str, before: Value, after: Value) -> Trial {
    let same = before == after;
    let difference = Difference { path: path.to_owned(), before: (!before.is_null()).then_some(before), after: Some(after) };
    Trial { differences: if same { Vec::new() } else { vec![difference] }, ..Trial::default() }
}

/// What the operator would send, judged by the API server; without that right, compared as it is.
async fn of_send(access: &Access, gathered: &Gathered<'_>, object: &Object, count: Option<i32>, live: Option<&Value>) -> Trial {
    let row = object.kind.row();
    let mut body = object.body.clone();
    if let Some(count) = count {
        body["spec"]["replicas"] = count.into();
    }
    let owner = body["metadata"]["ownerReferences"][0]["uid"].as_str().map(str::to_owned);
    if owner.is_some_and(|uid| uid.is_empty())
        && let Some(metadata) = body["metadata"].as_object_mut()
    {
        metadata.remove("ownerReferences"); // The stack has no UID yet.
    }
    let mut trial = match dry_run(access, row, &object.name, &body).await {
        Ok(after) => Trial { differences: live.map(|live| diff(live, &after)).unwrap_or_default(), ..Trial::default() },
        Err(refusal @ Refusal::Forbidden { .. }) => Trial {
            differences: live.map(|live| diff_of_sent(live, &body)).unwrap_or_default(),
            unjudged: Some(refusal.short()),
            ..Trial::default()
        },
        Err(Refusal::Absent) => {
            Trial { refused: Some(format!("there is no namespace {}", access.namespace)), ..Trial::default() }
        }
        Err(refusal) => Trial { refused: Some(refusal.to_string()), ..Trial::default() },
    };
    if gathered.secrets_unknown && live.is_some() {
        let before = trial.differences.len();
        trial.differences.retain(|difference| !difference.path.ends_with(SECRETS));
        trial.idle = before > 0 && trial.differences.is_empty();
    }
    trial
}

async fn dry_run(access: &Access, row: &Row, name: &str, body: &Value) -> Result<Value, Refusal> {
    let api = Api::<DynamicObject>::namespaced_with(access.client.clone(), &access.namespace, &slim::resource(row));
    let params = PatchParams { dry_run: true, ..PatchParams::apply(MANAGER).force() };
    let right = Right::new("patch", &qualified(row.group, row.plural));
    let patch = Patch::Apply(body);
    let after = access.ask(&right, api.patch(name, &params, &patch)).await?;
    Ok(serde_json::to_value(after).unwrap_or_default())
}

/// What others have added and the operator removes. What are defaults of the API server stays, and nothing is written.
fn of_strip(object: &Object, live: &Value) -> Trial {
    let read: Option<DynamicObject> = serde_json::from_value(live.clone()).ok();
    let Some(operations) = read.and_then(|live| apply::removals(object, &live)) else {
        return Trial { idle: true, ..Trial::default() };
    };
    let mut after = live.clone();
    let patch: json_patch::Patch = serde_json::from_value(operations).unwrap_or_default();
    match json_patch::patch(&mut after, &patch) {
        Ok(()) => Trial { differences: diff(live, &after), ..Trial::default() },
        Err(_) => Trial { idle: true, ..Trial::default() },
    }
}
