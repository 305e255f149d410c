//! IAM OpenID Connect providers: the issuer's URL and the audiences that it is trusted for.

pub(crate) mod apply;
mod convert;
pub(crate) mod inspect;
