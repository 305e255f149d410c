//! The service account's identity annotations: read with their owners, taken over or given back
//! field by field. Nothing else of the object is touched.

mod apply;
mod convert;
mod inspect;

pub(crate) use apply::apply;
pub(crate) use inspect::observe;

/// Our field manager's name, as the spec's compiler puts it into what is wanted.
pub(crate) const FIELD_MANAGER: &str = "cni-plan";
