//! What EKS keeps of a seed's cluster besides its node groups: add-ons, access entries, associations;
//! and the ConfigMap that stood in for access entries before there were any.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::eks::access_entry;
use crate::options::{AuthenticationMode, ClusterSeed, NodeKind};
use crate::world::{Addon, Association, EksCluster};

/// Adds what the seed asks for to a cluster that has its node groups.
pub(super) fn furnish(eks: &mut EksCluster, seed: &ClusterSeed) {
    if let Some(addon) = &seed.addon {
        let role = addon.service_account_role.as_ref().map(|role| eks.role_arn(role));
        eks.addons.insert("vpc-cni".to_owned(), active(eks, format!("{}-eksbuild.1", seed.plugin_version), role));
    }
    if seed.pod_identity_agent {
        let agent = active(eks, "v1.3.8-eksbuild.2".to_owned(), None);
        eks.addons.insert("eks-pod-identity-agent".to_owned(), agent);
    }
    if let Some(role) = &seed.pod_identity_role {
        let id = format!("a-{}", eks.new_id(17));
        let association = Association {
            namespace: seed.namespace.clone(),
            service_account: seed.service_account.clone(),
            role_arn: eks.role_arn(role),
            created_at: eks.created_at * 1000,
            modified_at: eks.created_at * 1000,
            tags: BTreeMap::new(),
            owner_arn: None,
            client_request_token: None,
        };
        eks.pod_identity_associations.insert(id, association);
    }
    if seed.authentication_mode == AuthenticationMode::ConfigMap {
        return;
    }
    for nodes in seed.other_nodes.iter().filter(|nodes| !nodes.in_config_map) {
        let arn = eks.role_arn(&nodes.role);
        let entry = access_entry(&arn, nodes.kind.entry_type(), eks.created_at);
        eks.access_entries.insert(arn, entry);
    }
    if !eks.access_entries.is_empty() {
        // Who made the cluster, as EKS lets them in: no node.
        let creator = format!("arn:{}:iam::{}:user/sandbox", eks.partition, eks.account);
        let entry = access_entry(&creator, "STANDARD", eks.created_at);
        eks.access_entries.insert(creator, entry);
    }
}

/// The text of `mapRoles`: the roles that come by the ConfigMap, or every node's where it counts alone.
/// `None` where there are none, and so no ConfigMap.
pub(super) fn map_roles(seed: &ClusterSeed, eks: &EksCluster) -> Option<String> {
    let alone = seed.authentication_mode == AuthenticationMode::ConfigMap;
    let managed = eks.nodegroups.values().filter(|_| alone).map(|group| (group.node_role.clone(), false));
    let others = seed.other_nodes.iter().filter(|nodes| alone || nodes.in_config_map);
    let others = others.map(|nodes| (eks.role_arn(&nodes.role), nodes.kind == NodeKind::Windows));
    let roles: BTreeSet<(String, bool)> = managed.chain(others).collect();
    let mut text = String::new();
    for (arn, windows) in &roles {
        let group = if *windows { "  - eks:kube-proxy-windows\n" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "- groups:\n{group}  - system:bootstrappers\n  - system:nodes\n  rolearn: {arn}\n  \
             username: system:node:{{{{EC2PrivateDNSName}}}}\n"
        );
    }
    (!roles.is_empty()).then_some(text)
}

fn active(eks: &EksCluster, version: String, role: Option<String>) -> Addon {
    Addon {
        status: "ACTIVE".to_owned(),
        addon_version: version,
        issues: Vec::new(),
        created_at: eks.created_at,
        modified_at: eks.created_at,
        service_account_role_arn: role,
        tags: BTreeMap::new(),
        configuration_values: None,
        pending: None,
    }
}
