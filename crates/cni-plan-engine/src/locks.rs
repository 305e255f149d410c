//! The locks of all clusters of a run, taken together or not at all.
//!
//! Two runs whose clusters overlap must neither both go on nor wait for one another for ever. So a
//! run waits for a lock only while all that it holds comes before it in the order of the keys: along
//! every chain of runs that wait the keys rise, and no chain closes. What is free is taken at once all
//! the same; what turns out to come after something held is let go again before waiting.
//!
//! Where a lock is kept, how it lives and how one waits for it is the adapter's business.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use cni_plan_core::{BoxFuture, ErrorKind, HeldLock, LockHolder, LockRecord, NotTaken, ProviderError};
use futures::future::{Either, join_all, select};
use futures::stream::{self, StreamExt};

use crate::Providers;

/// Locks that are taken or released at the same time.
const AT_ONCE: usize = 64;
/// The least that a run waits for a lock once it has others: two that began together and met in the
/// middle would both give up, where one has only to let go.
const MEETING: Duration = Duration::from_secs(2);

/// Locks that are held.
#[derive(Default)]
pub struct Locks {
    held: BTreeMap<String, Box<dyn HeldLock>>,
}

/// How long a run waits for locks that others hold.
pub struct Patience<'a> {
    /// For all of them together.
    pub limit: Duration,
    /// Is told which cluster's lock is waited for, and who has it.
    pub waits_for: &'a (dyn Fn(&str, &LockRecord) + Send + Sync),
    /// Ends the wait before its time.
    pub stop: BoxFuture<'a, ()>,
}

/// With nobody to tell, and nobody who ends it early.
impl From<Duration> for Patience<'_> {
    fn from(limit: Duration) -> Self {
        Patience { limit, waits_for: &|_, _| (), stop: Box::pin(std::future::pending()) }
    }
}

/// Why a run may not begin. Whatever it had taken is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLocked {
    /// Others are at work: the clusters' keys with who holds their locks. Further clusters may be
    /// locked too; these were met first.
    Held(BTreeMap<String, LockRecord>),
    /// Clusters that did not answer, or refused.
    Failed(Vec<ProviderError>),
}

impl Locks {
    /// Takes the lock of each of `clusters` (keys, in any order) for `holder`, waiting for others as
    /// long as `patience` lasts.
    ///
    /// # Errors
    /// Not all of them could be had; then none is held.
    pub async fn take<'a>(
        clusters: &[String],
        providers: &Providers,
        holder: &LockHolder,
        patience: impl Into<Patience<'a>>,
    ) -> Result<Locks, NotLocked> {
        let begun = Instant::now();
        let mut patience = patience.into();
        let mut missing: BTreeSet<&str> = clusters.iter().map(String::as_str).collect();
        let mut locks = Locks::default();
        // Of two runs over the same clusters the one that has the first has them all.
        let mut awaited = missing.first().copied();
        let mut wait = patience.limit;
        let mut held_elsewhere = BTreeMap::new();
        while let Some(key) = awaited {
            match take_patiently(key, providers, holder, wait, &mut patience).await {
                (key, Ok(lock)) => drop(locks.held.insert(key, lock)),
                (key, Err(NotTaken::Held(record))) => {
                    held_elsewhere.insert(key, record);
                    locks.release_all().await;
                    return Err(NotLocked::Held(held_elsewhere));
                }
                (_, Err(NotTaken::Failed(error))) => {
                    locks.release_all().await;
                    return Err(NotLocked::Failed(vec![error]));
                }
            }
            missing.retain(|key| !locks.held.contains_key(*key));
            let others: Vec<_> = missing.iter().map(|key| take_one(key, providers, holder, Duration::ZERO)).collect();
            let others: Vec<_> = stream::iter(others).buffer_unordered(AT_ONCE).collect().await;
            let mut failed = Vec::new();
            held_elsewhere.clear();
            for (key, taken) in others {
                match taken {
                    Ok(lock) => drop(locks.held.insert(key, lock)),
                    Err(NotTaken::Held(record)) => drop(held_elsewhere.insert(key, record)),
                    Err(NotTaken::Failed(error)) => failed.push(error),
                }
            }
            if !failed.is_empty() {
                locks.release_all().await;
                return Err(NotLocked::Failed(failed));
            }
            let first = held_elsewhere.keys().next();
            awaited = first.and_then(|first| missing.get(first.as_str()).copied());
            if let Some(first) = awaited {
                Locks { held: locks.held.split_off(first) }.release_all().await;
                wait = patience.limit.saturating_sub(begun.elapsed()).max(MEETING);
            }
        }
        Ok(locks)
    }

    /// Whether the locks of these clusters are still held, so that nobody else can be changing them:
    /// asked right before each call that changes anything.
    ///
    /// # Errors
    /// One of them is lost, or cannot be confirmed, or was never taken.
    pub async fn check(&self, clusters: &[String]) -> Result<(), ProviderError> {
        let checks = clusters.iter().map(|key| async {
            match self.held.get(key) {
                Some(lock) => lock.check().await,
                None => Err(not_taken(key)),
            }
        });
        join_all(checks).await.into_iter().collect()
    }

    /// Lets go of all of them. What cannot be released now expires; the errors say why.
    pub async fn release_all(self) -> Vec<ProviderError> {
        let releases: Vec<_> = self.held.into_values().map(HeldLock::release).collect();
        let released: Vec<_> = stream::iter(releases).buffer_unordered(AT_ONCE).collect().await;
        released.into_iter().filter_map(Result::err).collect()
    }
}

impl std::fmt::Debug for Locks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.held.keys()).finish()
    }
}

/// Waits for a lock that is held, unless that is stopped: its holder is known then.
async fn take_patiently(
    key: &str,
    providers: &Providers,
    holder: &LockHolder,
    wait: Duration,
    patience: &mut Patience<'_>,
) -> (String, Result<Box<dyn HeldLock>, NotTaken>) {
    let record = match take_one(key, providers, holder, Duration::ZERO).await {
        (_, Err(NotTaken::Held(record))) if !wait.is_zero() => record,
        taken => return taken,
    };
    if !patience.limit.is_zero() {
        (patience.waits_for)(key, &record);
    }
    match select(Box::pin(take_one(key, providers, holder, wait)), &mut patience.stop).await {
        Either::Left((taken, _)) => taken,
        Either::Right(((), _)) => (key.to_owned(), Err(NotTaken::Held(record))),
    }
}

async fn take_one(
    key: &str,
    providers: &Providers,
    holder: &LockHolder,
    patience: Duration,
) -> (String, Result<Box<dyn HeldLock>, NotTaken>) {
    let taken = match providers.lock(key) {
        Some(lock) => lock.take(holder, patience).await,
        None => Err(NotTaken::Failed(not_taken(key))),
    };
    (key.to_owned(), taken)
}

/// The command takes the locks of all clusters that a plan names; this is what a hand-made one gets.
fn not_taken(key: &str) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot change anything in cluster {key}"),
        why: "its lock was not taken".to_owned(),
        cure: "plan again: the change set names a cluster that its header does not".to_owned(),
    }
}

#[cfg(test)]
mod tests;
