//! The schema for editors: JSON Schema, draft 7, with what Kubernetes says in its own words put into general ones.
use serde_json::{Map, Value, json};

use super::SCHEMA;

const KUBERNETES: &str = "x-kubernetes-";

/// The schema of a stack for editors.
pub fn schema() -> Value {
    let mut schema = general(&SCHEMA);
    if let Some(fields) = schema["properties"].as_object_mut() {
        // Nobody writes it.
        fields.remove("status");
    }
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "MicroserviceStack".into();
    schema["required"] = json!(["apiVersion", "kind", "metadata", "spec"]);
    schema
}

fn general(schema: &Value) -> Value {
    let Some(given) = schema.as_object() else { return schema.clone() };
    let mut made = Map::new();
    for (key, value) in given.iter().filter(|(key, _)| !key.starts_with(KUBERNETES) && *key != "nullable" && *key != "format") {
        let value = match (key.as_str(), value) {
            ("properties", Value::Object(fields)) => {
                fields.iter().map(|(name, field)| (name.clone(), general(field))).collect::<Map<_, _>>().into()
            }
            ("items" | "additionalProperties", inner) => general(inner),
            (_, value) => value.clone(),
        };
        made.insert(key.clone(), value);
    }
    if given.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
        made.insert("type".to_owned(), json!(["integer", "string"]));
    }
    let closed = made.contains_key("properties") && !made.contains_key("additionalProperties");
    if closed && given.get("x-kubernetes-preserve-unknown-fields") != Some(&json!(true)) {
        made.insert("additionalProperties".to_owned(), false.into());
    }
    if given.get("nullable") == Some(&json!(true)) && !made.contains_key("enum") {
        let mut types = match made.get("type") {
            Some(Value::Array(types)) => types.clone(),
            Some(one) => vec![one.clone()],
            None => return Value::Object(made),
        };
        types.push("null".into());
        made.insert("type".to_owned(), types.into());
    }
    Value::Object(made)
}
