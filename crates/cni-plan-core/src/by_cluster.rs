//! Steps and findings by the clusters that they concern.
//!
//! Gathered in one walk: whoever looks through all steps for each cluster of a fleet looks at a hundred million
//! pairs of them.

use std::collections::HashMap;

use crate::{Address, Change, Finding};

/// The steps of each cluster, those that it shares with others included.
#[derive(Debug)]
pub struct StepsByCluster<'a>(HashMap<&'a str, Vec<&'a Change>>);

impl<'a> StepsByCluster<'a> {
    /// Of these steps, whose order each cluster's steps keep.
    pub fn of(changes: impl IntoIterator<Item = &'a Change>) -> StepsByCluster<'a> {
        let mut steps: HashMap<&str, Vec<&Change>> = HashMap::new();
        for change in changes {
            for key in &change.clusters {
                steps.entry(key).or_default().push(change);
            }
        }
        StepsByCluster(steps)
    }

    /// The steps of the cluster with this key, given once.
    pub fn take(&mut self, key: &str) -> Vec<&'a Change> {
        self.0.remove(key).unwrap_or_default()
    }
}

/// The findings of each cluster: about itself, or about a step of its own or one that it shares.
#[derive(Debug)]
pub(crate) struct FindingsByCluster<'a>(HashMap<&'a str, Vec<&'a Finding>>);

impl<'a> FindingsByCluster<'a> {
    /// Of these findings, whose order each cluster's findings keep.
    pub(crate) fn of(findings: &'a [Finding], changes: &'a [Change]) -> FindingsByCluster<'a> {
        let steps: HashMap<&Address, &Change> = changes.iter().map(|change| (&change.address, change)).collect();
        let mut by_cluster: HashMap<&str, Vec<&Finding>> = HashMap::new();
        for finding in findings {
            let scope = finding.address.scope();
            let sharing = steps.get(&finding.address).map_or(&[][..], |step| &step.clusters);
            let others = sharing.iter().map(String::as_str).filter(|key| *key != scope);
            for key in std::iter::once(scope).chain(others) {
                by_cluster.entry(key).or_default().push(finding);
            }
        }
        FindingsByCluster(by_cluster)
    }

    /// The findings of the cluster with this key, given once.
    pub(crate) fn take(&mut self, key: &str) -> Vec<&'a Finding> {
        self.0.remove(key).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{fresh, graph};
    use crate::{Kind, Severity, diff};

    const CLUSTERS: [&str; 3] = ["c", "d", "e"];

    /// Steps of three clusters with a node role in common.
    fn changes() -> Vec<Change> {
        diff(graph(&CLUSTERS), fresh(&CLUSTERS)).unwrap().changes
    }

    #[test]
    fn a_cluster_has_its_steps_and_those_that_it_shares() {
        let changes = changes();
        assert!(changes.iter().any(|change| change.clusters.len() == CLUSTERS.len()), "one is everybody's");
        let mut steps = StepsByCluster::of(&changes);
        for key in CLUSTERS {
            let concerned = |change: &&Change| change.clusters.iter().any(|concerned| concerned == key);
            assert_eq!(steps.take(key), changes.iter().filter(concerned).collect::<Vec<_>>(), "{key}");
        }
        assert!(steps.take("f").is_empty());
    }

    #[test]
    fn a_cluster_has_the_findings_about_itself_and_about_its_steps_each_once() {
        let changes = changes();
        let finding = |address: Address| Finding {
            severity: Severity::Warn,
            code: "code".to_owned(),
            address,
            message: String::new(),
            cure: String::new(),
            accepted: None,
        };
        let mut findings: Vec<Finding> = changes.iter().map(|change| finding(change.address.clone())).collect();
        findings.push(finding(Address::new("c", Kind::Cluster, &[])));
        let mut by_cluster = FindingsByCluster::of(&findings, &changes);
        for key in CLUSTERS {
            let is_its_own = |finding: &&Finding| {
                let of_step = |change: &Change| change.address == finding.address;
                finding.address.scope() == key
                    || changes.iter().any(|change| of_step(change) && change.clusters.iter().any(|it| it == key))
            };
            assert_eq!(by_cluster.take(key), findings.iter().filter(is_its_own).collect::<Vec<_>>(), "{key}");
        }
        assert!(by_cluster.take("f").is_empty());
    }
}
