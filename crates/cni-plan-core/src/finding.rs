//! A hazard seen while planning.

use serde::{Deserialize, Serialize};

use crate::Address;

/// One hazard: what, the evidence, and the cure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What follows from it.
    pub severity: Severity,
    /// Stable, in kebab case.
    pub code: String,
    /// The resource it was seen at.
    pub address: Address,
    /// What is the matter, with the evidence; one line.
    pub message: String,
    /// What to do; one line.
    pub cure: String,
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The plan is not made.
    Refuse,
    /// People should know before they agree.
    Warn,
    /// Worth a line.
    Note,
}
