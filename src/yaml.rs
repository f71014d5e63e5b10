//! YAML as people write it: a tree of values in which every key and every value knows its place in the text. Pure.
//!
//! Plain scalars mean what `kubectl` takes them for (YAML 1.1: `yes` and `on` are booleans).
mod read;
mod scalar;

use std::collections::BTreeMap;
use std::ops::Range;

pub use read::read;
pub use scalar::quoted;

/// A place in a text, in bytes.
pub type Span = Range<usize>;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands; for a block, from its first key or item to its end.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// `true`, `yes`, `on`, or the opposite.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map; a key that is given twice stands in it once, with its last value.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub span: Span,
    /// The value.
    pub node: Node,
}

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its value.
    pub root: Node,
    /// Keys that are given a second time: their place and the key.
    pub duplicates: Vec<(Span, String)>,
}

/// What a text holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    /// Documents that can be read; empty ones are left out.
    pub documents: Vec<Document>,
    /// Comments: their place, and the words after the `#`.
    pub comments: Vec<(Span, String)>,
    /// What is no YAML: the place and why. A document with an error is left out.
    pub errors: Vec<(Span, String)>,
}

impl Node {
    /// The value of a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entry of a key, where this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// The entries of a map; none of what is no map.
    pub fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none of what is no list.
    pub fn items(&self) -> &[Node] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// The text, where this is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }

    /// A scalar as a text.
    pub fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Bool(value) => Some(value.to_string()),
            Value::Int(value) => Some(value.to_string()),
            Value::Float(value) => Some(value.to_string()),
            Value::Text(value) => Some(value.clone()),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The value without its places.
    pub fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.as_str().into(),
            Value::List(items) => items.iter().map(Node::json).collect(),
            Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), entry.node.json())).collect(),
        }
    }
}

/// Lines of a text, to tell where a place is.
#[derive(Debug)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Counts the lines.
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column of a place, both from 1; columns are characters.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let at = at.min(self.text.len());
        let line = self.starts.partition_point(|start| *start <= at);
        let start = self.starts[line - 1];
        (line, self.text.get(start..at).unwrap_or_default().chars().count() + 1)
    }

    /// A line by its number from 1, without its end; empty beyond the text.
    pub fn line(&self, number: usize) -> &'a str {
        let Some(start) = number.checked_sub(1).and_then(|at| self.starts.get(at)) else { return "" };
        self.text[*start..].lines().next().unwrap_or_default()
    }

    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.starts.len()
    }
}

/// The same key twice, by the order of the text: the last value wins, as `kubectl` would take it.
fn unique(entries: Vec<Entry>) -> (Vec<Entry>, Vec<(Span, String)>) {
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    let (mut kept, mut duplicates) = (Vec::<Entry>::with_capacity(entries.len()), Vec::new());
    for entry in entries {
        if let Some(&first) = at.get(&entry.key) {
            duplicates.push((entry.span.clone(), entry.key.clone()));
            kept[first] = entry;
        } else {
            at.insert(entry.key.clone(), kept.len());
            kept.push(entry);
        }
    }
    (kept, duplicates)
}
