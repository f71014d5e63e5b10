//! The screen of `mstack history`, from what was read to text. Pure.
use std::fmt::Write;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use super::super::common::access::{name_of, told};
use super::super::common::output::{Colour, Screen, age, hanging};
use super::super::common::revisions::{Asked, Recorded, last_good};
use super::words;
use crate::model::revision::{Outcome, Part};

/// One line of a stack's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name of the revision.
    pub name: String,
    /// Its place in the order of records; none while its outcome is open.
    pub number: Option<i64>,
    /// How it is with it.
    pub state: State,
    /// Why it failed, or is refused.
    pub reason: String,
    /// When its outcome was recorded.
    pub at: Option<Timestamp>,
    /// What it has otherwise than the good one before, or why that is not known.
    pub changes: Result<Vec<String>, &'static str>,
    /// Whether the spec asks for it.
    pub asked: bool,
    /// Whether the services run it.
    pub runs: bool,
    /// Each service with its image.
    pub images: Vec<(String, String)>,
}

/// How it is with a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is rolled out, and what comes of it is not known yet.
    Open,
    /// It is asked for, and nothing is changed while the stack is suspended.
    Waiting,
    /// It is asked for by a spec that is not valid, and is not rolled out.
    Refused,
    /// It is recorded as good.
    Good,
    /// It is recorded as failed.
    Failed,
}

impl State {
    fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Good => Self::Good,
            Outcome::Failed => Self::Failed,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Waiting => "Waiting",
            Self::Refused => "Refused",
            Self::Good => "Good",
            Self::Failed => "Failed",
        }
    }
}

/// What a stack has been, the latest first: what is asked for and has no outcome, then the records.
pub fn entries(stack: &Value, asked: &Asked, recorded: &[Recorded]) -> Vec<Entry> {
    let failed = asked.has_failed(recorded);
    let good = last_good(recorded);
    let settled = good.is_some_and(|good| good.name == asked.name);
    let stays = told(stack, "Ready", "reason") == "RollbackFailed";
    let entry = |(at, one): (usize, &Recorded)| Entry {
        name: one.name.clone(),
        number: Some(one.record.number),
        state: State::of(one.record.outcome),
        reason: one.record.reason.clone(),
        at: one.at,
        changes: changes(&recorded[at..], &recorded[at + 1..], one.part.as_ref()),
        asked: one.name == asked.name,
        runs: Some(&one.name) == good.map(|good| &good.name) && (settled || failed && !stays),
        images: one.part.as_ref().map(images).unwrap_or_default(),
    };
    let (state, reason) = state(stack);
    let open = Entry {
        name: asked.name.clone(),
        number: None,
        state,
        reason,
        at: None,
        changes: changes(recorded, recorded, Some(&asked.part)),
        asked: true,
        runs: false,
        images: images(&asked.part),
    };
    let open = (!settled && !failed).then_some(open);
    open.into_iter().chain(recorded.iter().enumerate().map(entry)).collect()
}

/// How it is with what is asked for and has no outcome, as the operator has told of the present spec.
fn state(stack: &Value) -> (State, String) {
    let is_seen = stack["status"]["observedGeneration"] == stack["metadata"]["generation"];
    if is_seen && told(stack, "SpecValid", "status") == "False" {
        return (State::Refused, told(stack, "SpecValid", "message").to_owned());
    }
    let paused = stack["spec"]["paused"] == true;
    (if paused { State::Waiting } else { State::Open }, String::new())
}

/// What a revision has otherwise than the last good one of the older ones; `known` are those and, where it is recorded, itself.
fn changes(known: &[Recorded], older: &[Recorded], part: Option<&Part>) -> Result<Vec<String>, &'static str> {
    let part = part.ok_or("its record cannot be read by this version of mstack")?;
    let Some(good) = last_good(older) else {
        let complete = known.last().is_none_or(|oldest| oldest.record.number == 1);
        return Err(match (complete, older) {
            (true, []) => "the first revision",
            (true, _) => "no revision before it was good",
            (false, _) => "no good revision before it is kept",
        });
    };
    let before = good.part.as_ref().ok_or("the good one before it cannot be read by this version of mstack")?;
    Ok(words::changes(before, part))
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
    let (sign, plain, colour) = match entry.state {
        State::Good => ("✓", "+", Colour::Green),
        State::Failed | State::Refused => ("✕", "x", Colour::Red),
        State::Open | State::Waiting => ("◌", "~", Colour::Blue),
    };
    let sign = if screen.unicode { sign } else { plain };
    let numbered = |number: i64| format!("  number {number}");
    let when = entry.at.map(|at| format!("  {} ago", age((now.as_second() - at.as_second()).max(0)))).unwrap_or_default();
    let standing = match (entry.runs, entry.asked, entry.state) {
        (true, true, _) => "  runs",
        (true, false, _) => "  runs, put back",
        (_, true, State::Failed | State::Refused) => "  the spec asks for it",
        (_, true, State::Waiting) => "  the stack is suspended",
        (_, true, _) => "  on its way",
        _ => "",
    };
    let number = entry.number.map(numbered).unwrap_or_default();
    screen.paint(colour, &format!("{sign} {}  {}{number}{when}{standing}", entry.name, entry.state.word()))
}

fn body(entry: &Entry, wide: bool) -> Vec<String> {
    let mut lines: Vec<String> = Some(entry.reason.clone()).filter(|reason| !reason.is_empty()).into_iter().collect();
    match &entry.changes {
        Err(why) => lines.push((*why).to_owned()),
        Ok(changes) if changes.is_empty() => lines.push("nothing differs from the good one before".to_owned()),
        Ok(changes) => lines.extend(changes.iter().cloned()),
    }
    if wide {
        lines.extend(entry.images.iter().map(|(name, image)| format!("{name} is {image}")));
    }
    lines
}

/// The records by their names.
pub fn names(entries: &[Entry]) -> String {
    let recorded = entries.iter().filter(|entry| entry.number.is_some());
    recorded.map(|entry| "controllerrevision.apps/".to_owned() + &entry.name + "\n").collect()
}

/// For programs.
pub fn object(stack: &Value, entries: &[Entry]) -> Value {
    let one = |entry: &Entry| {
        json!({
            "name": entry.name,
            "number": entry.number,
            "outcome": entry.state.word(),
            "reason": entry.reason,
            "recordedAt": entry.at.map(|at| at.to_string()),
            "asked": entry.asked,
            "runs": entry.runs,
            "changes": entry.changes.as_ref().ok(),
            "images": entry.images.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        })
    };
    json!({
        "namespace": stack["metadata"]["namespace"],
        "stack": name_of(stack),
        "revisions": entries.iter().map(one).collect::<Vec<_>>(),
    })
}
