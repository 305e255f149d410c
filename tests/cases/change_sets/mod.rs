//! The saved document: what its schema says, that earlier ones are read, and that policies can judge it.

mod frozen;
mod policy;
pub(crate) mod schema;
