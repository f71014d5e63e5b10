//! Durations as users write them: `60s`, `2m`, `1m30s`, `1h`.
use super::super::Violations;
use crate::codes::Code;

const UNITS: [(char, i32); 3] = [('h', 3600), ('m', 60), ('s', 1)];
const DAY: i32 = 86_400;

/// Seconds of a duration, which is at least one second and at most a day.
pub fn seconds(path: &str, text: &str, found: &mut Violations) -> i32 {
    let fix = "write it like `60s`, `2m` or `1m30s`";
    match parse(text) {
        Some(seconds) if (1..=DAY).contains(&seconds) => seconds,
        Some(0) => {
            found.add(Code::Duration, path, format!("`{text}` is no time at all, and the shortest is `1s`"), fix);
            1
        }
        Some(_) => {
            found.add(Code::Duration, path, format!("`{text}` is more than a day"), fix);
            1
        }
        None => {
            found.add(Code::Duration, path, format!("`{text}` is not a duration of whole hours, minutes and seconds"), fix);
            1
        }
    }
}

fn parse(text: &str) -> Option<i32> {
    let mut total = 0_i32;
    let mut rest = text;
    for (unit, factor) in UNITS {
        if let Some((digits, tail)) = rest.split_once(unit) {
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            total = total.checked_add(digits.parse::<i32>().ok()?.checked_mul(factor)?)?;
            rest = tail;
        }
    }
    (rest.is_empty() && !text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_hours_minutes_and_seconds_in_this_order() {
        let table = [("60s", 60), ("2m", 120), ("1m30s", 90), ("1h", 3600), ("1h1m1s", 3661), ("0s", 0), ("90m", 5400)];
        for (text, seconds) in table {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        for text in ["", "s", "10", "1.5s", "500ms", "-1s", "+1s", "30s1m", "1m m", " 1s", "99999999999s", "1d"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
