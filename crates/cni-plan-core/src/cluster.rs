//! A cluster: how to reach it, and what was read of it before anything is compiled.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{ErrorKind, FactsWanted, ProviderError};

/// How to reach one cluster; taken from the spec and kept in the change set, so that `apply`
/// needs nothing else. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRef {
    /// Unique in the spec: the name, or `name@region` and so on where names repeat.
    pub key: String,
    /// The EKS cluster's name.
    pub name: String,
    /// The region; `None`: the AWS environment's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<String>,
    /// The account that the credentials must belong to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub account: Option<String>,
    /// AWS profile.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub profile: Option<String>,
    /// Role to assume with the profile's credentials.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub assume_role: Option<AssumeRole>,
    /// How to reach the API server; `None`: its endpoint with an EKS token.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kubernetes: Option<KubernetesAccess>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssumeRole {
    /// The role's ARN.
    pub arn: String,
    /// The external id its trust asks for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub external_id: Option<String>,
}

/// A kubeconfig's context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesAccess {
    /// A file; `None`: `KUBECONFIG`, then `~/.kube/config`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kubeconfig: Option<String>,
    /// A context; `None`: the file's current one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub context: Option<String>,
}

/// A cluster's IP family (EKS `kubernetesNetworkConfig.ipFamily`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    /// Pods have IPv4 addresses.
    Ipv4,
    /// Pods have IPv6 addresses.
    Ipv6,
}

impl std::fmt::Display for IpFamily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            IpFamily::Ipv4 => "ipv4",
            IpFamily::Ipv6 => "ipv6",
        })
    }
}

/// What STS and EKS say of a cluster; compiling needs it, and a plan rests on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFacts {
    /// Twelve digits, of the caller: STS GetCallerIdentity.
    pub account: String,
    /// The ARN partition, of the cluster's ARN.
    pub partition: String,
    /// The region that was asked.
    pub region: String,
    /// DescribeCluster `kubernetesNetworkConfig.ipFamily`.
    pub ip_family: IpFamily,
    /// DescribeCluster `identity.oidc.issuer` without `https://`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub issuer: Option<String>,
    /// Kubernetes version, such as `1.33`.
    pub version: String,
    /// DescribeAddon `vpc-cni`, where EKS manages the plugin.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub managed_addon: Option<ManagedAddon>,
    /// DescribeAddon `eks-pod-identity-agent`, where it was asked for and is there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pod_identity_agent: Option<ManagedAddon>,
    /// Roles of the nodes, sorted by name. Empty where the spec names them.
    pub node_roles: Vec<NodeRole>,
    /// The id of the Pod Identity association of the plugin's service account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub association: Option<String>,
    /// Whether the API server has no public endpoint (DescribeCluster
    /// `resourcesVpcConfig.endpointPublicAccess`).
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub is_private: bool,
    /// Where node roles may be named that could not be read, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unread: Vec<Unread>,
    /// Whether the ConfigMap `aws-auth` says who the nodes are (DescribeCluster
    /// `accessConfig.authenticationMode`, any but `API`).
    #[serde(skip)]
    pub uses_aws_auth: bool,
    /// The API server's URL: a way to get there, not a thing that a plan rests on.
    #[serde(skip)]
    pub endpoint: Option<String>,
    /// PEM in base64, as DescribeCluster has it.
    #[serde(skip)]
    pub certificate_authority: Option<String>,
}

impl ClusterFacts {
    /// Whether nothing that a plan rests on differs. The way to the API server is not such a thing, nor
    /// is what could not be read: what that would have told is compared. What EKS is doing with an add-on
    /// passes, and a run's own update is among it.
    pub fn same_for_a_plan(&self, other: &ClusterFacts) -> bool {
        let version = |addon: &Option<ManagedAddon>| {
            addon.as_ref().map(|addon| ManagedAddon { version: addon.version.clone(), status: String::new() })
        };
        let rested_on = |facts: &ClusterFacts| ClusterFacts {
            managed_addon: version(&facts.managed_addon),
            pod_identity_agent: version(&facts.pod_identity_agent),
            endpoint: None,
            certificate_authority: None,
            uses_aws_auth: false,
            unread: Vec::new(),
            ..facts.clone()
        };
        rested_on(self) == rested_on(other)
    }

