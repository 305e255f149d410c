//! Reads the world, carries out plans, keeps the record of what was done, and puts things back when
//! they fail.
//!
//! The engine knows providers by core's traits only: which cloud and which client is behind them
//! is the composition root's business. It never prints; whoever is interested gets [`Event`]s.
//!
//! [`Event`]: cni_plan_core::Event

mod apply;
mod execute;
mod inspect;
pub mod journal;
mod locks;
mod look;
mod providers;
mod recover;
mod rollback;
mod runs;
mod step;

pub use apply::{Ended, apply};
pub use execute::{Execution, Stop};
pub use inspect::{observe, observe_changes, read_facts, read_neighbours};
pub use journal::Journal;
pub use locks::{Locks, NotLocked, Patience};
pub use look::{Looked, look};
pub use providers::Providers;
pub use recover::{resume, undo};
pub use rollback::{Residue, RollbackReport};
pub use runs::{ListedRun, OpenRun, RunError, RunRecord, RunState, Runs};

#[cfg(test)]
mod tests;
