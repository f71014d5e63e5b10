//! A picture: a column for each wave, what is used at the right, lines from left to right.
use std::fmt::Write;

use super::{Kind, Node, View};
use crate::picture::{Edge, Layout, Place, Route, count, escape};

const BOX: (f64, f64) = (150.0, 44.0);
const GAP: (f64, f64) = (90.0, 14.0);
const COLUMN: f64 = BOX.0 + GAP.0;
const ROW: f64 = BOX.1 + GAP.1;
const MARGIN: f64 = 24.0;
const HEAD: f64 = 34.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.about,.door{font-size:11px;fill:#59636e}\
.title{font-size:15px;font-weight:600}.box{fill:#f6f8fa;stroke:#59636e}.database{fill:#ddf4ff;stroke:#0969da}\
.task{fill:#fbefff;stroke:#8250df;stroke-dasharray:2 3}\
.edge{fill:none;stroke:#59636e;stroke-opacity:.55}.optional{stroke-dasharray:5 4}\
@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.about,.door{fill:#9198a1}\
.box{fill:#161b22;stroke:#9198a1}.database{fill:#0c2d6b;stroke:#4493f8}.task{fill:#271052;stroke:#ab7df8}.edge{stroke:#9198a1}}";

/// The picture of a stack.
pub fn draw(view: &View) -> String {
    let nodes: Vec<&Node> = view.nodes().collect();
    let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
    let edges: Vec<Edge> = nodes.iter().flat_map(|node| edges(node)).collect();
    let layout = Layout::of(&names, &edges);
    let width = 2.0 * MARGIN + COLUMN * count(layout.rows) - GAP.0;
    let height = 2.0 * MARGIN + HEAD + layout.columns * ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n\
         <title>{0}</title>\n<style>{STYLE}</style>\n<text class=\"title\" x=\"{MARGIN}\" y=\"{1:.0}\">{0}</text>\n",
        escape(&view.name),
        MARGIN + 8.0
    );
    for route in &layout.routes {
        line(&mut out, route);
    }
    for node in nodes {
        if let Some(place) = layout.places.get(&node.name) {
            component(&mut out, node, *place);
        }
    }
    out + "</svg>\n"
}

fn edges(node: &Node) -> impl Iterator<Item = Edge> {
    node.uses.iter().map(|(to, optional)| Edge { from: node.name.clone(), to: to.clone(), optional: *optional })
}

/// The left of a box, and its middle in height: the rows of the layout are the columns of this picture.
fn place(place: Place) -> (f64, f64) {
    (MARGIN + COLUMN * count(place.row), MARGIN + HEAD + ROW * place.column)
}

/// From the right of the consumer to the left of what it uses; straight between the boxes of the columns that it passes.
fn line(out: &mut String, route: &Route) {
    let class = if route.edge.optional { "edge optional" } else { "edge" };
    let mut places = route.places.iter().map(|at| place(*at)).peekable();
    let Some((left, y)) = places.next() else { return };
    let mut before = (left + BOX.0, y);
    let mut path = format!("M{:.0} {y:.0}", before.0);
    while let Some((left, y)) = places.next() {
        let reach = GAP.0 / 2.0;
        let _ = write!(path, "C{:.0} {:.0} {:.0} {y:.0} {left:.0} {y:.0}", before.0 + reach, before.1, left - reach);
        before = (left + BOX.0, y);
        if places.peek().is_some() {
            let _ = write!(path, "H{:.0}", before.0);
        }
    }
    let title = format!("{} uses {}", route.edge.from, route.edge.to);
    let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"><title>{}</title></path>", escape(&title));
}

fn component(out: &mut String, node: &Node, at: Place) {
    let (class, round) = match node.kind {
        Kind::Service => ("box", 6.0),
        Kind::Database => ("box database", BOX.1 / 2.0),
        Kind::Task => ("box task", 0.0),
    };
    let (left, middle) = place(at);
    let (top, centre) = (middle - BOX.1 / 2.0, left + BOX.0 / 2.0);
    let _ = writeln!(
        out,
        "<g><title>{}</title><rect class=\"{class}\" x=\"{left:.0}\" y=\"{top:.0}\" width=\"{}\" height=\"{}\" rx=\"{round}\"/>\
         <text x=\"{centre:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text>\
         <text class=\"about\" x=\"{centre:.0}\" y=\"{:.0}\" text-anchor=\"middle\">{}</text></g>",
        escape(&[std::slice::from_ref(&node.name), node.doors.as_slice()].concat().join(" ")),
        BOX.0,
        BOX.1,
        top + 19.0,
        escape(&shortened(&node.name)),
        top + 34.0,
        escape(&shortened(&[node.about.as_str(), node.doors.first().map_or("", String::as_str)].join(" "))),
    );
}

fn shortened(text: &str) -> String {
    let text = text.trim();
    if text.chars().count() > 22 { text.chars().take(21).chain(['…']).collect() } else { text.to_owned() }
}
