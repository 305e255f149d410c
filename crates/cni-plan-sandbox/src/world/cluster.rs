//! A cluster: what EKS knows of it, and its API server.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::records::{AccessEntry, Addon, Association, Update};
use crate::kubernetes::{ApiServer, Snapshot};
use crate::options::{AuthenticationMode, EndpointAccess, IpFamily, StsAccess};
use crate::wire::short_id;

/// The role that EKS Auto Mode's nodes have, unless told otherwise.
pub(crate) const AUTO_MODE_ROLE: &str = "AmazonEKSAutoNodeRole";

/// What tells clusters apart in one sandbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClusterKey {
    pub(crate) region: String,
    pub(crate) name: String,
}

/// A cluster that is up.
pub(crate) struct Cluster {
    pub(super) record: Arc<EksRecord>,
    pub(crate) api: Arc<ApiServer>,
}

/// What EKS knows of a cluster, as it changes. Whoever reads it gets it whole, as it was at one instant.
///
/// Its lock is held for a moment only and nothing is called under it, so it may be read from anywhere.
pub(crate) struct EksRecord(RwLock<Arc<EksCluster>>);

impl EksRecord {
    pub(super) fn new(eks: EksCluster) -> Arc<EksRecord> {
        Arc::new(EksRecord(RwLock::new(Arc::new(eks))))
    }

    /// As it is.
    pub(crate) fn get(&self) -> Arc<EksCluster> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another in its place. Changes are kept apart by the world, which writes them down too.
    pub(super) fn set(&self, eks: EksCluster) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(eks);
    }
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
    /// Add-ons by name.
    pub(crate) addons: BTreeMap<String, Addon>,
    /// The add-ons' updates, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) addon_updates: BTreeMap<String, Update>,
    /// Access entries by principal, without those that EKS makes for managed node groups.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) access_entries: BTreeMap<String, AccessEntry>,
    /// Pod Identity associations by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) pod_identity_associations: BTreeMap<String, Association>,
    /// The ARN of the role of each node that is in no managed node group, by the node's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) instance_roles: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "AuthenticationMode::is_default")]
    pub(crate) authentication_mode: AuthenticationMode,
    /// Whether EKS Auto Mode runs nodes here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) auto_mode: bool,
    #[serde(default, skip_serializing_if = "EndpointAccess::is_default")]
    pub(crate) endpoint_access: EndpointAccess,
    #[serde(default, skip_serializing_if = "StsAccess::is_default")]
    pub(crate) sts_access: StsAccess,
    /// How many ids were given out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) issued_eks_ids: u64,
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
    /// What EKS knows of it now.
    pub(crate) fn eks(&self) -> Arc<EksCluster> {
        self.record.get()
    }

    /// The objects that tell whether two worlds are the same, by resource.
    pub(crate) fn objects(&self) -> BTreeMap<&'static str, Vec<Value>> {
        const RESOURCES: [&str; 6] = ["configmaps", "daemonsets", "leases", "nodes", "pods", "serviceaccounts"];
        let copies = |resource| self.api.objects(resource).iter().map(|object| (**object).clone()).collect();
        RESOURCES.into_iter().map(|resource| (resource, copies(resource))).collect()
    }
}

impl EksCluster {
    /// Its region and name.
    pub(crate) fn key(&self) -> ClusterKey {
        ClusterKey { region: self.region.clone(), name: self.name.clone() }
    }

    /// Letters and digits that no other id of this cluster has: the same each time the same is done.
    pub(crate) fn new_id(&mut self, letters: usize) -> String {
        self.issued_eks_ids += 1;
        short_id(&format!("{}/{}", self.arn(), self.issued_eks_ids), letters)
    }

    /// The cluster's ARN.
    pub(crate) fn arn(&self) -> String {
        self.arn_of(&format!("cluster/{}", self.name))
    }

    /// An ARN of EKS in this cluster's account and region: `nodegroup/…`, `addon/…`.
    pub(crate) fn arn_of(&self, resource: &str) -> String {
        format!("arn:{}:eks:{}:{}:{resource}", self.partition, self.region, self.account)
    }

    /// The ARN of an add-on.
    pub(crate) fn addon_arn(&self, name: &str) -> String {
        let id = short_id(&format!("{}/{}/{name}", self.arn(), self.created_at), 32);
        self.arn_of(&format!("addon/{}/{name}/{id}", self.name))
    }

    /// The ARN of a Pod Identity association.
    pub(crate) fn association_arn(&self, id: &str) -> String {
        self.arn_of(&format!("podidentityassociation/{}/{id}", self.name))
    }

    /// The ARN of a role of its account.
    pub(crate) fn role_arn(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:role/{name}", self.partition, self.account)
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

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}
