//! The shape of a stack, judged by the schema as the API server does under strict validation.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde_json::{Map, Value as Json, json};

use super::elsewhere::instead_of;
use super::locate::join;
use super::{Finding, unplaced};
use crate::api::QUANTITY;
use crate::codes::Code;
use crate::model::did_you_mean;
use crate::yaml::{Entry, Node, Value};

/// What the schema says to a stack.
pub struct Shape {
    /// What it refuses.
    pub findings: Vec<Finding>,
    /// The stack without what is refused: what has the wrong type or is missing is filled in with something harmless.
    pub value: Json,
    /// Paths of what is filled in.
    pub broken: Vec<String>,
}

/// Judges an object.
pub fn judge(schema: &Json, root: &Node) -> Shape {
    let mut walk = Walk { findings: Vec::new(), broken: Vec::new() };
    let mut value = walk.value(schema, root, "");
    if value["metadata"]["name"].is_null() && value["metadata"]["generateName"].is_null() {
        walk.missing("metadata.name", &json!({ "description": "the name of the stack" }));
        value["metadata"]["name"] = walk.filled(&json!({ "type": "string" }), "metadata.name");
    }
    Shape { findings: walk.findings, value, broken: walk.broken }
}

struct Walk {
    findings: Vec<Finding>,
    broken: Vec<String>,
}

impl Walk {
    fn add(&mut self, code: Code, path: &str, reason: impl Into<String>, fix: impl AsRef<str>) {
        self.findings.push(unplaced(code, path, reason, fix.as_ref()));
    }

    /// Judges a value, and gives it with what is harmless in place of what is refused.
    fn value(&mut self, schema: &Json, node: &Node, path: &str) -> Json {
        if node.value == Value::Null && schema["nullable"] == true {
            if schema["enum"].is_array() {
                self.add(Code::NotAllowed, path, "no value is given", "write one, or remove the key");
            }
            return Json::Null;
        }
        if !fits(schema, &node.value) {
            let (reason, fix) = wrong_type(schema, node);
            self.add(Code::WrongType, path, reason, fix);
            return self.filled(schema, path);
        }
        match &node.value {
            Value::Map(entries) => self.map(schema, entries, path),
            Value::List(items) => {
                self.count(schema, ["minItems", "maxItems"], items.len(), "entries", path);
                let each = items.iter().enumerate();
                each.map(|(index, item)| self.value(&schema["items"], item, &format!("{path}[{index}]"))).collect()
            }
            Value::Text(text) => self.text(schema, text, node, path),
            Value::Int(_) | Value::Float(_) => {
                self.range(schema, node, path);
                node.json()
            }
            Value::Null | Value::Bool(_) => node.json(),
        }
    }

