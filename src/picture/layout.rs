//! A layered drawing: a row for each wave, consumers above what they use. Lines that pass a row have a place of their own in
//! it, and each row is ordered by its neighbours, so that few lines cross (Sugiyama's method, with mean positions).
use std::collections::BTreeMap;

use super::count;
use crate::model::graph::Graph;

/// How often the rows are ordered anew, downwards and upwards.
const SWEEPS: usize = 6;
/// Room of a line that passes a row, in widths of a component.
const NARROW: f64 = 0.3;

/// A line: one component uses another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Who uses.
    pub from: String,
    /// Who is used.
    pub to: String,
    /// Whether it does without.
    pub optional: bool,
}

/// A point of the drawing: columns from its left, rows from its top.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Columns from the left; components are one column wide, and this is their middle.
    pub column: f64,
    /// Rows from the top.
    pub row: usize,
}

/// The way of a line: the places of both ends, and of its bends in between.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The line.
    pub edge: Edge,
    /// From the consumer to what it uses.
    pub places: Vec<Place>,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// Width in columns.
    pub columns: f64,
    /// Height in rows.
    pub rows: usize,
    /// Each component.
    pub places: BTreeMap<String, Place>,
    /// Each line.
    pub routes: Vec<Route>,
}

/// What has a place in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Node(usize),
    Bend { edge: usize, row: usize },
}

/// The rows while they are ordered.
struct Rows {
    rows: Vec<Vec<Item>>,
    /// What each line goes through, from the consumer to what it uses.
    chains: Vec<Vec<Item>>,
}

impl Layout {
    /// Places components, in rows by the start order. Lines to names that are no components are left out.
    pub fn of(names: &[&str], edges: &[Edge]) -> Self {
        let index: BTreeMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let edges: Vec<&Edge> =
            edges.iter().filter(|edge| index.contains_key(&*edge.from) && index.contains_key(&*edge.to)).collect();
        let row_of = rows_of(names, &edges);
        let ends = |edge: &Edge| (index[&*edge.from], index[&*edge.to]);
        let mut rows = Rows::of(&row_of, &edges.iter().map(|edge| ends(edge)).collect::<Vec<_>>());
        rows.order();
        let columns = rows.rows.iter().map(|row| row.iter().map(|item| width(*item)).sum()).fold(0.0, f64::max);
        let at = rows.places(columns);
        Self {
            columns,
            rows: rows.rows.len(),
            places: names.iter().enumerate().map(|(node, name)| ((*name).to_owned(), at[&Item::Node(node)])).collect(),
            routes: edges
                .iter()
                .zip(&rows.chains)
                .map(|(edge, chain)| Route { edge: (*edge).clone(), places: chain.iter().map(|item| at[item]).collect() })
                .collect(),
        }
    }
}

/// The row of each name: the last wave is on top. In a cycle nobody is above another.
fn rows_of(names: &[&str], edges: &[&Edge]) -> Vec<usize> {
    let mut graph = Graph::default();
    for name in names {
        graph.node(name);
    }
    for edge in edges.iter().filter(|edge| !edge.optional) {
        graph.edge(&edge.from, &edge.to);
    }
    let waves = graph.waves().unwrap_or_else(|_| vec![names.to_vec()]);
    let row = |name: &&str| waves.iter().position(|wave| wave.contains(name)).map_or(0, |wave| waves.len() - 1 - wave);
    names.iter().map(row).collect()
}

impl Rows {
    fn of(row_of: &[usize], ends: &[(usize, usize)]) -> Self {
        let mut rows = vec![Vec::new(); row_of.iter().max().map_or(0, |last| last + 1)];
        for (node, row) in row_of.iter().enumerate() {
            rows[*row].push(Item::Node(node));
        }
        let mut chains = Vec::new();
        for (edge, (from, to)) in ends.iter().enumerate() {
            let (upper, lower) = (row_of[*from].min(row_of[*to]), row_of[*from].max(row_of[*to]));
            let mut bends: Vec<Item> = (upper + 1..lower).map(|row| Item::Bend { edge, row }).collect();
            bends.iter().zip(upper + 1..lower).for_each(|(bend, row)| rows[row].push(*bend));
            if row_of[*from] > row_of[*to] {
                bends.reverse();
            }
            chains.push([vec![Item::Node(*from)], bends, vec![Item::Node(*to)]].concat());
        }
        Self { rows, chains }
    }

    fn order(&mut self) {
        for sweep in 0..SWEEPS {
            let downwards = sweep % 2 == 0;
            for step in 1..self.rows.len() {
                let row = if downwards { step } else { self.rows.len() - 1 - step };
                let beside = if downwards { row - 1 } else { row + 1 };
                self.order_row(row, beside);
            }
        }
    }

