//! The screen of `mstack status`, from what was gathered to text. Pure.
use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::super::common::next::command_in;
use super::super::common::output::{Colour, Screen, wrap};
use super::super::common::table::{Cell, table, table_that_fits};
use super::tasks::{self, Ran};
use crate::api::status::CountSource;
use crate::web::view::{Component, Health, View};

/// What is shown beyond the stack's own object, as far as the user's rights cover it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Extras {
    /// By component: what its autoscaler measures, such as `cpu 54% of 70%`.
    pub scaling: BTreeMap<String, String>,
    /// Pods.
    pub pods: Vec<Pod>,
    /// By component: processor time in thousandths of a core, and memory in bytes.
    pub usage: BTreeMap<String, (u64, u64)>,
    /// What the Jobs of migrations, tests and jobs tell, the latest last.
    pub ran: Vec<Ran>,
    /// Sections that are left out, and why.
    pub left_out: Vec<String>,
}

/// One pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Component.
    pub component: String,
    /// Name.
    pub name: String,
    /// Whether it is ready, or has done its work.
    pub ready: bool,
    /// What it says of itself in a word, such as `Running` or `CrashLoopBackOff`.
    pub word: String,
    /// How often its containers were started anew.
    pub restarts: i32,
    /// Node that it is on.
    pub node: String,
}

const MOST_CAUSES: usize = 3;
const MOST_PODS: usize = 10;

/// One stack.
pub fn text(view: &View, extras: &Extras, wide: bool, screen: Screen) -> String {
    let mut out = head(view, screen);
    out.push_str(&causes(view, screen));
    if !view.components.is_empty() {
        out.push('\n');
        out.push_str(&components(view, extras, wide, screen));
    }
    out.push_str(&tasks::text(view, &extras.ran, screen));
    out.push_str(&pods(extras, wide, screen));
    for left_out in &extras.left_out {
        let _ = writeln!(out, "\n{}", wrap(&format!("left out: {left_out}"), screen.width).join("\n"));
    }
    out
}

/// Several stacks. What a narrow screen has no place for is left out, unless all of it was asked for.
pub fn list(views: &[View], everywhere: bool, wide: bool, screen: Screen) -> String {
    let fact = |view: &View, name: &str| {
        view.facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let row = |view: &View| -> Vec<Cell> {
        vec![
            if everywhere { view.namespace.clone() } else { String::new() }.into(),
            view.name.clone().into(),
            signed(view.health, &listed_reason(view), screen),
            fact(view, "Services").into(),
            fact(view, "Databases").into(),
            fact(view, "Instances").into(),
            view.url.clone().unwrap_or_default().into(),
        ]
    };
    let heads = ["NAMESPACE", "NAME", "STATUS", "SERVICES", "DATABASES", "INSTANCES", "URL"];
    let rows: Vec<Vec<Cell>> = views.iter().map(row).collect();
    if wide {
        return table(&heads, &rows, Screen { width: usize::MAX, ..screen });
    }
    table_that_fits(&heads, &rows, &["DATABASES", "SERVICES", "URL"], screen)
}

/// A suspended stack looks like any other as long as nothing of it waits.
fn listed_reason(view: &View) -> String {
    let suspended = view.is_suspended() && view.reason != "Paused";
    if suspended { format!("{}, suspended", view.reason) } else { view.reason.clone() }
}

/// How something is: a sign that differs in form, and a word.
pub fn signed(health: Health, word: &str, screen: Screen) -> Cell {
    Cell::painted(format!("{} {}", sign(health, screen), if word.is_empty() { "Unknown" } else { word }), colour(health))
}

fn sign(health: Health, screen: Screen) -> &'static str {
    match health {
        _ if screen.unicode => health.sign(),
        Health::Failed => "x",
        Health::Degraded => "!",
        Health::Blocked => "#",
        Health::Working => "~",
        Health::Unknown => "?",
        Health::Resting => "z",
        Health::Ready => "+",
    }
}

fn colour(health: Health) -> Colour {
    match health {
        Health::Failed => Colour::Red,
        Health::Degraded | Health::Blocked => Colour::Yellow,
        Health::Working | Health::Unknown | Health::Resting => Colour::Blue,
        Health::Ready => Colour::Green,
    }
}

fn head(view: &View, screen: Screen) -> String {
    let reason = if view.reason.is_empty() { "nothing is reported yet" } else { &view.reason };
    let line = format!("{} {}/{}  {reason}", sign(view.health, screen), view.namespace, view.name);
    let mut out = format!("{}\n", screen.paint(colour(view.health), &line));
    let facts: Vec<String> = view.facts.iter().map(|(name, value)| format!("{} {value}", name.to_lowercase())).collect();
    for line in wrap(&facts.join(", "), screen.width - 2) {
        let _ = writeln!(out, "  {line}");
    }
    if let Some(url) = &view.url {
        let _ = writeln!(out, "  {url}");
    }
    match view.generations {
        (_, None) => out.push_str("  no operator has looked at it; `mstack doctor` says why\n"),
        (now, Some(seen)) if now != seen => {
            let _ = writeln!(out, "  the last change (generation {now}) is not looked at yet: this speaks of {seen}");
        }
        _ => {}
    }
    out
}

