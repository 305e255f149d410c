//! The names and ARNs of one cluster's resources, and what contradicts having them.

use cni_plan_core::{Address, IpFamily, Kind, NodeRole, PlannedCluster};

use super::{CompileProblem, addon};
use crate::{ClusterSpec, Identity, Names, NodeRoles};

/// The AWS managed policy of IPv4 (facts: Policies).
pub(super) const IPV4_POLICY: &str = "AmazonEKS_CNI_Policy";
/// The documented name of the policy that an account's owner makes for IPv6.
const IPV6_POLICY: &str = "AmazonEKS_CNI_IPv6_Policy";

/// What one cluster's resources are called.
pub(super) struct ClusterNames {
    pub(super) issuer: String,
    pub(super) provider_arn: String,
    pub(super) role_name: String,
    pub(super) role_arn: String,
    /// The policy that goes on the role, and how it comes to be.
    pub(super) policy_arn: String,
    pub(super) policy: PolicyOrigin,
    /// Policies that node roles lose, the family's first.
    pub(super) node_policies: Vec<String>,
    pub(super) node_roles: Vec<String>,
    pub(super) verify: Address,
}

/// Whose policy it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PolicyOrigin {
    /// Amazon's: always there.
    Managed,
    /// Named by ARN: has to be there.
    Existing,
    /// Made and kept by the plan.
    Owned,
}

/// The names, or everything that contradicts them.
pub(super) fn of(wanted: &ClusterSpec, planned: &PlannedCluster) -> Result<ClusterNames, Vec<CompileProblem>> {
    let facts = &planned.facts;
    let mut problems = Vec::new();
    let mut problem = |key: &str, what: String, why: String, cure: &str| {
        problems.push(CompileProblem { position: wanted.position_of(key), what, why, cure: cure.to_owned() });
    };

    if let Some(family) = wanted.ip_family.filter(|family| *family != facts.ip_family) {
        problem(
            "ipFamily",
            format!("cluster `{}` is not {family}", wanted.name),
            format!("EKS says it is {}, and a cluster keeps the family it was created with", facts.ip_family),
            "correct `ipFamily`, or leave it out to take the cluster's own",
        );
    }
    addon::check(wanted, facts, &mut problem);
    let issuer = facts.issuer.clone().unwrap_or_default();
    if wanted.identity == Identity::PodIdentity && wanted.sts_regional_endpoints.is_some() {
        problem(
            "stsRegionalEndpoints",
            format!("cluster `{}` has no STS endpoint to choose", wanted.name),
            "with `identity: pod-identity` pods ask the agent on their node, and not STS".to_owned(),
            "leave `stsRegionalEndpoints` out",
        );
    }
    if issuer.is_empty() && wanted.identity == Identity::Irsa {
        problem(
            "name",
            format!("cluster `{}` has no OIDC issuer", wanted.name),
            "DescribeCluster names none, and a role can only trust the plugin through one".to_owned(),
            "upgrade the cluster: EKS gives an issuer to Kubernetes 1.13 and later",
        );
    }
    let names = Names { cluster: &wanted.name, region: &facts.region, account: &facts.account };
    let role_name = wanted.role.name.expand(names).unwrap_or_else(|error| {
        problem(
            "role",
            format!("the role name `{}` does not work for cluster `{}`", wanted.role.name, wanted.name),
            format!("it {error}"),
            "shorten `role.name`",
        );
        String::new()
    });
    let (policy_arn, policy) = policy(wanted, planned, &mut problem);
    let node_roles = node_roles(wanted, &facts.node_roles);
    if !problems.is_empty() {
        return Err(problems);
    }

    let (partition, account) = (&facts.partition, &facts.account);
    let mut node_policies = vec![family_policy(planned)];
    if policy == PolicyOrigin::Owned && policy_arn != node_policies[0] {
        node_policies.push(policy_arn.clone());
    }
    let service_account = &wanted.service_account;
    Ok(ClusterNames {
        provider_arn: format!("arn:{partition}:iam::{account}:oidc-provider/{issuer}"),
        issuer,
        role_arn: format!("arn:{partition}:iam::{account}:role{}{role_name}", wanted.role.path),
        role_name,
        policy_arn,
        policy,
        node_policies,
        node_roles,
        verify: Address::new(&planned.cluster.key, Kind::Verify, &[&service_account.namespace, &service_account.name]),
    })
}

fn policy(
    wanted: &ClusterSpec,
    planned: &PlannedCluster,
    problem: &mut impl FnMut(&str, String, String, &str),
) -> (String, PolicyOrigin) {
    let facts = &planned.facts;
    if let Some(arn) = &wanted.policy.arn {
        return (arn.clone(), if is_managed(arn) { PolicyOrigin::Managed } else { PolicyOrigin::Existing });
    }
    let own = |name: &str| format!("arn:{}:iam::{}:policy/{name}", facts.partition, facts.account);
    match (&wanted.policy.name, &wanted.policy.document, facts.ip_family) {
        (Some(name), _, _) => (own(name), PolicyOrigin::Owned),
        (None, _, IpFamily::Ipv6) => (own(IPV6_POLICY), PolicyOrigin::Owned),
        (None, None, IpFamily::Ipv4) => (family_policy(planned), PolicyOrigin::Managed),
        (None, Some(_), IpFamily::Ipv4) => {
            problem(
                "policy",
                format!("the policy for cluster `{}` has no name", wanted.name),
                "an IPv4 cluster's own policy is Amazon's, which takes no document".to_owned(),
                "name the policy that shall have this document under `policy.name`",
            );
            (String::new(), PolicyOrigin::Owned)
        }
    }
}

/// The policy that the procedure takes off the node roles.
fn family_policy(planned: &PlannedCluster) -> String {
    let facts = &planned.facts;
    match facts.ip_family {
        IpFamily::Ipv4 => format!("arn:{}:iam::aws:policy/{IPV4_POLICY}", facts.partition),
        IpFamily::Ipv6 => format!("arn:{}:iam::{}:policy/{IPV6_POLICY}", facts.partition, facts.account),
    }
}

fn is_managed(policy_arn: &str) -> bool {
    policy_arn.split(':').nth(4) == Some("aws")
}

fn node_roles(wanted: &ClusterSpec, found: &[NodeRole]) -> Vec<String> {
    match &wanted.node_roles {
        NodeRoles::Auto => found.iter().map(|role| role.name.clone()).collect(),
        NodeRoles::Named(names) => names.clone(),
    }
}
