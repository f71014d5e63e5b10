//! Small grammars: names, command lines, sizes, times.

/// A DNS label of at most `longest` characters that starts with a letter, as near to the text as can be.
pub fn label(text: &str, longest: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let mut label: String = text.chars().map(plain).collect();
    label = label.trim_matches('-').to_owned();
    if !label.starts_with(|c: char| c.is_ascii_lowercase()) {
        label.insert_str(0, "s-");
    }
    label.truncate(longest);
    label.trim_end_matches('-').to_owned()
}

/// The words of a command line, by the quoting of a shell.
pub fn split(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), None::<String>, None, false);
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => {
                word.get_or_insert_default().push(c);
                escaped = false;
            }
            (None | Some('"'), '\\') => escaped = true,
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == c => quote = None,
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// A size of Compose (`512M`, `1gb`, `1073741824`) as a quantity.
pub fn memory(text: &str) -> Option<String> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok().filter(|number: &f64| *number > 0.0)?;
    let unit = lower[digits.len()..].trim_end_matches('b').trim_end_matches('i');
    let (unit, factor) = match unit {
        "" => ("", 1.0),
        "k" => ("Ki", 1024.0),
        "m" => ("Mi", 1_048_576.0),
        "g" => ("Gi", 1_073_741_824.0),
        "t" => ("Ti", 1_099_511_627_776.0),
        _ => return None,
    };
    if number.fract() == 0.0 { Some(format!("{number:.0}{unit}")) } else { Some(format!("{:.0}", number * factor)) }
}

/// A count of processors (`0.5`) as a quantity.
pub fn processors(text: &str) -> Option<String> {
    let number: f64 = text.trim().parse().ok().filter(|number: &f64| *number > 0.0)?;
    if number.fract() == 0.0 { Some(format!("{number:.0}")) } else { Some(format!("{:.0}m", (number * 1000.0).max(1.0))) }
}

/// A time of Compose (`1m30s`, `500ms`) in whole seconds, at least one.
pub fn seconds(text: &str) -> Option<u64> {
    let (mut total, mut number) = (0.0, String::new());
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        if c.is_ascii_digit() || c == '.' {
            number.push(c);
            rest = &rest[1..];
            continue;
        }
        let (unit, factor) = [("ms", 0.001), ("us", 1e-6), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        total += number.parse::<f64>().ok()? * factor;
        number.clear();
        rest = &rest[unit.len()..];
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time of a check, in seconds")]
    let whole = (total.ceil() as u64).clamp(1, 86_400);
    (number.is_empty() && total > 0.0).then_some(whole)
}

/// Whether a name has one of these words in it, in any case.
pub fn says(name: &str, words: &[&str]) -> bool {
    let upper = name.to_ascii_uppercase();
    words.iter().any(|word| upper.contains(word))
}

/// Names as they are told: `a`, `b` and `c`.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_split_like_a_shell_does_it() {
        assert_eq!(split(r#"sh -c "a 'b' \"c\"" d\ e ''"#), ["sh", "-c", r#"a 'b' "c""#, "d e", ""]);
    }

    #[test]
    fn sizes_and_times_are_those_of_compose() {
        for (written, expected) in [("512M", "512Mi"), ("1gb", "1Gi"), ("64mib", "64Mi"), ("1.5g", "1610612736"), ("100", "100")]
        {
            assert_eq!(memory(written).as_deref(), Some(expected), "{written}");
        }
        assert_eq!((memory("lots"), memory("0")), (None, None));
        assert_eq!([processors("0.5"), processors("2"), processors("0.0001")].map(Option::unwrap), ["500m", "2", "1m"]);
        assert_eq!([seconds("1m30s"), seconds("500ms"), seconds("5"), seconds("")], [Some(90), Some(1), None, None]);
    }

    #[test]
    fn a_name_becomes_a_label() {
        for (written, expected) in [("My_App.db", "my-app-db"), ("9lives", "s-9lives"), ("-x-", "x"), ("ab-c", "ab-")] {
            assert_eq!(label(written, 3.max(expected.len())), expected.trim_end_matches('-'), "{written}");
        }
    }
}
