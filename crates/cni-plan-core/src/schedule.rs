//! Which steps may run now. Knows nothing of what a step is or who runs it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use crate::{Address, Change};

/// The frontier of a plan: hands out steps whose dependencies are done, in the plan's order.
#[derive(Debug)]
pub struct Schedule {
    waits_for: Vec<usize>,
    dependents: Vec<Vec<usize>>,
    ready: BinaryHeap<Reverse<usize>>,
    left: usize,
}

impl Schedule {
    /// Over a plan's steps; a dependency that is no step of this plan counts as done.
    pub fn new(changes: &[Change]) -> Schedule {
        let index: HashMap<&Address, usize> =
            changes.iter().enumerate().map(|(index, change)| (&change.address, index)).collect();
        let mut waits_for = vec![0; changes.len()];
        let mut dependents = vec![Vec::new(); changes.len()];
        for (from, change) in changes.iter().enumerate() {
            for &on in change.depends_on.iter().filter_map(|address| index.get(address)) {
                waits_for[from] += 1;
                dependents[on].push(from);
            }
        }
        let ready = (0..changes.len()).filter(|&index| waits_for[index] == 0).map(Reverse).collect();
        Schedule { waits_for, dependents, ready, left: changes.len() }
    }

    /// The next step that may run, if any may now.
    pub fn start_next(&mut self) -> Option<usize> {
        self.ready.pop().map(|Reverse(index)| index)
    }

    /// A started step is done: what waited for it alone becomes ready.
    pub fn done(&mut self, index: usize) {
        self.left -= 1;
        for &dependent in &self.dependents[index] {
            self.waits_for[dependent] -= 1;
            if self.waits_for[dependent] == 0 {
                self.ready.push(Reverse(dependent));
            }
        }
    }

    /// Steps that are not done.
    pub fn left(&self) -> usize {
        self.left
    }
}
