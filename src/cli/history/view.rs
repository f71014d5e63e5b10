//! The screen of `mstack history`, from what was read to text. Pure.
use std::fmt::Write;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::super::access::name_of;
use super::super::output::{Colour, Screen, age, wrap};
use super::super::revisions::{Asked, Recorded, last_good};
use super::words;
use crate::model::revision::{Outcome, Part};

/// One line of a stack's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name of the revision.
    pub name: String,
    /// Its place in the order of records; none while its outcome is open.
    pub number: Option<i64>,
    /// What came of it, once that is known.
    pub outcome: Option<Outcome>,
    /// Why it failed.
    pub reason: String,
    /// When that was recorded.
    pub at: Option<Timestamp>,
    /// What it has otherwise than the good one before; none where either cannot be read or there is none.
    pub changes: Option<Vec<String>>,
    /// Whether the spec asks for it.
    pub asked: bool,
    /// Whether the services run it.
    pub runs: bool,
    /// Each service with its image.
    pub images: Vec<(String, String)>,
}

/// What a stack has been, the latest first: what is asked for and still open, then the records.
pub fn entries(asked: &Asked, recorded: &[Recorded], reason: &str) -> Vec<Entry> {
    let failed = asked.has_failed(recorded);
    let good = last_good(recorded);
    let settled = good.is_some_and(|good| good.name == asked.name);
    let entry = |(at, one): (usize, &Recorded)| Entry {
        name: one.name.clone(),
        number: Some(one.record.number),
        outcome: Some(one.record.outcome),
        reason: one.record.reason.clone(),
        at: one.at,
        changes: changes(last_good(&recorded[at + 1..]), one.part.as_ref()),
        asked: one.name == asked.name,
        runs: Some(&one.name) == good.map(|good| &good.name) && (settled || failed && reason != "RollbackFailed"),
        images: one.part.as_ref().map(images).unwrap_or_default(),
    };
    let open = Entry {
        name: asked.name.clone(),
        number: None,
        outcome: None,
        reason: String::new(),
        at: None,
        changes: changes(good, Some(&asked.part)),
        asked: true,
        runs: false,
        images: images(&asked.part),
    };
    let open = (!settled && !failed).then_some(open);
    open.into_iter().chain(recorded.iter().enumerate().map(entry)).collect()
}

fn changes(before: Option<&Recorded>, part: Option<&Part>) -> Option<Vec<String>> {
    Some(words::changes(before?.part.as_ref()?, part?))
}

fn images(part: &Part) -> Vec<(String, String)> {
    part.services.iter().map(|(name, service)| (name.clone(), service.image.clone())).collect()
}

/// For people.
pub fn text(stack: &Value, entries: &[Entry], now: Timestamp, wide: bool, screen: Screen) -> String {
    let namespace = stack["metadata"]["namespace"].as_str().unwrap_or_default();
    let title = format!("{namespace}/{}: revisions, the latest first", name_of(stack));
    let mut out = format!("{}\n", screen.paint(Colour::Bold, &title));
    for entry in entries {
        let _ = writeln!(out, "\n{}", head(entry, now, screen));
        for line in body(entry, wide).iter().flat_map(|line| hanging(line, screen.width - 4)) {
            let _ = writeln!(out, "    {line}");
        }
    }
    out
}

fn head(entry: &Entry, now: Timestamp, screen: Screen) -> String {
    let (sign, plain, word, colour) = match entry.outcome {
        Some(Outcome::Good) => ("✓", "+", "Good", Colour::Green),
        Some(Outcome::Failed) => ("✕", "x", "Failed", Colour::Red),
        None => ("◌", "~", "Open", Colour::Blue),
    };
    let sign = if screen.unicode { sign } else { plain };
    let told = |number: i64| format!("  number {number}");
    let when = entry.at.map(|at| format!("  {} ago", age((now.as_second() - at.as_second()).max(0)))).unwrap_or_default();
    let standing = match (entry.runs, entry.asked, entry.outcome) {
        (true, true, _) => "  runs",
        (true, false, _) => "  runs, put back",
        (_, true, Some(Outcome::Failed)) => "  the spec asks for it",
        (_, true, _) => "  on its way",
        _ => "",
    };
    let number = entry.number.map(told).unwrap_or_default();
    screen.paint(colour, &format!("{sign} {}  {word}{number}{when}{standing}", entry.name))
}

fn body(entry: &Entry, wide: bool) -> Vec<String> {
    let mut lines: Vec<String> = Some(entry.reason.clone()).filter(|reason| !reason.is_empty()).into_iter().collect();
    match &entry.changes {
        None if entry.images.is_empty() && entry.number.is_some() => {
            lines.push("its record cannot be read by this version of mstack".to_owned());
        }
        None => lines.push("no good revision before it is kept".to_owned()),
        Some(changes) if changes.is_empty() => lines.push("nothing differs from the good one before".to_owned()),
        Some(changes) => lines.extend(changes.iter().cloned()),
    }
    if wide {
        lines.extend(entry.images.iter().map(|(name, image)| format!("{name} is {image}")));
    }
    lines
}

/// A line with what does not fit below it, further in.
fn hanging(line: &str, width: usize) -> Vec<String> {
    let lines = wrap(line, width - 2);
    lines.into_iter().enumerate().map(|(at, line)| if at == 0 { line } else { format!("  {line}") }).collect()
}

/// For programs.
pub fn object(stack: &Value, entries: &[Entry]) -> Value {
    let one = |entry: &Entry| {
        json!({
            "name": entry.name,
            "number": entry.number,
            "outcome": entry.outcome.map_or("Open", |outcome| if outcome == Outcome::Good { "Good" } else { "Failed" }),
            "reason": entry.reason,
            "recordedAt": entry.at.map(|at| at.to_string()),
            "asked": entry.asked,
            "runs": entry.runs,
            "changes": entry.changes,
            "images": entry.images.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        })
    };
    json!({
        "namespace": stack["metadata"]["namespace"],
        "stack": name_of(stack),
        "revisions": entries.iter().map(one).collect::<Vec<_>>(),
    })
}
