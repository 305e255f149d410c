//! What happens during a run, for whoever shows it. The engine emits, others print.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Action, Address};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// What is live is read.
    Observing {
        /// Resources that are read.
        resources: usize,
    },
    /// What is live is read until it can be believed: a run that is taken up, or goes back, rests on it. That
    /// can take minutes.
    Settling {
        /// Resources that are read.
        resources: usize,
    },
    /// Steps are about to be carried out.
    Began {
        /// Which way.
        phase: Phase,
        /// Those that call something, in the order of the plan.
        steps: Vec<Address>,
    },
    /// A step has begun.
    Started {
        /// Which way.
        phase: Phase,
        /// Which.
        address: Address,
        /// What it does.
        action: Action,
    },
    /// A long step tells where it is.
    Progressed {
        /// Which way.
        phase: Phase,
        /// Which.
        address: Address,
        /// Where it is.
        progress: Progress,
    },
    /// A step is done.
    Finished {
        /// Which way.
        phase: Phase,
        /// Which.
        address: Address,
        /// What it did.
        action: Action,
        /// How long it took.
        took: Duration,
    },
    /// A step failed; nothing more is begun.
    Failed {
        /// Which way.
        phase: Phase,
        /// Which.
        address: Address,
        /// What, why and what to do.
        error: crate::ProviderError,
    },
    /// The run is over.
    Ended {
        /// Which way.
        phase: Phase,
        /// Steps done.
        done: usize,
        /// How long it took.
        took: Duration,
    },
    /// How the run ended could not be recorded: what was done is done, but the run counts as unfinished.
    NotRecorded {
        /// Why not.
        why: String,
    },
}

/// Which way a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Towards the plan.
    Apply,
    /// Back.
    Rollback,
}

/// Where a long step is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A step on pods, one a node.
    Pods {
        /// Pods that are as wanted and Ready.
        done: usize,
        /// Pods in all.
        total: usize,
        /// The first nodes whose pods are waited for, by name; empty for none in particular.
        waiting_for: Vec<String>,
        /// How many more there are than those.
        more: usize,
    },
    /// What any other is waiting for, in one clause.
    Told(String),
    /// Something that a person should know once it is over, too; in one clause.
    Noted(String),
}

impl Progress {
    /// Nodes that progress names: of a large cluster hundreds may be waited for, and each event of a pod is progress.
    pub const NODES_AT_MOST: usize = 10;

    /// Of a step on pods that waits for these nodes.
    pub fn of_pods(done: usize, total: usize, waiting_for: &[String]) -> Progress {
        let named = &waiting_for[..waiting_for.len().min(Progress::NODES_AT_MOST)];
        Progress::Pods { done, total, waiting_for: named.to_vec(), more: waiting_for.len() - named.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_nodes_the_first_are_named_and_the_others_counted() {
        let nodes: Vec<String> = (0..12).map(|at| format!("node-{at}")).collect();
        let Progress::Pods { waiting_for, more, .. } = Progress::of_pods(1, 12, &nodes) else { panic!() };
        assert_eq!((waiting_for.as_slice(), more), (&nodes[..Progress::NODES_AT_MOST], 2));
        let Progress::Pods { waiting_for, more, .. } = Progress::of_pods(1, 12, &nodes[..3]) else { panic!() };
        assert_eq!((waiting_for.as_slice(), more), (&nodes[..3], 0));
    }
}
