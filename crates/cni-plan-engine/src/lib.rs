//! Reads the world, carries out plans, and puts things back when they fail.
//!
//! The engine knows providers by core's traits only: which cloud and which client is behind them
//! is the composition root's business. It never prints; whoever is interested gets [`Event`]s.
//!
//! [`Event`]: cni_plan_core::Event

mod apply;
mod execute;
mod inspect;
mod providers;
mod rollback;
mod step;

pub use apply::{Applied, apply};
pub use execute::{Execution, Stop};
pub use inspect::{observe, observe_changes, read_facts};
pub use providers::Providers;
pub use rollback::{Residue, RollbackReport};

#[cfg(test)]
mod tests;
