//! The plugin's DaemonSet and its pods: what they carry, and the actions on them.
//!
//! Pods are deleted, never edited; successors are watched, never polled. What is decided from a
//! view of the cluster is decided in [`world`] and [`rollout`], which call nobody.

mod confirm;
mod eligible;
mod identity;
mod inspect;
mod plugin;
mod restart;
mod rollout;
mod trouble;
mod verify;
mod watch;
mod world;

pub(crate) use confirm::{Confirm, confirm};
pub(crate) use inspect::observe;
pub(crate) use restart::{Restart, restart};
pub(crate) use verify::{Verify, verify};

#[cfg(test)]
mod tests;
