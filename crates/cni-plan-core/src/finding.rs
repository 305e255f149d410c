//! A hazard seen while planning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hazards::known::NOT_READ;
use crate::{Address, Kind};

/// One hazard: what, the evidence, and the cure.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
    /// Why the spec accepts it, of a warning.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accepted: Option<String>,
}

impl Finding {
    /// Whether it tells of something about a cluster that could not be read, such as who else uses its node roles, so that
    /// a verdict holds only as far as the rest goes. What could not be read of a step is about others than the plugin's
    /// pods.
    pub fn is_of_unread(&self) -> bool {
        self.code == NOT_READ.code && self.address.kind() == Kind::Cluster
    }

    /// Why the spec accepts it; `None` of anything but a warning, whatever an edited document claims.
    pub fn acceptance(&self) -> Option<&str> {
        self.accepted.as_deref().filter(|_| self.severity == Severity::Warn)
    }
}

/// A warning that a spec accepts for one of its clusters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The cluster's key.
    pub cluster: String,
    /// The finding's code.
    pub code: String,
    /// Why, as people are to read it.
    pub reason: String,
}

/// Marks the warnings that are accepted. Nothing else can be: what refuses a plan is cured.
pub fn accept(findings: &mut [Finding], acceptances: &[Acceptance]) {
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Warn) {
        let is_meant = |it: &&Acceptance| it.code == finding.code && it.cluster == finding.address.scope();
        finding.accepted = acceptances.iter().find(is_meant).map(|it| it.reason.clone());
    }
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The plan is not made.
    Refuse,
    /// People should know before they agree.
    Warn,
    /// Worth a line.
    Note,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_warning_is_accepted_in_its_own_cluster_and_a_refusal_never() {
        let finding = |severity, cluster: &str| Finding {
            severity,
            code: "code".to_owned(),
            address: Address::new(cluster, Kind::Cluster, &[]),
            message: String::new(),
            cure: String::new(),
            accepted: None,
        };
        let mut findings = [finding(Severity::Warn, "c"), finding(Severity::Warn, "d"), finding(Severity::Refuse, "c")];
        let text = |text: &str| text.to_owned();
        accept(&mut findings, &[Acceptance { cluster: text("c"), code: text("code"), reason: text("known") }]);
        assert_eq!(findings.map(|it| it.accepted), [Some(text("known")), None, None]);
    }
}