    fn map(&mut self, schema: &Json, entries: &[Entry], path: &str) -> Json {
        let fields = schema["properties"].as_object();
        let mut value = Map::new();
        // The last key that is still waiting for its map: what follows and is not known here was probably meant for it.
        let mut empty = None;
        for entry in entries {
            let inside = join(path, &entry.key);
            let known = fields.and_then(|fields| fields.get(&entry.key)).or(schema.get("additionalProperties"));
            if let Some(field) = known {
                // The API server drops what is null and may not be.
                if entry.node.value == Value::Null && field["nullable"] != true {
                    self.add(
                        Code::NoValue,
                        &inside,
                        format!("`{}` has no value and is dropped", entry.key),
                        "write one, or remove the key",
                    );
                    empty = (kind(field) == "object").then_some((entry.key.as_str(), field));
                    continue;
                }
                let misplaced =
                    empty.filter(|(_, of)| !fits(field, &entry.node.value) && of["properties"].get(&entry.key).is_some());
                if let Some((parent, _)) = misplaced {
                    self.add(Code::WrongType, &inside, format!("`{}` stands beside `{parent}`", entry.key), indented(parent));
                    continue;
                }
                let judged = self.value(field, &entry.node, &inside);
                value.insert(entry.key.clone(), judged);
            } else if fields.is_some() && schema["x-kubernetes-preserve-unknown-fields"] != true {
                let fix = match empty {
                    Some((parent, _)) => indented(parent),
                    None => instead_of(&entry.key, schema).map_or_else(|| nearest(&entry.key, schema, path), str::to_owned),
                };
                self.add(Code::UnknownField, &inside, format!("there is no field `{}` here", entry.key), fix);
            } else {
                value.insert(entry.key.clone(), entry.node.json());
            }
        }
        self.count(schema, ["minProperties", "maxProperties"], value.len(), "entries", path);
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
            if !value.contains_key(name) {
                let inside = join(path, name);
                self.missing(&inside, &schema["properties"][name]);
                let filled = self.filled(&schema["properties"][name], &inside);
                value.insert(name.to_owned(), filled);
            }
        }
        Json::Object(value)
    }

    fn missing(&mut self, path: &str, schema: &Json) {
        let name = path.rsplit('.').next().unwrap_or(path);
        let about = schema["description"].as_str().and_then(|text| text.split(['.', '\n']).next()).unwrap_or_default();
        let whole = schema["description"].as_str().and_then(|text| text.split(". ").next()).unwrap_or(about);
        let fix = if whole.is_empty() { "add it".to_owned() } else { format!("add it: {}", whole.trim_end_matches('.')) };
        self.add(Code::MissingField, path, format!("`{name}` is missing"), fix);
    }

    fn text(&mut self, schema: &Json, text: &str, node: &Node, path: &str) -> Json {
        if let Some(allowed) = schema["enum"].as_array() {
            let words: Vec<&str> = allowed.iter().filter_map(Json::as_str).collect();
            if !words.contains(&text) {
                let otherwise = format!("write one of {}", words.join(", "));
                let fix = did_you_mean(text, words.iter().copied(), &otherwise);
                let same = words.iter().find(|word| word.eq_ignore_ascii_case(text));
                let fix = same.map_or(fix, |word| format!("did you mean `{word}`?"));
                self.add(Code::NotAllowed, path, format!("`{text}` is none of {}", words.join(", ")), fix);
                return self.filled(schema, path);
            }
        }
        let length = text.chars().count();
        let (least, most) = (schema["minLength"].as_u64().unwrap_or(0), schema["maxLength"].as_u64().unwrap_or(u64::MAX));
        if (length as u64) < least {
            self.add(Code::BadLength, path, format!("it has {length} characters, and needs at least {least}"), "write more");
        } else if length as u64 > most {
            self.add(Code::BadLength, path, format!("it has {length} characters, and may have {most}"), "shorten it");
        }
        if let Some(pattern) = schema["pattern"].as_str()
            && !matches(pattern, text)
        {
            let fix = example(schema).map(|example| format!("write it like `{example}`"));
            let fix = fix.unwrap_or_else(|| "`mstack explain` tells its form".to_owned());
            let reason = if pattern == QUANTITY { "is not a quantity".to_owned() } else { format!("does not match `{pattern}`") };
            self.add(Code::BadSpelling, path, format!("`{text}` {reason}"), fix);
        }
        node.json()
    }

    fn range(&mut self, schema: &Json, node: &Node, path: &str) {
        let Some(number) = node.json().as_f64() else { return };
        let (mut least, mut most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
        if schema["format"] == "int32" {
            least = least.or(Some(f64::from(i32::MIN)));
            most = most.or(Some(f64::from(i32::MAX)));
        }
        let low = least.is_some_and(|least| number < least);
        if low || most.is_some_and(|most| number > most) {
            let bounds = match (least, most) {
                (Some(least), Some(most)) => format!("choose one from {least} to {most}"),
                (Some(least), None) => format!("choose {least} or more"),
                (_, most) => format!("choose at most {}", most.unwrap_or_default()),
            };
            let size = if low { "low" } else { "high" };
            self.add(Code::OutOfRange, path, format!("{number} is too {size}"), bounds);
        }
    }

    fn count(&mut self, schema: &Json, bounds: [&str; 2], count: usize, of: &str, path: &str) {
        let count = count as u64;
        let [least, most] = bounds.map(|bound| schema[bound].as_u64());
        if let Some(least) = least.filter(|least| count < *least) {
            self.add(Code::TooMany, path, format!("it has {count} {of}, and needs at least {least}"), "add some");
        }
        if let Some(most) = most.filter(|most| count > *most) {
            self.add(Code::TooMany, path, format!("it has {count} {of}, and may have {most}"), "remove some");
        }
    }

    /// Something harmless that the schema admits.
    fn filled(&mut self, schema: &Json, path: &str) -> Json {
        self.broken.push(path.to_owned());
        harmless(schema)
    }
}

