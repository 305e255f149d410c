//! Who else uses the node roles that a plan takes a policy off: clusters that it does not know, and so
//! does not wait for.

use std::collections::BTreeSet;

use super::known;
use crate::{Address, Change, Finding, Kind, Neighbour, OutsideUse, PlannedCluster, Target, Unread};

/// Every use of a role that a step of `changes` takes a policy off by a cluster that is none of
/// `known`, sorted.
pub fn outside_uses(changes: &[Change], known: &[PlannedCluster], neighbours: &[Neighbour]) -> Vec<OutsideUse> {
    let detached: BTreeSet<(&str, &str)> = changes.iter().filter_map(detached_from).collect();
    let known: BTreeSet<(&str, &str, &str)> = known
        .iter()
        .map(|planned| (planned.facts.account.as_str(), planned.facts.region.as_str(), planned.cluster.name.as_str()))
        .collect();
    let mut uses = BTreeSet::new();
    for Neighbour { account, region, name, node_roles, .. } in neighbours {
        if known.contains(&(account, region, name)) {
            continue;
        }
        for role in node_roles.iter().filter(|role| detached.contains(&(account, role.as_str()))) {
            uses.insert(OutsideUse {
                account: account.clone(),
                role: role.clone(),
                region: region.clone(),
                cluster: name.clone(),
            });
        }
    }
    uses.into_iter().collect()
}

/// What speaks against each step that would take a policy from under such a cluster.
pub(super) fn findings(changes: &[Change], uses: &[OutsideUse]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for change in changes.iter().filter(|change| change.is_effective()) {
        let Some((account, role)) = detached_from(change) else { continue };
        let theirs = uses.iter().filter(|outside| outside.account == account && outside.role == role);
        findings.extend(theirs.map(|outside| {
            known::NODE_ROLE_USED_OUTSIDE.at(
            &change.address,
            format!(
                "nodes of cluster {} in {} have role {role} too, and the spec does not hold that cluster: its pods may \
                 need the policy",
                outside.cluster, outside.region
            ),
        )
        }));
    }
    findings
}

/// What could not be read of the clusters, each once a cluster: a plan may not know of a node role, or of
/// who uses it.
pub(super) fn unread(clusters: &[PlannedCluster]) -> Vec<Finding> {
    let all = clusters.iter().flat_map(|planned| planned.facts.unread.iter().map(move |it| (planned, it)));
    let finding = |(planned, unread): (&PlannedCluster, &Unread)| {
        known::not_read(&Address::new(&planned.cluster.key, Kind::Cluster, &[]), unread)
    };
    all.map(finding).collect()
}

fn detached_from(change: &Change) -> Option<(&str, &str)> {
    match &change.target {
        Target::Attachment { account, role, .. } if change.address.kind() == Kind::Detach => Some((account, role)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{ACCOUNT, finished, fresh, graph, planned_cluster};
    use crate::{Severity, diff};

    fn neighbour(account: &str, region: &str, name: &str, role: &str) -> Neighbour {
        Neighbour {
            account: account.to_owned(),
            region: region.to_owned(),
            name: name.to_owned(),
            node_roles: BTreeSet::from([role.to_owned(), "another".to_owned()]),
            unread: Vec::new(),
        }
    }

    #[test]
    fn a_cluster_that_the_plan_does_not_know_keeps_its_nodes_policy() {
        let changes = diff(graph(&["c"]), fresh(&["c"])).unwrap().changes;
        let neighbours = [
            neighbour(ACCOUNT, "us-west-2", "c", "NodeRole"),
            neighbour(ACCOUNT, "us-west-2", "other", "NodeRole"),
            neighbour(ACCOUNT, "us-east-1", "c", "NodeRole"),
            neighbour(ACCOUNT, "us-west-2", "harmless", "ItsOwnRole"),
            neighbour("999999999999", "us-west-2", "other", "NodeRole"),
        ];
        let uses = outside_uses(&changes, &[planned_cluster("c")], &neighbours);
        let told: Vec<(&str, &str)> = uses.iter().map(|it| (it.region.as_str(), it.cluster.as_str())).collect();
        assert_eq!(told, [("us-east-1", "c"), ("us-west-2", "other")]);
        let told = findings(&changes, &uses);
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].address.kind(), Kind::Detach);
        assert!(told[0].message.starts_with("nodes of cluster c in us-east-1 have role NodeRole too"));
    }

    #[test]
    fn who_has_lost_the_policy_already_is_not_warned_of() {
        let changes = diff(graph(&["c"]), finished(&["c"])).unwrap().changes;
        let uses =
            outside_uses(&changes, &[planned_cluster("c")], &[neighbour(ACCOUNT, "us-west-2", "other", "NodeRole")]);
        assert_eq!(uses.len(), 1, "the plan rests on it all the same");
        assert_eq!(findings(&changes, &uses), []);
    }

    #[test]
    fn what_could_not_be_read_is_said_with_what_to_do() {
        let mut cluster = planned_cluster("c");
        assert_eq!(unread(std::slice::from_ref(&cluster)), []);
        let text = |text: &str| text.to_owned();
        cluster.facts.unread = vec![Unread { what: text("aws-auth"), why: text("forbidden"), cure: text("grant it") }];
        let findings = unread(&[cluster]);
        assert_eq!(findings[0].address.as_str(), "c/cluster");
        assert_eq!((findings[0].severity, findings[0].code.as_str()), (Severity::Warn, "not-read"));
        assert_eq!(findings[0].message, "aws-auth could not be read: forbidden");
    }
}
