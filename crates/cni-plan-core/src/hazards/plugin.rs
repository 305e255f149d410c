//! What the plugin's own settings, version and nodes say against a plan.

use super::{Cluster, known};
use crate::{Finding, IpFamily, OtherNode, Plugin, PluginVersion, settings};

/// The first plugin that gives pods IPv6 addresses (EKS User Guide, "Learn about IPv6 addresses to clusters,
/// Pods, and services").
const FIRST_WITH_IPV6: PluginVersion = PluginVersion::new(1, 10, 1);
/// The first Kubernetes version that a cluster of IPv6 can have (same page): minor of 1.
const FIRST_MINOR_WITH_IPV6: u32 = 21;

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let Some((step, pods)) = cluster.pods() else { return Vec::new() };
    let (at, plugin, family) = (&step.address, &pods.plugin, cluster.planned.facts.ip_family);
    let mut findings = Vec::new();
    if let Some(odd) = at_odds(plugin, family) {
        findings.push(known::FAMILY_AT_ODDS.at(at, format!("the cluster is {family}, and {odd}")));
    }
    if family == IpFamily::Ipv6 {
        findings.extend(too_old(cluster, plugin).map(|why| known::PLUGIN_TOO_OLD.at(at, why)));
    }
    if !plugin.own_credentials.is_empty() {
        let names: Vec<&str> = plugin.own_credentials.iter().map(String::as_str).collect();
        let message = format!("DaemonSet {}/{} sets {}", pods.namespace, pods.daemon_set, names.join(", "));
        findings.push(known::OWN_CREDENTIALS.at(at, message));
    }
    if pods.other_nodes.contains(&OtherNode::Windows) {
        let message = "there are Windows nodes: their addresses are given by way of the node role, by the controller \
                       that runs in the cluster or by EKS's own";
        findings.push(known::WINDOWS_NODES.at(at, message.to_owned()));
    }
    let others: Vec<&str> = pods.other_nodes.iter().filter_map(|node| name_of(*node)).collect();
    if !others.is_empty() {
        findings.push(known::OTHER_NODES.at(at, format!("there are nodes of {}", others.join(", "))));
    }
    findings
}

/// A setting that is for the other family, as a clause.
fn at_odds(plugin: &Plugin, family: IpFamily) -> Option<String> {
    let (wanted, other) = match family {
        IpFamily::Ipv4 => (settings::IPV4, settings::IPV6),
        IpFamily::Ipv6 => (settings::IPV6, settings::IPV4),
    };
    if plugin.flag(wanted) == Some(false) {
        return Some(format!("{wanted} is false"));
    }
    (plugin.flag(other) == Some(true) && plugin.flag(wanted) != Some(true)).then(|| format!("{other} is true"))
}

fn too_old(cluster: &Cluster<'_>, plugin: &Plugin) -> Option<String> {
    let kubernetes = &cluster.planned.facts.version;
    let minor = kubernetes.strip_prefix("1.").and_then(|minor| minor.parse::<u32>().ok());
    if minor.is_some_and(|minor| minor < FIRST_MINOR_WITH_IPV6) {
        return Some(format!("Kubernetes is {kubernetes}, and IPv6 needs 1.{FIRST_MINOR_WITH_IPV6}"));
    }
    let version: PluginVersion = plugin.version.as_ref()?.parse().ok()?;
    (version < FIRST_WITH_IPV6).then(|| format!("the plugin is {version}, and IPv6 needs {FIRST_WITH_IPV6}"))
}

/// As people call it; Windows has a finding of its own.
fn name_of(node: OtherNode) -> Option<&'static str> {
    match node {
        OtherNode::Auto => Some("EKS Auto Mode"),
        OtherNode::Fargate => Some("Fargate"),
        OtherNode::Hybrid => Some("hybrid sort"),
        OtherNode::Windows => None,
    }
}
