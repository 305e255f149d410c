//! Tries a role as the plugin's pods will: [`assume`] exchanges the token, [`simulate`] asks what the role
//! allows then, and [`diagnosis`] says why it lets nobody in. All of it reads; what is got by the token is
//! dropped where it is got.
//!
//! STS and the simulator are readers of IAM, and lag behind its writers as all of them do: a refusal is
//! only believed when they have had their time.

mod assume;
mod diagnosis;
mod simulate;

use cni_plan_core::{BoxFuture, Overseer, ProviderError, RoleTrial, Trial};

use crate::IamProvider;

impl RoleTrial for IamProvider {
    fn try_role<'a>(
        &'a self,
        trial: Trial<'a>,
        overseer: &'a dyn Overseer,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            assume::until_let_in(self, trial, overseer).await?;
            simulate::until_allowed(self, trial, overseer).await
        })
    }
}

/// A role's name: what comes after its path.
fn name_of(role_arn: &str) -> &str {
    role_arn.rsplit('/').next().unwrap_or(role_arn)
}

#[cfg(test)]
mod tests;
