//! Worlds in which the cluster is of another kind than the procedure has in mind: before the
//! procedure, unless said otherwise.

use std::sync::Arc;

use serde_json::json;

use super::parts::{PLUGIN, PLUGIN_ROLE, before, plugin_role};
use super::procedure::after;
use crate::error::SandboxError;
use crate::furnish::{RoleSeed, add_policy_of, add_provider_of, add_role, cni_policy_arn, web_identity_trust};
use crate::options::{AddonSeed, ClusterSeed, EndpointAccess, IpFamily, NodeKind, NodesSeed, StsAccess};
use crate::world::World;

/// facts.md: the older documented policy, which current plugins find too small.
const OLDER_IPV6_DOCUMENT: &str = include_str!("older_ipv6_policy.json");

pub(super) fn managed_addon(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &ClusterSeed { addon: Some(AddonSeed::default()), ..my_cluster() })
}

pub(super) fn managed_addon_with_role(world: &Arc<World>) -> Result<(), SandboxError> {
    let addon = Some(AddonSeed { service_account_role: Some(PLUGIN_ROLE.to_owned()) });
    let seed = ClusterSeed { addon, ..my_cluster() };
    plugin_role(world, &seed)?;
    before(world, &seed)
}

pub(super) fn pod_identity(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed =
        ClusterSeed { pod_identity_agent: true, pod_identity_role: Some(PLUGIN_ROLE.to_owned()), ..my_cluster() };
    let role = RoleSeed {
        name: PLUGIN_ROLE,
        trust: json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "pods.eks.amazonaws.com" },
                "Action": ["sts:AssumeRole", "sts:TagSession"],
            }],
        }),
        attached: vec![cni_policy_arn(&seed)],
        ..RoleSeed::default()
    };
    add_role(world, &seed, &role)?;
    before(world, &seed)
}

/// After the procedure: what is asked for next is the other identity.
pub(super) fn irsa_with_agent(world: &Arc<World>) -> Result<(), SandboxError> {
    after(world, &ClusterSeed { pod_identity_agent: true, ..my_cluster() })
}

pub(super) fn shared_outside(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &my_cluster())?;
    before(world, &ClusterSeed { nodes: 2, ..ClusterSeed::new("legacy") })?;
    before(world, &ClusterSeed { region: "eu-west-1".to_owned(), nodes: 2, ..ClusterSeed::new("analytics") })
}

pub(super) fn stale_issuer(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = my_cluster();
    // Its issuer stands for that of the cluster of the same name that was there before.
    let gone = ClusterSeed::new("my-cluster-before");
    add_provider_of(world, &gone)?;
    let role = RoleSeed {
        name: PLUGIN_ROLE,
        trust: web_identity_trust(&gone, PLUGIN),
        attached: vec![cni_policy_arn(&seed)],
        ..RoleSeed::default()
    };
    add_role(world, &seed, &role)?;
    before(world, &seed)
}

/// Pods on the node role are well: the role's other policies allow what this one lacks.
pub(super) fn small_policy(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = ClusterSeed { ip_family: IpFamily::Ipv6, plugin_version: "v1.22.1".to_owned(), ..my_cluster() };
    add_policy_of(world, &seed, &cni_policy_arn(&seed), OLDER_IPV6_DOCUMENT.trim_end())?;
    before(world, &seed)
}

pub(super) fn windows(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &with_nodes(vec![nodes(NodeKind::Windows, "AmazonEKSWindowsNodeRole", 2)]))
}

pub(super) fn karpenter(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &with_nodes(vec![nodes(NodeKind::Karpenter, "KarpenterNodeRole-my-cluster", 2)]))
}

pub(super) fn self_managed_nodes(world: &Arc<World>) -> Result<(), SandboxError> {
    let by_entry = nodes(NodeKind::SelfManaged, "SelfManagedNodeRole", 2);
    let by_map = NodesSeed { in_config_map: true, ..nodes(NodeKind::SelfManaged, "SelfManagedNodeRole-old", 1) };
    before(world, &ClusterSeed { node_roles: Vec::new(), nodes: 0, ..with_nodes(vec![by_entry, by_map]) })
}

pub(super) fn auto_mode(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &with_nodes(vec![nodes(NodeKind::AutoMode, "AmazonEKSAutoNodeRole", 2)]))
}

pub(super) fn private_sts(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed =
        ClusterSeed { endpoint_access: EndpointAccess::Private, sts_access: StsAccess::Unreachable, ..my_cluster() };
    before(world, &seed)
}

fn my_cluster() -> ClusterSeed {
    ClusterSeed::new("my-cluster")
}

fn with_nodes(other_nodes: Vec<NodesSeed>) -> ClusterSeed {
    ClusterSeed { other_nodes, ..my_cluster() }
}

fn nodes(kind: NodeKind, role: &str, count: usize) -> NodesSeed {
    NodesSeed { kind, role: role.to_owned(), count, in_config_map: false }
}
