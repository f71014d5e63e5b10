//! Graphs for tools that lay them out themselves.
use std::fmt::Write;

use super::{Kind, Node, View};

/// A flowchart for Markdown.
pub fn mermaid(view: &View) -> String {
    let mut out = format!("---\ntitle: {}\n---\nflowchart LR\n", view.name);
    for node in view.nodes() {
        let about = if node.about.is_empty() { String::new() } else { format!("<br/><small>{}</small>", node.about) };
        let label = format!("{}{about}", node.name);
        let shape = match node.kind {
            Kind::Service => format!("[\"{label}\"]"),
            Kind::Database => format!("[(\"{label}\")]"),
            Kind::Task => format!("{{{{\"{label}\"}}}}"),
        };
        let _ = writeln!(out, "  {}{shape}", id(node));
    }
    for node in view.nodes() {
        for (number, door) in node.doors.iter().enumerate() {
            let _ = writeln!(out, "  {0}_door{number}([\"{door}\"]) --> {0}", id(node));
        }
        for (target, optional) in &node.uses {
            let arrow = if *optional { "-.->" } else { "-->" };
            let _ = writeln!(out, "  {} {arrow} {}", id(node), component(target));
        }
    }
    out
}

fn id(node: &Node) -> String {
    if node.kind == Kind::Task { format!("t_{}", node.name.replace(['-', ' '], "_")) } else { component(&node.name) }
}

fn component(name: &str) -> String {
    format!("c_{}", name.replace('-', "_"))
}

/// A digraph for Graphviz; the components of a wave stand together.
pub fn dot(view: &View) -> String {
    let mut out =
        format!("digraph {:?} {{\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n", view.name);
    for (number, wave) in view.waves.iter().enumerate() {
        let _ = writeln!(out, "  subgraph wave_{number} {{\n    rank=same;");
        for node in wave {
            let shape = if node.kind == Kind::Database { ", shape=cylinder, style=solid" } else { "" };
            let _ = writeln!(out, "    {:?} [label=\"{}\\n{}\"{shape}];", node.name, node.name, node.about);
        }
        out.push_str("  }\n");
    }
    for task in &view.tasks {
        let label = [task.name.as_str(), task.about.as_str()].join("\\n");
        let _ = writeln!(out, "  {:?} [label=\"{}\", shape=hexagon, style=solid];", task.name, label.trim_end_matches("\\n"));
    }
    for node in view.nodes() {
        for door in &node.doors {
            let _ = writeln!(
                out,
                "  {:?} [shape=plaintext];\n  {:?} -> {:?};",
                format!("<= {door}"),
                format!("<= {door}"),
                node.name
            );
        }
        for (target, optional) in &node.uses {
            let style = if *optional { " [style=dashed]" } else { "" };
            let _ = writeln!(out, "  {:?} -> {target:?}{style};", node.name);
        }
    }
    out + "}\n"
}
