//! A directed graph of names: start order, cycles, and who is hit when one falls over.
use std::collections::{BTreeMap, BTreeSet};

/// What each name needs. Needs that are no names of the graph count for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph<'a> {
    needs: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Graph<'a> {
    /// Adds a name without needs.
    pub fn node(&mut self, name: &'a str) {
        self.needs.entry(name).or_default();
    }

    /// Adds that `name` needs `other`.
    pub fn edge(&mut self, name: &'a str, other: &'a str) {
        self.needs.entry(name).or_default().insert(other);
    }

    /// The start order: each wave needs only earlier ones, and holds its names in their order.
    ///
    /// # Errors
    /// A cycle, from its first name by order back to the same name.
    pub fn waves(&self) -> Result<Vec<Vec<&'a str>>, Vec<&'a str>> {
        let mut waves: Vec<Vec<&str>> = Vec::new();
        let mut placed: BTreeSet<&str> = BTreeSet::new();
        while placed.len() < self.needs.len() {
            let free = |name: &&&str| !placed.contains(**name) && self.known(name).all(|need| placed.contains(need));
            let wave: Vec<&str> = self.needs.keys().filter(free).copied().collect();
            if wave.is_empty() {
                return Err(self.cycle(&placed));
            }
            placed.extend(&wave);
            waves.push(wave);
        }
        Ok(waves)
    }

    /// All names that need this one, directly or through others.
    pub fn impact(&self, name: &str) -> BTreeSet<&'a str> {
        reachable(name, |at| self.needs.iter().filter(|(_, needs)| needs.contains(at)).map(|(&other, _)| other).collect())
    }

    /// All names that this one needs, directly or through others.
    pub fn reliance(&self, name: &str) -> BTreeSet<&'a str> {
        reachable(name, |at| self.needs.get(at).into_iter().flatten().copied().collect())
    }

    fn known(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.needs.get(name).into_iter().flatten().copied().filter(|need| self.needs.contains_key(need))
    }

    /// A cycle among the names that could not be placed: each of those needs another of them.
    fn cycle(&self, placed: &BTreeSet<&str>) -> Vec<&'a str> {
        let mut path: Vec<&str> = Vec::new();
        let mut next = self.needs.keys().copied().find(|name| !placed.contains(name));
        while let Some(name) = next {
            if let Some(start) = path.iter().position(|&seen| seen == name) {
                return closed(&path[start..]);
            }
            path.push(name);
            next = self.known(name).find(|need| !placed.contains(need));
        }
        path
    }
}

/// Everything but the start that can be reached from it; the way may lead in circles.
fn reachable<'a>(start: &str, next: impl Fn(&str) -> Vec<&'a str>) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = next(start);
    while let Some(at) = open.pop() {
        if at != start && reached.insert(at) {
            open.extend(next(at));
        }
    }
    reached
}

/// The cycle from its first name by order, and that name once more at its end.
fn closed<'a>(cycle: &[&'a str]) -> Vec<&'a str> {
    let first = cycle.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(at, _)| at);
    cycle.iter().cycle().skip(first).take(cycle.len() + 1).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&'static str, &'static str)]) -> Graph<'static> {
        let mut graph = Graph::default();
        for &(name, other) in edges {
            graph.node(name);
            graph.node(other);
            graph.edge(name, other);
        }
        graph
    }

    #[test]
    fn rule_5_each_wave_needs_only_earlier_waves() {
        let shop = graph(&[("web", "api"), ("api", "orders"), ("api", "jobs"), ("mailer", "jobs"), ("web", "jobs")]);
        assert_eq!(shop.waves(), Ok(vec![vec!["jobs", "orders"], vec!["api", "mailer"], vec!["web"]]));
    }

    #[test]
    fn rule_5_a_cycle_is_told_with_its_path_from_its_first_name() {
        let looped = graph(&[("entry", "web"), ("web", "api"), ("api", "db"), ("api", "cart"), ("cart", "web")]);
        assert_eq!(looped.waves(), Err(vec!["api", "cart", "web", "api"]));
    }

    #[test]
    fn a_name_that_needs_itself_is_a_cycle() {
        assert_eq!(graph(&[("a", "a")]).waves(), Err(vec!["a", "a"]));
    }

    #[test]
    fn a_need_outside_the_graph_holds_nothing_back() {
        let mut lonely = Graph::default();
        lonely.edge("web", "gone");
        assert_eq!(lonely.waves(), Ok(vec![vec!["web"]]));
    }

    #[test]
    fn rule_5_impact_is_everyone_who_needs_it_through_others_too() {
        let shop = graph(&[("web", "api"), ("api", "orders"), ("report", "orders"), ("mailer", "jobs")]);
        assert_eq!(shop.impact("orders"), BTreeSet::from(["api", "report", "web"]));
        assert_eq!(shop.impact("web"), BTreeSet::new());
    }

    #[test]
    fn reliance_is_all_that_a_name_needs_through_others_too_and_leaves_out_the_name_itself() {
        let shop = graph(&[("web", "api"), ("api", "orders"), ("api", "web"), ("report", "orders")]);
        assert_eq!(shop.reliance("web"), BTreeSet::from(["api", "orders"]));
        assert_eq!(shop.reliance("orders"), BTreeSet::new());
    }

    #[test]
    fn impact_of_a_name_on_a_cycle_ends_and_leaves_out_the_name_itself() {
        assert_eq!(graph(&[("a", "b"), ("b", "a")]).impact("a"), BTreeSet::from(["b"]));
    }
}
