//! Which of a cluster's steps wait for its annotation, restart and verification, and for which of
//! those they wait: one pass over the cluster's own dependencies in each direction.

use super::shape::{Place, Places};

/// A dependency between two steps of one cluster, by their positions in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) on: u32,
}

/// For every step of the plan, the places before and behind it; one allocation serves all clusters
/// in turn, and only what is one cluster's is looked at.
pub(super) struct Order {
    before: Vec<Places>,
    behind: Vec<Places>,
}

impl Order {
    pub(super) fn new(steps: usize) -> Order {
        Order { before: vec![Places::default(); steps], behind: vec![Places::default(); steps] }
    }

    /// Takes on a cluster: its steps, its edges by ascending `from`, and the places that some of its
    /// steps have. Edges lead back in the plan's order, so that one pass carries everything along.
    pub(super) fn of_cluster(&mut self, steps: &[u32], edges: &[Edge], place: impl Fn(u32) -> Places) {
        for &step in steps {
            self.before[step as usize] = Places::default();
            self.behind[step as usize] = Places::default();
        }
        for &Edge { from, on } in edges {
            let carried = self.before[on as usize].or(place(on));
            self.before[from as usize] = self.before[from as usize].or(carried);
        }
        for &Edge { from, on } in edges.iter().rev() {
            let carried = self.behind[from as usize].or(place(from));
            self.behind[on as usize] = self.behind[on as usize].or(carried);
        }
    }

    /// The places that a step waits for.
    pub(super) fn before(&self, step: u32) -> Places {
        self.before[step as usize]
    }

    /// Whether the step in that place waits for this one.
    pub(super) fn is_before(&self, step: u32, place: Place) -> bool {
        self.behind[step as usize].holds(place)
    }
}
