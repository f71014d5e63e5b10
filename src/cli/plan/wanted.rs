//! What a stack is going to be once its file is applied, as `kubectl apply` would: the fields of the file are set, those that
//! it had when it was last applied and has no more are removed, and what others have set stays.
use kube::api::{Api, DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Map, Value};

use super::super::common::access::{Access, STACKS};
use super::super::common::refusal::{Refusal, Right};
use super::super::common::stacks;
use crate::api::MicroserviceStack;
use crate::cluster::slim;

/// A stack as it is going to be.
#[derive(Debug)]
pub struct Wanted {
    /// The stack.
    pub object: MicroserviceStack,
    /// What is there of it.
    pub live: Option<Value>,
    /// Whether it is not there yet.
    pub is_new: bool,
    /// What the user should know.
    pub notes: Vec<String>,
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Who applies, where nothing else is said.
const KUBECTL: &str = "kubectl";

/// A stack that is not changed.
///
/// # Errors
/// When its spec cannot be read.
pub fn as_it_is(live: Value) -> Result<Wanted, String> {
    Ok(Wanted { object: stacks::live(live.clone())?, live: Some(live), is_new: false, notes: Vec::new() })
}

/// A stack after its file is applied; the API server judges it, where the user may write it.
///
/// # Errors
/// When the API server refuses it.
pub async fn applied(access: &Access, file: MicroserviceStack, server_side: bool) -> Result<Wanted, String> {
    let name = file.metadata.name.clone().unwrap_or_default();
    let api = Api::<DynamicObject>::namespaced_with(access.client.clone(), &access.namespace, &slim::stacks());
    let live = access.ask(&Right::new("get", STACKS), api.get_opt(&name)).await.map_err(|refusal| refusal.to_string())?;
    let live = live.map(|live| serde_json::to_value(live).unwrap_or_default());
    let mut file = serde_json::to_value(file).map_err(|error| error.to_string())?;
    file["metadata"]["namespace"] = access.namespace.as_str().into();
    keep_annotations(&mut file);
    let (answer, local) = match &live {
        None => (create(access, &api, &file).await, file),
        Some(live) if server_side => (merge(access, &api, &name, &Patch::Apply(&file)).await, merged(live, &file)),
        Some(live) => {
            let patch = patch(&last_applied(live), &file, live);
            let mut local = live.clone();
            json_patch::merge(&mut local, &patch);
            (merge(access, &api, &name, &Patch::Merge(&patch)).await, local)
        }
    };
    let mut notes = Vec::new();
    let object = match answer {
        Ok(object) => object,
        Err(refusal @ Refusal::Forbidden { .. }) => {
            notes.push(format!("the API server has not judged the stack itself: {}", refusal.short()));
            local
        }
        Err(refusal) => return Err(format!("{name}: {refusal}")),
    };
    let is_new = live.is_none();
    let mut object = stacks::live(object)?;
    if is_new {
        object.metadata.uid = None; // That of a dry run is nobody's.
    }
    Ok(Wanted { object, live, is_new, notes })
}

async fn create(access: &Access, api: &Api<DynamicObject>, file: &Value) -> Result<Value, Refusal> {
    let object: DynamicObject = serde_json::from_value(file.clone()).map_err(|error| Refusal::Other(error.to_string()))?;
    let params = PostParams { dry_run: true, ..PostParams::default() };
    let made = access.ask(&Right::new("create", STACKS), api.create(&params, &object)).await;
    match made {
        Err(Refusal::Absent) => Err(Refusal::Other(format!("there is no namespace {}; create it first", access.namespace))),
        made => Ok(serde_json::to_value(made?).unwrap_or_default()),
    }
}

async fn merge(access: &Access, api: &Api<DynamicObject>, name: &str, patch: &Patch<&Value>) -> Result<Value, Refusal> {
    let params = PatchParams { dry_run: true, field_manager: Some(KUBECTL.to_owned()), ..PatchParams::default() };
    let merged = access.ask(&Right::new("patch", STACKS), api.patch(name, &params, patch)).await?;
    Ok(serde_json::to_value(merged).unwrap_or_default())
}

/// kubectl writes an annotation of its own, so a file without annotations takes none away but those that it had.
fn keep_annotations(file: &mut Value) {
    let annotations = &mut file["metadata"]["annotations"];
    if annotations.is_null() {
        *annotations = Value::Object(Map::new());
    }
}

fn merged(live: &Value, file: &Value) -> Value {
    let mut merged = live.clone();
    json_patch::merge(&mut merged, file);
    merged
}

fn last_applied(live: &Value) -> Value {
    let text = live["metadata"]["annotations"][LAST_APPLIED].as_str();
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The merge patch of three: what the file sets, and what it had before and has no more.
pub fn patch(before: &Value, file: &Value, live: &Value) -> Value {
    let empty = Map::new();
    let fields = |value: &'_ Value| value.as_object().cloned().unwrap_or_default();
    let (before, live) = (fields(before), fields(live));
    let mut patch = Map::new();
    let file = file.as_object().unwrap_or(&empty);
    for (key, value) in file {
        match live.get(key) {
            Some(there) if there == value => {}
            Some(there @ Value::Object(_)) if value.is_object() => {
                let below = self::patch(before.get(key).unwrap_or(&Value::Null), value, there);
                if below.as_object().is_some_and(|below| !below.is_empty()) {
                    patch.insert(key.clone(), below);
                }
            }
            _ => drop(patch.insert(key.clone(), value.clone())),
        }
    }
    for key in before.keys().filter(|key| !file.contains_key(*key) && live.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_file_had_and_has_no_more_goes_and_what_others_set_stays() {
        let before = json!({"spec": {"services": {"web": {"image": "web:1"}, "old": {"image": "old:1"}}}});
        let live = json!({"spec": {"services": {"web": {"image": "web:1", "replicas": 5}, "old": {"image": "old:1"}, "other": {"image": "o"}}}});
        let file = json!({"spec": {"services": {"web": {"image": "web:2"}}}});
        assert_eq!(patch(&before, &file, &live), json!({"spec": {"services": {"web": {"image": "web:2"}, "old": null}}}));
    }

    #[test]
    fn annotations_of_others_stay_though_kubectl_remembers_an_empty_map_of_them() {
        let before = json!({"metadata": {"name": "shop", "annotations": {"own": "1"}}});
        let live = json!({"metadata": {"name": "shop", "annotations": {"own": "1", "microservicestack.dev/restarted-at": "{}"}}});
        let mut file = json!({"metadata": {"name": "shop"}});
        keep_annotations(&mut file);
        assert_eq!(patch(&before, &file, &live), json!({"metadata": {"annotations": {"own": null}}}));
        assert_eq!(patch(&json!({"metadata": {"annotations": {}}}), &file, &live), json!({}));
    }

    #[test]
    fn lists_are_replaced_whole_and_what_is_the_same_is_not_sent() {
        let live = json!({"spec": {"profiles": ["a"], "config": {"A": "1"}}});
        assert_eq!(
            patch(&Value::Null, &json!({"spec": {"profiles": ["b"], "config": {"A": "1"}}}), &live),
            json!({"spec": {"profiles": ["b"]}})
        );
        assert_eq!(patch(&live, &live, &live), json!({}));
    }
}
