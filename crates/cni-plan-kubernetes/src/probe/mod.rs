//! Proves the plugin's role before any pod takes it: a token as the pods get one, made here, and handed
//! to whoever can try it.
//!
//! The token lives as long as this call does. It is in no error, no progress and no record.

mod token;

use cni_plan_core::{ErrorKind, Need, Overseer, ProviderError, RoleTrial, Trial};

use crate::client::Connection;

/// What a probe is to prove; see [`cni_plan_core::Run::Probe`].
pub(crate) struct Probe<'a> {
    pub(crate) role_arn: &'a str,
    /// What the role has to allow.
    pub(crate) needs: &'a [Need],
}

/// Returns when the role has let the service account in and allows what is needed.
pub(crate) async fn probe(
    connection: &Connection,
    namespace: &str,
    service_account: &str,
    probe: Probe<'_>,
    trial: &dyn RoleTrial,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let token = token::request(connection, namespace, service_account).await?;
    let claims = token.claims().ok_or_else(|| ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot prove the role of service account {namespace}/{service_account}"),
        why: format!("what the API server of cluster {} gives out is no token with claims", connection.key()),
        cure: "check that the URL is the cluster's API server".to_owned(),
    })?;
    let Probe { role_arn, needs } = probe;
    let tried = trial.try_role(Trial { role_arn, token: &token, claims: &claims, needs }, overseer).await;
    tried.map_err(|error| token.hidden_in(error))
}

#[cfg(test)]
mod tests;
