//! A cluster: what EKS knows of it, and its API server.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::kubernetes::{ApiServer, Snapshot};
use crate::options::IpFamily;

/// What tells clusters apart in one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClusterKey {
    pub(crate) region: String,
    pub(crate) name: String,
}

/// A cluster that is up.
pub(crate) struct Cluster {
    pub(crate) eks: Arc<EksCluster>,
    pub(crate) api: Arc<ApiServer>,
}

/// What EKS knows of a cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EksCluster {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) partition: String,
    /// Kubernetes version, major and minor.
    pub(crate) version: String,
    pub(crate) ip_family: IpFamily,
    /// The issuer of service account tokens, with `https://`.
    pub(crate) issuer: String,
    /// Seconds since 1970, as EKS's JSON has its dates.
    pub(crate) created_at: i64,
    /// By name.
    pub(crate) nodegroups: BTreeMap<String, Nodegroup>,
    /// Managed add-ons by name, as DescribeAddon shows them.
    pub(crate) addons: BTreeMap<String, Value>,
}

/// A managed node group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Nodegroup {
    pub(crate) name: String,
    /// The ARN of the role of its nodes.
    pub(crate) node_role: String,
    pub(crate) nodes: Vec<String>,
}

/// A cluster's file.
#[derive(Serialize, Deserialize)]
pub(super) struct ClusterFile<'a> {
    pub(super) eks: Cow<'a, EksCluster>,
    pub(super) kubernetes: Cow<'a, Snapshot>,
}

impl Cluster {
    /// Its region and name.
    pub(crate) fn key(&self) -> ClusterKey {
        ClusterKey { region: self.eks.region.clone(), name: self.eks.name.clone() }
    }

    /// The objects that tell whether two worlds are the same, by resource.
    pub(crate) fn objects(&self) -> BTreeMap<&'static str, Vec<Value>> {
        const RESOURCES: [&str; 6] = ["configmaps", "daemonsets", "leases", "nodes", "pods", "serviceaccounts"];
        let copies = |resource| self.api.objects(resource).iter().map(|object| (**object).clone()).collect();
        RESOURCES.into_iter().map(|resource| (resource, copies(resource))).collect()
    }
}

impl EksCluster {
    /// The cluster's ARN.
    pub(crate) fn arn(&self) -> String {
        self.arn_of(&format!("cluster/{}", self.name))
    }

    /// An ARN of EKS in this cluster's account and region: `nodegroup/…`, `addon/…`.
    pub(crate) fn arn_of(&self, resource: &str) -> String {
        format!("arn:{}:eks:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// Where its API server is, under the sandbox's own URL.
    pub(crate) fn endpoint(&self, base_url: &str) -> String {
        format!("{base_url}/k8s/{}/{}", self.region, self.name)
    }
}

impl<'a> ClusterFile<'a> {
    pub(super) fn of(eks: &'a EksCluster, snapshot: &'a Snapshot) -> ClusterFile<'a> {
        ClusterFile { eks: Cow::Borrowed(eks), kubernetes: Cow::Borrowed(snapshot) }
    }
}
