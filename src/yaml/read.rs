//! From a text to its documents.
use std::borrow::Cow;
use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span as Marked, StrInput, Tag};

use super::{Document, Entry, Node, Span, Text, Value, scalar, unique};

/// Most values that aliases may multiply a document to.
const MOST_NODES: usize = 200_000;
const MERGE: &str = "<<";

/// Reads all documents of a text. What cannot be read is told, and the documents after it are read all the same.
pub fn read(text: &str) -> Text {
    let options = granit_parser::options! { max_buffered_comment_events: usize::MAX };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut reader =
        Reader { source: text, parser, found: Text::default(), anchors: HashMap::new(), nodes: 0, duplicates: Vec::new() };
    reader.documents();
    reader.found
}

struct Reader<'a> {
    source: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    found: Text,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    duplicates: Vec<(Span, String)>,
}

/// Why a document cannot be read: the place and the words.
type Refused = (Span, String);

impl<'a> Reader<'a> {
    fn documents(&mut self) {
        loop {
            match self.next() {
                Ok((Event::DocumentStart(..), _)) => match self.document() {
                    Ok(document) => self.found.documents.extend(document),
                    Err(refused) => {
                        self.found.errors.push(refused);
                        if !matches!(self.parser.proceed_next_document(), Ok(true)) {
                            return;
                        }
                    }
                },
                Ok((Event::StreamEnd, _)) => return,
                Ok(_) => {}
                Err(refused) => {
                    self.found.errors.push(refused);
                    return;
                }
            }
        }
    }

    fn document(&mut self) -> Result<Option<Document>, Refused> {
        self.anchors.clear();
        self.nodes = 0;
        self.duplicates.clear();
        let (event, at) = self.next()?;
        if matches!(event, Event::DocumentEnd) {
            return Ok(None);
        }
        let root = self.node(event, at)?;
        let duplicates = std::mem::take(&mut self.duplicates);
        Ok((root.value != Value::Null).then_some(Document { root, duplicates }))
    }

    /// The next event that is no comment.
    fn next(&mut self) -> Result<(Event<'a>, Span), Refused> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(words, _), at))) => {
                    let at = self.span(&at);
                    self.found.comments.push((at, words.trim().to_owned()));
                }
                Some(Ok((event, at))) => {
                    let at = self.span(&at);
                    return Ok((event, at));
                }
                Some(Err(error)) => return Err(self.refused(&error)),
                None => return Ok((Event::StreamEnd, self.source.len()..self.source.len())),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, at: Span) -> Result<Node, Refused> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err((at, format!("the document has more than {MOST_NODES} values")));
        }
        let (value, anchor, end) = match event {
            Event::Scalar(text, style, anchor, tag) => (scalar_of(&text, style, tag.as_ref()), anchor, at.end),
            Event::SequenceStart(_, anchor, _) => {
                let (items, end) = self.items()?;
                (Value::List(items), anchor, end)
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, end) = self.entries()?;
                (Value::Map(entries), anchor, end)
            }
            Event::Alias(anchor) => return self.alias(anchor, at),
            other => return Err((at, format!("a value is expected here, not {other:?}"))),
        };
        let node = Node { span: at.start..end.max(at.end), value };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The anchored value at the place of its alias.
    fn alias(&mut self, anchor: usize, at: Span) -> Result<Node, Refused> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err((at, "an alias of something that is not complete yet".to_owned()));
        };
        self.nodes += size(&node);
        Ok(Node { span: at, value: node.value })
    }

    fn items(&mut self) -> Result<(Vec<Node>, usize), Refused> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((items, at.end));
            }
            items.push(self.node(event, at)?);
        }
    }

    fn entries(&mut self) -> Result<(Vec<Entry>, usize), Refused> {
        let (mut entries, mut merged) = (Vec::new(), Vec::new());
        loop {
            let (event, at) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                let (mut own, duplicates) = unique(entries);
                self.duplicates.extend(duplicates);
                merge(&mut own, merged);
                return Ok((own, at.end));
            }
            let written = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
            let key = self.node(event, at)?;
            let (event, at) = self.next()?;
            let node = self.node(event, at)?;
            match key.scalar() {
                Some(name) if name == MERGE && written => merged.push(node),
                Some(name) => entries.push(Entry { key: name, span: key.span, node }),
                None if key.value == Value::Null => entries.push(Entry { key: "null".to_owned(), span: key.span, node }),
                None => return Err((key.span, "a key has to be a text".to_owned())),
            }
        }
    }

    fn span(&self, at: &Marked) -> Span {
        let range = at.byte_range().unwrap_or_default();
        let (start, end) = (range.start.min(self.source.len()), range.end.min(self.source.len()));
        start..end.max(start)
    }

    fn refused(&self, error: &ScanError) -> Refused {
        let at = error.marker().byte_offset().unwrap_or_default().min(self.source.len());
        let words = error.to_string();
        let words = words.split(" at byte").next().unwrap_or(&words).split(" at char").next().unwrap_or_default().to_owned();
        (at..at, words)
    }
}

