//! What the CNI plugin must be allowed to do: by address family, version, and whether it discovers
//! subnets.
//!
//! Source: facts.md, "Policies", out of aws/amazon-vpc-cni-k8s `docs/iam-policy.md` and its releases.

use serde_json::Value;

use super::account::{Account, Role};
use super::cluster::EksCluster;
use crate::options::IpFamily;
use crate::policy::{Context, Question};

/// An action, and the kinds of the resources that it is about; none where it is about none in
/// particular.
type Need = (&'static str, &'static [&'static str]);

const IPV4: [Need; 12] = [
    ("ec2:AssignPrivateIpAddresses", &["network-interface"]),
    ("ec2:AttachNetworkInterface", &["instance", "network-interface"]),
    ("ec2:CreateNetworkInterface", &["network-interface", "security-group", "subnet"]),
    ("ec2:DeleteNetworkInterface", &["network-interface"]),
    ("ec2:DescribeInstances", &[]),
    ("ec2:DescribeTags", &[]),
    ("ec2:DescribeNetworkInterfaces", &[]),
    ("ec2:DescribeInstanceTypes", &[]),
    ("ec2:DetachNetworkInterface", &["instance", "network-interface"]),
    ("ec2:ModifyNetworkInterfaceAttribute", &["network-interface"]),
    ("ec2:UnassignPrivateIpAddresses", &["network-interface"]),
    CREATE_TAGS,
];
const IPV6: [Need; 6] = [
    ("ec2:AssignIpv6Addresses", &["network-interface"]),
    ("ec2:DescribeInstances", &[]),
    ("ec2:DescribeTags", &[]),
    ("ec2:DescribeNetworkInterfaces", &[]),
    ("ec2:DescribeInstanceTypes", &[]),
    CREATE_TAGS,
];
const CREATE_TAGS: Need = ("ec2:CreateTags", &["network-interface"]);
const SUBNETS: Need = ("ec2:DescribeSubnets", &[]);
const SECURITY_GROUPS: Need = ("ec2:DescribeSecurityGroups", &[]);

/// A version's numbers. One that cannot be read counts as newer than any.
pub(super) type Version = (u32, u32, u32);

/// The plugin as one pod runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plugin {
    pub(super) ip_family: IpFamily,
    pub(super) version: Version,
    /// `ENABLE_SUBNET_DISCOVERY`, true unless it says otherwise.
    pub(super) subnet_discovery: bool,
}

impl Plugin {
    /// The plugin in a pod, by its container `aws-node`, or else its first.
    pub(super) fn of(pod: &Value, ip_family: IpFamily) -> Plugin {
        let containers = pod["spec"]["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
        let container = containers.iter().find(|one| one["name"] == "aws-node").or_else(|| containers.first());
        let variables = container.into_iter().flat_map(|one| one["env"].as_array().into_iter().flatten());
        let discovery =
            variables.filter(|one| one["name"] == "ENABLE_SUBNET_DISCOVERY").find_map(|one| one["value"].as_str());
        let image = container.and_then(|one| one["image"].as_str()).unwrap_or_default();
        Plugin {
            ip_family,
            version: version_of(image),
            subnet_discovery: discovery.is_none_or(|value| !value.eq_ignore_ascii_case("false")),
        }
    }

    /// The actions that it cannot do without, the one that tells the families apart first.
    pub(super) fn needs(self) -> Vec<Need> {
        // Subnets are discovered from v1.18.0 on; with IPv6 a refusal stops the node from v1.22.1 on.
        let (mut needs, discovers_from) = match self.ip_family {
            IpFamily::Ipv4 => (IPV4.to_vec(), (1, 18, 0)),
            IpFamily::Ipv6 => (IPV6.to_vec(), (1, 22, 1)),
        };
        if self.subnet_discovery && self.version >= discovers_from {
            needs.push(SUBNETS);
        }
        if self.version == (1, 22, 1) {
            needs.push(SECURITY_GROUPS);
        }
        needs
    }
}

/// The first action that the role does not allow and the plugin needs.
pub(super) fn lacking(account: &Account, role: &Role, plugin: Plugin, cluster: &EksCluster) -> Option<&'static str> {
    let grants = account.grants_of(role);
    let region = cluster.region.clone();
    let context = Context::from([
        ("aws:requestedregion".to_owned(), region.clone()),
        ("ec2:region".to_owned(), region),
        ("aws:principalaccount".to_owned(), account.id.clone()),
        ("aws:principalarn".to_owned(), role.arn.clone()),
        ("aws:securetransport".to_owned(), "true".to_owned()),
    ]);
    let allows = |action: &str, resource: &str| grants.allow(&Question { action, resource, context: &context });
    let may = |(action, kinds): &Need| {
        if kinds.is_empty() {
            allows(action, "*")
        } else {
            kinds.iter().all(|kind| allows(action, &example(cluster, kind)))
        }
    };
    plugin.needs().iter().find(|need| !may(need)).map(|(action, _)| *action)
}

/// A resource of a kind in the cluster's account and region: which one it is must not matter.
fn example(cluster: &EksCluster, kind: &str) -> String {
    let prefix = match kind {
        "instance" => "i",
        "security-group" => "sg",
        "subnet" => "subnet",
        _ => "eni",
    };
    format!("arn:{}:ec2:{}:{}:{kind}/{prefix}-0a1b2c3d4e5f60001", cluster.partition, cluster.region, cluster.account)
}

/// The version in an image's tag: `…/amazon-k8s-cni:v1.23.1`, `…:v1.22.1-eksbuild.1`.
fn version_of(image: &str) -> Version {
    let tag = image.rsplit(':').next().unwrap_or_default();
    let plain = tag.strip_prefix('v').unwrap_or(tag).split('-').next().unwrap_or_default();
    let numbers: Vec<u32> = plain.split('.').map_while(|number| number.parse().ok()).collect();
    match numbers[..] {
        [major, minor, patch] => (major, minor, patch),
        _ => (u32::MAX, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(image: &str, discovery: &str) -> Value {
        let env = json!([{ "name": "ENABLE_SUBNET_DISCOVERY", "value": discovery }]);
        json!({ "spec": { "containers": [{ "name": "agent", "image": "a:v0.1.0" },
                                         { "name": "aws-node", "image": image, "env": env }] } })
    }

    fn actions(image: &str, discovery: &str, family: IpFamily) -> Vec<&'static str> {
        let needs = Plugin::of(&pod(image, discovery), family).needs();
        needs.iter().map(|(action, _)| action.trim_start_matches("ec2:")).collect()
    }

    #[test]
    fn what_is_needed_follows_version_family_and_subnet_discovery() {
        let needs = |image: &str, discovery: &str| actions(image, discovery, IpFamily::Ipv6);
        let five = needs("r/cni:v1.20.0", "true");
        assert_eq!(five.len(), 6, "the five and CreateTags: {five:?}");
        assert!(needs("r/cni:v1.23.1", "true").contains(&"DescribeSubnets"));
        assert!(!needs("r/cni:v1.23.1", "false").contains(&"DescribeSubnets"));
        assert!(!needs("r/cni:v1.23.1", "true").contains(&"DescribeSecurityGroups"));
        assert!(needs("r/cni:v1.22.1-eksbuild.1", "false").contains(&"DescribeSecurityGroups"));
        assert!(needs("r/cni@sha256:0", "true").contains(&"DescribeSubnets"), "unknown is new");
        let four = actions("r/cni:v1.22.1", "true", IpFamily::Ipv4);
        assert!(four.contains(&"DescribeSubnets") && four.contains(&"DescribeSecurityGroups"));
        assert!(!actions("r/cni:v1.17.1", "true", IpFamily::Ipv4).contains(&"DescribeSubnets"));
    }
}
