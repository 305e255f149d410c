//! Whether a web identity token opens a role, as STS decides it.
//!
//! Shared by STS, which is asked, and by the readiness of pods, which would ask.

use super::account::{Account, Role};
use crate::policy::{self, Context};

/// What a service account's token says.
#[derive(Debug, Clone)]
pub(crate) struct WebIdentity {
    /// The issuer, with `https://`.
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// `system:serviceaccount:NAMESPACE:NAME`.
    pub(crate) subject: String,
}

/// Why a token does not open a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WebIdentityRefused {
    /// The account has no provider for the token's issuer.
    NoProvider,
    /// The provider does not take the token's audience.
    WrongAudience,
    /// The role is not there.
    NoRole,
    /// The role's trust policy does not let the token in.
    NotTrusted,
}

/// The role that a token opens.
pub(crate) fn may_assume<'a>(
    account: &'a Account,
    role: &str,
    token: &WebIdentity,
) -> Result<&'a Role, WebIdentityRefused> {
    let issuer = token.issuer.strip_prefix("https://").unwrap_or(&token.issuer);
    let provider_arn = account.arn(&format!("oidc-provider/{issuer}"));
    let provider = account.oidc_providers.get(&provider_arn).ok_or(WebIdentityRefused::NoProvider)?;
    if !provider.client_ids.contains(&token.audience) {
        return Err(WebIdentityRefused::WrongAudience);
    }
    let role = account.roles.get(role).ok_or(WebIdentityRefused::NoRole)?;
    let key = issuer.to_ascii_lowercase();
    let context =
        Context::from([(format!("{key}:aud"), token.audience.clone()), (format!("{key}:sub"), token.subject.clone())]);
    if policy::trusts(&role.trust, "Federated", &[provider_arn], "sts:AssumeRoleWithWebIdentity", &context) {
        Ok(role)
    } else {
        Err(WebIdentityRefused::NotTrusted)
    }
}
