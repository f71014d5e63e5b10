//! From a path such as `spec.services.api.uses[1]` to its place in a text, and back.
use crate::yaml::{Node, Span, Value};

/// The place of a path: the value where it is a scalar, its key where it is more, and where the path leads to nothing,
/// what it would belong to. `key`: always the key.
pub fn span(root: &Node, path: &str, key: bool) -> Span {
    let (mut node, mut place) = (root, first_key(root));
    let mut rest = path.to_owned();
    if !rest.starts_with('[') {
        rest.insert(0, '.');
    }
    let mut rest = rest.as_str();
    while let Some((next, at, left)) = step(node, rest) {
        (node, rest) = (next, left);
        let scalar = !matches!(node.value, Value::Map(_) | Value::List(_) | Value::Null);
        place = match at {
            Some(at) if !scalar || key && rest.is_empty() => at,
            _ if scalar => node.span.clone(),
            _ => first_key(node),
        };
    }
    place
}

/// The path of the innermost key or item at this place of the text.
pub fn path(root: &Node, at: usize) -> String {
    let (mut node, mut path) = (root, String::new());
    loop {
        if let Some(entry) = node.entries().iter().find(|entry| (entry.span.start..=entry.node.span.end).contains(&at)) {
            path = join(&path, &entry.key);
            if entry.span.contains(&at) {
                return path;
            }
            node = &entry.node;
        } else if let Some(index) = node.items().iter().position(|item| item.span.contains(&at)) {
            path = format!("{path}[{index}]");
            node = &node.items()[index];
        } else {
            return path;
        }
    }
}

/// The path of a key in the map at a path.
pub fn join(path: &str, key: &str) -> String {
    match key {
        _ if path.is_empty() => key.to_owned(),
        _ if key.is_empty() || key.contains(['.', '[', ']', '/']) => format!("{path}[{key}]"),
        _ => format!("{path}.{key}"),
    }
}

/// One step of a path: the value, the place of its key, and what is left of the path. The longest key wins.
fn step<'a, 'p>(node: &'a Node, rest: &'p str) -> Option<(&'a Node, Option<Span>, &'p str)> {
    let ends = |left: &str| left.is_empty() || left.starts_with(['.', '[']);
    let keys = node.entries().iter().filter_map(|entry| {
        let dotted = rest.strip_prefix('.').and_then(|rest| rest.strip_prefix(entry.key.as_str()));
        let bracketed = || rest.strip_prefix('[')?.strip_prefix(entry.key.as_str())?.strip_prefix(']');
        let left = dotted.or_else(bracketed).filter(|left| ends(left))?;
        Some((&entry.node, Some(entry.span.clone()), left))
    });
    keys.min_by_key(|(_, _, left)| left.len()).or_else(|| {
        let (index, left) = rest.strip_prefix('[')?.split_once(']')?;
        Some((node.items().get(index.parse::<usize>().ok()?)?, None, left))
    })
}

/// The first key of a map, or the value.
fn first_key(node: &Node) -> Span {
    node.entries().iter().map(|entry| entry.span.clone()).min_by_key(|span| span.start).unwrap_or_else(|| node.span.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::read;

    const TEXT: &str = "spec:\n  a: [x, {b: 1}]\n  files:\n    /etc/a.b: text\n    n.m: {}\n";

    fn at(path: &str, key: bool) -> &'static str {
        let root = read(TEXT).documents.remove(0).root;
        &TEXT[span(&root, path, key)]
    }

    #[test]
    fn a_path_leads_to_its_value_or_key_or_to_what_it_would_belong_to() {
        assert_eq!(at("spec.a[0]", false), "x");
        assert_eq!(at("spec.a[1].b", false), "1");
        assert_eq!(at("spec.a[1].b", true), "b");
        assert_eq!(at("spec.a[1]", false), "b");
        assert_eq!(at("spec.a[1].missing", false), "b");
        assert_eq!(at("spec.files[/etc/a.b]", false), "text");
        assert_eq!(at("spec.files.n.m", false), "n.m");
        assert_eq!(at("spec.files.n", false), "files");
        assert_eq!(at("spec.missing.deep", false), "spec");
        assert_eq!(at("", false), "spec");
    }

    #[test]
    fn a_place_leads_to_its_path() {
        let root = read(TEXT).documents.remove(0).root;
        assert_eq!(path(&root, TEXT.find("b: 1").unwrap()), "spec.a[1].b");
        assert_eq!(path(&root, TEXT.find("/etc").unwrap()), "spec.files[/etc/a.b]");
    }
}
