//! The lock that a run holds in each cluster it changes, so that two never change one at a time.
//!
//! Where the lock is kept is the adapter's business; whether a run may go on is asked before each
//! step, because a lock can be lost: broken by a person, or expired while a process was stopped.

use std::fmt;
use std::time::Duration;

use crate::{BoxFuture, ProviderError};

/// Who holds a lock, as whoever is refused reads it. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// The run; a run taken up again takes its own lock again. Empty of a lock that no run of ours
    /// has written.
    pub run: String,
    /// `user@host, pid 4711 (03d2f1a9)`: where to find whoever runs it.
    pub who: String,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LockHolder { run, who } = self;
        if run.is_empty() { f.write_str(who) } else { write!(f, "{who}, run {run}") }
    }
}

/// A lock as found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRecord {
    /// Whose it is.
    pub holder: LockHolder,
    /// Since when, in RFC 3339.
    pub since: String,
    /// When its holder was last heard of, in RFC 3339.
    pub renewed: String,
    /// How long ago that was, by the clock of whoever looked; zero where the holder's is ahead.
    pub silent: Duration,
    /// Whether its holder was not heard of for so long that it may be taken over.
    pub expired: bool,
}

/// Why a lock was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// Someone else has it.
    Held(LockRecord),
    /// The cluster did not say, or refused.
    Failed(ProviderError),
}

/// One cluster's lock.
pub trait ClusterLock: Send + Sync {
    /// The lock as it is; `None`: nobody holds it.
    fn show(&self) -> BoxFuture<'_, Result<Option<LockRecord>, ProviderError>>;

    /// Takes it for `holder`: when it is free, expired, or `holder`'s run's own. While someone else
    /// has it, waits up to `patience` for it.
    fn take<'a>(
        &'a self,
        holder: &'a LockHolder,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn HeldLock>, NotTaken>>;

    /// Takes it away from whoever `found` says has it. A lock that has changed hands since is left,
    /// which is an error of kind [`Conflict`](crate::ErrorKind::Conflict); one that is gone is not.
    fn break_held<'a>(&'a self, found: &'a LockRecord) -> BoxFuture<'a, Result<(), ProviderError>>;
}

/// A lock that is held, and kept alive until it is released. Dropped without that, it is left to
/// expire.
pub trait HeldLock: Send + Sync {
    /// Whether it is still held, so that nobody else can be writing now: asked before each step, by
    /// any number of steps at once. An error says who has it, or why it is not known.
    fn check(&self) -> BoxFuture<'_, Result<(), ProviderError>>;

    /// Lets go of it. A lock that was lost meanwhile is left to whoever has it.
    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), ProviderError>>;
}
