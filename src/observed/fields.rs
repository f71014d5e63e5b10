//! Walks of managed fields (`fieldsV1`): whether all that is sent is still ours, and what others have put beside it.
//! The format names list keys itself (`k:{...}`, `v:...`, empty: atomic), so no schema is needed.
//! Source: structured-merge-diff, and <https://kubernetes.io/docs/reference/using-api/server-side-apply/>.
use serde_json::{Map, Value};

/// A path of fields in the words of `fieldsV1`, such as `["f:spec", "f:ports", "k:{\"port\":80}"]`.
pub type FieldPath = Vec<String>;

/// Whether every leaf of `sent` is in `entry`, an Apply entry's `fieldsV1`. `apiVersion`, `kind` and the identifying
/// metadata are not owned fields and do not count.
pub fn covers(entry: &Value, sent: &Value) -> bool {
    let (Some(entry), Some(sent)) = (entry.as_object(), sent.as_object()) else { return false };
    sent.iter().all(|(key, value)| match key.as_str() {
        "apiVersion" | "kind" => true,
        "metadata" => covers_metadata(entry, value),
        _ => covers_field(entry, key, value),
    })
}

fn covers_metadata(entry: &Map<String, Value>, metadata: &Value) -> bool {
    let Some(metadata) = metadata.as_object() else { return true };
    metadata.iter().filter(|(key, _)| !matches!(key.as_str(), "name" | "namespace")).all(|(key, value)| {
        entry.get("f:metadata").and_then(Value::as_object).is_some_and(|owned| covers_field(owned, key, value))
    })
}

fn covers_field(owned: &Map<String, Value>, key: &str, value: &Value) -> bool {
    owned.get(&format!("f:{key}")).and_then(Value::as_object).is_some_and(|below| covers_value(below, value))
}

fn covers_value(owned: &Map<String, Value>, value: &Value) -> bool {
    if owned.is_empty() {
        return true; // A leaf, or an atomic list or map: owned whole.
    }
    match value {
        Value::Object(fields) => fields.iter().all(|(key, value)| covers_field(owned, key, value)),
        Value::Array(items) => items.iter().all(|item| covers_item(owned, item)),
        _ => true,
    }
}

fn covers_item(owned: &Map<String, Value>, item: &Value) -> bool {
    owned.iter().any(|(key, below)| {
        let Some(below) = below.as_object() else { return false };
        if let Some(text) = key.strip_prefix("v:") {
            return serde_json::from_str::<Value>(text).is_ok_and(|value| value == *item);
        }
        key.strip_prefix("k:").and_then(keys).is_some_and(|keys| is_keyed(item, &keys) && covers_value(below, item))
    })
}

fn keys(text: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(text).ok()
}

/// Whether an item has these keys. A key that the item leaves out has a default (`protocol: TCP`), which the server filled in.
fn is_keyed(item: &Value, keys: &Map<String, Value>) -> bool {
    keys.iter().all(|(key, value)| item.get(key).is_none_or(|own| own == value))
}

/// Whether an entry has anything below a path of plain field names.
pub fn reaches(entry: &Value, path: &[&str]) -> bool {
    let mut at = entry;
    for name in path {
        match at.get(format!("f:{name}")) {
            Some(below) => at = below,
            None => return false,
        }
    }
    true
}

/// The leaf paths of `foreign` below `strict` that `ours` does not own: what somebody else has added.
pub fn added(foreign: &Value, ours: &Value, strict: &[&str]) -> Vec<FieldPath> {
    let (mut foreign, mut ours, mut path) = (foreign, Some(ours), FieldPath::new());
    for name in strict {
        let key = format!("f:{name}");
        let Some(below) = foreign.get(&key) else { return Vec::new() };
        foreign = below;
        ours = ours.and_then(|ours| ours.get(&key));
        path.push(key);
    }
    let mut found = Vec::new();
    collect(foreign, ours, &mut path, &mut found);
    found
}

fn collect(foreign: &Value, ours: Option<&Value>, path: &mut FieldPath, found: &mut Vec<FieldPath>) {
    for (key, below) in foreign.as_object().into_iter().flatten().filter(|(key, _)| *key != ".") {
        let own = ours.and_then(|ours| ours.get(key));
        path.push(key.clone());
        match own {
            None => found.push(path.clone()),
            Some(_) => collect(below, own, path, found),
        }
        path.pop();
    }
}

/// The JSON pointer of a field path in a live object; none where the object has no such field.
pub fn pointer(object: &Value, path: &[String]) -> Option<String> {
    let mut at = object;
    let mut pointer = String::new();
    for step in path {
        let (token, below) = resolve(at, step)?;
        pointer.push('/');
        pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
        at = below;
    }
    Some(pointer)
}

fn resolve<'a>(at: &'a Value, step: &str) -> Option<(String, &'a Value)> {
    if let Some(name) = step.strip_prefix("f:") {
        return Some((name.to_owned(), at.get(name)?));
    }
    let items = at.as_array()?;
    let index = if let Some(text) = step.strip_prefix("v:") {
        let value: Value = serde_json::from_str(text).ok()?;
        items.iter().position(|item| *item == value)?
    } else {
        let keys = keys(step.strip_prefix("k:")?)?;
        items.iter().position(|item| keys.iter().all(|(key, value)| item.get(key) == Some(value)))?
    };
    Some((index.to_string(), &items[index]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent() -> Value {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "api", "namespace": "shop", "labels": {"a": "b"}},
            "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [
                {"name": "api", "image": "api:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "1"}]}]}}}})
    }

    fn entry() -> Value {
        json!({"f:metadata": {"f:labels": {"f:a": {}}},
            "f:spec": {"f:selector": {}, "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"api\"}": {
                ".": {}, "f:name": {}, "f:image": {},
                "f:ports": {"k:{\"containerPort\":80,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}},
                "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}}})
    }

    #[test]
    fn an_entry_with_every_path_that_is_sent_is_intact() {
        assert!(covers(&entry(), &sent()));
    }

    #[test]
    fn a_value_that_somebody_took_over_is_drift() {
        let mut taken = entry();
        taken["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"api\"}"]
            .as_object_mut()
            .unwrap()
            .remove("f:image");
        assert!(!covers(&taken, &sent()));
    }

    #[test]
    fn a_list_item_that_somebody_removed_is_drift() {
        let mut removed = entry();
        removed["f:spec"]["f:template"]["f:spec"]["f:containers"]["k:{\"name\":\"api\"}"]["f:env"] =
            json!({"k:{\"name\":\"B\"}": {}});
        assert!(!covers(&removed, &sent()));
    }

    #[test]
    fn an_entry_that_somebody_added_is_found_with_its_pointer() {
        let foreign = json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"api\"}": {
            "f:env": {"k:{\"name\":\"EVIL\"}": {".": {}, "f:name": {}, "f:value": {}}}}}}}}});
        let live =
            json!({"spec": {"template": {"spec": {"containers": [{"name": "api", "env": [{"name": "A"}, {"name": "EVIL"}]}]}}}});
        let paths = added(&foreign, &entry(), &["spec", "template"]);
        let pointers: Vec<_> = paths.iter().map(|path| pointer(&live, path)).collect();
        assert_eq!(pointers, [Some("/spec/template/spec/containers/0/env/1".to_owned())]);
    }
}