fn scalar_of(text: &str, style: ScalarStyle, tag: Option<&Cow<'_, Tag>>) -> Value {
    match tag.and_then(|tag| tag.core_suffix()) {
        Some(tag) => scalar::tagged(tag, text),
        None if style == ScalarStyle::Plain => scalar::plain(text),
        None => Value::Text(text.to_owned()),
    }
}

/// Takes over from merged maps what is not given.
fn merge(own: &mut Vec<Entry>, merged: Vec<Node>) {
    for node in merged {
        let maps = if matches!(node.value, Value::List(_)) { node.items().to_vec() } else { vec![node] };
        for entry in maps.iter().flat_map(Node::entries) {
            if !own.iter().any(|known| known.key == entry.key) {
                own.push(entry.clone());
            }
        }
    }
}

fn size(node: &Node) -> usize {
    1 + node.items().iter().map(size).sum::<usize>() + node.entries().iter().map(|entry| size(&entry.node)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::Lines;

    fn only(text: &str) -> Document {
        let mut found = read(text);
        assert_eq!(found.errors, []);
        assert_eq!(found.documents.len(), 1, "{text}");
        found.documents.remove(0)
    }

    #[test]
    fn every_key_and_every_value_knows_its_place() {
        let text = "a:\n  ü: [1, \"two\"]\nb: >-\n  x\n";
        let root = only(text).root;
        let entry = root.get("a").unwrap().entry("ü").unwrap();
        assert_eq!(&text[entry.span.clone()], "ü");
        assert_eq!(&text[entry.node.items()[1].span.clone()], "\"two\"");
        assert_eq!(&text[entry.node.span.clone()], "[1, \"two\"]");
        assert_eq!(Lines::new(text).place(entry.node.items()[1].span.start), (2, 10));
        assert_eq!(root.json(), json!({"a": {"ü": [1, "two"]}, "b": "x"}));
    }

    #[test]
    fn aliases_and_merged_maps_are_written_out() {
        let root = only("base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\nmany: {<<: [*base, {c: 4}]}\nlist: [*base]\n").root;
        assert_eq!(root.get("more").unwrap().json(), json!({"a": 1, "b": 3}));
        assert_eq!(root.get("many").unwrap().json(), json!({"a": 1, "b": 2, "c": 4}));
        assert_eq!(root.get("list").unwrap().json(), json!([{"a": 1, "b": 2}]));
    }

    #[test]
    fn aliases_that_multiply_without_end_are_refused() {
        let line = |n: i32| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
        let text = format!("a0: &a0 [x, x]\n{}", (1..9).map(line).collect::<String>());
        let found = read(&text);
        assert!(found.documents.is_empty() && found.errors[0].1.contains("more than"), "{:?}", found.errors);
    }

    #[test]
    fn a_key_that_is_given_twice_is_told_and_the_last_one_counts() {
        let text = "a: 1\nb: 2\na: 3\n";
        let document = only(text);
        assert_eq!(document.root.json(), json!({"a": 3, "b": 2}));
        assert_eq!(document.duplicates, [(10..11, "a".to_owned())]);
    }

    #[test]
    fn what_is_no_yaml_is_told_and_the_documents_around_it_are_read() {
        let found = read("a: 1\n---\nb: [1\n---\n# nothing\n---\nc: 3\n");
        let roots: Vec<_> = found.documents.iter().map(|document| document.root.json()).collect();
        assert_eq!(roots, [json!({"a": 1}), json!({"c": 3})]);
        assert_eq!(found.errors.len(), 1);
        assert_eq!(found.comments[0].1, "nothing");
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(only("{\n\t\"a\": [true, null, 1.5]\n}").root.json(), json!({"a": [true, null, 1.5]}));
    }
}
