//! A list by waves that stays readable with many components.
use std::fmt::Write;

use super::super::common::output::{Colour, Screen, wrap};
use super::super::common::report::counted;
use super::{Kind, Node, View};

const LEGEND: &str = "[name]: a database; ->: uses, and starts after it; ~>: uses, and can do without; <=: reached from outside";
const MIGRATES: &str = "; migrates: runs its migration before its template changes";

/// The stack in lines of the screen's width.
pub fn draw(view: &View, screen: Screen) -> String {
    let of = |kind: Kind| view.nodes().filter(|node| node.kind == kind).count();
    let counts = [(of(Kind::Service), "service"), (of(Kind::Database), "database"), (view.waves.len(), "wave")]
        .map(|(count, what)| counted(count, what));
    let mut out = format!("{}: {}\n", view.name, counts.join(", "));
    let name = view.nodes().map(|node| shown(node).chars().count()).max().unwrap_or_default();
    let about = view.nodes().map(|node| node.about.chars().count()).max().unwrap_or_default();
    let waves = view.waves.iter().enumerate().map(|(number, wave)| (format!("wave {number}"), wave));
    let tasks = Some(("tests and jobs".to_owned(), &view.tasks)).filter(|(_, tasks)| !tasks.is_empty());
    for (title, nodes) in waves.chain(tasks) {
        let _ = writeln!(out, "\n{}", screen.paint(Colour::Bold, &title));
        for node in nodes {
            let colour = match node.kind {
                Kind::Service => Colour::Green,
                Kind::Database => Colour::Blue,
                Kind::Task => Colour::Magenta,
            };
            let label = screen.paint(colour, &format!("{:name$}", shown(node)));
            let indent = 2 + name + 2 + about + 2;
            let lines = wrap(&edges(view, node), screen.width.saturating_sub(indent).max(20));
            let first = lines.first().map(String::as_str).unwrap_or_default();
            let head = format!("  {label}  {:about$}  {first}", node.about);
            let _ = writeln!(out, "{}", head.trim_end());
            for line in lines.iter().skip(1) {
                let _ = writeln!(out, "{}{line}", " ".repeat(indent));
            }
        }
    }
    out.push('\n');
    let migrates = view.nodes().any(|node| node.about.ends_with("migrates"));
    for line in wrap(&format!("{LEGEND}{}", if migrates { MIGRATES } else { "" }), screen.width) {
        let _ = writeln!(out, "{line}");
    }
    out
}

fn shown(node: &Node) -> String {
    if node.kind == Kind::Database { format!("[{}]", node.name) } else { node.name.clone() }
}

fn edges(view: &View, node: &Node) -> String {
    let name = |target: &str| {
        let database = view.nodes().any(|other| other.kind == Kind::Database && other.name == target);
        if database { format!("[{target}]") } else { target.to_owned() }
    };
    let to = |optional: bool| {
        let targets = node.uses.iter().filter(|(_, is)| *is == optional).map(|(target, _)| name(target));
        targets.collect::<Vec<_>>().join(", ")
    };
    let parts = [("->", to(false)), ("~>", to(true)), ("<=", node.doors.join(", "))];
    let given = parts.iter().filter(|(_, list)| !list.is_empty()).map(|(arrow, list)| format!("{arrow} {list}"));
    given.collect::<Vec<_>>().join("\n")
}
