//! What the plugin needs from IAM, by family, version and settings.
//!
//! The lists are the plugin's own (aws/amazon-vpc-cni-k8s, docs/iam-policy.md), as lists of what is
//! called rather than as a policy: which resources each action is about is taken from the scoped-down
//! policy in the same document and from the Service Authorization Reference, "Actions, resources, and
//! condition keys for Amazon EC2". So a policy that is narrower than the documented one, but wide
//! enough, is enough.

use crate::{IpFamily, Plugin, settings};

use super::plugin_version::PluginVersion;

/// The plugin of one cluster, as far as it decides what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginProfile {
    /// The ARN partition, such as `aws-cn`.
    pub partition: String,
    /// The region of its network interfaces; `None`: any, and a policy has to allow every one.
    pub region: Option<String>,
    /// The account of its network interfaces and nodes; `None`: any, likewise.
    pub account: Option<String>,
    /// The cluster's family.
    pub ip_family: IpFamily,
    /// `None`: not known, and the current lists hold.
    pub version: Option<PluginVersion>,
    /// `ENABLE_SUBNET_DISCOVERY` of the DaemonSet; the plugin's default is true.
    pub subnet_discovery: bool,
    /// Whether the node agent sends network-policy logs to CloudWatch.
    pub network_policy_logs: bool,
}

impl PluginProfile {
    /// Of the plugin as its DaemonSet runs it; of what that does not say, the plugin's own default holds.
    pub fn of(plugin: &Plugin, partition: &str, region: &str, account: &str, ip_family: IpFamily) -> PluginProfile {
        PluginProfile {
            partition: partition.to_owned(),
            region: Some(region.to_owned()),
            account: Some(account.to_owned()),
            ip_family,
            version: plugin.version.as_deref().and_then(|version| version.parse().ok()),
            subnet_discovery: plugin.flag(settings::SUBNET_DISCOVERY).unwrap_or(true),
            network_policy_logs: plugin.network_policy_logs,
        }
    }
}

/// One thing that a role has to allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Such as `ec2:CreateTags`.
    pub action: &'static str,
    /// An ARN or `*`; with wildcards it stands for everything they match.
    pub resource: String,
    /// Where others' may be meant too, the part of `resource` that is the account's own.
    pub own: Option<String>,
    /// What becomes of the plugin without it.
    pub kind: NeedKind,
    /// What the plugin does with it, as a clause for people.
    pub why: &'static str,
}

/// What becomes of the plugin when a need is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeedKind {
    /// It works, with less.
    Soft,
    /// It does not start, or pods get no addresses; or nobody has said what happens.
    Hard,
}

/// What the plugin needs, in the order of the documented policies. No action stands there twice for the
/// same resource.
pub fn needs(profile: &PluginProfile) -> Vec<Need> {
    let mut needs = Needs { profile, list: Vec::new() };
    match profile.ip_family {
        IpFamily::Ipv4 => needs.ipv4(),
        IpFamily::Ipv6 => needs.ipv6(),
    }
    needs.hard("ec2:CreateTags", Of::Interface, "tags the network interfaces that are the plugin's");
    if profile.network_policy_logs {
        needs.logs();
    }
    needs.list
}

/// Subnets are looked for by their tags from here on (aws/amazon-vpc-cni-k8s, README,
/// `ENABLE_SUBNET_DISCOVERY`; *unverified*).
const SUBNET_DISCOVERY: PluginVersion = PluginVersion::new(1, 18, 0);

/// From here to at least v1.23.1 an IPv6 node aborts where subnets cannot be described while subnet
/// discovery is on (eksctl-io/eksctl #8768). What IPv4 nodes do is told both ways, so they are taken to
/// abort too. This very release also aborts, in both families, where security groups cannot be described
/// (terraform-aws-modules/terraform-aws-eks-pod-identity #60, #61).
const SUBNETS_OR_NOTHING: PluginVersion = PluginVersion::new(1, 22, 1);

/// What kind of thing an action is about.
#[derive(Clone, Copy)]
enum Of {
    /// EC2's Describe actions know no single resources.
    Everything,
    Interface,
    Instance,
    /// Perhaps another account's: subnets and security groups can be shared.
    Subnet,
    /// See there.
    SecurityGroup,
}

struct Needs<'a> {
    profile: &'a PluginProfile,
    list: Vec<Need>,
}

