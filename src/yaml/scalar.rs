//! What a plain scalar means to `kubectl`: YAML 1.1 without sexagesimal numbers and timestamps, then JSON.
use super::Value;

/// Largest magnitude up to which JSON writers of Go write a whole number without an exponent.
const WHOLE: f64 = 1e18;

/// The value of a plain scalar.
pub fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Value::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Value::Bool(false),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
            number(text).unwrap_or_else(|| Value::Text(text.to_owned()))
        }
        _ => Value::Text(text.to_owned()),
    }
}

/// A value with one of YAML's own tags, such as `!!str 5`.
pub fn tagged(tag: &str, text: &str) -> Value {
    match tag {
        "str" | "binary" => Value::Text(text.to_owned()),
        _ => plain(text),
    }
}

/// A text as YAML that is read as this text: in quotes where it would be taken for something else.
pub fn quoted(text: &str) -> String {
    let starts = |c: char| c.is_ascii_alphanumeric() || "/_$.".contains(c);
    let inside = |c: char| c.is_ascii_alphanumeric() || "/_$.-+=@() ".contains(c) || !c.is_ascii();
    let safe = text.starts_with(starts) && text.chars().all(inside) && !text.ends_with(' ');
    if safe && matches!(plain(text), Value::Text(_)) { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn number(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    whole(&digits).map(Value::Int).or_else(|| real(&digits))
}

fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let radices = [("0x", 16), ("0b", 2), ("0o", 8)];
    let prefixed = radices.iter().find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, *radix)));
    let (digits, radix) = prefixed.unwrap_or(match digits.strip_prefix('0') {
        Some(rest) if !rest.is_empty() && rest.bytes().all(|b| (b'0'..=b'7').contains(&b)) => (rest, 8),
        _ => (digits, 10),
    });
    let plain = !digits.starts_with(['+', '-']);
    i64::from_str_radix(digits, radix).ok().filter(|_| plain).map(|number| sign * number)
}

fn real(text: &str) -> Option<Value> {
    let rest = text.trim_start_matches(['+', '-']);
    let shape = |c: char| c.is_ascii_digit() || ".eE+-".contains(c);
    let number = rest.starts_with(|c: char| c.is_ascii_digit() || c == '.') && rest.chars().all(shape);
    let value: f64 = text.parse().ok().filter(|value: &f64| number && value.is_finite())?;
    #[allow(clippy::cast_possible_truncation, reason = "the value is whole, and small enough")]
    let value = if value.fract() == 0.0 && value.abs() < WHOLE { Value::Int(value as i64) } else { Value::Float(value) };
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_kubectl_takes_them_for() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (written, value) in [
            ("8080", Value::Int(8080)),
            ("-1", Value::Int(-1)),
            ("1_000", Value::Int(1000)),
            ("0x1F", Value::Int(31)),
            ("0777", Value::Int(511)),
            ("08", Value::Int(8)),
            ("1.5", Value::Float(1.5)),
            ("2e9", Value::Int(2_000_000_000)),
            ("17.0", Value::Int(17)),
            (".5", Value::Float(0.5)),
            ("on", Value::Bool(true)),
            ("No", Value::Bool(false)),
            ("~", Value::Null),
            ("1Gi", text("1Gi")),
            ("6831/UDP", text("6831/UDP")),
            ("80:8081", text("80:8081")),
            ("1.2.3", text("1.2.3")),
            ("2001-01-01", text("2001-01-01")),
            ("-", text("-")),
            ("+-1", text("+-1")),
            ("truely", text("truely")),
        ] {
            assert_eq!(plain(written), value, "{written}");
        }
    }

    #[test]
    fn a_text_is_quoted_where_it_would_be_taken_for_something_else() {
        for plain in ["web", "ghcr.io/acme/web_1", "/tmp", "$(API_URL)", "a b"] {
            assert_eq!(quoted(plain), plain);
        }
        for other in ["", "yes", "17", "1.5", "a: b", "a #b", "- a", "*", "a ", "x\ny", "{a}"] {
            assert_eq!(quoted(other), serde_json::json!(other).to_string());
        }
    }
}
