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

use cni_plan_core::AssociationInEffect;

pub(crate) use confirm::{Confirm, confirm};
pub(crate) use inspect::observe;
pub(crate) use restart::{Restart, restart};
pub(crate) use verify::{Verify, verify};

/// Whose pods: those of the DaemonSet that runs under a service account.
#[derive(Debug)]
pub(crate) struct PodsOf<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) service_account: &'a str,
    /// What tells the role of pods by an association; `None`: there is none, or nobody was asked.
    pub(crate) association: Option<AssociationInEffect>,
}

#[cfg(test)]
mod tests;
