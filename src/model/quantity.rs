//! Quantities as Kubernetes writes them (`250m`, `1.5Gi`, `2e3`): whether a text is one, and which of two is more.
use std::cmp::Ordering;

/// An amount, exact to a billionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

const UNIT: i128 = 1_000_000_000;
/// Beyond this the API server caps as well, at 2^63 - 1.
const MOST: i128 = (i64::MAX as i128) * UNIT;
const SUFFIXES: [(&str, i128, i128); 15] = [
    ("Ki", 1 << 10, 1),
    ("Mi", 1 << 20, 1),
    ("Gi", 1 << 30, 1),
    ("Ti", 1 << 40, 1),
    ("Pi", 1 << 50, 1),
    ("Ei", 1 << 60, 1),
    ("n", 1, 1_000_000_000),
    ("u", 1, 1_000_000),
    ("m", 1, 1_000),
    ("k", 1_000, 1),
    ("M", 1_000_000, 1),
    ("G", 1_000_000_000, 1),
    ("T", 1_000_000_000_000, 1),
    ("P", 1_000_000_000_000_000, 1),
    ("E", 1_000_000_000_000_000_000, 1),
];

impl Quantity {
    /// Reads a quantity; nothing where the text is none, is negative, or is too large to be meant. Fractions below a
    /// billionth round up, as in Kubernetes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (factor, divisor) = scale(suffix)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || whole.len() > 19 || fraction.len() > 9 || fraction.contains('.') {
            return None;
        }
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let divisor = divisor.checked_mul(10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?)?;
        let scaled = digits.checked_mul(factor)?.checked_mul(UNIT)?;
        let amount = scaled / divisor + i128::from(scaled % divisor != 0);
        (amount <= MOST).then_some(Self(amount))
    }

    /// In so many parts of the unit, such as 1000 for thousandths of a core; rounded up.
    pub fn in_parts(self, parts: u32) -> u64 {
        let amount = self.0.saturating_mul(i128::from(parts));
        u64::try_from(amount / UNIT + i128::from(amount % UNIT != 0)).unwrap_or(u64::MAX)
    }

    /// Whether it is nothing at all.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// Compares two quantities in their own spellings; nothing where one of them is none.
pub fn compare(one: &str, other: &str) -> Option<Ordering> {
    Some(Quantity::parse(one)?.cmp(&Quantity::parse(other)?))
}

/// Factor and divisor of a suffix.
fn scale(suffix: &str) -> Option<(i128, i128)> {
    if suffix.is_empty() {
        return Some((1, 1));
    }
    if let Some(&(_, factor, divisor)) = SUFFIXES.iter().find(|(name, ..)| *name == suffix) {
        return Some((factor, divisor));
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    Some(if exponent < 0 { (1, power) } else { (power, 1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_that_kubernetes_takes_is_read() {
        let table = [
            ("0", 0),
            ("1", UNIT),
            ("+2", 2 * UNIT),
            ("250m", UNIT / 4),
            ("0.25", UNIT / 4),
            (".5", UNIT / 2),
            ("5.", 5 * UNIT),
            ("100n", 100),
            ("3u", 3000),
            ("1k", 1000 * UNIT),
            ("1e3", 1000 * UNIT),
            ("1E3", 1000 * UNIT),
            ("1E", 1_000_000_000_000_000_000 * UNIT),
            ("5e-1", UNIT / 2),
            ("1Ki", 1024 * UNIT),
            ("1.5Gi", 1536 * 1024 * 1024 * UNIT),
            ("0.1n", 1),
        ];
        for (text, amount) in table {
            assert_eq!(Quantity::parse(text), Some(Quantity(amount)), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in [
            "",
            ".",
            "-1",
            "1 Gi",
            "1gb",
            "1GB",
            "Gi",
            "one",
            "1.2.3",
            "0x10",
            "1e",
            "1e99",
            "99999999999999999999",
            "9Ei9",
            "1K",
            "²",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_comparison_looks_through_the_spelling() {
        let table = [
            ("1Gi", "1024Mi", Ordering::Equal),
            ("1G", "1Gi", Ordering::Less),
            ("1", "999m", Ordering::Greater),
            ("1500m", "1.5", Ordering::Equal),
            ("20Gi", "10Gi", Ordering::Greater),
        ];
        for (one, other, expected) in table {
            assert_eq!(compare(one, other), Some(expected), "{one} {other}");
            assert_eq!(compare(other, one), Some(expected.reverse()), "{other} {one}");
        }
        assert_eq!(compare("1Gi", "big"), None);
    }
}
