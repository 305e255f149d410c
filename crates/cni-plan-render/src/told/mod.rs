//! What a command tells while it works. One thing is told once, as a value of this type, and everything that
//! is shown of it comes from here: its line of JSON ([`Told::json_lines`]), what a terminal shows
//! ([`Board`](crate::Board)), and the text for people.

mod json;

pub use json::{EVENTS_SCHEMA, EVENTS_VERSION};

use std::time::Duration;

use cni_plan_core::{ChangeSet, Drift, Event, FactsDrift, LockRecord, OutsideUse, Phase, RoleRecord};

use crate::rollback::ToldResidue;

/// One thing that a command tells.
#[derive(Debug, Clone, Copy)]
pub enum Told<'a> {
    /// First of all: which command.
    Command {
        /// Its name: `plan`.
        name: &'a str,
        /// The program's version.
        tool_version: &'a str,
    },
    /// Clusters are about to be read.
    Reading {
        /// How many.
        clusters: usize,
    },
    /// What there is to do.
    Planned(&'a ChangeSet),
    /// The plan is saved.
    Saved {
        /// Where: the change set, and its twin for reviewers.
        files: &'a [String],
        /// The command that applies it, where there is anything to apply. For people: events leave it out.
        next: Option<&'a str>,
    },
    /// A reviewed change set is taken to be applied.
    Taken {
        /// Its file.
        file: &'a str,
        /// What is in it.
        change_set: &'a ChangeSet,
    },
    /// A change set is checked.
    Checking {
        /// Its file.
        file: &'a str,
        /// What is in it.
        change_set: &'a ChangeSet,
    },
    /// It was looked whether one thing holds of it. Why it does not is an error, behind this.
    Checked {
        /// What: in kebab case, stable.
        check: &'static str,
        /// Whether it holds.
        holds: bool,
        /// What was found; empty where an error says it.
        what: &'a str,
    },
    /// A run begins, or one is taken up.
    Run {
        /// Its name, by which it is resumed or undone.
        name: &'a str,
        /// Which way it goes.
        phase: Phase,
        /// Whether it was begun before.
        is_taken_up: bool,
    },
    /// Someone else holds a lock.
    LockAwaited {
        /// Whose lock: the cluster's key.
        cluster: &'a str,
        /// Who has it, since when.
        record: &'a LockRecord,
        /// How long it is waited for.
        limit: Duration,
    },
    /// All locks are had.
    LocksTaken {
        /// Of how many clusters.
        clusters: usize,
    },
    /// Something happened in a run.
    Happened(&'a Event),
    /// Someone asked to stop.
    Stopping {
        /// Whether what is under way is left as it is.
        at_once: bool,
    },
    /// Something a person should know, and nothing is held up by.
    Warning(&'a str),
    /// Resources are not as planned.
    Drift(&'a [Drift]),
    /// Clusters are not as planned.
    FactsDrift(&'a [FactsDrift]),
    /// Others use node roles who did not, or do not any more: as planned, and as found.
    OutsideDrift(&'a [OutsideUse], &'a [OutsideUse]),
    /// On roles is something else than planned: as planned, and as found.
    RolesDrift(&'a [(RoleRecord, RoleRecord)]),
    /// The change set that was to be applied is applied.
    AppliedAlready {
        /// By which run of this folder, if by one.
        run: Option<&'a str>,
        /// When that run was last taken up.
        at: Option<&'a str>,
    },
    /// What a rollback left.
    RolledBack(&'a RolledBack),
    /// An error.
    Error(ToldError<'a>),
    /// What came of it, in a sentence.
    Summary(&'a str),
    /// Last of all: how the command ended.
    Outcome {
        /// The exit code.
        exit_code: u8,
        /// The same in words: `rolled back`.
        outcome: &'a str,
        /// Since the command began.
        took: Duration,
    },
}

/// What a rollback left.
#[derive(Debug, Clone, Default)]
pub struct RolledBack {
    /// Seen to be as they were before the run.
    pub restored: Vec<cni_plan_core::Address>,
    /// Not so.
    pub residue: Vec<ToldResidue>,
}

/// An error as people read it.
#[derive(Debug, Clone, Copy)]
pub struct ToldError<'a> {
    /// What could not be done.
    pub what: &'a str,
    /// Why not; empty where the one says it all.
    pub why: &'a str,
    /// What to do; empty where there is nothing.
    pub hint: &'a str,
}
