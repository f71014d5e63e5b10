//! What differs between two objects, as paths that people read: items of lists are called by their names. Pure.
use serde_json::Value;

use crate::desired::object::DESIRED;

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Such as `spec.template.spec.containers[api].image`.
    pub path: String,
    /// What is there; none where nothing is.
    pub before: Option<Value>,
    /// What is going to be there; none where it goes.
    pub after: Option<Value>,
}

/// Fields that tell items of a list apart, as server-side apply does; the first that all have.
const KEYS: [&str; 6] = ["name", "mountPath", "containerPort", "port", "topologyKey", "type"];
/// What the API server keeps for itself.
const OWN: [&str; 6] = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"];

/// All differences, in the order of their paths.
pub fn diff(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", before, after, &mut found);
    found
}

/// The differences in what is sent alone: what else is there, or may be filled in, is not judged.
pub fn diff_of_sent(live: &Value, sent: &Value) -> Vec<Difference> {
    let mut found = diff(live, sent);
    found.retain(|difference| difference.after.is_some());
    found
}

fn compare(path: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys.into_iter().filter(|key| is_told(path, key)) {
                one(&below(path, key), old.get(key), new.get(key), found);
            }
        }
        (Value::Array(old), Value::Array(new)) if key(old, new).is_some() => {
            let name = key(old, new).unwrap_or_default();
            let find = |items: &[Value], wanted: &Value| items.iter().find(|item| item[name] == *wanted).cloned();
            for item in old {
                one(&item_path(path, &item[name]), Some(item), find(new, &item[name]).as_ref(), found);
            }
            for item in new.iter().filter(|item| find(old, &item[name]).is_none()) {
                one(&item_path(path, &item[name]), None, Some(item), found);
            }
        }
        _ => one(path, Some(before), Some(after), found),
    }
}

fn one(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<Difference>) {
    match (before, after) {
        (Some(old), Some(new)) if old == new => {}
        (Some(old @ Value::Object(_)), Some(new @ Value::Object(_))) => compare(path, old, new, found),
        (Some(Value::Array(old)), Some(Value::Array(new))) if key(old, new).is_some() => {
            compare(path, &Value::Array(old.clone()), &Value::Array(new.clone()), found);
        }
        _ => found.push(Difference { path: path.to_owned(), before: before.cloned(), after: after.cloned() }),
    }
}

fn is_told(path: &str, key: &str) -> bool {
    match path {
        "" => key != "status",
        "metadata" => !OWN.contains(&key),
        "metadata.annotations" => key != DESIRED,
        _ => true,
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn item_path(path: &str, name: &Value) -> String {
    format!("{path}[{}]", name.as_str().map_or_else(|| name.to_string(), str::to_owned))
}

/// The field that tells the items of both lists apart.
fn key(old: &[Value], new: &[Value]) -> Option<&'static str> {
    let tells = |name: &&str| {
        let unique = |items: &[Value]| {
            items
                .iter()
                .enumerate()
                .all(|(at, item)| !item[*name].is_null() && items[..at].iter().all(|other| other[*name] != item[*name]))
        };
        unique(old) && unique(new)
    };
    if old.is_empty() && new.is_empty() { None } else { KEYS.into_iter().find(tells) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(before: &Value, after: &Value) -> Vec<String> {
        diff(before, after).into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn items_of_lists_are_called_by_their_names_wherever_they_stand() {
        let before = json!({"spec": {"containers": [{"name": "a", "image": "a:1"}, {"name": "b", "image": "b:1"}]}});
        let after = json!({"spec": {"containers": [{"name": "b", "image": "b:2"}, {"name": "a", "image": "a:1"}]}});
        assert_eq!(paths(&before, &after), ["spec.containers[b].image"]);
    }

    #[test]
    fn what_comes_and_goes_is_told_whole() {
        let before = json!({"spec": {"env": [{"name": "A", "value": "1"}], "args": ["x"]}});
        let after = json!({"spec": {"env": [{"name": "B", "value": "1"}], "args": ["x", "y"]}});
        assert_eq!(paths(&before, &after), ["spec.args", "spec.env[A]", "spec.env[B]"]);
    }

    #[test]
    fn what_the_api_server_keeps_for_itself_is_no_difference() {
        let before =
            json!({"metadata": {"resourceVersion": "1", "generation": 1, "annotations": {DESIRED: "a"}}, "status": {"ready": 1}});
        let after = json!({"metadata": {"resourceVersion": "2", "generation": 2, "annotations": {DESIRED: "b"}}});
        assert_eq!(paths(&before, &after), Vec::<String>::new());
    }

    #[test]
    fn without_the_api_server_only_what_is_sent_is_judged() {
        let live = json!({"spec": {"image": "a:1", "policy": "Default"}});
        let told = diff_of_sent(&live, &json!({"spec": {"image": "a:2"}}));
        assert_eq!(told.iter().map(|difference| difference.path.as_str()).collect::<Vec<_>>(), ["spec.image"]);
    }
}
