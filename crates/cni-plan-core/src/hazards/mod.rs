//! What speaks against a plan beyond its single steps: hazards that show when a cluster's facts, its pods
//! and its steps are seen together. Those of a single step are `diff`'s.
//!
//! Pure: everything is in the change set's own header and steps, so that whoever has one can find them
//! again. Each has a code that never changes, in [`known_findings`].

mod addon;
pub(crate) mod known;
mod outside;
mod plugin;
mod pod_identity;
mod reach;
mod trust;

pub use known::{Known, known_findings};
pub use outside::outside_uses;

use std::collections::HashMap;

use crate::{Change, Finding, Header, Kind, PlannedCluster, Pods, Resource, Role, ServiceAccount};

/// All of them, sorted.
pub fn hazards(header: &Header, changes: &[Change]) -> Vec<Finding> {
    let mut findings = outside::findings(changes, &header.outside);
    findings.extend(outside::unread(&header.clusters));
    let mut steps = StepsByCluster::of(changes);
    for planned in &header.clusters {
        let cluster = Cluster { planned, steps: steps.take(&planned.cluster.key) };
        findings.extend(addon::findings(&cluster));
        findings.extend(plugin::findings(&cluster));
        findings.extend(pod_identity::findings(&cluster));
        findings.extend(trust::findings(&cluster));
        findings.extend(reach::findings(&cluster));
    }
    findings.sort();
    findings.dedup();
    findings
}

/// A cluster with its own steps.
struct Cluster<'a> {
    planned: &'a PlannedCluster,
    steps: Vec<&'a Change>,
}

impl<'a> Cluster<'a> {
    fn step(&self, kind: Kind) -> Option<&'a Change> {
        self.steps.iter().copied().find(|change| change.address.kind() == kind)
    }

    /// The plugin's pods as they were found.
    fn pods(&self) -> Option<(&'a Change, &'a Pods)> {
        let verify = self.step(Kind::Verify)?;
        match &verify.before {
            Some(Resource::Pods(pods)) => Some((verify, pods)),
            _ => None,
        }
    }

    /// The step on the plugin's service account, and that as it was found.
    fn service_account(&self) -> Option<(&'a Change, &'a ServiceAccount)> {
        let step = self.step(Kind::Annotate)?;
        match &step.before {
            Some(Resource::ServiceAccount(found)) => Some((step, found)),
            _ => None,
        }
    }

    /// The step on the plugin's role, and the role as it was found.
    fn role(&self) -> Option<(&'a Change, Option<&'a Role>)> {
        let step = self.step(Kind::Role)?;
        match &step.before {
            Some(Resource::Role(role)) => Some((step, Some(role))),
            _ => Some((step, None)),
        }
    }
}

/// The service account as a step leaves it.
fn account_after(step: &Change) -> Option<&ServiceAccount> {
    match &step.after {
        Some(Resource::ServiceAccount(after)) => Some(after),
        _ => None,
    }
}

/// The steps of each cluster, those that it shares with others included.
struct StepsByCluster<'a>(HashMap<&'a str, Vec<&'a Change>>);

impl<'a> StepsByCluster<'a> {
    fn of(changes: &'a [Change]) -> StepsByCluster<'a> {
        let mut steps: HashMap<&str, Vec<&Change>> = HashMap::new();
        // A step that many share, a node role's policy, says nothing of one of them.
        for change in changes.iter().filter(|change| change.address.kind() != Kind::Detach) {
            for key in &change.clusters {
                steps.entry(key).or_default().push(change);
            }
        }
        StepsByCluster(steps)
    }

    fn take(&mut self, key: &str) -> Vec<&'a Change> {
        self.0.remove(key).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
