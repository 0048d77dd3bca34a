//! A graph of things that use each other: its circles, and the floor of each thing.

use std::collections::{BTreeMap, BTreeSet};

/// The things that each thing uses, with the number of uses.
#[derive(Default)]
pub(super) struct Graph<'a> {
    uses: BTreeMap<&'a str, BTreeMap<&'a str, usize>>,
}

impl<'a> Graph<'a> {
    /// Adds a thing, even if it uses nothing.
    pub(super) fn add(&mut self, thing: &'a str) {
        self.uses.entry(thing).or_default();
    }

    /// Adds a use of one thing by another.
    pub(super) fn add_use(&mut self, user: &'a str, used: &'a str) {
        self.add(used);
        *self.uses.entry(user).or_default().entry(used).or_default() += 1;
    }

    /// The things, and how often each uses others.
    pub(super) fn things(&self) -> impl Iterator<Item = (&'a str, &BTreeMap<&'a str, usize>)> {
        self.uses.iter().map(|(thing, used)| (*thing, used))
    }

    /// The sets of things that can be reached from each other.
    pub(super) fn circles(&self) -> Vec<Vec<&'a str>> {
        let reached: BTreeMap<&str, BTreeSet<&'a str>> = self
            .uses
            .keys()
            .map(|thing| (*thing, self.reached(thing)))
            .collect();
        let (mut circles, mut seen) = (Vec::new(), BTreeSet::new());
        for (thing, its) in &reached {
            let is_in_circle = |other: &&&str| reached[**other].contains(thing);
            let circle: Vec<&'a str> = its.iter().filter(is_in_circle).copied().collect();
            if circle.len() > 1 && seen.insert(circle[0]) {
                circles.push(circle);
            }
        }
        circles
    }

    fn reached(&self, from: &'a str) -> BTreeSet<&'a str> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(thing) = open.pop() {
            let used = self.uses.get(thing).into_iter().flat_map(BTreeMap::keys);
            open.extend(used.filter(|used| reached.insert(**used)));
        }
        reached
    }

    /// The floor of each thing: above all things that it uses, starting at 1. The things of a circle share a floor.
    pub(super) fn floors(&self) -> BTreeMap<&'a str, usize> {
        let circles = self.circles();
        let is_circle = |one: &str, other: &str| {
            let mut circles = circles.iter();
            circles.any(|circle| circle.contains(&one) && circle.contains(&other))
        };
        let mut floors: BTreeMap<&str, usize> = self.uses.keys().map(|it| (*it, 1)).collect();
        // Each round settles at least one more floor.
        for _ in 0..self.uses.len() {
            for (thing, used) in &self.uses {
                let below = used
                    .keys()
                    .map(|used| floors[used] + usize::from(!is_circle(thing, used)));
                let floor = below.max().unwrap_or(1).max(floors[thing]);
                floors.insert(thing, floor);
            }
        }
        floors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(uses: &[(&'static str, &'static str)]) -> Graph<'static> {
        let mut graph = Graph::default();
        uses.iter()
            .for_each(|(user, used)| graph.add_use(user, used));
        graph
    }

    #[test]
    fn a_circle_is_found_with_all_of_its_things() {
        let graph = graph(&[("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "e")]);
        assert_eq!(graph.circles(), [["b", "c"]]);
    }

    #[test]
    fn a_thing_is_above_all_things_that_it_uses() {
        let tree = graph(&[("a", "b"), ("b", "d"), ("a", "c"), ("e", "d")]);
        assert!(tree.circles().is_empty());
        let floors = tree.floors();
        assert_eq!(
            (
                floors["a"],
                floors["b"],
                floors["c"],
                floors["d"],
                floors["e"]
            ),
            (3, 2, 1, 1, 2)
        );
        let floors = graph(&[("a", "b"), ("b", "c"), ("c", "b")]).floors();
        assert_eq!((floors["a"], floors["b"], floors["c"]), (2, 1, 1));
    }
}
