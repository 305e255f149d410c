//! What a cluster is made of from outside: its configuration, the two callbacks by which it reaches the
//! rest of the world, and the plugin and nodes to be put into it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Snapshot;

/// What one cluster is, apart from the objects in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClusterConfig {
    /// The cluster's name in EKS.
    pub(crate) name: String,
    /// The AWS region, which the webhook injects.
    pub(crate) region: String,
    /// The issuer of service account tokens, with `https://`.
    pub(crate) issuer: String,
    /// Kubernetes version, major and minor: `1.33`.
    pub(crate) version: String,
    /// Whether the webhook asks for regional STS endpoints where the service account does not say.
    pub(crate) regional_sts_default: bool,
    /// Whether the pod identity webhook runs. Without it pods come up with nothing injected.
    pub(crate) webhook: bool,
    /// How long a pod with working credentials takes to become Ready.
    pub(crate) ready_after: Duration,
}

/// Says whether the credentials that a pod would find work, or why they don't.
pub(crate) type CredentialCheck = Arc<dyn Fn(&Value) -> Result<(), String> + Send + Sync>;

/// Told the whole cluster after each change and before the change is answered, under no lock but the
/// one that keeps these calls in order: it may read the API server, and must not write to it.
pub(crate) type ChangeHook = Arc<dyn Fn(&Snapshot) + Send + Sync>;

/// Which addresses the cluster's pods get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IpFamily {
    /// `ENABLE_IPv4=true`.
    Ipv4,
    /// `ENABLE_IPv6=true`.
    Ipv6,
}

/// The plugin and the nodes that it runs on, to be put into a cluster.
#[derive(Clone, Debug)]
pub(crate) struct PluginSeed {
    /// Where the plugin runs: `kube-system`.
    pub(crate) namespace: String,
    /// The plugin's service account: `aws-node`.
    pub(crate) service_account: String,
    /// The plugin's DaemonSet: `aws-node`.
    pub(crate) daemon_set: String,
    /// The plugin's version: `v1.23.1`. EKS's images of it are builds of its own.
    pub(crate) version: String,
    /// Whether EKS installs it, as field manager `eks` and by server-side apply.
    pub(crate) by_eks: bool,
    /// The ARN of the role that EKS annotates the service account with.
    pub(crate) addon_role: Option<String>,
    /// The cluster's address family.
    pub(crate) ip_family: IpFamily,
    /// The nodes to add.
    pub(crate) nodes: Vec<NodeSeed>,
    /// Annotations that the service account has before the first pod is born.
    pub(crate) annotations: Vec<AnnotationSeed>,
    /// The text of `mapRoles` in the ConfigMap `aws-auth`; without it there is none.
    pub(crate) map_roles: Option<String>,
}

/// A node to be added.
#[derive(Clone, Debug)]
pub(crate) struct NodeSeed {
    /// The node's name: `ip-192-168-1-10.us-west-2.compute.internal`.
    pub(crate) name: String,
    /// The managed node group, kept as label `eks.amazonaws.com/nodegroup`; empty for none.
    pub(crate) nodegroup: String,
    /// Labels on top of those that every Linux node has, or in their place.
    pub(crate) labels: BTreeMap<String, String>,
    /// Key and value of the taint that keeps away all that does not tolerate it.
    pub(crate) taint: Option<(&'static str, &'static str)>,
}

/// An annotation and whoever is said to have put it there.
#[derive(Clone, Debug)]
pub(crate) struct AnnotationSeed {
    /// The annotation's key.
    pub(crate) key: String,
    /// The annotation's value.
    pub(crate) value: String,
    /// The field manager: `kubectl-annotate`.
    pub(crate) manager: String,
}
