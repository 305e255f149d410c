//! IAM roles: trust, path, description, boundary, tags. What is attached is another resource, and
//! session duration and inline policies are never touched.

pub(crate) mod apply;
mod convert;
pub(crate) mod inspect;