/// Root causes first, each with whom it hits and what to try next; without one, what the operator says of the whole.
fn causes(view: &View, screen: Screen) -> String {
    let causes = view.causes();
    let mut out = String::new();
    let told = || format!("\n  {}\n", wrap(&view.message, screen.width - 2).join("\n  "));
    // A revision that is put back, not a component: those are on their way.
    let failed_as_one = view.health == Health::Failed && causes.iter().all(|cause| cause.health != Health::Failed);
    if failed_as_one && !view.message.is_empty() {
        out.push_str(&told());
    }
    for cause in causes.iter().take(MOST_CAUSES) {
        let told = if cause.message.is_empty() { cause.phase.as_str() } else { &cause.message };
        let mut lines = wrap(&format!("{}: {told}", cause.name), screen.width - 2).into_iter();
        let first = format!("{} {}", sign(cause.health, screen), lines.next().unwrap_or_default());
        let _ = writeln!(out, "\n{}", screen.paint(colour(cause.health), &first));
        for line in lines {
            let _ = writeln!(out, "  {line}");
        }
        if !cause.impact.is_empty() {
            let hit = format!("hits {}", cause.impact.join(", "));
            let _ = writeln!(out, "  {}", wrap(&hit, screen.width - 2).join("\n  "));
        }
        if let Some(next) = next(view, cause) {
            let _ = writeln!(out, "  try: {next}");
        }
    }
    if causes.len() > MOST_CAUSES {
        let _ = writeln!(out, "\n  {} more have a cause of their own", causes.len() - MOST_CAUSES);
    }
    let calm = view.health == Health::Ready && view.message.starts_with("all ") && !view.message.contains(';');
    if view.reason == "Available" && view.is_suspended() {
        let _ = writeln!(out, "\n  suspended: nothing is changed, drift neither, until it is resumed");
    }
    let as_one = causes.is_empty() && !matches!(view.health, Health::Failed | Health::Working);
    if as_one && !calm && !view.message.is_empty() {
        out.push_str(&told());
    }
    if let Some(next) = next_of_whole(view) {
        let _ = writeln!(out, "  try: {next}");
    }
    out
}

/// Reason words in a message of a component, and the command that tells more or mends it.
const NEXT: [(&str, &str); 9] = [
    ("CrashLoopBackOff", "logs STACK COMPONENT --previous"),
    ("OOMKilled", "logs STACK COMPONENT --previous"),
    ("Error: container", "logs STACK COMPONENT --previous"),
    ("ImagePull", "events STACK"),
    ("ErrImage", "events STACK"),
    ("uncordon", "status STACK -o wide"),
    ("Unschedulable", "top STACK"),
    ("CreateContainer", "events STACK"),
    ("PodsMissing", "events STACK"),
];

fn next(view: &View, cause: &Component) -> Option<String> {
    let known = NEXT.iter().find(|(word, _)| cause.message.contains(word)).map(|(_, command)| *command);
    let calm = matches!(cause.health, Health::Working | Health::Blocked);
    let command = known.or((!calm).then_some("events STACK"))?;
    Some(command_in(&command.replace("COMPONENT", &cause.name), &view.namespace, &view.name))
}

fn next_of_whole(view: &View) -> Option<String> {
    let command = match &*view.reason {
        "Available" if view.is_suspended() => "resume STACK",
        "InvalidSpec" => return Some("mend the spec as the message says; `mstack lint -f FILE` shows the places".to_owned()),
        "Paused" => "resume STACK",
        "Hibernated" => "wake STACK",
        _ => return None,
    };
    Some(command_in(command, &view.namespace, &view.name))
}

/// Components as a tree: each below what uses it first.
fn components(view: &View, extras: &Extras, wide: bool, screen: Screen) -> String {
    let rows: Vec<Vec<Cell>> =
        tree(view, screen).into_iter().map(|(branch, at)| row(&branch, at, extras, wide, screen)).collect();
    let heads = ["COMPONENT", "PHASE", "SERVING", "UPDATED", "READY", "ENDING", "WAVE", "CPU", "MEMORY", "SCALE", "ENDPOINT"];
    // Who asks for all of it has a screen that is wide enough.
    table(&heads, &rows, if wide { Screen { width: usize::MAX, ..screen } } else { screen })
}