fn indented(parent: &str) -> String {
    format!("indent it, if it belongs to `{parent}`, which is empty")
}

/// The field that was probably meant, or where the fields of the place are listed.
fn nearest(key: &str, schema: &Json, path: &str) -> String {
    let known = schema["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
    let listed = match without_indexes(path) {
        place if place.is_empty() => "remove it".to_owned(),
        place => format!("remove it; `mstack explain {place}` lists the fields of this place"),
    };
    did_you_mean(key, known, &listed)
}

fn harmless(schema: &Json) -> Json {
    if let Some(first) = schema["enum"].as_array().and_then(|words| words.first()) {
        return first.clone();
    }
    match kind(schema) {
        "object" => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str);
            Json::Object(required.map(|name| (name.to_owned(), harmless(&schema["properties"][name]))).collect())
        }
        "array" => json!([]),
        #[allow(clippy::cast_possible_truncation, reason = "bounds of whole numbers are whole and small")]
        "integer" | "number" => json!(schema["minimum"].as_f64().unwrap_or(1.0) as i64),
        "boolean" => json!(false),
        "int-or-string" => json!(1),
        _ => json!("x"),
    }
}

/// The one word for a type.
fn kind(schema: &Json) -> &str {
    if schema["x-kubernetes-int-or-string"] == true {
        return "int-or-string";
    }
    let of_several = || schema["type"].as_array()?.iter().filter_map(Json::as_str).find(|kind| *kind != "null");
    schema["type"].as_str().or_else(of_several).unwrap_or("any")
}

fn fits(schema: &Json, value: &Value) -> bool {
    match kind(schema) {
        "object" => matches!(value, Value::Map(_)),
        "array" => matches!(value, Value::List(_)),
        "string" => matches!(value, Value::Text(_)),
        "integer" => matches!(value, Value::Int(_)),
        "number" => matches!(value, Value::Int(_) | Value::Float(_)),
        "boolean" => matches!(value, Value::Bool(_)),
        "int-or-string" => matches!(value, Value::Int(_) | Value::Text(_)),
        _ => true,
    }
}

/// Patterns that have been read, by their text: a large stack asks for the same few hundreds of times.
static PATTERNS: LazyLock<Mutex<BTreeMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);

/// Whether a text matches a pattern; one that cannot be read admits everything.
fn matches(pattern: &str, text: &str) -> bool {
    let mut patterns = PATTERNS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = patterns.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).ok());
    known.as_ref().is_none_or(|pattern| pattern.is_match(text))
}

