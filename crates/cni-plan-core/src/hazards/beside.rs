//! Pods beside the plugin's that may lean on what node roles lose. A pod on its node's network gets the node
//! role's credentials whatever the hop limit of the instance metadata is (EKS Best Practices Guide, "Identity and
//! Access Management"); what programs do that nodes start themselves cannot be seen from outside.

use std::collections::HashSet;

use super::{Cluster, a_few, known};
use crate::{Action, Change, Finding, Kind};

/// On every node by EKS's own hand, and known to need nothing of the policy: the first calls no AWS, the other
/// nothing but `eks-auth` (EKS User Guide, "Amazon EKS add-ons"; "Set up the Amazon EKS Pod Identity Agent").
const HARMLESS: [&str; 2] = ["kube-system/kube-proxy", "kube-system/eks-pod-identity-agent"];

/// The clusters, by key, whose node roles lose a policy.
pub(super) fn losing(changes: &[Change]) -> HashSet<&str> {
    let detaches = changes.iter().filter(|it| it.address.kind() == Kind::Detach && it.action == Action::Delete);
    detaches.flat_map(|change| &change.clusters).map(String::as_str).collect()
}

/// Of a cluster whose node roles lose a policy.
pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let Some((step, pods)) = cluster.pods() else { return Vec::new() };
    let names: Vec<&str> =
        pods.on_host_network.iter().map(String::as_str).filter(|name| !HARMLESS.contains(name)).collect();
    let mut findings: Vec<Finding> = pods.unread.iter().map(|unread| known::not_read(&step.address, unread)).collect();
    if !names.is_empty() {
        let named = a_few(&names);
        let message = format!("pods of {named} are on their nodes' network and may call AWS by the node role");
        findings.push(known::HOST_NETWORK.at(&step.address, message));
    }
    findings
}
