//! What was found, as text and as JSON. Pure.
use std::fmt::Write;

use serde_json::json;

use super::super::common::output::{Colour, Screen, wrap};

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Good,
    /// Something may be missed later.
    Warning,
    /// Something does not work.
    Bad,
    /// It could not be looked at.
    Unknown,
}

/// What a check has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check.
    pub id: &'static str,
    /// How it ended.
    pub state: State,
    /// What was found.
    pub message: String,
    /// Why it matters.
    pub why: &'static str,
    /// What mends it; may be empty.
    pub fix: String,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Good => "Good",
            Self::Warning => "Warning",
            Self::Bad => "Bad",
            Self::Unknown => "Unknown",
        }
    }

    fn sign(self, screen: Screen) -> &'static str {
        match (self, screen.unicode) {
            (Self::Good, true) => "✓",
            (Self::Bad, true) => "✕",
            (Self::Warning, true) => "▲",
            (Self::Good, false) => "+",
            (Self::Bad, false) => "x",
            (Self::Warning, false) => "!",
            (Self::Unknown, _) => "?",
        }
    }

    fn colour(self) -> Colour {
        match self {
            Self::Good => Colour::Green,
            Self::Warning => Colour::Yellow,
            Self::Bad => Colour::Red,
            Self::Unknown => Colour::Blue,
        }
    }
}

/// For people: a line for what is well, and for all else why it matters and what to do.
pub fn text(findings: &[Finding], screen: Screen) -> String {
    let width = findings.iter().map(|finding| finding.id.len()).max().unwrap_or_default();
    let indent = width + 4;
    let mut out = String::new();
    for finding in findings {
        let head = screen.paint(finding.state.colour(), &format!("{} {:width$}", finding.state.sign(screen), finding.id));
        let broken = |words: &str| wrap(words, screen.width.saturating_sub(indent));
        let mut lines = broken(&finding.message);
        if finding.state != State::Good {
            lines.extend(broken(&format!("why: {}", finding.why)));
            lines.extend(match &finding.fix {
                none if none.is_empty() => Vec::new(),
                // It is copied as it stands.
                command if command.contains("kubectl ") => vec![format!("fix: {command}")],
                words => broken(&format!("fix: {words}")),
            });
        }
        let _ = writeln!(out, "{head}  {}", lines.first().map(String::as_str).unwrap_or_default());
        for line in lines.iter().skip(1) {
            let _ = writeln!(out, "{}{line}", " ".repeat(indent));
        }
    }
    let count = |state: State| findings.iter().filter(|finding| finding.state == state).count();
    let _ = writeln!(
        out,
        "\n{} good, {} to heed, {} bad, {} unknown",
        count(State::Good),
        count(State::Warning),
        count(State::Bad),
        count(State::Unknown)
    );
    out
}

/// For programs.
pub fn json(findings: &[Finding]) -> String {
    let checks: Vec<_> = findings
        .iter()
        .map(|finding| json!({ "id": finding.id, "state": finding.state.word(), "message": finding.message, "why": finding.why, "fix": finding.fix }))
        .collect();
    format!("{:#}\n", json!({ "checks": checks }))
}
