//! What speaks against a plan beyond its single steps: hazards that show when a cluster's facts, its pods
//! and its steps are seen together. Those of a single step are `diff`'s.
//!
//! Pure: everything is in the change set's own header and steps, so that whoever has one can find them
//! again. Each has a code that never changes, in [`known_findings`].

mod addon;
mod beside;
pub(crate) mod known;
mod node_role;
mod outside;
mod ownership;
mod plugin;
mod pod_identity;
mod reach;
mod role;
mod trust;

pub use known::{Known, known_findings};
pub use outside::outside_uses;
pub(crate) use ownership::is_owners;

use std::collections::HashMap;

use crate::by_cluster::StepsByCluster;
use crate::role_record::by_role;
use crate::{
    Change, Finding, Header, Kind, PlannedCluster, PodIdentity, Pods, Resource, Role, RoleRecord, Run, ServiceAccount,
};

/// All of them, sorted.
pub fn hazards(header: &Header, changes: &[Change]) -> Vec<Finding> {
    let mut findings = outside::findings(changes, &header.outside);
    findings.extend(outside::unread(&header.clusters));
    let records = by_role(&header.roles);
    findings.extend(ownership::of_node_roles(changes, &records));
    let losing = beside::losing(changes);
    let mut plugins = node_role::Plugins::new();
    // A step that many share, a node role's policy, says nothing of one of them.
    let mut steps = StepsByCluster::of(changes.iter().filter(|change| change.address.kind() != Kind::Detach));
    for planned in &header.clusters {
        let cluster = Cluster { planned, steps: steps.take(&planned.cluster.key), records: &records };
        findings.extend(addon::findings(&cluster));
        if losing.contains(planned.cluster.key.as_str()) {
            findings.extend(beside::findings(&cluster));
        }
        findings.extend(plugin::findings(&cluster));
        findings.extend(pod_identity::findings(&cluster));
        findings.extend(role::findings(&cluster));
        findings.extend(ownership::of_role(&cluster));
        findings.extend(trust::findings(&cluster));
        findings.extend(reach::findings(&cluster));
        if !records.is_empty() {
            plugins.insert(&planned.cluster.key, node_role::NodesOf::new(&cluster));
        }
    }
    findings.extend(node_role::findings(changes, &records, &plugins));
    findings.sort();
    findings.dedup();
    findings
}

/// The first of the names, and how many more there are: as many tell where to look, and all of them would hide the
/// rest of the plan.
fn a_few<S: AsRef<str>>(names: &[S]) -> String {
    const NAMED: usize = 5;
    let named = names.iter().take(NAMED).map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// A cluster with its own steps.
struct Cluster<'a> {
    planned: &'a PlannedCluster,
    steps: Vec<&'a Change>,
    /// What is on the plan's roles, by account and name.
    records: &'a HashMap<(&'a str, &'a str), &'a RoleRecord>,
}

impl<'a> Cluster<'a> {
    fn record(&self, role: &str) -> Option<&'a RoleRecord> {
        self.records.get(&(self.planned.facts.account.as_str(), role)).copied()
    }

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

    /// The step on the plugin's service account, with that as it was found and as it is left.
    fn service_account(&self) -> Option<(&'a Change, [&'a ServiceAccount; 2])> {
        let step = self.step(Kind::Annotate)?;
        let [found, after] = step.service_accounts();
        Some((step, [found?, after?]))
    }

    /// What the plugin's pods are to carry.
    fn wanted_identity(&self) -> Option<&'a PodIdentity> {
        self.step(Kind::Verify)?.run.as_ref().map(Run::identity)
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

#[cfg(test)]
mod tests;
