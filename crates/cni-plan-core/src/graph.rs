//! Resources and what has to come before what.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::fmt;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::Address;

/// A graph of values by address, with an edge from each to what it depends on. Which library
/// holds it is this module's business alone.
#[derive(Debug, Clone)]
pub struct DependencyGraph<N> {
    graph: DiGraph<(Address, N), ()>,
    by_address: HashMap<Address, NodeIndex>,
}

/// A value taken out of a graph in topological order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ordered<N> {
    /// Its address.
    pub address: Address,
    /// It.
    pub value: N,
    /// Positions in the same order, all smaller than its own, of what it depends on.
    pub depends_on: Vec<usize>,
}

/// Resources that wait for one another, as a path that ends where it began.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Cycle {
    /// Each depends on the next; the last is the first again.
    pub path: Vec<Address>,
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these depend on one another: ")?;
        for (position, address) in self.path.iter().enumerate() {
            let arrow = if position == 0 { "" } else { " -> " };
            write!(f, "{arrow}{address}")?;
        }
        Ok(())
    }
}

impl<N> Default for DependencyGraph<N> {
    fn default() -> Self {
        DependencyGraph { graph: DiGraph::new(), by_address: HashMap::new() }
    }
}

impl<N> DependencyGraph<N> {
    /// Adds a value, or hands back what is already there under its address.
    pub fn entry(&mut self, address: &Address, make: impl FnOnce() -> N) -> &mut N {
        let index = match self.by_address.get(address) {
            Some(&index) => index,
            None => {
                let index = self.graph.add_node((address.clone(), make()));
                self.by_address.insert(address.clone(), index);
                index
            }
        };
        &mut self.graph[index].1
    }

    /// Has `from` wait for `on`; once is enough. Both have to be there.
    ///
    /// # Panics
    /// If either is not in the graph: that is a mistake in the compiler, not in anyone's input.
    pub fn depend(&mut self, from: &Address, on: &Address) {
        let (from, on) = (self.by_address[from], self.by_address[on]);
        // Parallel edges are removed when read: asking here would be quadratic in a node's degree.
        self.graph.add_edge(from, on, ());
    }

    /// The value at an address.
    pub fn get(&self, address: &Address) -> Option<&N> {
        self.by_address.get(address).map(|&index| &self.graph[index].1)
    }

    /// The value at an address, to change it.
    pub fn get_mut(&mut self, address: &Address) -> Option<&mut N> {
        let index = *self.by_address.get(address)?;
        Some(&mut self.graph[index].1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.graph.node_count()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.graph.node_count() == 0
    }

    /// All values, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&Address, &N)> {
        self.graph.node_weights().map(|(address, value)| (address, value))
    }

    /// What `address` waits for, sorted, each once.
    pub fn dependencies(&self, address: &Address) -> Vec<&Address> {
        self.neighbors(address, Direction::Outgoing)
    }

    /// What waits for `address`, sorted, each once.
    pub fn dependents(&self, address: &Address) -> Vec<&Address> {
        self.neighbors(address, Direction::Incoming)
    }

    fn neighbors(&self, address: &Address, direction: Direction) -> Vec<&Address> {
        let Some(&index) = self.by_address.get(address) else { return Vec::new() };
        let found: BTreeSet<&Address> =
            self.graph.neighbors_directed(index, direction).map(|index| &self.graph[index].0).collect();
        found.into_iter().collect()
    }

    /// Takes the graph apart: each value with the positions of what it depends on, sorted by their
    /// addresses, in [topological order](Self::topological_order).
    pub fn into_topological_order(self) -> Result<Vec<Ordered<N>>, Cycle> {
        let order = self.order()?;
        let mut position = vec![0; order.len()];
        for (at, index) in order.iter().enumerate() {
            position[index.index()] = at;
        }
        let dependencies: Vec<Vec<usize>> = order
            .iter()
            .map(|&index| {
                let mut on: Vec<NodeIndex> = self.graph.neighbors_directed(index, Direction::Outgoing).collect();
                on.sort_unstable_by(|&one, &other| self.graph[one].0.cmp(&self.graph[other].0));
                on.dedup();
                on.into_iter().map(|on| position[on.index()]).collect()
            })
            .collect();
        let (nodes, _) = self.graph.into_nodes_edges();
        let mut values: Vec<Option<(Address, N)>> = nodes.into_iter().map(|node| Some(node.weight)).collect();
        let taken = order.into_iter().zip(dependencies).map(|(index, depends_on)| {
            let (address, value) = values[index.index()].take().expect("an order names each node once");
            Ordered { address, value, depends_on }
        });
        Ok(taken.collect())
    }

    /// Every address after all that it depends on; of those that could come next, the smallest
    /// first, so that the order does not depend on how the graph was built.
    pub fn topological_order(&self) -> Result<Vec<&Address>, Cycle> {
        Ok(self.order()?.into_iter().map(|index| &self.graph[index].0).collect())
    }

