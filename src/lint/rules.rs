//! The rules of the schema (CEL), judged as the API server does at admission. Rules about the old object are for the API
//! server alone.
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use cel::objects::{Key, Map};
use cel::{Context, Env, Program, Value};
use serde_json::Value as Json;

use super::locate::join;
use super::{Finding, component, unplaced};
use crate::codes::Code;

const RULES: &str = "x-kubernetes-validations";

/// What Kubernetes knows besides the standard library.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let extended = env.add_extension(cel::extensions::strings).is_ok() && env.add_extension(cel::extensions::lists).is_ok();
    debug_assert!(extended, "the extensions do not overlap");
    Arc::new(env)
});

/// Rules that have been read, by their text; none where a rule cannot be read.
static PROGRAMS: LazyLock<Mutex<BTreeMap<String, Option<Arc<Program>>>>> = LazyLock::new(Mutex::default);

/// What the rules refuse. In `broken` components, a rule that cannot be judged is passed over.
pub fn judge(schema: &Json, value: &Json, broken: &[&str]) -> Vec<Finding> {
    let mut found = Vec::new();
    walk(schema, value, "", broken, &mut found);
    found
}

fn walk(schema: &Json, value: &Json, path: &str, broken: &[&str], found: &mut Vec<Finding>) {
    if value.is_null() {
        return;
    }
    if let Some(rules) = schema[RULES].as_array() {
        let this = cel_value(schema, value);
        found.extend(rules.iter().filter_map(|rule| refused(rule, &this, path, broken)));
    }
    match value {
        Json::Object(fields) => {
            for (key, value) in fields {
                let of_map = schema.get("additionalProperties");
                if let Some(schema) = schema["properties"].get(key).or(of_map) {
                    walk(schema, value, &join(path, key), broken, found);
                }
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                walk(&schema["items"], value, &format!("{path}[{index}]"), broken, found);
            }
        }
        _ => {}
    }
}

fn refused(rule: &Json, this: &Value, path: &str, broken: &[&str]) -> Option<Finding> {
    let source = rule["rule"].as_str()?;
    if source.contains("oldSelf") {
        return None;
    }
    let path = format!("{path}{}", rule["fieldPath"].as_str().unwrap_or_default());
    let verdict = program(source).ok_or_else(|| "it cannot be read".to_owned()).and_then(|program| {
        let mut context = Context::with_env(Arc::clone(&ENV));
        context.add_variable_from_value("self", this.clone());
        program.execute(&context).map_err(|error| error.to_string())
    });
    match verdict {
        Ok(Value::Bool(true)) => None,
        Ok(_) => Some(told(rule, &path)),
        Err(_) if !broken.is_empty() && (path.len() < "spec.services.".len() || broken.contains(&component(&path))) => None,
        Err(error) => {
            let reason = format!("the rule `{source}` cannot be judged: {error}");
            Some(unplaced(Code::RuleUnjudged, &path, reason, "give the values that it speaks of"))
        }
    }
}

/// The message of a rule: what and why, then after the last semicolon what to do.
fn told(rule: &Json, path: &str) -> Finding {
    let message = rule["message"].as_str().or(rule["rule"].as_str()).unwrap_or_default();
    let (words, code) = Code::split(message);
    let (reason, fix) = words.rsplit_once("; ").unwrap_or((words, ""));
    unplaced(code.unwrap_or(Code::RuleUnjudged), path, reason, fix)
}

fn program(source: &str) -> Option<Arc<Program>> {
    let mut programs = PROGRAMS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(program) = programs.get(source) {
        return program.clone();
    }
    let program = ENV.compile(source).ok().map(Arc::new);
    programs.insert(source.to_owned(), program.clone());
    program
}

/// The value as a rule sees it: what is null and may be, is absent.
fn cel_value(schema: &Json, value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or_default()), Value::Int),
        Json::String(text) => Value::String(Arc::new(text.clone())),
        Json::Array(items) => Value::List(Arc::new(items.iter().map(|item| cel_value(&schema["items"], item)).collect())),
        Json::Object(fields) => {
            let inner = |key: &str| schema["properties"].get(key).or(schema.get("additionalProperties")).unwrap_or(&Json::Null);
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            let entries = given.map(|(key, value)| (Key::String(Arc::new(key.clone())), cel_value(inner(key), value)));
            Value::Map(Map::from(entries.collect::<HashMap<Key, Value>>()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::SCHEMA;

    /// All rules of a schema, at whatever depth.
    fn all(schema: &Json) -> Vec<&Json> {
        match schema {
            Json::Object(fields) => {
                let own = fields.get(RULES).and_then(Json::as_array).into_iter().flatten();
                own.chain(fields.values().flat_map(all)).collect()
            }
            Json::Array(items) => items.iter().flat_map(all).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_rule_of_the_schema_can_be_read_and_has_a_message_with_a_code() {
        let rules = all(&SCHEMA);
        assert!(rules.len() >= 20, "only {} rules", rules.len());
        for rule in rules {
            let (source, message) = (rule["rule"].as_str().unwrap(), rule["message"].as_str().unwrap_or_default());
            assert!(program(source).is_some(), "{source}");
            assert!(Code::split(message).1.is_some(), "{message}");
        }
    }
}
