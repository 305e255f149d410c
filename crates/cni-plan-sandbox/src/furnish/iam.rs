//! What a cluster needs in IAM, and what scenarios put there besides.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::issuer;
use crate::error::SandboxError;
use crate::iam::managed;
use crate::options::{ClusterSeed, IpFamily, NodeKind, NodesSeed};
use crate::wire::{now, partition_of_region};
use crate::world::{Account, OidcProvider, Policy, PolicyVersion, Role, World};

const IPV6_POLICY: &str = "AmazonEKS_CNI_IPv6_Policy";
/// facts.md: the current list of the plugin's own docs, not the older documented one.
const IPV6_DOCUMENT: &str = include_str!("AmazonEKS_CNI_IPv6_Policy.json");
/// What a policy says that is only known by its ARN: it stands in nobody's way.
const ALLOW_ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const THUMBPRINT: &str = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";

/// A role to be added; one that is there already stays as it is.
#[derive(Default)]
pub(crate) struct RoleSeed<'a> {
    pub(crate) name: &'a str,
    pub(crate) trust: serde_json::Value,
    pub(crate) description: Option<&'a str>,
    pub(crate) tags: &'a [(&'a str, &'a str)],
    pub(crate) attached: Vec<String>,
}

/// The roles of the nodes with their policies, the OIDC provider, and for IPv6 the policy.
pub(super) fn furnish(world: &World, seed: &ClusterSeed) -> Result<(), SandboxError> {
    in_account(world, seed, |account| {
        if seed.ip_family == IpFamily::Ipv6 {
            let document = IPV6_DOCUMENT.trim_end().replace("arn:aws:", &format!("arn:{}:", account.partition));
            add_policy(account, &account.arn(&format!("policy/{IPV6_POLICY}")), document);
        }
        for arn in &seed.policies {
            add_policy(account, arn, ALLOW_ALL.to_owned());
        }
        if seed.oidc_provider {
            add_provider(account, seed);
        }
        add_to_account(
            account,
            &RoleSeed {
                name: "AmazonEKSClusterRole",
                trust: service_trust("eks.amazonaws.com"),
                description: Some("Allows the cluster Kubernetes control plane to manage AWS resources"),
                ..RoleSeed::default()
            },
        );
        for name in &seed.node_roles {
            let attached = managed::NODE_POLICIES.iter().map(|policy| managed::arn(&account.partition, policy));
            let node_role = RoleSeed {
                name,
                trust: service_trust("ec2.amazonaws.com"),
                description: Some("Allows EKS worker nodes to call AWS services"),
                attached: attached.collect(),
                ..RoleSeed::default()
            };
            add_to_account(account, &node_role);
            // The role may be another cluster's too, of another family: this cluster works on it as well.
            if let Some(role) = account.roles.get_mut(name.as_str()) {
                role.attached.insert(cni_policy_arn(seed));
            }
        }
        for nodes in &seed.other_nodes {
            add_role_of_nodes(account, seed, nodes);
        }
    })
}

/// The role of nodes in no node group. Those on which the plugin runs have its policy, and Windows
/// nodes too: there the cluster's own controller works with it.
fn add_role_of_nodes(account: &mut Account, seed: &ClusterSeed, nodes: &NodesSeed) {
    let [worker, registry] = managed::NODE_POLICIES.map(|policy| managed::arn(&account.partition, policy));
    let (service, attached) = match nodes.kind {
        NodeKind::SelfManaged | NodeKind::Karpenter | NodeKind::Windows => {
            ("ec2.amazonaws.com", vec![worker, registry, cni_policy_arn(seed)])
        }
        NodeKind::AutoMode => ("ec2.amazonaws.com", vec![registry]),
        NodeKind::Fargate => ("eks-fargate-pods.amazonaws.com", vec![registry]),
        NodeKind::Hybrid => ("ssm.amazonaws.com", vec![registry]),
    };
    let role = RoleSeed {
        name: &nodes.role,
        trust: service_trust(service),
        description: Some("Allows EKS worker nodes to call AWS services"),
        attached,
        ..RoleSeed::default()
    };
    add_to_account(account, &role);
}

/// The policy the plugin needs in this cluster's family.
pub(crate) fn cni_policy_arn(seed: &ClusterSeed) -> String {
    let partition = partition_of_region(&seed.region);
    match seed.ip_family {
        IpFamily::Ipv4 => managed::arn(partition, managed::CNI_POLICY),
        IpFamily::Ipv6 => format!("arn:{partition}:iam::{}:policy/{IPV6_POLICY}", seed.account),
    }
}

/// The documented trust for a service account, `system:serviceaccount:NAMESPACE:NAME` as the subject.
pub(crate) fn web_identity_trust(seed: &ClusterSeed, subject: &str) -> serde_json::Value {
    let issuer = issuer(seed);
    let issuer = issuer.trim_start_matches("https://");
    let partition = partition_of_region(&seed.region);
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Federated": format!("arn:{partition}:iam::{}:oidc-provider/{issuer}", seed.account) },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {
                    format!("{issuer}:aud"): "sts.amazonaws.com",
                    format!("{issuer}:sub"): subject,
                },
            },
        }],
    })
}

