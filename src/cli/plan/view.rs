//! A plan as text and as JSON. Pure.
use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};

use super::super::common::next;
use super::super::common::output::{Colour, Screen, wrap};
use super::diff::Difference;
use super::marks::Mark;
pub use super::rehearse::Change;

/// What is going to happen to a stack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Planned {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub stack: String,
    /// Whether the stack is not there yet.
    pub is_new: bool,
    /// How many of its objects stay as they are.
    pub untouched: usize,
    /// Whether it is suspended.
    pub paused: bool,
    /// Components that wait, and for what.
    pub blocked: BTreeMap<String, Vec<String>>,
    /// Names that are taken.
    pub conflicts: Vec<String>,
    /// Databases that are not touched, and why.
    pub held: BTreeMap<String, String>,
    /// What the user should know.
    pub notices: Vec<String>,
    /// What happens to each object.
    pub changes: Vec<Change>,
}

const MOST_LINES: usize = 12;

/// For people.
pub fn text(plan: &Planned, screen: Screen) -> String {
    let mut out = format!("{}\n", screen.paint(Colour::Bold, &head(plan)));
    if plan.paused {
        let resume = next::command_in("resume STACK", &plan.namespace, &plan.stack);
        let words = format!("it is suspended: nothing is changed before `{resume}`");
        let _ = writeln!(out, "  {}", wrap(&words, screen.width - 2).join("\n  "));
    }
    let mut brief_before = false;
    for change in &plan.changes {
        let brief = is_brief(change);
        if !(brief && brief_before) {
            out.push('\n');
        }
        write_change(&mut out, change, screen);
        brief_before = brief;
    }
    let wait = |(name, reasons): (&String, &Vec<String>)| format!("{name} waits for {}", reasons.join(", "));
    let told = plan.blocked.iter().map(wait).map(|words| ("later", words));
    let held = plan.held.iter().map(|(name, why)| ("kept", format!("{name} stays as it is: {why}")));
    let conflicts = plan.conflicts.iter().map(|words| ("conflict", words.clone()));
    let notices = plan.notices.iter().map(|words| ("note", words.clone()));
    let remarks: Vec<_> = conflicts.chain(held).chain(told).chain(notices).collect();
    if !remarks.is_empty() {
        out.push('\n');
    }
    for (word, words) in remarks {
        let _ = writeln!(out, "{}", wrap(&format!("{word}: {words}"), screen.width).join("\n  "));
    }
    let _ = writeln!(out, "\n{}", wrap(&summary(plan), screen.width).join("\n"));
    out
}

fn head(plan: &Planned) -> String {
    let new = if plan.is_new { " (new)" } else { "" };
    let what = if plan.changes.is_empty() { "nothing would change" } else { "what the operator would do" };
    format!("{}/{}{new}: {what}", plan.namespace, plan.stack)
}

fn summary(plan: &Planned) -> String {
    let count = |is: &dyn Fn(&Change) -> bool| plan.changes.iter().filter(|change| is(change)).count();
    let has = |change: &Change, word: &str| change.marks.iter().any(|mark| mark.word() == word);
    let mut parts = vec![
        format!("{} to create", count(&|change| !change.is_there)),
        format!("{} to change", count(&|change| change.is_there && change.stays)),
        format!("{} to delete", count(&|change| !change.stays)),
        format!("{} as they are", plan.untouched),
    ];
    for (word, words) in [("RestartsPods", "restart pods"), ("DataAtRisk", "put data at risk")] {
        let count = count(&|change| has(change, word));
        if count > 0 {
            parts.push(format!("{count} {words}"));
        }
    }
    format!("{}. Nothing was changed.", parts.join(", "))
}

/// Whether its line says all of it; such lines stand together.
fn is_brief(change: &Change) -> bool {
    change.marks.is_empty() && change.refused.is_none() && change.unjudged.is_none() && change.differences.is_empty()
}

fn write_change(out: &mut String, change: &Change, screen: Screen) {
    let (sign, colour) = match (change.is_there, change.stays) {
        (false, _) => ("+", Colour::Green),
        (true, true) => ("~", Colour::Yellow),
        (true, false) => ("-", Colour::Red),
    };
    let later = if change.at_once { "" } else { " (later)" };
    let _ = writeln!(out, "{}{later}", screen.paint(colour, &format!("{sign} {} {}", change.kind, change.name)));
    for mark in &change.marks {
        let colour = match mark {
            Mark::DataAtRisk(_) => Colour::Red,
            Mark::Restarts { .. } | Mark::Recreates | Mark::Ends(_) => Colour::Yellow,
            Mark::Scales { .. } | Mark::NoEffect => Colour::Blue,
        };
        let _ = writeln!(out, "  {}", screen.paint(colour, &format!("! {mark}")));
    }
    if let Some(why) = &change.refused {
        let words = wrap(&format!("! would be refused: {why}"), screen.width - 4).join("\n    ");
        let _ = writeln!(out, "  {}", screen.paint(Colour::Red, &words));
    }
    if let Some(why) = &change.unjudged {
        let _ = writeln!(out, "  {}", wrap(&format!("not judged by the API server: {why}"), screen.width - 4).join("\n    "));
    }
    for difference in change.differences.iter().take(MOST_LINES) {
        write_difference(out, difference, screen);
    }
    if change.differences.len() > MOST_LINES {
        let _ = writeln!(out, "    and {} more differences (-o json has all)", change.differences.len() - MOST_LINES);
    }
}

fn write_difference(out: &mut String, difference: &Difference, screen: Screen) {
    let _ = writeln!(out, "    {}", shortened(&difference.path, screen.width - 4));
    for (sign, colour, value) in [("-", Colour::Red, &difference.before), ("+", Colour::Green, &difference.after)] {
        if let Some(value) = value {
            let line = format!("{sign} {}", shortened(&shown(value), screen.width - 8));
            let _ = writeln!(out, "      {}", screen.paint(colour, &line));
        }
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.replace('\n', "\\n"))
}

/// A text of at most so many characters.
fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most.saturating_sub(3)).chain("...".chars()).collect()
    }
}

/// For programs.
pub fn json(plans: &[Planned]) -> String {
    let difference =
        |difference: &Difference| json!({ "path": difference.path, "before": difference.before, "after": difference.after });
    let change = |change: &Change| {
        json!({
            "kind": change.kind, "name": change.name, "component": change.component,
            "action": match (change.is_there, change.stays) { (false, _) => "Create", (true, true) => "Change", (true, false) => "Delete" },
            "requests": change.requests, "atOnce": change.at_once,
            "marks": change.marks.iter().map(|mark| json!({ "type": mark.word(), "message": mark.to_string() })).collect::<Vec<_>>(),
            "differences": change.differences.iter().map(difference).collect::<Vec<_>>(),
            "refused": change.refused, "notJudged": change.unjudged,
        })
    };
    let plan = |plan: &Planned| {
        json!({
            "namespace": plan.namespace, "stack": plan.stack, "new": plan.is_new, "paused": plan.paused, "untouched": plan.untouched,
            "blocked": plan.blocked, "conflicts": plan.conflicts, "held": plan.held, "notices": plan.notices,
            "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        })
    };
    format!("{:#}\n", json!({ "plans": plans.iter().map(plan).collect::<Vec<_>>() }))
}
