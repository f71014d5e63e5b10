//! The revisions of a stack that are recorded, as commands read them: what came of each, when, and what it consists of.
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use serde_json::Value;

use super::access::{Access, name_of};
use super::next;
use super::refusal::Right;
use crate::api::{RETRY, StackSpec};
use crate::desired::meta;
use crate::model::revision::{Outcome, Part};
use crate::model::{self, Record, did_you_mean};
use crate::observed::{MANAGER, record_of};

/// A revision whose outcome is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its name.
    pub name: String,
    /// What is told of it.
    pub record: Record,
    /// When that was recorded.
    pub at: Option<Timestamp>,
    /// What it consists of; none where this program cannot read it.
    pub part: Option<Part>,
}

/// What a stack asks for now.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Name of the revision.
    pub name: String,
    /// What it consists of.
    pub part: Part,
    /// The whole spec.
    pub spec: StackSpec,
    /// Its annotation for retries.
    retry: String,
}

/// The recorded revisions of a stack, the latest first.
///
/// # Errors
/// When they may not be listed.
pub async fn read(access: &Access, stack: &Value) -> Result<Vec<Recorded>, String> {
    let namespace = stack["metadata"]["namespace"].as_str().unwrap_or(&access.namespace);
    let access = access.within(namespace);
    let params = ListParams::default().labels(&format!("{}={}", meta::STACK, name_of(stack)));
    let right = Right::new("list", "controllerrevisions.apps");
    let found =
        access.ask(&right, access.api::<ControllerRevision>().list(&params)).await.map_err(|refusal| refusal.to_string())?;
    Ok(of(stack, found.items))
}

/// Those of these objects that are records of a stack, the latest first.
pub fn of(stack: &Value, objects: Vec<ControllerRevision>) -> Vec<Recorded> {
    let uid = stack["metadata"]["uid"].as_str();
    let is_ours = |object: &ControllerRevision| {
        let owners = object.metadata.owner_references.iter().flatten();
        owners.clone().any(|owner| owner.controller == Some(true) && Some(owner.uid.as_str()) == uid)
    };
    let mut recorded: Vec<Recorded> =
        objects.into_iter().filter(is_ours).map(|object| recorded(name_of(stack), object)).collect();
    recorded.sort_by_key(|one| std::cmp::Reverse(one.record.number));
    recorded
}

fn recorded(stack: &str, object: ControllerRevision) -> Recorded {
    let name = object.metadata.name.unwrap_or_default();
    // What is told of a record may change later than its birth.
    let entries = object.metadata.managed_fields.iter().flatten();
    let written = entries.filter(|entry| entry.manager.as_deref() == Some(MANAGER)).filter_map(|entry| entry.time.as_ref()).max();
    let part: Option<Part> = object.data.and_then(|data| serde_json::from_value(data.0).ok());
    Recorded {
        part: part.filter(|part| part.clone().revision(stack).name == name),
        at: written.or(object.metadata.creation_timestamp.as_ref()).map(|time| time.0),
        record: record_of(&object.metadata.annotations.unwrap_or_default()),
        name,
    }
}

/// What a stack asks for.
///
/// # Errors
/// When its spec cannot be read.
pub fn asked(stack: &Value) -> Result<Asked, String> {
    let spec: StackSpec = serde_json::from_value(stack["spec"].clone())
        .map_err(|error| format!("the spec of {} cannot be read by this version of mstack: {error}", name_of(stack)))?;
    let part = Part::of(&model::active(&spec));
    let retry = stack["metadata"]["annotations"][RETRY].as_str().unwrap_or_default().to_owned();
    Ok(Asked { name: part.clone().revision(name_of(stack)).name, part, spec, retry })
}

impl Asked {
    /// Whether it has failed, and no retry was asked for since.
    pub fn has_failed(&self, recorded: &[Recorded]) -> bool {
        recorded
            .iter()
            .any(|one| one.name == self.name && one.record.outcome == Outcome::Failed && one.record.retry == self.retry)
    }
}

/// The last good revision of some that are sorted.
pub fn last_good<'a>(recorded: impl IntoIterator<Item = &'a Recorded>) -> Option<&'a Recorded> {
    recorded.into_iter().find(|one| one.record.outcome == Outcome::Good)
}

/// The revision of a name or a number.
///
/// # Errors
/// When there is none, with the one that may be meant.
pub fn find<'a>(recorded: &'a [Recorded], wanted: &str, stack: &Value) -> Result<&'a Recorded, String> {
    recorded.iter().find(|one| one.name == wanted || one.record.number.to_string() == wanted).ok_or_else(|| {
        let names = recorded.iter().map(|one| one.name.as_str());
        let fix = did_you_mean(wanted, names, &format!("`{}` shows those that are kept", next::command("history STACK", stack)));
        format!("there is no revision `{wanted}` of the stack {}; {fix}", name_of(stack))
    })
}
