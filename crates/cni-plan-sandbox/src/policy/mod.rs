//! IAM policy documents: which ones IAM takes, whom they let in, and what they allow.
//!
//! Actions, resources, conditions and permissions boundaries are judged. Policy variables, service
//! control policies, resource policies and session policies are not.

mod condition;
mod identity;
mod statement;
mod syntax;
mod trust;

pub(crate) use condition::Context;
pub(crate) use identity::{Decision, Grants, Question, Verdict};
pub(crate) use syntax::{check_identity_policy, check_trust_policy, significant_length};
pub(crate) use trust::trusts;
