//! Spellings: grammars of names, and the nearest name to a mistyped one.

/// Whether a text is a DNS label that starts with a letter, of at most `longest` characters.
pub fn is_label(text: &str, longest: usize) -> bool {
    let bytes = text.as_bytes();
    text.len() <= longest
        && bytes.first().is_some_and(u8::is_ascii_lowercase)
        && bytes.last().is_some_and(|&b| is_alphanumeric(b))
        && bytes.iter().all(|&b| b == b'-' || is_alphanumeric(b))
}

/// Whether a text is a DNS name: labels of lower-case letters, digits and `-`, joined by dots.
pub fn is_dns_name(text: &str) -> bool {
    let is_part = |part: &str| {
        let bytes = part.as_bytes();
        bytes.first().is_some_and(|&b| is_alphanumeric(b))
            && bytes.last().is_some_and(|&b| is_alphanumeric(b))
            && bytes.iter().all(|&b| b == b'-' || is_alphanumeric(b))
    };
    text.len() <= 253 && text.split('.').all(is_part)
}

/// Whether a text can be the name of a namespace: a DNS label, which may start with a digit.
pub fn is_namespace(text: &str) -> bool {
    is_dns_name(text) && !text.contains('.') && text.len() <= 63
}

/// Whether a text can be the key of a label: a name, or a DNS name, `/` and a name.
pub fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_dns_name) && !name.is_empty() && is_label_value(name)
}

/// Whether a text can be the value of a label.
pub fn is_label_value(text: &str) -> bool {
    let is_end = |b: Option<&u8>| b.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= 63
        && bytes.iter().all(|&b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && is_end(bytes.first())
        && is_end(bytes.last())
}

/// Whether a text is an IANA service name: at most 15 lower-case letters, digits and single `-`, with a letter.
pub fn is_port_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    text.len() <= 15
        && !text.contains("--")
        && bytes.iter().any(u8::is_ascii_lowercase)
        && bytes.iter().all(|&b| b == b'-' || is_alphanumeric(b))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// "did you mean `orders`?", or what to do where no name is near.
pub fn did_you_mean<'a>(text: &str, names: impl Iterator<Item = &'a str>, otherwise: &str) -> String {
    let near = names.map(|name| (distance(text, name), name)).min();
    match near {
        Some((distance, name)) if distance <= 1 + text.chars().count() / 4 => format!("did you mean `{name}`?"),
        _ => otherwise.to_owned(),
    }
}

/// How many letters to insert, remove, replace or swap with the next.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut next = vec![i; other.len() + 1];
        for j in 1..=other.len() {
            let replaced = row[j - 1] + usize::from(one[i - 1] != other[j - 1]);
            next[j] = replaced.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_is_answered_with_the_nearest_one() {
        let suggest = |text| did_you_mean(text, ["orders", "jobs", "web"].into_iter(), "add it");
        assert_eq!(suggest("oders"), "did you mean `orders`?");
        assert_eq!(suggest("wbe"), "did you mean `web`?");
        assert_eq!(suggest("payments"), "add it");
    }

    #[test]
    fn names_of_ports_follow_the_iana_rule() {
        for good in ["http", "grpc-web", "9p", "a"] {
            assert!(is_port_name(good), "{good}");
        }
        for bad in ["", "8080", "Http", "-a", "a-", "a--b", "sixteen-letters-", "metrics_port"] {
            assert!(!is_port_name(bad), "{bad}");
        }
    }

    #[test]
    fn names_of_components_are_dns_labels() {
        for good in ["a", "order-items", "a1"] {
            assert!(is_label(good, 40), "{good}");
        }
        for bad in ["", "1a", "a-", "-a", "a.b", "A", "ä", &"a".repeat(41)] {
            assert!(!is_label(bad, 40), "{bad}");
        }
    }
}
