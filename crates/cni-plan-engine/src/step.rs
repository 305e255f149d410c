//! One step. Every call that changes anything goes through here and nowhere else, forwards and
//! backwards, so that there is one place to make an intent durable before its effect.

use std::time::Instant;

use cni_plan_core::{Change, Event, ProviderError};

use crate::inspect::no_provider;
use crate::{Execution, Providers};

/// Carries out one step and tells of it.
pub(crate) async fn carry_out(
    change: &Change,
    providers: &Providers,
    execution: &Execution<'_>,
) -> Result<(), ProviderError> {
    let began = Instant::now();
    let tell = execution.events;
    tell(Event::Started { address: change.address.clone(), action: change.action });
    let progress = |progress| tell(Event::Progressed { address: change.address.clone(), progress });
    let owner = change.target.owner();
    let result = match providers.get(owner) {
        Some(provider) => provider.apply(change, &progress).await,
        None => Err(no_provider(owner)),
    };
    let address = change.address.clone();
    tell(match &result {
        Ok(()) => Event::Finished { address, action: change.action, took: began.elapsed() },
        Err(error) => Event::Failed { address, error: error.clone() },
    });
    result
}
