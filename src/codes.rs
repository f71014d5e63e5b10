//! The one table of codes: everything that can be wrong with a stack has one, which stays the same for ever. Pure data.
//!
//! A code is written `MS0201`. The hundreds tell the subject, and a code that is no longer told is never given again.
mod rows;

use std::fmt;

pub use rows::{CODES, Code};

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// What is wrong, in a line.
    pub title: &'static str,
    /// Why it is wrong and what to do, in a paragraph; `code` in backticks.
    pub explanation: &'static str,
}

impl Code {
    /// The code's row.
    pub fn row(self) -> &'static Row {
        let at = CODES.iter().position(|row| row.code == self).unwrap_or_default();
        &CODES[at]
    }

    /// The code that is written like this, such as `MS0201` or `ms201`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim().to_ascii_uppercase().strip_prefix("MS")?.to_owned();
        let plain = !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
        let number: u16 = digits.parse().ok().filter(|_| plain)?;
        CODES.iter().map(|row| row.code).find(|code| *code as u16 == number)
    }

    /// A message of an admission rule without the code at its end, and that code: `keep one of them [MS0305]`.
    pub fn split(message: &str) -> (&str, Option<Self>) {
        let parts = message.strip_suffix(']').and_then(|rest| rest.rsplit_once(" ["));
        match parts.and_then(|(words, code)| Some((words, Self::parse(code)?))) {
            Some((words, code)) => (words, Some(code)),
            None => (message, None),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MS{:04}", *self as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_row_in_the_order_of_numbers() {
        assert!(CODES.is_sorted_by(|one, other| (one.code as u16) < (other.code as u16)));
        for row in CODES {
            assert_eq!(row.code.row().code, row.code);
            assert_eq!(Code::parse(&row.code.to_string()), Some(row.code));
        }
    }

    #[test]
    fn each_row_says_what_why_and_what_to_do() {
        for Row { code, title, explanation } in CODES {
            assert!((8..=80).contains(&title.len()), "{code}: {title}");
            assert!(!title.ends_with('.') && !title.starts_with(char::is_uppercase), "{code}: {title}");
            assert!(explanation.len() >= 36 && explanation.ends_with('.'), "{code}: {explanation}");
        }
    }

    #[test]
    fn what_is_no_code_is_none() {
        for text in ["", "MS", "MS9999", "MS00201", "0201", "MS-201", "E0201"] {
            assert_eq!(Code::parse(text), None, "{text}");
        }
        assert_eq!(Code::parse(" ms201 "), Some(Code::UnknownComponent));
    }

    #[test]
    fn the_code_at_the_end_of_a_message_is_read() {
        assert_eq!(Code::split("remove one [MS0501]"), ("remove one", Some(Code::ReplicasAndScale)));
        assert_eq!(Code::split("write [a, b]"), ("write [a, b]", None));
    }
}
