//! Why a role does not let a token in: STS does not say, so what is there is looked at.

use cni_plan_core::{ErrorKind, ProviderError, Trial, why_refused};
use futures::future::join;

use super::name_of;
use crate::{IamProvider, oidc_provider, role};

/// STS's refusal with its reason. Where that cannot be looked for, as STS has said it.
pub(super) async fn explained(iam: &IamProvider, trial: Trial<'_>, refusal: ProviderError) -> ProviderError {
    let partition = trial.role_arn.split(':').nth(1).unwrap_or("aws");
    let issuer = trial.claims.issuer_without_scheme();
    let provider = format!("arn:{partition}:iam::{}:oidc-provider/{issuer}", iam.account());
    let found =
        join(role::inspect::inspect(iam, name_of(trial.role_arn)), oidc_provider::inspect::inspect(iam, &provider));
    let (Ok(role), Ok(provider)) = found.await else { return refusal };
    let explained = why_refused(trial.claims, trial.role_arn, role.as_ref(), provider.as_ref());
    ProviderError {
        kind: ErrorKind::Refused,
        why: format!("{} (STS: {})", explained.why, refusal.why),
        cure: explained.cure,
        what: refusal.what,
    }
}
