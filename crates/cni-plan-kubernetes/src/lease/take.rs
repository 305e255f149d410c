//! Takes the lock, or waits for it, or says who has it.

use std::time::Duration;

use cni_plan_core::{LockHolder, NotTaken};
use k8s_openapi::api::coordination::v1::Lease;

use super::convert::{self, Standing, Watched};
use super::held::Held;
use super::server::WriteError;
use super::{LeaseLock, POLL, RACES};

impl LeaseLock {
    /// Takes it for `holder`; waits up to `patience` while it is someone else's.
    pub(crate) async fn take(&self, holder: &LockHolder, patience: Duration) -> Result<Held, NotTaken> {
        let begun = self.clock.now();
        let mut watched = Watched::default();
        let mut races = 0;
        // Nearly always nobody has it: to try is one call, to look first would be two.
        let mut found: Option<Lease> = None;
        loop {
            let now = self.clock.now();
            if let Some(lease) = &found {
                watched.see(lease, &now);
            }
            let written = match (convert::standing(found.as_ref(), holder, &watched, &now), &found) {
                (Standing::Takeable, Some(lease)) => self.update("take", &convert::taken(lease, holder, &now)).await,
                (Standing::Held(record), _) => {
                    let left = patience.saturating_sub(now.steady.saturating_duration_since(begun.steady));
                    if left.is_zero() {
                        return Err(NotTaken::Held(record));
                    }
                    races = 0;
                    tokio::time::sleep(left.min(POLL)).await;
                    found = self.get().await.map_err(NotTaken::Failed)?;
                    continue;
                }
                (Standing::Free | Standing::Takeable, _) => self.create(&convert::new(holder, &now)).await,
            };
            match written {
                Ok(lease) => return Ok(Held::begin(self.clone(), lease, now)),
                // Someone was quicker, or it may even have been ourselves: look.
                Err(WriteError::Raced(_) | WriteError::InDoubt(_)) if races < RACES => races += 1,
                Err(error) => return Err(NotTaken::Failed(error.into_inner())),
            }
            found = self.get().await.map_err(NotTaken::Failed)?;
        }
    }
}
