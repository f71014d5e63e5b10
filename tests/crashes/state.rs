//! What a stack has made, in a form in which two lives can be compared: nothing that is the API server's choice or chance.
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use mstack::cluster::slim;
use mstack::desired::meta::{DATA_IDENTITY, STACK};
use mstack::kinds::{KINDS, Kind};
use serde_json::{Value, json};

/// Objects by kind and name.
pub type State = BTreeMap<String, Value>;

/// Everything that carries the label of a stack, but what Kubernetes makes of it.
pub async fn of(client: &Client, namespace: &str) -> State {
    let mut objects = Vec::new();
    for (kind, resource) in resources() {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
        let list = api.list(&ListParams::default().labels(STACK)).await.unwrap();
        objects.extend(list.items.iter().map(|object| (kind.clone(), serde_json::to_value(object).unwrap())));
    }
    let chance = chance(namespace, &objects);
    let key = |kind: &str, object: &Value| format!("{kind}/{}", object["metadata"]["name"].as_str().unwrap_or_default());
    objects.iter().map(|(kind, object)| (key(kind, object), without(&chance, &comparable(kind, object)))).collect()
}

/// The versions of all that a stack has or looks at, and whether something of it is ending.
pub async fn versions(client: &Client, namespace: &str) -> (BTreeMap<String, String>, bool) {
    let (mut versions, mut ends) = (BTreeMap::new(), false);
    for row in &KINDS {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &slim::resource(row));
        for object in api.list_metadata(&ListParams::default().labels(STACK)).await.unwrap().items {
            ends |= object.metadata.deletion_timestamp.is_some();
            let (name, version) =
                (object.metadata.name.unwrap_or_default(), object.metadata.resource_version.unwrap_or_default());
            versions.insert(format!("{}/{name}", row.name), version);
        }
    }
    (versions, ends)
}

/// UIDs of data and fingerprints of Secrets by kind and name: what must never be another one.
pub async fn data(client: &Client, namespace: &str, component: &str) -> BTreeMap<String, Value> {
    let mut data = BTreeMap::new();
    for (kind, resource) in resources().filter(|(kind, _)| matches!(kind.as_str(), "Secret" | "PersistentVolumeClaim")) {
        let api = Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource);
        let selector = format!("microservicestack.dev/component={component}");
        for object in api.list(&ListParams::default().labels(&selector)).await.unwrap().items {
            let object = serde_json::to_value(object).unwrap();
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            data.insert(format!("{kind}/{name}"), json!([object["metadata"]["uid"], object["data"]]));
        }
    }
    data
}

fn resources() -> impl Iterator<Item = (String, ApiResource)> {
    // What a stack remembers of its past differs with what it has been through.
    let is_memory = |name: &str| name == "ControllerRevision";
    let made = KINDS.iter().filter(|row| row.managed || row.kind == Kind::PersistentVolumeClaim);
    let made = made.filter(move |row| !is_memory(row.name));
    let kinds = made.map(|row| (row.name.to_owned(), slim::resource(row)));
    kinds.chain([("Secret".to_owned(), ApiResource::erase::<Secret>(&()))])
}

/// What differs between two lives by chance, and what stands in its place.
fn chance(namespace: &str, objects: &[(String, Value)]) -> Vec<(String, &'static str)> {
    let identities = objects.iter().filter_map(|(_, object)| object["metadata"]["labels"][DATA_IDENTITY].as_str());
    let identities = identities.map(|identity| (identity.to_owned(), "<identity>"));
    identities.chain([(namespace.to_owned(), "<namespace>")]).collect()
}

fn without(chance: &[(String, &'static str)], object: &Value) -> Value {
    let replace = |text: String, (from, to): &(String, &str)| text.replace(from.as_str(), to);
    serde_json::from_str(&chance.iter().fold(object.to_string(), replace)).unwrap()
}

fn comparable(kind: &str, object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut annotations = metadata["annotations"].clone();
    if let Some(annotations) = annotations.as_object_mut() {
        // The digest is of the owner's UID too; where a volume lies is the scheduler's choice.
        annotations.retain(|name, _| name != "microservicestack.dev/desired" && !name.starts_with("volume.kubernetes.io/"));
    }
    let owners: Vec<Value> =
        metadata["ownerReferences"].as_array().into_iter().flatten().map(|owner| json!([owner["kind"], owner["name"]])).collect();
    let mut object = object.clone();
    let content = object.as_object_mut().unwrap();
    let managers = managers(&content["metadata"]["managedFields"]);
    content.retain(|field, _| !matches!(field.as_str(), "metadata" | "status"));
    if kind == "Secret" {
        let keys = object_keys(content.get("data"));
        content.insert("data".to_owned(), keys.into());
    }
    if let Some(spec) = content.get_mut("spec").and_then(Value::as_object_mut) {
        spec.retain(|field, _| !matches!(field.as_str(), "clusterIP" | "clusterIPs" | "volumeName"));
    }
    content.insert(
        "metadata".to_owned(),
        json!({
            "labels": metadata["labels"], "annotations": annotations, "finalizers": metadata["finalizers"], "owners": owners,
            "deleting": metadata["deletionTimestamp"].is_string(), "managers": managers,
        }),
    );
    object
}

fn object_keys(object: Option<&Value>) -> Vec<String> {
    object.and_then(Value::as_object).map(|object| object.keys().cloned().collect()).unwrap_or_default()
}

/// Our own managers of an object.
fn managers(entries: &Value) -> Vec<String> {
    let names = entries.as_array().into_iter().flatten().filter_map(|entry| {
        let manager = entry["manager"].as_str()?;
        manager.starts_with("mstack").then(|| format!("{manager} {}", entry["operation"].as_str().unwrap_or_default()))
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// What differs between two states, as lines.
pub fn difference(expected: &State, seen: &State) -> String {
    let keys: std::collections::BTreeSet<&String> = expected.keys().chain(seen.keys()).collect();
    let mut lines = Vec::new();
    for key in keys {
        match (expected.get(key), seen.get(key)) {
            (Some(_), None) => lines.push(format!("{key} is missing")),
            (None, Some(_)) => lines.push(format!("{key} is not expected")),
            (Some(expected), Some(seen)) => differences(key, expected, seen, &mut lines),
            (None, None) => {}
        }
    }
    lines.join("\n")
}

fn differences(path: &str, expected: &Value, seen: &Value, lines: &mut Vec<String>) {
    match (expected, seen) {
        (Value::Object(left), Value::Object(right)) => {
            let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for key in keys {
                differences(&format!("{path}.{key}"), &expected[key], &seen[key], lines);
            }
        }
        _ if expected == seen => {}
        _ => lines.push(format!("{path} is {seen}, and not {expected}")),
    }
}
