//! Variables: files of them, and `${NAME:-default}` in texts.
use std::collections::BTreeMap;

/// What a reference asks for and does not get: the name, and what the file says of it.
pub type Missing<'a> = dyn FnMut(&str, Option<&str>) + 'a;

/// A text with its references replaced, as Compose does it: `$NAME`, `${NAME}`, `:-`, `-`, `:?`, `?`, `:+`, `+`, and `$$`
/// for `$`.
pub fn expand(text: &str, variables: &BTreeMap<String, String>, missing: &mut Missing) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((inner, after)) = after.strip_prefix('{').and_then(braces) {
            out.push_str(&one(inner, variables, missing));
            rest = after;
        } else {
            let length = name_length(after);
            match length {
                0 => out.push('$'),
                _ => out.push_str(&value(&after[..length], variables, missing)),
            }
            rest = &after[length..];
        }
    }
    out + rest
}

/// What is inside of braces, and what comes after them.
fn braces(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn one(inner: &str, variables: &BTreeMap<String, String>, missing: &mut Missing) -> String {
    let (name, rest) = inner.split_at(name_length(inner));
    let set = variables.get(name);
    let full = set.filter(|value| !value.is_empty());
    let (known, operator, word) = match rest.strip_prefix(':') {
        Some(rest) => (full, rest.chars().next(), rest.get(1..)),
        None => (set, rest.chars().next(), rest.get(1..)),
    };
    let word = word.unwrap_or_default();
    match (operator, known) {
        (Some('-' | '?'), Some(value)) => value.clone(),
        (Some('-'), None) | (Some('+'), Some(_)) => expand(word, variables, missing),
        (Some('+'), None) => String::new(),
        (Some('?'), None) => {
            missing(name, Some(word));
            String::new()
        }
        _ => value(name, variables, missing),
    }
}

fn value(name: &str, variables: &BTreeMap<String, String>, missing: &mut Missing) -> String {
    variables.get(name).cloned().unwrap_or_else(|| {
        missing(name, None);
        String::new()
    })
}

fn name_length(text: &str) -> usize {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if starts { end } else { 0 }
}

/// The variables of a file as Compose reads it: `KEY=VALUE` lines, quotes, comments; `known` is for references.
pub fn dotenv(text: &str, known: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let assignment = line.trim_start().trim_start_matches("export ").trim_start();
        let Some((key, value)) = assignment.split_once('=').filter(|_| !assignment.starts_with('#')) else {
            rest = after;
            continue;
        };
        let mut variables = known.clone();
        variables.extend(found.iter().cloned());
        let value = value.trim_start();
        let inside = &rest[line.len() - value.len()..];
        let quote = value.chars().next().filter(|c| ['"', '\''].contains(c));
        let (value, after) = quote
            .and_then(|quote| quoted(&inside[1..], quote))
            .unwrap_or_else(|| (Raw::Open(value.split(" #").next().unwrap_or_default().trim().to_owned()), after));
        let value = match value {
            Raw::Literal(text) => text,
            Raw::Open(text) => expand(&text, &variables, &mut |_, _| {}),
        };
        found.push((key.trim().to_owned(), value));
        rest = after;
    }
    found
}

enum Raw {
    Literal(String),
    Open(String),
}

/// A value up to its closing quote, on this line or a later one, and what comes after its last line.
fn quoted(inside: &str, quote: char) -> Option<(Raw, &str)> {
    let (mut text, mut escaped) = (String::new(), false);
    for (at, c) in inside.char_indices() {
        if escaped {
            text.push(match c {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            });
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            let after = inside[at + 1..].split_once('\n').map_or("", |(_, after)| after);
            return Some((if quote == '"' { Raw::Open(text) } else { Raw::Literal(text) }, after));
        } else {
            text.push(c);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<String, String> {
        [("SET", "value"), ("EMPTY", "")].map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    #[test]
    fn references_are_replaced_as_compose_does_it() {
        for (written, expected) in [
            ("a $SET-b ${SET}", "a value-b value"),
            ("${NONE:-x}${NONE-y}${EMPTY:-z}${EMPTY-w}", "xyz"),
            ("${NONE:-${SET}/${NONE:-deep}}", "value/deep"),
            ("${SET:+there}${NONE:+not}${EMPTY:+not}${EMPTY+there}", "therethere"),
            ("$$HOME $${SET} 5$ $( x )", "$HOME ${SET} 5$ $( x )"),
        ] {
            assert_eq!(expand(written, &known(), &mut |name, _| panic!("{name}")), expected, "{written}");
        }
    }

    #[test]
    fn what_is_not_set_is_told_with_the_words_of_the_file() {
        let mut told = Vec::new();
        let text = expand("${NONE}${MUST:?set it}", &known(), &mut |name, words| {
            told.push((name.to_owned(), words.map(str::to_owned)));
        });
        assert_eq!(text, "");
        assert_eq!(told, [("NONE".to_owned(), None), ("MUST".to_owned(), Some("set it".to_owned()))]);
    }

    #[test]
    fn a_file_of_variables_has_comments_quotes_and_references() {
        let text = "# first\nexport A=1 # one\nB=\"two\\n${A}\"\nC='${A}'\n\nD=\nE=\"a\nb\" # c\nF = http://x/#frag\nnothing\n";
        let expected = [("A", "1"), ("B", "two\n1"), ("C", "${A}"), ("D", ""), ("E", "a\nb"), ("F", "http://x/#frag")];
        assert_eq!(dotenv(text, &BTreeMap::new()), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