/// Adds a role to the account of a seed.
pub(crate) fn add_role(world: &World, seed: &ClusterSeed, role: &RoleSeed<'_>) -> Result<(), SandboxError> {
    in_account(world, seed, |account| add_to_account(account, role))
}

/// Adds the OIDC provider of a seed's issuer, which need not be a cluster's.
pub(crate) fn add_provider_of(world: &World, seed: &ClusterSeed) -> Result<(), SandboxError> {
    in_account(world, seed, |account| add_provider(account, seed))
}

/// Adds a policy to the account of a seed; one that is there already stays as it is.
pub(crate) fn add_policy_of(world: &World, seed: &ClusterSeed, arn: &str, document: &str) -> Result<(), SandboxError> {
    in_account(world, seed, |account| add_policy(account, arn, document.to_owned()))
}

/// Attaches a policy to a role that is there.
pub(crate) fn attach(world: &World, seed: &ClusterSeed, role: &str, policy: &str) -> Result<(), SandboxError> {
    on_role(world, seed, role, |role| {
        role.attached.insert(policy.to_owned());
    })
}

/// Detaches a policy from a role.
pub(crate) fn detach(world: &World, seed: &ClusterSeed, role: &str, policy: &str) -> Result<(), SandboxError> {
    on_role(world, seed, role, |role| {
        role.attached.remove(policy);
    })
}

/// Puts an inline policy into a role that is there.
pub(crate) fn put_inline(
    world: &World,
    seed: &ClusterSeed,
    role: &str,
    name: &str,
    document: &str,
) -> Result<(), SandboxError> {
    on_role(world, seed, role, |role| drop(role.inline.insert(name.to_owned(), document.to_owned())))
}

/// Bounds a role that is there by a policy.
pub(crate) fn bound(world: &World, seed: &ClusterSeed, role: &str, policy: &str) -> Result<(), SandboxError> {
    on_role(world, seed, role, |role| role.boundary = Some(policy.to_owned()))
}

/// Tags a role that is there, also with keys that only AWS may write.
pub(crate) fn tag(world: &World, seed: &ClusterSeed, role: &str, key: &str, value: &str) -> Result<(), SandboxError> {
    on_role(world, seed, role, |role| drop(role.tags.insert(key.to_owned(), value.to_owned())))
}

fn on_role(world: &World, seed: &ClusterSeed, role: &str, change: impl FnOnce(&mut Role)) -> Result<(), SandboxError> {
    in_account(world, seed, |account| {
        if let Some(role) = account.roles.get_mut(role) {
            change(role);
        }
    })
}

fn in_account(world: &World, seed: &ClusterSeed, change: impl FnOnce(&mut Account)) -> Result<(), SandboxError> {
    world.furnish_account(&seed.account, partition_of_region(&seed.region), change)
}

fn add_to_account(account: &mut Account, seed: &RoleSeed<'_>) {
    if account.roles.contains_key(seed.name) {
        return;
    }
    let own = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let role = Role {
        name: seed.name.to_owned(),
        path: "/".to_owned(),
        arn: account.arn(&format!("role/{}", seed.name)),
        role_id: account.new_id("AROA"),
        create_date: now(),
        trust: seed.trust.to_string(),
        description: seed.description.map(str::to_owned),
        max_session_duration: 3600,
        tags: own(seed.tags),
        boundary: None,
        attached: seed.attached.iter().cloned().collect(),
        inline: BTreeMap::new(),
    };
    account.roles.insert(role.name.clone(), role);
}

/// Adds a policy of a path of its own, unless there is one of that ARN.
fn add_policy(account: &mut Account, arn: &str, document: String) {
    let Some((_, path_and_name)) = arn.split_once(":policy") else { return };
    if account.policies.contains_key(arn) || managed::policies(&account.partition).contains_key(arn) {
        return;
    }
    let name_at = path_and_name.rfind('/').map_or(0, |slash| slash + 1);
    let (path, name) = path_and_name.split_at(name_at);
    let policy = Policy {
        name: name.to_owned(),
        policy_id: account.new_id("ANPA"),
        path: path.to_owned(),
        arn: arn.to_owned(),
        description: None,
        create_date: now(),
        update_date: now(),
        versions: BTreeMap::from([(1, PolicyVersion { document, create_date: now() })]),
        default_version: 1,
        next_version: 2,
        tags: BTreeMap::new(),
    };
    account.policies.insert(arn.to_owned(), policy);
}

fn add_provider(account: &mut Account, seed: &ClusterSeed) {
    let issuer = issuer(seed);
    let issuer = issuer.trim_start_matches("https://");
    let arn = account.arn(&format!("oidc-provider/{issuer}"));
    account.oidc_providers.entry(arn.clone()).or_insert_with(|| OidcProvider {
        arn,
        issuer: issuer.to_owned(),
        client_ids: BTreeSet::from(["sts.amazonaws.com".to_owned()]),
        thumbprints: vec![THUMBPRINT.to_owned()],
        create_date: now(),
        tags: BTreeMap::new(),
    });
}

fn service_trust(service: &str) -> serde_json::Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }],
    })
}
