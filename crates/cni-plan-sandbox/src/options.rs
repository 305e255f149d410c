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
        }
    }
}
