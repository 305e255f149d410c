//! What happens during a run, for whoever shows it. The engine emits, others print.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Action, Address};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A run of so many steps begins.
    Began {
        /// Which way.
        phase: Phase,
        /// Steps that call something.
        steps: usize,
    },
    /// A step has begun.
    Started {
        /// Which.
        address: Address,
        /// What it does.
        action: Action,
    },
    /// A long step tells where it is.
    Progressed {
        /// Which.
        address: Address,
        /// Where it is.
        progress: Progress,
    },
    /// A step is done.
    Finished {
        /// Which.
        address: Address,
        /// What it did.
        action: Action,
        /// How long it took.
        took: Duration,
    },
    /// A step failed; nothing more is begun.
    Failed {
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
    /// A step on pods.
    Pods {
        /// Pods that are as wanted and Ready.
        done: usize,
        /// Pods in all.
        total: usize,
        /// What is being waited for, such as a node's name; empty for nothing in particular.
        waiting_for: String,
    },
    /// Any other, in one clause.
    Told(String),
}