/// The type of a field for a reader, such as `map of list of string`.
pub fn type_of(schema: &Json) -> String {
    match kind(schema) {
        "array" => format!("list of {}", type_of(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => format!("map of {}", type_of(&schema["additionalProperties"])),
        "int-or-string" => "string or integer".to_owned(),
        other => other.to_owned(),
    }
}

/// A type in words.
fn in_words(schema: &Json) -> Cow<'static, str> {
    match kind(schema) {
        "object" => "a map".into(),
        "array" => "a list".into(),
        "string" => "a text".into(),
        "integer" => "a whole number".into(),
        "number" => "a number".into(),
        "boolean" => "`true` or `false`".into(),
        "int-or-string" => "a text or a whole number".into(),
        other => other.to_owned().into(),
    }
}

fn wrong_type(schema: &Json, node: &Node) -> (String, String) {
    let given = match &node.value {
        Value::Null => "nothing is given".to_owned(),
        Value::Map(_) => "a map is given".to_owned(),
        Value::List(_) => "a list is given".to_owned(),
        Value::Text(text) => format!("the text `{}` is given", shortened(text)),
        Value::Bool(value) => format!("the boolean `{value}` is given"),
        Value::Int(_) | Value::Float(_) => format!("the number {} is given", node.scalar().unwrap_or_default()),
    };
    let fix = match (kind(schema), node.scalar()) {
        (_, None) if node.value == Value::Null => "write a value, or remove the key".to_owned(),
        ("string" | "int-or-string", Some(value)) => format!("put it in quotes: \"{value}\""),
        ("array", Some(value)) => format!("write a list: [{}]", items(&value).join(", ")),
        ("integer" | "number", Some(value)) if value.parse::<i64>().is_ok() => format!("write it without quotes: {value}"),
        _ => {
            let example = example(schema).map(|example| format!(", such as `{example}`")).unwrap_or_default();
            format!("write {}{example}", in_words(schema))
        }
    };
    (format!("it takes {}, and {given}", in_words(schema)), fix)
}

/// The items that a text was probably meant as: its words, unless a shell would make more of them than that.
fn items(text: &str) -> Vec<String> {
    let is_plain = |char: char| char.is_alphanumeric() || " ,./:=_-".contains(char);
    let words = text.split([' ', ',']).filter(|word| !word.is_empty());
    if text.chars().all(is_plain) { words.map(crate::yaml::quoted).collect() } else { vec![crate::yaml::quoted(text)] }
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 40 { line.chars().take(39).chain(['…']).collect() } else { line.to_owned() }
}

/// The example of the description, if it has one; that of a list may be one of its items.
fn example(schema: &Json) -> Option<String> {
    let (_, rest) = schema["description"].as_str()?.split_once("such as `")?;
    let example = rest.split('`').next()?;
    let is_item = kind(schema) == "array" && !example.starts_with('[');
    Some(if is_item { format!("[{example}]") } else { example.to_owned() })
}

/// What the schema admits, in words.
pub fn limits(schema: &Json) -> Vec<String> {
    let number = |key: &str| schema[key].as_f64();
    let mut found = Vec::new();
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
        found.push(format!("one of {}", words.join(", ")));
    }
    match (number("minimum"), number("maximum")) {
        (Some(least), Some(most)) => found.push(format!("from {least} to {most}")),
        (Some(least), None) => found.push(format!("at least {least}")),
        (None, Some(most)) => found.push(format!("at most {most}")),
        (None, None) => {}
    }
    for (least, most, of) in [
        ("minLength", "maxLength", "characters"),
        ("minItems", "maxItems", "entries"),
        ("minProperties", "maxProperties", "entries"),
    ] {
        match (number(least).filter(|least| *least > 0.0), number(most)) {
            (Some(least), Some(most)) => found.push(format!("{least} to {most} {of}")),
            (Some(least), None) => found.push(format!("at least {least} {of}")),
            (None, Some(most)) => found.push(format!("at most {most} {of}")),
            (None, None) => {}
        }
    }
    found.extend(schema["pattern"].as_str().map(|pattern| format!("spelled {pattern}")));
    found
}

/// A path as `mstack explain` takes it in any shell.
fn without_indexes(path: &str) -> String {
    path.split(['[', ']']).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lint::SCHEMA;
    use crate::yaml::read;

    fn all<'a>(path: &str, schema: &'a Json, found: &mut Vec<(String, &'a Json)>) {
        found.push((path.to_owned(), schema));
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            all(&join(path, name), field, found);
        }
        for inner in [&schema["items"], &schema["additionalProperties"]].into_iter().filter(|inner| inner.is_object()) {
            all(&format!("{path}[]"), inner, found);
        }
    }

    /// What a wrong type is answered with is right, and every map has it: a list is what other tools take there.
    #[test]
    fn every_example_is_what_its_field_takes_and_every_map_by_names_has_one() {
        let mut fields = Vec::new();
        all("spec", &SCHEMA["properties"]["spec"], &mut fields);
        for (path, schema) in fields {
            assert!(example(schema).is_some() || !schema["additionalProperties"].is_object(), "{path} has no example");
            if let Some(example) = example(schema) {
                let mut walk = Walk { findings: Vec::new(), broken: Vec::new() };
                walk.value(schema, &read(&example).documents[0].root, &path);
                assert_eq!(walk.findings, [], "{path}: `{example}`");
            }
        }
    }
}
