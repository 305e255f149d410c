//! Managed policies with their versions.

pub(crate) mod apply;
mod convert;
pub(crate) mod inspect;
