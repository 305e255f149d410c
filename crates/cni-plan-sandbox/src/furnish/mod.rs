//! Puts things into a world: clusters as they are before the migration, and the roles that scenarios
//! add. Everything is written straight into the world, so that no limit or fault is in the way.

mod iam;
mod nodes;
mod records;

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::SandboxError;
use crate::kubernetes::{AnnotationSeed, IpFamily as PluginFamily, NodeSeed, PluginSeed};
use crate::options::{ClusterSeed, IpFamily, NodeKind};
use crate::wire::partition_of_region;
use crate::world::{Cluster, EksCluster, Nodegroup, World};

pub(crate) use iam::{
    RoleSeed, add_policy_of, add_provider_of, add_role, attach, bound, cni_policy_arn, detach, put_inline, tag,
    web_identity_trust,
};

/// The Kubernetes version of every cluster here.
const VERSION: &str = "1.33";

/// A cluster to be built, in more detail than a seed has it.
pub(crate) struct Blueprint<'a> {
    pub(crate) seed: &'a ClusterSeed,
    /// Node groups and the names of their roles.
    pub(crate) nodegroups: Vec<(String, String)>,
    /// What the plugin's service account is annotated with before its pods are born.
    pub(crate) annotations: Vec<AnnotationSeed>,
}

