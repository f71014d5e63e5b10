//! A Compose file as a tree of texts: scalars stay as they are written, and what they mean is for the reader of a key.
use std::sync::Arc;

use super::notes::Place;
use crate::yaml::{self, Lines, Node, Value};

/// A value and its place; the one of a key where it has a key.
#[derive(Clone, Debug)]
pub struct Item {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub data: Data,
}

/// What a value is.
#[derive(Clone, Debug)]
pub enum Data {
    /// Nothing.
    Null,
    /// A scalar as it is written.
    Text(String),
    /// A list.
    List(Vec<Item>),
    /// A map, in its order.
    Map(Vec<(String, Item)>),
}

impl Item {
    /// The value of a key, where this is a map that has it and it is not empty.
    pub fn get(&self, key: &str) -> Option<&Item> {
        self.entries().iter().find(|(name, _)| name == key).map(|(_, item)| item).filter(|item| !item.is_null())
    }

    /// The text of a key.
    pub fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Item::text)
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// The scalar, where this is one.
    pub fn text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    /// The entries of a map.
    pub fn entries(&self) -> &[(String, Item)] {
        if let Data::Map(entries) = &self.data { entries } else { &[] }
    }

    /// The items of a list; a value that is no list is the only item.
    pub fn items(&self) -> Vec<&Item> {
        match &self.data {
            Data::List(items) => items.iter().collect(),
            Data::Null => Vec::new(),
            _ => vec![self],
        }
    }

    /// The texts of a list, or the only one.
    pub fn texts(&self) -> Vec<&str> {
        self.items().into_iter().filter_map(Item::text).collect()
    }

    /// A map that may be written as a list of `KEY=VALUE` or `KEY`.
    pub fn pairs(&self) -> Vec<(String, Item)> {
        let Data::List(items) = &self.data else { return self.entries().to_vec() };
        let pair = |item: &Item| {
            let text = item.text()?;
            let (key, data) = text.split_once('=').map_or((text, Data::Null), |(key, value)| (key, Data::Text(value.to_owned())));
            Some((key.to_owned(), Item { place: item.place.clone(), data }))
        };
        items.iter().filter_map(pair).collect()
    }

    /// The same with every scalar changed.
    pub fn map(self, change: &mut dyn FnMut(&Place, String) -> String) -> Self {
        let data = match self.data {
            Data::Null => Data::Null,
            Data::Text(text) => Data::Text(change(&self.place, text)),
            Data::List(items) => Data::List(items.into_iter().map(|item| item.map(change)).collect()),
            Data::Map(entries) => Data::Map(entries.into_iter().map(|(key, item)| (key, item.map(change))).collect()),
        };
        Self { data, ..self }
    }
}

/// Reads a Compose file.
///
/// # Errors
/// What is no YAML, with its place.
pub fn read(name: &str, text: &str) -> Result<Item, Vec<String>> {
    let lines = Lines::new(text);
    let place = |at: usize| Place { file: Arc::from(name), line: lines.place(at).0 };
    let found = yaml::read(text);
    let mut errors: Vec<String> = found.errors.iter().map(|(at, words)| format!("{}: {words}", place(at.start))).collect();
    let duplicates = found.documents.iter().flat_map(|document| &document.duplicates);
    errors.extend(duplicates.map(|(at, key)| format!("{}: `{key}` is given a second time", place(at.start))));
    if !errors.is_empty() {
        return Err(errors);
    }
    let Some(document) = found.documents.first() else { return Err(vec![format!("{name}: it is empty")]) };
    Ok(item(&document.root, text, &place, place(document.root.span.start)))
}

fn item(node: &Node, source: &str, place: &dyn Fn(usize) -> Place, at: Place) -> Item {
    let data = match &node.value {
        Value::Null => Data::Null,
        Value::Text(text) => Data::Text(text.clone()),
        Value::List(items) => Data::List(items.iter().map(|inner| item(inner, source, place, place(inner.span.start))).collect()),
        Value::Map(entries) => Data::Map(
            entries.iter().map(|entry| (entry.key.clone(), item(&entry.node, source, place, place(entry.span.start)))).collect(),
        ),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => Data::Text(as_written(node, source)),
    };
    Item { place: at, data }
}

/// `yes`, `0755` and `1.10` are what they look like; an alias has no look of its own.
fn as_written(node: &Node, source: &str) -> String {
    let written = source.get(node.span.clone()).unwrap_or_default().trim();
    if written.is_empty() || written.starts_with(['*', '&', '!']) {
        node.scalar().unwrap_or_default()
    } else {
        written.to_owned()
    }
}
