//! Managed policies on roles. An attachment is there or not, so there is nothing to convert.

pub(crate) mod apply;
pub(crate) mod inspect;