    fn order(&self) -> Result<Vec<NodeIndex>, Cycle> {
        let mut by_rank: Vec<NodeIndex> = self.graph.node_indices().collect();
        by_rank.sort_unstable_by(|&a, &b| self.graph[a].0.cmp(&self.graph[b].0));
        let mut rank = vec![0usize; by_rank.len()];
        for (position, index) in by_rank.iter().enumerate() {
            rank[index.index()] = position;
        }
        let mut waits_for: Vec<usize> = self
            .graph
            .node_indices()
            .map(|index| self.graph.edges_directed(index, Direction::Outgoing).count())
            .collect();
        let mut ready: BinaryHeap<Reverse<usize>> =
            by_rank.iter().filter(|index| waits_for[index.index()] == 0).map(|i| Reverse(rank[i.index()])).collect();
        let mut order = Vec::with_capacity(by_rank.len());
        while let Some(Reverse(next)) = ready.pop() {
            let index = by_rank[next];
            order.push(index);
            for dependent in self.graph.neighbors_directed(index, Direction::Incoming) {
                waits_for[dependent.index()] -= 1;
                if waits_for[dependent.index()] == 0 {
                    ready.push(Reverse(rank[dependent.index()]));
                }
            }
        }
        if order.len() == by_rank.len() { Ok(order) } else { Err(self.cycle(&by_rank, &waits_for)) }
    }

    /// Follows unfinished dependencies from the smallest unfinished address until one comes again.
    fn cycle(&self, by_rank: &[NodeIndex], waits_for: &[usize]) -> Cycle {
        let unfinished = |index: &NodeIndex| waits_for[index.index()] > 0;
        let mut path: Vec<NodeIndex> = Vec::new();
        let mut position: HashMap<NodeIndex, usize> = HashMap::new();
        let mut next = by_rank.iter().copied().find(unfinished);
        while let Some(index) = next {
            if let Some(&start) = position.get(&index) {
                path.drain(..start);
                path.push(index);
                break;
            }
            position.insert(index, path.len());
            path.push(index);
            next = self
                .graph
                .neighbors_directed(index, Direction::Outgoing)
                .filter(unfinished)
                .min_by(|&a, &b| self.graph[a].0.cmp(&self.graph[b].0));
        }
        Cycle { path: path.into_iter().map(|index| self.graph[index].0.clone()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use proptest::prelude::*;

    fn address(name: usize) -> Address {
        Address::new("c", Kind::Role, &[&format!("{name:03}")])
    }

    fn graph(nodes: usize, edges: &[(usize, usize)]) -> DependencyGraph<usize> {
        let mut graph = DependencyGraph::default();
        for node in 0..nodes {
            graph.entry(&address(node), || node);
        }
        for &(from, on) in edges {
            graph.depend(&address(from), &address(on));
        }
        graph
    }

    #[test]
    fn a_cycle_is_shown_as_a_path() {
        let cycle = graph(5, &[(0, 1), (1, 2), (2, 3), (3, 1), (4, 0)]).topological_order().unwrap_err();
        assert_eq!(
            cycle.to_string(),
            "these depend on one another: c/role/001 -> c/role/002 -> c/role/003 -> c/role/001"
        );
    }

    #[test]
    fn neighbors_are_sorted_and_named_once() {
        let graph = graph(4, &[(0, 3), (0, 1), (0, 3)]);
        assert_eq!(graph.dependencies(&address(0)), [&address(1), &address(3)]);
        assert_eq!(graph.dependents(&address(3)), [&address(0)]);
    }

    proptest! {
        #[test]
        fn everything_comes_after_what_it_depends_on_however_it_was_built(
            pairs in prop::collection::vec((0usize..30, 0usize..30), 0..120),
            seed in any::<u64>(),
        ) {
            // Edges from larger to smaller cannot make a cycle.
            let edges: Vec<(usize, usize)> =
                pairs.iter().filter(|(a, b)| a != b).map(|&(a, b)| (a.max(b), a.min(b))).collect();
            let mut shuffled = edges.clone();
            shuffled.sort_by_key(|&(a, b)| (a as u64 * 31 + b as u64).wrapping_mul(seed | 1));
            let one = graph(30, &edges);
            let order = one.topological_order().unwrap();
            let place: HashMap<&Address, usize> = order.iter().enumerate().map(|(i, &a)| (a, i)).collect();
            for (from, on) in &edges {
                prop_assert!(place[&address(*from)] > place[&address(*on)]);
            }
            let other = graph(30, &shuffled);
            prop_assert_eq!(order, other.topological_order().unwrap());
        }

        #[test]
        fn a_reported_cycle_is_one(pairs in prop::collection::vec((0usize..12, 0usize..12), 0..40)) {
            let graph = graph(12, &pairs);
            if let Err(cycle) = graph.topological_order() {
                prop_assert!(cycle.path.len() >= 2);
                prop_assert_eq!(cycle.path.first(), cycle.path.last());
                for pair in cycle.path.windows(2) {
                    prop_assert!(graph.dependencies(&pair[0]).contains(&&pair[1]));
                }
            }
        }
    }
}