fn row(branch: &str, component: Option<&Component>, extras: &Extras, wide: bool, screen: Screen) -> Vec<Cell> {
    let Some(component) = component else { return vec![branch.into()] };
    let counts = &component.instances;
    let only_wide = |text: String| if wide { Cell::from(text) } else { Cell::default() };
    let usage = extras.usage.get(&component.name);
    let storage = component.storage.as_ref().map(|storage| match &storage.actual {
        Some(actual) if *actual != storage.requested => format!("{actual} of {}", storage.requested),
        _ => storage.requested.clone(),
    });
    vec![
        branch.into(),
        signed(component.health, &component.phase, screen),
        format!("{}/{}", counts.serving, counts.desired).into(),
        only_wide(counts.updated.to_string()),
        only_wide(counts.ready.to_string()),
        only_wide(counts.terminating.to_string()),
        only_wide(component.wave.to_string()),
        only_wide(usage.map(|(cpu, _)| format!("{cpu}m")).unwrap_or_default()),
        only_wide(usage.map(|(_, memory)| mebibytes(*memory)).unwrap_or_default()),
        scale(component, extras).into(),
        component.url.clone().or(storage).unwrap_or_default().into(),
    ]
}

/// Bytes in the unit that people read.
pub fn mebibytes(bytes: u64) -> String {
    format!("{}Mi", bytes.div_ceil(1 << 20))
}

fn scale(component: &Component, extras: &Extras) -> String {
    match (component.instances.source, component.bounds) {
        (Some(CountSource::Hibernate), _) => "asleep".to_owned(),
        (_, Some((min, max))) => match extras.scaling.get(&component.name) {
            Some(measured) => format!("{min}..{max}, {measured}"),
            None => format!("{min}..{max}"),
        },
        _ => component.instances.desired.to_string(),
    }
}

/// The lines of the tree; one that was shown above already is named again, without its figures.
fn tree(view: &View, screen: Screen) -> Vec<(String, Option<&Component>)> {
    let mut walk = Walk { view, screen, seen: Vec::new(), lines: Vec::new() };
    let used = |name: &str| view.edges.iter().any(|edge| edge.to == name && view.components.iter().any(|c| c.name == edge.from));
    for root in view.components.iter().filter(|component| !used(&component.name)) {
        walk.visit(root, "", "");
    }
    // Optional edges may go round in a circle, which has no root.
    for left in &view.components {
        if !walk.seen.contains(&left.name.as_str()) {
            walk.visit(left, "", "");
        }
    }
    walk.lines
}

struct Walk<'a> {
    view: &'a View,
    screen: Screen,
    seen: Vec<&'a str>,
    lines: Vec<(String, Option<&'a Component>)>,
}

impl<'a> Walk<'a> {
    fn visit(&mut self, component: &'a Component, branch: &str, below: &str) {
        let name = if component.database { format!("[{}]", component.name) } else { component.name.clone() };
        if self.seen.contains(&component.name.as_str()) {
            let above = if self.screen.unicode { "↑" } else { "^" };
            return self.lines.push((format!("{branch}{name} {above}"), None));
        }
        self.seen.push(&component.name);
        self.lines.push((format!("{branch}{name}"), Some(component)));
        let is_used =
            |other: &&Component| self.view.edges.iter().any(|edge| edge.from == component.name && edge.to == other.name);
        let used: Vec<&Component> = self.view.components.iter().filter(is_used).collect();
        let [fork, corner, line] = if self.screen.unicode { ["├─ ", "└─ ", "│  "] } else { ["|- ", "`- ", "|  "] };
        for (at, other) in used.iter().enumerate() {
            let last = at + 1 == used.len();
            let branch = format!("{below}{}", if last { corner } else { fork });
            self.visit(other, &branch, &format!("{below}{}", if last { "   " } else { line }));
        }
    }
}

/// Pods that are not ready; all of them where more is asked for.
fn pods(extras: &Extras, wide: bool, screen: Screen) -> String {
    let shown: Vec<&Pod> = extras.pods.iter().filter(|pod| wide || !pod.ready).collect();
    let most = if wide { shown.len() } else { MOST_PODS };
    let row = |pod: &&Pod| -> Vec<Cell> {
        let health = if pod.ready { Health::Ready } else { Health::Degraded };
        let restarts = if pod.restarts == 0 { String::new() } else { pod.restarts.to_string() };
        vec![pod.name.clone().into(), signed(health, &pod.word, screen), restarts.into(), pod.node.clone().into()]
    };
    if shown.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = shown.iter().take(most).map(row).collect();
    let head = if wide { "POD" } else { "POD NOT READY" };
    let mut out = format!("\n{}", table(&[head, "STATE", "RESTARTS", "NODE"], &rows, screen));
    if shown.len() > most {
        let _ = writeln!(out, "and {} more", shown.len() - most);
    }
    out
}
