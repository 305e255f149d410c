//! The lock of one cluster: the Lease `kube-system/cni-plan` in it.
//!
//! Whoever changes the cluster holds the Lease, renews it while it does, and deletes it afterwards,
//! so that a cluster at rest shows no trace. Of two who want it one gets it, because the API server
//! decides: it is made by `create`, which fails where there is one, and changed and deleted only as
//! the very version that was read.
//!
//! **Time.** A holder trusts its lock for [`TERM`] less [`MARGIN`] after it *sent* the last renewal
//! that the server confirmed, by whichever of its two clocks has gone further ([`clock`]). A taker who
//! waits takes over once it has watched the Lease for a whole term without a change, by its own
//! steady clock: no two clocks have to agree for that. A taker who does not wait compares the
//! Lease's time with its own clock, and adds [`SKEW`] for what the clocks may differ by; signatures
//! and tokens keep clocks closer than that wherever anything works at all. Should they differ by
//! more, a lock can be taken from a holder that lives: it finds out at its next check, which asks
//! the server.
//!
//! **Fencing.** [`HeldLock::check`](cni_plan_core::HeldLock::check) is a renewal, unless one was confirmed
//! a moment ago: only if nobody else has written since does it succeed, also when the process was
//! stopped for hours. No service fences the writes themselves: what was sent right after a check
//! may still arrive late, which is what [`MARGIN`] and the writers' own preconditions are for.
//!
//! Needs the verbs get, create, update and delete on `leases.coordination.k8s.io` in `kube-system`.
//! Waiting is by polling: expiry is no event that could be watched, and watching needs more rights.

mod clock;
mod convert;
mod held;
mod server;
mod take;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use cni_plan_core::{ErrorKind, LockRecord, ProviderError};

use crate::client::Connection;
pub(crate) use clock::Clock;

/// The Lease's name.
const NAME: &str = "cni-plan";
/// The Lease's namespace, whichever the plugin's service account has: one place to look and one
/// to grant. Every cluster has it, and only those who administer the cluster write there.
const NAMESPACE: &str = "kube-system";
/// Without a sign of life for as long, a lock may be taken over. Longer than an API server is away
/// when its control plane is updated, short enough to be waited for.
const TERM: Duration = Duration::from_secs(60);
/// A sign of life comes this often: two may be lost.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// Clocks of two machines are taken to differ by less.
const SKEW: Duration = Duration::from_secs(30);
/// What a holder leaves of its term for a write that was begun right after a check.
const MARGIN: Duration = Duration::from_secs(10);
/// For so long after a renewal was sent, a check asks nobody.
const FRESH: Duration = Duration::from_secs(1);
/// Between two looks at a lock that is waited for.
const POLL: Duration = Duration::from_secs(1);
/// Between two renewals where the first got no clear answer.
const RETRY: Duration = Duration::from_secs(2);
/// For one attempt to renew: several must fit into a term.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How often a write may lose a race, or get no clear answer, before we give up.
const RACES: usize = 5;

/// One cluster's lock.
#[derive(Clone)]
pub(crate) struct LeaseLock {
    connection: Arc<Connection>,
    clock: Clock,
}

impl LeaseLock {
    pub(crate) fn new(connection: Arc<Connection>, clock: Clock) -> LeaseLock {
        LeaseLock { connection, clock }
    }

    /// The lock as it is.
    pub(crate) async fn show(&self) -> Result<Option<LockRecord>, ProviderError> {
        let found = self.get().await?;
        Ok(found.and_then(|lease| convert::record(&lease, &self.clock.now())))
    }

    /// Takes it away from the holder in `found`.
    pub(crate) async fn break_held(&self, found: &LockRecord) -> Result<(), ProviderError> {
        let Some(lease) = self.get().await? else { return Ok(()) };
        let Some(record) = convert::record(&lease, &self.clock.now()) else { return Ok(()) };
        if (&record.holder, &record.since) != (&found.holder, &found.since) {
            return Err(self.changed_hands(&record));
        }
        match self.remove(lease).await? {
            None => Ok(()),
            Some(other) => match convert::record(&other, &self.clock.now()) {
                None => Ok(()),
                Some(record) => Err(self.changed_hands(&record)),
            },
        }
    }

    fn changed_hands(&self, record: &LockRecord) -> ProviderError {
        ProviderError {
            kind: ErrorKind::Conflict,
            what: format!("the lock of cluster {} was not broken", self.connection.key()),
            why: format!("it has changed hands: {} has had it since {}", record.holder, record.since),
            cure: "look again with `cni-plan lock show`".to_owned(),
        }
    }
}
