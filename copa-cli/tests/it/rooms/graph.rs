//! Circles in a graph.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Who names whom.
#[derive(Debug, Default)]
pub(super) struct Graph<'a>(BTreeMap<&'a str, BTreeSet<&'a str>>);

impl<'a> Graph<'a> {
    pub(super) fn new(arrows: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut graph = Self::default();
        for (from, to) in arrows {
            graph.0.entry(from).or_default().insert(to);
        }
        graph
    }

    /// The strongly connected components of more than one node, each in order.
    pub(super) fn circles(&self) -> Vec<Vec<&'a str>> {
        let reach: BTreeMap<_, _> = self.0.keys().map(|node| (*node, self.reach(node))).collect();
        let back =
            |from: &str, to: &str| reach.get(to).is_some_and(|reached| reached.contains(from));
        let circles = reach.iter().filter(|(node, reached)| reached.contains(*node));
        let circles = circles.map(|(node, reached)| {
            reached.iter().copied().filter(|to| back(node, to)).collect::<Vec<_>>()
        });
        circles.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The shortest way from a node of a circle back to it: the circle that is opened first.
    pub(super) fn tightest(&self, circle: &[&'a str]) -> Vec<&'a str> {
        let ways = circle.iter().filter_map(|node| self.way_back(node));
        ways.min_by_key(Vec::len).unwrap_or_default()
    }

    fn next(&self, node: &str) -> impl Iterator<Item = &'a str> {
        self.0.get(node).into_iter().flatten().copied()
    }

    fn reach(&self, node: &'a str) -> BTreeSet<&'a str> {
        let (mut reached, mut open) = (BTreeSet::new(), vec![node]);
        while let Some(node) = open.pop() {
            open.extend(self.next(node).filter(|next| reached.insert(*next)));
        }
        reached
    }

    fn way_back(&self, start: &'a str) -> Option<Vec<&'a str>> {
        let (mut before, mut open) = (BTreeMap::new(), VecDeque::from([start]));
        while let Some(node) = open.pop_front() {
            for next in self.next(node) {
                if !before.contains_key(next) {
                    before.insert(next, node);
                    open.push_back(next);
                }
            }
        }
        let mut way = vec![start, *before.get(start)?];
        while *way.last()? != start {
            way.push(before[way.last()?]);
        }
        way.reverse();
        Some(way)
    }
}