    /// Adds roles that were found elsewhere, each once with all the places it was found in.
    pub fn add_node_roles(&mut self, found: impl IntoIterator<Item = NodeRole>) {
        let mut roles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for NodeRole { name, found_in } in std::mem::take(&mut self.node_roles).into_iter().chain(found) {
            roles.entry(name).or_default().extend(found_in);
        }
        let role =
            |(name, found_in): (String, BTreeSet<String>)| NodeRole { name, found_in: found_in.into_iter().collect() };
        self.node_roles = roles.into_iter().map(role).collect();
    }
}

/// An EKS add-on (EKS DescribeAddon).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedAddon {
    /// Such as `v1.20.4-eksbuild.1`.
    pub version: String,
    /// `ACTIVE`, or what EKS is doing with it, or has failed to do.
    pub status: String,
}

impl ManagedAddon {
    /// Whether EKS is at nothing with it and has had no trouble.
    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// Whether EKS is changing it, so that it takes no other change.
    pub fn is_changing(&self) -> bool {
        matches!(self.status.as_str(), "CREATING" | "UPDATING" | "DELETING")
    }
}

/// `v1.20.4-eksbuild.1`, and its status where that is not ACTIVE.
impl std::fmt::Display for ManagedAddon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.version)?;
        if self.is_active() { Ok(()) } else { write!(f, " ({})", self.status) }
    }
}

/// Something that a plan would have liked to know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unread {
    /// What, for people: `the access entries`.
    pub what: String,
    /// Why not, one line.
    pub why: String,
    /// What to do, one line.
    pub cure: String,
}

impl Unread {
    /// Of a call that failed.
    pub fn new(what: &str, error: ProviderError) -> Unread {
        Unread { what: what.to_owned(), why: error.why, cure: error.cure }
    }

    /// Of a call to AWS that the caller may not make, or that this service does not have; a plan is made
    /// without its answer. Any other failure is given back.
    pub fn unless_failed(what: &str, error: ProviderError) -> Result<Unread, ProviderError> {
        match error.kind {
            ErrorKind::Denied | ErrorKind::Refused => Ok(Unread::new(what, error)),
            _ => Err(error),
        }
    }
}

/// A cluster of an account that was looked at only for who else uses a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Twelve digits.
    pub account: String,
    /// The region it is in.
    pub region: String,
    /// Its name.
    pub name: String,
    /// Roles of its nodes, by node groups and access entries: names without path.
    pub node_roles: BTreeSet<String>,
    /// Where further ones may be named that could not be read.
    pub unread: Vec<Unread>,
}

/// A use of a node role by a cluster that a plan does not know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OutsideUse {
    /// Twelve digits.
    pub account: String,
    /// The role's name, without path.
    pub role: String,
    /// The cluster's region.
    pub region: String,
    /// The cluster's name.
    pub cluster: String,
}

/// A role that nodes of the cluster have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeRole {
    /// The role's name, without path.
    pub name: String,
    /// Where it was found, sorted: `nodegroup workers`, `access entry (EC2_LINUX)`, `aws-auth`.
    pub found_in: Vec<String>,
}

/// A cluster in a change set's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedCluster {
    /// How to reach it.
    #[serde(flatten)]
    pub cluster: ClusterRef,
    /// What was asked; asked again before the plan is applied.
    pub asked: FactsWanted,
    /// What was read of it.
    pub facts: ClusterFacts,
}

impl PlannedCluster {
    /// Whether the step on its service account looks at the Pod Identity association, so that it is compared
    /// there: where one is asked for, and where there was one.
    pub fn looks_at_association(&self) -> bool {
        self.asked.agent || self.facts.association.is_some()
    }

    /// Whether nothing that a plan of it rests on, and that no step of the plan looks at itself, differs.
    pub fn same_for_a_plan(&self, other: &ClusterFacts) -> bool {
        let association = if self.looks_at_association() { &self.facts.association } else { &other.association };
        self.facts.same_for_a_plan(&ClusterFacts { association: association.clone(), ..other.clone() })
    }
}
