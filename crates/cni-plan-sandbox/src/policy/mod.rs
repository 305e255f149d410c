//! IAM policy documents: which ones IAM takes, and what they allow.
//!
//! Only as much of the evaluation as the sandbox's world can ask for: web identity trust, plain
//! trust, and whether an identity may call an action at all. Resources are not compared.

mod evaluate;
mod syntax;

pub(crate) use evaluate::{Context, allows_action, trusts};
pub(crate) use syntax::{check_identity_policy, check_trust_policy, significant_length};
