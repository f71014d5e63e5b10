//! A layout as SVG. Colours come from the page's style sheet, by class; each state has a sign and a word too.
use std::fmt::Write;

use super::count;
use super::layout::{Layout, Place, Route};

const COLUMN: f64 = 200.0;
const ROW: f64 = 118.0;
const WIDTH: f64 = 176.0;
const HEIGHT: f64 = 66.0;

/// How one component is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Its name.
    pub name: String,
    /// Whether it keeps data: a drum instead of a box.
    pub database: bool,
    /// Class of the style sheet.
    pub class: &'static str,
    /// Second line, such as `✓ Ready 2/2`.
    pub state: String,
    /// What it links to.
    pub link: String,
    /// What a screen reader says.
    pub label: String,
}

/// Draws components and lines; a shape without a place is left out.
pub fn draw(title: &str, layout: &Layout, shapes: &[Shape]) -> String {
    let (width, height) = (layout.columns * COLUMN, count(layout.rows) * ROW);
    let mut svg = format!(
        "<svg class=\"graph\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"group\" aria-label=\"{}\">\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path class=\"tip\" d=\"M0 0.5 7.5 4 0 7.5z\"/></marker></defs>\n",
        escape(title)
    );
    for route in &layout.routes {
        let class = if route.edge.optional { "line optional" } else { "line" };
        let _ = writeln!(svg, "<path class=\"{class}\" marker-end=\"url(#arrow)\" d=\"{}\"/>", path(route));
    }
    for shape in shapes {
        if let Some(place) = layout.places.get(&shape.name) {
            svg.push_str(&drawn(shape, *place));
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Text in HTML and SVG, between tags or in quotes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

fn drawn(shape: &Shape, place: Place) -> String {
    let (x, y) = middle(place);
    let (left, top) = (x - WIDTH / 2.0, y - HEIGHT / 2.0);
    let outline = if shape.database {
        let (right, rim, bottom) = (left + WIDTH, top + 9.0, top + HEIGHT - 9.0);
        let half = WIDTH / 2.0;
        format!(
            "<path class=\"box\" d=\"M{left:.1} {rim:.1}A{half:.1} 9 0 0 1 {right:.1} {rim:.1}V{bottom:.1}A{half:.1} 9 0 0 1 {left:.1} {bottom:.1}z\"/>\
             <path class=\"rim\" d=\"M{left:.1} {rim:.1}A{half:.1} 9 0 0 0 {right:.1} {rim:.1}\"/>"
        )
    } else {
        format!("<rect class=\"box\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\"/>")
    };
    let lower = if shape.database { 5.0 } else { 0.0 };
    format!(
        "<a class=\"{}\" href=\"{}\" aria-label=\"{}\">{outline}<text class=\"name\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>\
         <text class=\"state\" x=\"{x:.1}\" y=\"{:.1}\">{}</text></a>\n",
        shape.class,
        escape(&shape.link),
        escape(&shape.label),
        y - 5.0 + lower,
        escape(&shortened(&shape.name)),
        y + 16.0 + lower,
        escape(&shape.state),
    )
}

/// Names may be 40 characters long; a box has room for some seventeen.
fn shortened(name: &str) -> String {
    if name.chars().count() <= 17 { name.to_owned() } else { name.chars().take(16).chain(['…']).collect() }
}

/// From below the consumer to above what it uses; beside or upwards, lines leave and arrive below.
fn path(route: &Route) -> String {
    let (Some(from), Some(to)) = (route.places.first(), route.places.last()) else { return String::new() };
    let (start_x, start_y) = (middle(*from).0, middle(*from).1 + HEIGHT / 2.0);
    let mut path = format!("M{start_x:.1} {start_y:.1}");
    if from.row >= to.row {
        let (x, y) = (middle(*to).0, middle(*to).1 + HEIGHT / 2.0 + 3.0);
        let low = start_y.max(y) + 30.0;
        let _ = write!(path, "C{start_x:.1} {low:.1} {x:.1} {low:.1} {x:.1} {y:.1}");
        return path;
    }
    let mut before = (start_x, start_y);
    for (at, place) in route.places.iter().enumerate().skip(1) {
        let (x, y) = middle(*place);
        let above = y - HEIGHT / 2.0 - 3.0;
        let half = f64::midpoint(before.1, above);
        let _ = write!(path, "C{:.1} {half:.1} {x:.1} {half:.1} {x:.1} {above:.1}", before.0);
        before = (x, above);
        if at + 1 < route.places.len() {
            before.1 = y + HEIGHT / 2.0;
            let _ = write!(path, "V{:.1}", before.1); // Straight between the boxes of the row.
        }
    }
    path
}

fn middle(place: Place) -> (f64, f64) {
    (place.column * COLUMN, (count(place.row) + 0.5) * ROW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_name_holds_ends_the_text_around_it() {
        assert_eq!(escape("<b a=\"x\" c='y'>&"), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;");
    }

    #[test]
    fn a_long_name_is_shortened_in_the_box_and_whole_for_a_screen_reader() {
        let name = "a-very-long-name-of-a-service";
        let layout = Layout::of(&[name], &[]);
        let shape = Shape {
            name: name.to_owned(),
            database: false,
            class: "ready",
            state: "✓ Ready 1/1".to_owned(),
            link: "#c".to_owned(),
            label: name.to_owned(),
        };
        let svg = draw("shop", &layout, &[shape]);
        assert!(svg.contains(">a-very-long-name…</text>"), "{svg}");
        assert!(svg.contains("aria-label=\"a-very-long-name-of-a-service\""), "{svg}");
    }
}
