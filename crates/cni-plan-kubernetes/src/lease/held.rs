//! A lock that is held: kept alive in the background, checked before each write, let go at the end.

use std::sync::Arc;

use cni_plan_core::{BoxFuture, ErrorKind, HeldLock, ProviderError};
use k8s_openapi::api::coordination::v1::Lease;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::clock::Moment;
use super::convert::{record, renewed, same_holding};
use super::server::WriteError;
use super::{ATTEMPT, FRESH, HEARTBEAT, LeaseLock, MARGIN, NAME, NAMESPACE, RACES, RETRY, TERM};

/// The lock, with the task that renews it.
pub(crate) struct Held {
    hold: Arc<Hold>,
    heartbeat: JoinHandle<()>,
}

/// What the holder and its heartbeat share.
struct Hold {
    lock: LeaseLock,
    /// Whoever renews has it for as long, so that others find the answer instead of asking too.
    state: Mutex<State>,
}

struct State {
    /// As last read or written.
    lease: Lease,
    /// When the last renewal was sent that the server confirmed.
    confirmed: Moment,
    /// Once it is lost it stays so, whoever has it later.
    lost: Option<ProviderError>,
}

impl Held {
    /// Keeps alive what was just taken by a write sent at `confirmed`.
    pub(super) fn begin(lock: LeaseLock, lease: Lease, confirmed: Moment) -> Held {
        let hold = Arc::new(Hold { lock, state: Mutex::new(State { lease, confirmed, lost: None }) });
        let heartbeat = tokio::spawn(keep_alive(Arc::clone(&hold)));
        Held { hold, heartbeat }
    }
}

impl HeldLock for Held {
    fn check(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(self.hold.check())
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), ProviderError>> {
        Box::pin(async move {
            // Nothing renews it from here on: whoever does needs the state.
            let state = self.hold.state.lock().await;
            if state.lost.is_none() {
                self.hold.lock.remove(state.lease.clone()).await?;
            }
            Ok(())
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.heartbeat.abort();
    }
}

/// Renews until the lock is lost. A failure is no reason to stop: it may pass before the term ends,
/// and even after that nobody may want the lock.
async fn keep_alive(hold: Arc<Hold>) {
    let mut due = hold.state.lock().await.confirmed.steady + HEARTBEAT;
    loop {
        tokio::time::sleep_until(due).await;
        let mut state = hold.state.lock().await;
        if state.lost.is_some() {
            return;
        }
        let now = hold.lock.clock.now();
        // A check may have renewed it meanwhile.
        if now.since(&state.confirmed) < HEARTBEAT {
            due = state.confirmed.steady + HEARTBEAT;
            continue;
        }
        due = match hold.renew(&mut state).await {
            Ok(()) => state.confirmed.steady + HEARTBEAT,
            Err(error) => {
                let error = error.into_inner();
                tracing::debug!(cluster = hold.lock.connection.key(), %error, "the lock was not renewed");
                hold.lock.clock.now().steady + RETRY
            }
        };
    }
}

impl Hold {
    async fn check(&self) -> Result<(), ProviderError> {
        let mut state = self.state.lock().await;
        loop {
            if let Some(lost) = &state.lost {
                return Err(lost.clone());
            }
            if self.age(&state) < FRESH {
                return Ok(());
            }
            match self.renew(&mut state).await {
                // The answer may have taken its time.
                Ok(()) if self.age(&state) < TERM - MARGIN => return Ok(()),
                Ok(()) => {}
                Err(WriteError::InDoubt(_)) if self.age(&state) + RETRY < TERM - MARGIN => {
                    tokio::time::sleep(RETRY).await;
                }
                Err(error) => return Err(error.into_inner()),
            }
        }
    }

    /// For how long the lock has not been confirmed.
    fn age(&self, state: &State) -> std::time::Duration {
        self.lock.clock.now().since(&state.confirmed)
    }

    /// Gives one sign of life, which the server takes from the holder only.
    async fn renew(&self, state: &mut State) -> Result<(), WriteError> {
        let attempt = tokio::time::timeout(ATTEMPT, self.renew_in_time(state));
        attempt.await.unwrap_or_else(|_| Err(WriteError::InDoubt(self.no_answer())))
    }

    async fn renew_in_time(&self, state: &mut State) -> Result<(), WriteError> {
        let mut races = 0;
        loop {
            let now = self.lock.clock.now();
            let error = match self.lock.update("renew", &renewed(&state.lease, &now)).await {
                Ok(lease) => {
                    state.lease = lease;
                    state.confirmed = now;
                    return Ok(());
                }
                Err(WriteError::Raced(error)) => error,
                Err(error) => return Err(error),
            };
            match self.lock.get().await.map_err(WriteError::InDoubt)? {
                // Our own writing whose answer was lost, or a label that someone has put on it.
                Some(found) if same_holding(&found, &state.lease) => state.lease = found,
                found => {
                    let lost = self.lost(found.as_ref(), &now);
                    state.lost = Some(lost.clone());
                    return Err(WriteError::Refused(lost));
                }
            }
            races += 1;
            if races == RACES {
                return Err(WriteError::InDoubt(error));
            }
        }
    }

    fn lost(&self, found: Option<&Lease>, now: &Moment) -> ProviderError {
        let why = match found.and_then(|lease| record(lease, now)) {
            Some(record) => format!("{} has had it since {}", record.holder, record.since),
            None => format!(
                "lease {NAMESPACE}/{NAME} is no longer this run's: someone has broken the lock (`cni-plan lock break`)"
            ),
        };
        ProviderError {
            kind: ErrorKind::Conflict,
            what: format!("the lock of cluster {} is lost", self.lock.connection.key()),
            why,
            cure: "find out who is at work there (`cni-plan lock show`), then `cni-plan resume` or `cni-plan rollback`"
                .to_owned(),
        }
    }

    fn no_answer(&self) -> ProviderError {
        ProviderError {
            kind: ErrorKind::Unreachable,
            what: format!("cannot renew the lock of cluster {}", self.lock.connection.key()),
            why: format!("{} gave no answer within {} s", self.lock.connection.server(), ATTEMPT.as_secs()),
            cure: "check the network, VPN and proxy on the way to the API server, then `cni-plan resume`".to_owned(),
        }
    }
}