impl<'a> Blueprint<'a> {
    /// One node group a role, called `workers`, `workers-2`, …; one role alone has `workers` and `spot`.
    pub(crate) fn new(seed: &'a ClusterSeed) -> Blueprint<'a> {
        let nodegroups = match &seed.node_roles[..] {
            [role] => ["workers", "spot"].map(|name| (name.to_owned(), role.clone())).to_vec(),
            roles => (1..)
                .zip(roles)
                .map(|(number, role)| match number {
                    1 => ("workers".to_owned(), role.clone()),
                    number => (format!("workers-{number}"), role.clone()),
                })
                .collect(),
        };
        Blueprint { seed, nodegroups, annotations: Vec::new() }
    }
}

/// The cluster of a seed if it is there already; built if not.
pub(crate) fn ensure_cluster(world: &Arc<World>, seed: &ClusterSeed) -> Result<(), SandboxError> {
    match world.cluster(&seed.region, &seed.name) {
        Some(cluster) if cluster.eks().account == seed.account => Ok(()),
        Some(cluster) => Err(SandboxError::OtherAccount {
            name: seed.name.clone(),
            region: seed.region.clone(),
            found: cluster.eks().account.clone(),
            wanted: seed.account.clone(),
        }),
        None => build(world, &Blueprint::new(seed)).map(|_| ()),
    }
}

/// Builds a cluster: what IAM has to have first, then the cluster, then the plugin with its pods Ready.
pub(crate) fn build(world: &Arc<World>, blueprint: &Blueprint<'_>) -> Result<Arc<Cluster>, SandboxError> {
    let seed = blueprint.seed;
    iam::furnish(world, seed)?;
    let grouped = nodes(blueprint);
    let others = nodes::others(seed);
    let mut eks = eks_cluster(blueprint, &grouped);
    eks.instance_roles = others.iter().map(|(node, role)| (node.name.clone(), eks.role_arn(role))).collect();
    let cluster = world.add_cluster(eks)?;
    cluster.api.install_plugin(&PluginSeed {
        namespace: seed.namespace.clone(),
        service_account: seed.service_account.clone(),
        daemon_set: "aws-node".to_owned(),
        version: seed.plugin_version.clone(),
        by_eks: seed.addon.is_some(),
        ip_family: match seed.ip_family {
            IpFamily::Ipv4 => PluginFamily::Ipv4,
            IpFamily::Ipv6 => PluginFamily::Ipv6,
        },
        nodes: grouped.into_iter().chain(others.into_iter().map(|(node, _)| node)).collect(),
        annotations: blueprint.annotations.clone(),
        addon_role: seed
            .addon
            .as_ref()
            .and_then(|addon| addon.service_account_role.as_ref())
            .map(|role| cluster.eks().role_arn(role)),
        map_roles: records::map_roles(seed, &cluster.eks()),
    });
    Ok(cluster)
}

/// The issuer of a seed's cluster, with `https://`: the same each time the same cluster is built.
pub(crate) fn issuer(seed: &ClusterSeed) -> String {
    let hash = Sha256::digest(format!("{}/{}/{}", seed.account, seed.region, seed.name));
    let id: String = hash.iter().take(16).map(|byte| format!("{byte:02X}")).collect();
    let suffix = if partition_of_region(&seed.region) == "aws-cn" { ".cn" } else { "" };
    format!("https://oidc.eks.{}.amazonaws.com{suffix}/id/{id}", seed.region)
}

fn eks_cluster(blueprint: &Blueprint<'_>, nodes: &[NodeSeed]) -> EksCluster {
    let seed = blueprint.seed;
    let partition = partition_of_region(&seed.region);
    let nodegroup = |(name, role): &(String, String)| {
        let members = nodes.iter().filter(|node| node.nodegroup == *name);
        let nodegroup = Nodegroup {
            name: name.clone(),
            node_role: format!("arn:{partition}:iam::{}:role/{role}", seed.account),
            nodes: members.map(|node| node.name.clone()).collect(),
        };
        (name.clone(), nodegroup)
    };
    let mut eks = EksCluster {
        name: seed.name.clone(),
        region: seed.region.clone(),
        account: seed.account.clone(),
        partition: partition.to_owned(),
        version: VERSION.to_owned(),
        ip_family: seed.ip_family,
        issuer: issuer(seed),
        created_at: jiff::Timestamp::now().as_second(),
        nodegroups: blueprint.nodegroups.iter().map(nodegroup).collect(),
        addons: BTreeMap::new(),
        addon_updates: BTreeMap::new(),
        access_entries: BTreeMap::new(),
        pod_identity_associations: BTreeMap::new(),
        instance_roles: BTreeMap::new(),
        authentication_mode: seed.authentication_mode,
        auto_mode: seed.other_nodes.iter().any(|nodes| nodes.kind == NodeKind::AutoMode),
        endpoint_access: seed.endpoint_access,
        sts_access: seed.sts_access,
        issued_eks_ids: 0,
    };
    records::furnish(&mut eks, seed);
    eks
}

/// A seed's cluster without nodes, and without a server.
#[cfg(test)]
pub(crate) fn bare_cluster(seed: &ClusterSeed) -> EksCluster {
    eks_cluster(&Blueprint::new(seed), &[])
}

/// The nodes, shared out over the node groups in turn, with addresses that the cluster's name decides.
fn nodes(blueprint: &Blueprint<'_>) -> Vec<NodeSeed> {
    let seed = blueprint.seed;
    let hash = Sha256::digest(format!("{}/{}", seed.region, seed.name));
    let (third, fourth) = (usize::from(hash[0] & 0x3f), usize::from(hash[1] & 0x7f));
    let node = |(index, (nodegroup, _)): (usize, &(String, String))| {
        // Distinct for any count: the last number walks through 2..=251, the third counts the rounds.
        let address = (third + (fourth + index) / 250, 2 + (fourth + index) % 250);
        let capacity = if nodegroup.starts_with("spot") { "SPOT" } else { "ON_DEMAND" };
        NodeSeed {
            name: format!("ip-192-168-{}-{}.{}.compute.internal", address.0, address.1, seed.region),
            nodegroup: nodegroup.clone(),
            labels: BTreeMap::from([("eks.amazonaws.com/capacityType".to_owned(), capacity.to_owned())]),
            taint: None,
        }
    };
    (0..seed.nodes).zip(blueprint.nodegroups.iter().cycle()).map(node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_node_has_a_name_of_its_own_and_every_group_its_share() {
        let seed = ClusterSeed { nodes: 700, ..ClusterSeed::new("big") };
        let nodes = nodes(&Blueprint::new(&seed));
        let names: BTreeSet<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names.len(), 700);
        assert_eq!(nodes.iter().filter(|node| node.nodegroup == "spot").count(), 350);
    }

    #[test]
    fn a_cluster_has_the_same_issuer_each_time_and_no_other_has_it() {
        let one = issuer(&ClusterSeed::new("my-cluster"));
        assert_eq!(one, issuer(&ClusterSeed::new("my-cluster")));
        assert_ne!(one, issuer(&ClusterSeed::new("other")));
    }
}
