//! How a sandbox is to behave, and which clusters it is to have.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::wire::DEFAULT_ACCOUNT;
use crate::{Fault, Visibility};

/// How a sandbox is to behave.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder the world lives in between processes; `None` keeps it in memory.
    pub store: Option<PathBuf>,
    /// The port on 127.0.0.1; 0 takes any that is free.
    pub port: u16,
    /// The scenario to fill an empty world with; `None` leaves it empty.
    pub scenario: Option<String>,
    /// What is to go wrong, from the first call on.
    pub faults: Vec<Fault>,
    /// How IAM's readers lag behind its writers: by default not at all.
    pub visibility: Visibility,
    /// How long each AWS and Kubernetes call waits before it is looked at.
    pub latency: Duration,
    /// How long a pod with working credentials takes to become Ready.
    pub pods_ready_after: Duration,
    /// How long a change of an EKS add-on takes from its acceptance to its end.
    pub addon_update_takes: Duration,
    /// IAM's quota of roles in an account, which AWS raises on request: 1,000.
    pub roles_per_account: usize,
    /// IAM's quota of managed policies on a role, which AWS raises on request: 10.
    pub attached_policies_per_role: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            store: None,
            port: 0,
            scenario: None,
            faults: Vec::new(),
            visibility: Visibility::default(),
            latency: Duration::ZERO,
            pods_ready_after: Duration::from_millis(300),
            addon_update_takes: Duration::from_millis(300),
            roles_per_account: 1000,
            attached_policies_per_role: 10,
        }
    }
}

/// Which addresses a cluster's pods get. Never changes in a cluster's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    /// The CNI plugin works with `AmazonEKS_CNI_Policy`.
    Ipv4,
    /// The CNI plugin works with a policy the account's owner creates.
    Ipv6,
}

impl IpFamily {
    /// As EKS writes it: `ipv4` or `ipv6`.
    pub fn as_str(self) -> &'static str {
        match self {
            IpFamily::Ipv4 => "ipv4",
            IpFamily::Ipv6 => "ipv6",
        }
    }
}

/// How EKS decides who may come to a cluster: `accessConfig.authenticationMode`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthenticationMode {
    /// By the ConfigMap `kube-system/aws-auth` alone; there are no access entries.
    #[serde(rename = "CONFIG_MAP")]
    ConfigMap,
    /// By access entries, and by the ConfigMap where there is no entry.
    #[default]
    #[serde(rename = "API_AND_CONFIG_MAP")]
    ApiAndConfigMap,
    /// By access entries alone.
    #[serde(rename = "API")]
    Api,
}

impl AuthenticationMode {
    /// As EKS writes it: `CONFIG_MAP`, `API_AND_CONFIG_MAP` or `API`.
    pub fn as_str(self) -> &'static str {
        match self {
            AuthenticationMode::ConfigMap => "CONFIG_MAP",
            AuthenticationMode::ApiAndConfigMap => "API_AND_CONFIG_MAP",
            AuthenticationMode::Api => "API",
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == AuthenticationMode::default()
    }
}

/// From where a cluster's API server can be reached, as DescribeCluster says it. The sandbox itself is
/// reached all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointAccess {
    /// From the Internet.
    #[default]
    Public,
    /// From the Internet, and from the VPC without leaving it.
    PublicAndPrivate,
    /// From the VPC alone.
    Private,
}

impl EndpointAccess {
    pub(crate) fn is_default(&self) -> bool {
        *self == EndpointAccess::default()
    }

    pub(crate) fn is_public(self) -> bool {
        self != EndpointAccess::Private
    }

    pub(crate) fn is_private(self) -> bool {
        self != EndpointAccess::Public
    }
}

/// Which endpoints of STS a cluster's pods reach. A pod by web identity that reaches none is never Ready;
/// whoever calls the sandbox from outside the cluster always reaches it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StsAccess {
    /// All of them, by way of the Internet.
    #[default]
    All,
    /// The region's own, by an endpoint in the VPC: of use to pods with
    /// `AWS_STS_REGIONAL_ENDPOINTS=regional` and to no others.
    Regional,
    /// None: a private VPC without an endpoint for STS.
    Unreachable,
}

impl StsAccess {
    pub(crate) fn is_default(&self) -> bool {
        *self == StsAccess::default()
    }
}

