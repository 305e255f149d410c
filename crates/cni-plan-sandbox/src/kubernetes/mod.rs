//! One cluster's Kubernetes API server, with the controllers and the webhook that the CNI plugin's
//! migration meets, in memory.
//!
//! A request comes in through [`ApiServer::handle`] with its path already stripped of whatever leads
//! to this cluster. [`server`] reads it and hands it to [`write`], [`list`] or [`watch`], which work on
//! the [`store`]: a map of objects, a revision, and the log of what changed, from which watches are
//! served. Every writer, the controllers included, goes through [`write`], so that defaults,
//! admission, validation and managed fields are the same for all.
//!
//! The controllers ([`daemonset`], [`scheduling`], [`kubelet`]) are plain functions from a state and an
//! instant to a changed state and the next instant worth looking at. One task runs them whenever the
//! revision moves or that instant comes; restoring a world that was away runs them through every
//! instant it missed.
//!
//! Must not: share code with the adapters it is a witness for, reach the AWS half other than through
//! the credential check, or call either of the two callbacks while holding the state's lock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// The cluster's address family.
    pub(crate) ip_family: IpFamily,
    /// The nodes to add.
    pub(crate) nodes: Vec<NodeSeed>,
    /// Annotations that the service account has before the first pod is born.
    pub(crate) annotations: Vec<AnnotationSeed>,
}

/// A node to be added.
#[derive(Clone, Debug)]
pub(crate) struct NodeSeed {
    /// The node's name: `ip-192-168-1-10.us-west-2.compute.internal`.
    pub(crate) name: String,
    /// The managed node group, kept as label `eks.amazonaws.com/nodegroup`.
    pub(crate) nodegroup: String,
    /// Labels on top of those that every Linux node has.
    pub(crate) labels: BTreeMap<String, String>,
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

/// Everything that outlives the process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    revision: u64,
}

/// One cluster's API server.
pub(crate) struct ApiServer {
    config: ClusterConfig,
}

impl ApiServer {
    /// A cluster with the namespaces that every cluster has.
    pub(crate) fn new(config: ClusterConfig, credentials: CredentialCheck, on_change: ChangeHook) -> Arc<ApiServer> {
        let _ = (credentials, on_change);
        Arc::new(ApiServer { config })
    }
    /// The cluster as it was when the snapshot was taken.
    pub(crate) fn restore(config: ClusterConfig, snapshot: Snapshot, credentials: CredentialCheck, on_change: ChangeHook) -> Arc<ApiServer> {
        let _ = snapshot;
        ApiServer::new(config, credentials, on_change)
    }
    /// Everything that outlives the process.
    pub(crate) fn snapshot(&self) -> Snapshot { Snapshot { revision: 0 } }
    /// Adds the plugin, its service account and its nodes.
    pub(crate) fn install_plugin(&self, plugin: &PluginSeed) { let _ = (plugin, &self.config); }
    /// Annotates a service account as the named field manager.
    pub(crate) fn annotate_service_account(&self, namespace: &str, name: &str, key: &str, value: &str, manager: &str) { let _ = (namespace, name, key, value, manager); }
    /// One object, by its resource's plural name.
    pub(crate) fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> { let _ = (resource, namespace, name); None }
    /// All objects of a resource, in order of namespace and name.
    pub(crate) fn objects(&self, resource: &str) -> Vec<Arc<Value>> { let _ = resource; Vec::new() }
    /// Starts the controllers; they end when the server is dropped.
    pub(crate) fn start_controllers(self: &Arc<Self>) {}
    /// Answers a request.
    pub(crate) async fn handle(self: Arc<Self>, request: axum::http::Request<axum::body::Body>) -> axum::response::Response { let _ = request; axum::response::Response::new(axum::body::Body::empty()) }
}