    /// Orders a row by the mean position of each item's neighbours in the row beside it; without one it stays where it is.
    fn order_row(&mut self, row: usize, beside: usize) {
        let position = |row: &[Item]| -> BTreeMap<Item, f64> {
            let middle = row.iter().map(|item| width(*item)).sum::<f64>() / 2.0;
            centres(row).map(|(item, centre)| (item, centre - middle)).collect()
        };
        let (own, others) = (position(&self.rows[row]), position(&self.rows[beside]));
        let mut neighbours: BTreeMap<Item, Vec<f64>> = BTreeMap::new();
        for pair in self.chains.iter().flat_map(|chain| chain.windows(2)) {
            for (item, other) in [(pair[0], pair[1]), (pair[1], pair[0])] {
                if let (true, Some(position)) = (own.contains_key(&item), others.get(&other)) {
                    neighbours.entry(item).or_default().push(*position);
                }
            }
        }
        let mean = |item: &Item| match neighbours.get(item) {
            Some(positions) => positions.iter().sum::<f64>() / count(positions.len()),
            None => own[item],
        };
        self.rows[row].sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    }

    /// Every row in the middle of the drawing.
    fn places(&self, columns: f64) -> BTreeMap<Item, Place> {
        let of_row = |(row, items): (usize, &Vec<Item>)| {
            let free = columns - items.iter().map(|item| width(*item)).sum::<f64>();
            centres(items).map(|(item, centre)| (item, Place { column: centre + free / 2.0, row })).collect::<Vec<_>>()
        };
        self.rows.iter().enumerate().flat_map(of_row).collect()
    }
}

fn width(item: Item) -> f64 {
    match item {
        Item::Node(_) => 1.0,
        Item::Bend { .. } => NARROW,
    }
}

/// The middle of each item, from the row's left.
fn centres(row: &[Item]) -> impl Iterator<Item = (Item, f64)> {
    row.iter().scan(0.0, |left, item| {
        let centre = *left + width(*item) / 2.0;
        *left += width(*item);
        Some((*item, centre))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(&str, &str)]) -> Vec<Edge> {
        pairs.iter().map(|(from, to)| Edge { from: (*from).to_owned(), to: (*to).to_owned(), optional: false }).collect()
    }

    fn order_of_row(layout: &Layout, row: usize) -> Vec<&str> {
        let mut names: Vec<_> = layout.places.iter().filter(|(_, place)| place.row == row).collect();
        names.sort_by(|a, b| a.1.column.total_cmp(&b.1.column));
        names.into_iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn consumers_stand_above_what_they_use() {
        let layout = Layout::of(&["orders", "api", "web"], &edges(&[("web", "api"), ("api", "orders")]));
        let row = |name: &str| layout.places[name].row;
        assert_eq!((row("web"), row("api"), row("orders"), layout.rows), (0, 1, 2, 3));
    }

    #[test]
    fn rows_are_ordered_so_that_lines_do_not_cross() {
        let names = ["a", "b", "c", "x", "y", "z"];
        let layout = Layout::of(&names, &edges(&[("a", "z"), ("b", "y"), ("c", "x")]));
        let (above, below) = (order_of_row(&layout, 0), order_of_row(&layout, 1));
        let partner = |name: &str| BTreeMap::from([("a", "z"), ("b", "y"), ("c", "x")])[name];
        assert_eq!(above.into_iter().map(partner).collect::<Vec<_>>(), below);
    }

    #[test]
    fn a_line_that_passes_a_row_has_its_own_place_there() {
        let layout = Layout::of(&["web", "api", "orders"], &edges(&[("web", "api"), ("api", "orders"), ("web", "orders")]));
        let long = &layout.routes[2].places;
        assert_eq!(long.iter().map(|place| place.row).collect::<Vec<_>>(), [0, 1, 2]);
        let distance = (long[1].column - layout.places["api"].column).abs();
        assert!(distance > 0.5, "the line goes through api: {layout:?}");
    }

    #[test]
    fn what_is_optional_moves_nobody_and_a_cycle_is_drawn_in_one_row() {
        let optional = |from: &str, to: &str| Edge { from: from.to_owned(), to: to.to_owned(), optional: true };
        let layout = Layout::of(&["a", "b"], &[optional("a", "b"), optional("b", "a")]);
        assert_eq!((layout.rows, layout.routes.len()), (1, 2));
        let layout = Layout::of(&["a", "b"], &edges(&[("a", "b"), ("b", "a"), ("a", "gone")]));
        assert_eq!((layout.rows, layout.routes.len(), layout.columns), (1, 2, 2.0));
    }

    #[test]
    fn nothing_is_a_drawing_too() {
        assert_eq!(Layout::of(&[], &[]), Layout::default());
    }
}