impl Needs<'_> {
    /// AWS managed policy `AmazonEKS_CNI_Policy`, versions 5 and 6.
    fn ipv4(&mut self) {
        use Of::{Instance, Interface, SecurityGroup, Subnet};
        self.hard("ec2:AssignPrivateIpAddresses", Interface, "gives addresses and prefixes to network interfaces");
        for of in [Interface, Instance] {
            self.hard("ec2:AttachNetworkInterface", of, "gives a node another network interface");
        }
        for of in [Interface, Subnet, SecurityGroup] {
            self.hard("ec2:CreateNetworkInterface", of, "gives a node another network interface");
        }
        self.hard("ec2:DeleteNetworkInterface", Interface, "clears away network interfaces that no node has");
        self.describe_nodes();
        self.describe_subnets();
        self.describe_security_groups();
        for of in [Interface, Instance] {
            self.hard("ec2:DetachNetworkInterface", of, "takes a network interface off a node that needs it no longer");
        }
        for of in [Interface, Instance, SecurityGroup] {
            let why = "sets security groups and what becomes of an interface when its node ends";
            self.hard("ec2:ModifyNetworkInterfaceAttribute", of, why);
        }
        self.hard("ec2:UnassignPrivateIpAddresses", Interface, "takes addresses and prefixes back");
    }

    /// The current IPv6 list of docs/iam-policy.md.
    fn ipv6(&mut self) {
        self.hard("ec2:AssignIpv6Addresses", Of::Interface, "gives a node its IPv6 prefix");
        self.describe_nodes();
        self.describe_security_groups();
        self.describe_subnets();
    }

    fn describe_nodes(&mut self) {
        self.hard("ec2:DescribeInstances", Of::Everything, "learns which network interfaces a node has");
        // Not among the calls of current versions any more (aws/amazon-vpc-cni-k8s,
        // pkg/ec2wrapper/client.go), but still on both documented lists.
        let why = "reads the tags of network interfaces; current versions do not call it";
        self.add("ec2:DescribeTags", Of::Everything, NeedKind::Soft, why);
        self.hard("ec2:DescribeNetworkInterfaces", Of::Everything, "learns which addresses a node has");
        let why = "learns the limits of an instance type that the plugin does not know";
        self.hard("ec2:DescribeInstanceTypes", Of::Everything, why);
    }

    fn describe_subnets(&mut self) {
        let PluginProfile { ip_family, version, subnet_discovery, .. } = self.profile;
        let kind = match version {
            _ if !subnet_discovery => return,
            Some(version) if *version >= SUBNETS_OR_NOTHING => NeedKind::Hard,
            // Without it addresses come from the node's own subnet only.
            Some(version) if *version >= SUBNET_DISCOVERY && *ip_family == IpFamily::Ipv4 => NeedKind::Soft,
            Some(_) => return,
            None => NeedKind::Hard,
        };
        self.add("ec2:DescribeSubnets", Of::Everything, kind, "finds the subnets to take addresses from");
    }

    /// v1.22.1 does not start without it. The release after it dropped what it was for; the documented
    /// lists kept it (terraform-aws-modules/terraform-aws-eks #3747).
    fn describe_security_groups(&mut self) {
        let PluginProfile { ip_family, version, subnet_discovery, .. } = self.profile;
        let kind = match version.map(PluginVersion::release) {
            _ if !subnet_discovery => return,
            Some(release) if release < SUBNETS_OR_NOTHING => return,
            Some(release) if release == SUBNETS_OR_NOTHING => NeedKind::Hard,
            // It could be that release; but many IPv4 roles have the managed policy's older version,
            // and all other releases work with that.
            None if *ip_family == IpFamily::Ipv6 => NeedKind::Hard,
            Some(_) | None => NeedKind::Soft,
        };
        self.add("ec2:DescribeSecurityGroups", Of::Everything, kind, "finds the security groups of found subnets");
    }

    /// EKS User Guide, "Send network policy logs to Amazon CloudWatch". Policies are enforced all the same.
    fn logs(&mut self) {
        for action in ["logs:DescribeLogGroups", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"] {
            self.add(
                action,
                Of::Everything,
                NeedKind::Soft,
                "sends the node agent's network-policy logs to CloudWatch",
            );
        }
    }

    fn hard(&mut self, action: &'static str, of: Of, why: &'static str) {
        self.add(action, of, NeedKind::Hard, why);
    }

    fn add(&mut self, action: &'static str, of: Of, kind: NeedKind, why: &'static str) {
        let PluginProfile { partition, region, account, .. } = self.profile;
        let region = region.as_deref().unwrap_or("*");
        let all = |account: &str, what: &str| format!("arn:{partition}:ec2:{region}:{account}:{what}/*");
        let of_account = |what| (all(account.as_deref().unwrap_or("*"), what), None);
        let perhaps_shared = |what| (all("*", what), account.as_deref().map(|account| all(account, what)));
        let (resource, own) = match of {
            Of::Everything => ("*".to_owned(), None),
            Of::Interface => of_account("network-interface"),
            Of::Instance => of_account("instance"),
            Of::Subnet => perhaps_shared("subnet"),
            Of::SecurityGroup => perhaps_shared("security-group"),
        };
        self.list.push(Need { action, resource, own, kind, why });
    }
}
