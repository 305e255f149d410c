//! Who tries a role by a token.

use crate::{BoxFuture, Need, Overseer, ProviderError, TokenClaims, WebIdentityToken};

/// A role to try.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// The role's whole ARN.
    pub role_arn: &'a str,
    /// A token of the service account whose pods are to take it.
    pub token: &'a WebIdentityToken,
    /// What the token says.
    pub claims: &'a TokenClaims,
    /// What the role has to allow.
    pub needs: &'a [Need],
}

/// Tries roles of an account.
pub trait RoleTrial: Send + Sync {
    /// Has the token take the role, again and again until it is let in or IAM's readers have had their
    /// time; then asks IAM whether the role allows what is needed, where the caller may ask that. What is
    /// got by the token is dropped at once. An error says what is wrong, and has neither in it.
    fn try_role<'a>(&'a self, trial: Trial<'a>, overseer: &'a dyn Overseer)
    -> BoxFuture<'a, Result<(), ProviderError>>;
}