/// A cluster to have in the world: before the migration, with its CNI policy on the node roles.
#[derive(Debug, Clone)]
pub struct ClusterSeed {
    /// The cluster's name.
    pub name: String,
    /// The AWS region.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
    /// The address family.
    pub ip_family: IpFamily,
    /// The names of the node roles; one node group each, or two if there is one.
    pub node_roles: Vec<String>,
    /// The namespace of the CNI plugin.
    pub namespace: String,
    /// The service account of the CNI plugin.
    pub service_account: String,
    /// How many nodes, shared out over the node groups.
    pub nodes: usize,
    /// Whether the account has an OIDC provider for the cluster's issuer.
    pub oidc_provider: bool,
    /// ARNs of policies that are to be there, such as a permissions boundary; they allow everything.
    pub policies: Vec<String>,
    /// The version of the CNI plugin: `v1.23.1`.
    pub plugin_version: String,
    /// The plugin as an EKS add-on; `None` for one that was installed by hand.
    pub addon: Option<AddonSeed>,
    /// Whether the add-on `eks-pod-identity-agent` is there.
    pub pod_identity_agent: bool,
    /// The name of a role that a Pod Identity association gives to the plugin's service account.
    pub pod_identity_role: Option<String>,
    /// Nodes besides those of the managed node groups.
    pub other_nodes: Vec<NodesSeed>,
    /// How EKS decides who may come to the cluster. Where the ConfigMap counts alone, it names every
    /// role of a node, and there are no access entries.
    pub authentication_mode: AuthenticationMode,
    /// From where the API server can be reached.
    pub endpoint_access: EndpointAccess,
    /// Which endpoints of STS the cluster's pods reach.
    pub sts_access: StsAccess,
}

/// The CNI plugin as an EKS add-on: ACTIVE, its objects owned by the field manager `eks`.
#[derive(Debug, Clone, Default)]
pub struct AddonSeed {
    /// The name of the role that its `serviceAccountRoleArn` names, which is annotated before the first
    /// pod is born.
    pub service_account_role: Option<String>,
}

/// Nodes in no managed node group.
#[derive(Debug, Clone)]
pub struct NodesSeed {
    /// Of which kind.
    pub kind: NodeKind,
    /// The name of their role, which is made if need be as nodes of this kind have it.
    pub role: String,
    /// How many.
    pub count: usize,
    /// Whether the ConfigMap `kube-system/aws-auth` names their role in place of an access entry.
    pub in_config_map: bool,
}

/// What a node in no managed node group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A Linux instance of an Auto Scaling group of the owner's.
    SelfManaged,
    /// A Linux instance that Karpenter has started.
    Karpenter,
    /// An instance of EKS Auto Mode, which needs no plugin. Auto Mode is on where this kind is listed,
    /// even with a count of 0.
    AutoMode,
    /// A micro-VM of Fargate for one pod.
    Fargate,
    /// A machine outside AWS.
    Hybrid,
    /// A Windows instance.
    Windows,
}

impl NodeKind {
    /// The type of access entry with which such nodes come to the cluster.
    pub(crate) fn entry_type(self) -> &'static str {
        match self {
            NodeKind::SelfManaged | NodeKind::Karpenter => "EC2_LINUX",
            NodeKind::AutoMode => "EC2",
            NodeKind::Fargate => "FARGATE_LINUX",
            NodeKind::Hybrid => "HYBRID_LINUX",
            NodeKind::Windows => "EC2_WINDOWS",
        }
    }
}

impl ClusterSeed {
    /// A cluster of this name as most people have it: us-west-2, IPv4, three nodes on
    /// `AmazonEKSNodeRole`, the plugin's own names, an OIDC provider.
    pub fn new(name: impl Into<String>) -> ClusterSeed {
        ClusterSeed {
            name: name.into(),
            region: "us-west-2".to_owned(),
            account: DEFAULT_ACCOUNT.to_owned(),
            ip_family: IpFamily::Ipv4,
            node_roles: vec!["AmazonEKSNodeRole".to_owned()],
            namespace: "kube-system".to_owned(),
            service_account: "aws-node".to_owned(),
            nodes: 3,
            oidc_provider: true,
            policies: Vec::new(),
            plugin_version: "v1.23.1".to_owned(),
            addon: None,
            pod_identity_agent: false,
            pod_identity_role: None,
            other_nodes: Vec::new(),
            authentication_mode: AuthenticationMode::default(),
            endpoint_access: EndpointAccess::default(),
            sts_access: StsAccess::default(),
        }
    }
}
