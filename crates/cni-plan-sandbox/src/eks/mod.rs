//! EKS over REST JSON: clusters, node groups, add-ons, all read only.
//!
//! An operation is one variant of [`Operation`], one row of [`route`] and one arm of [`answer`].

mod describe;
mod paging;

use http::Method;
use serde_json::{Value, json};

use crate::wire::{Caller, CallerRefused, Failure, Params};
use crate::world::{Cluster, World};
use std::sync::Arc;

/// An operation and the names in its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    ListClusters,
    DescribeCluster { cluster: String },
    ListNodegroups { cluster: String },
    DescribeNodegroup { cluster: String, nodegroup: String },
    ListAddons { cluster: String },
    DescribeAddon { cluster: String, addon: String },
}

/// The operation of a request, from its method and the decoded segments of its path.
pub(crate) fn route(method: &Method, segments: &[&str]) -> Option<Operation> {
    let own = |name: &&str| (*name).to_owned();
    if method != Method::GET {
        return None;
    }
    Some(match segments {
        ["clusters"] => Operation::ListClusters,
        ["clusters", cluster] => Operation::DescribeCluster { cluster: own(cluster) },
        ["clusters", cluster, "node-groups"] => Operation::ListNodegroups { cluster: own(cluster) },
        ["clusters", cluster, "node-groups", nodegroup] => {
            Operation::DescribeNodegroup { cluster: own(cluster), nodegroup: own(nodegroup) }
        }
        ["clusters", cluster, "addons"] => Operation::ListAddons { cluster: own(cluster) },
        ["clusters", cluster, "addons", addon] => Operation::DescribeAddon { cluster: own(cluster), addon: own(addon) },
        _ => return None,
    })
}

/// Answers one call.
pub(crate) fn answer(world: &World, operation: &Operation, caller: &Caller, params: &Params) -> Result<Value, Failure> {
    match operation {
        Operation::ListClusters => {
            let clusters = world.clusters();
            let mine = clusters.iter().filter(|cluster| is_mine(cluster, caller));
            let page = paging::cut(params, mine.map(|cluster| cluster.eks.name.clone()))?;
            Ok(json!({ "clusters": page.names, "nextToken": page.next_token }))
        }
        Operation::DescribeCluster { cluster } => {
            let cluster = find(world, caller, cluster)?;
            Ok(json!({ "cluster": describe::cluster(&cluster.eks, world.base_url()) }))
        }
        Operation::ListNodegroups { cluster } => {
            let cluster = find(world, caller, cluster)?;
            let page = paging::cut(params, cluster.eks.nodegroups.keys().cloned())?;
            Ok(json!({ "nodegroups": page.names, "nextToken": page.next_token }))
        }
        Operation::DescribeNodegroup { cluster, nodegroup } => {
            let cluster = find(world, caller, cluster)?;
            match cluster.eks.nodegroups.get(nodegroup) {
                Some(nodegroup) => Ok(json!({ "nodegroup": describe::nodegroup(&cluster.eks, nodegroup) })),
                None => Err(not_found(format!("No node group found for name: {nodegroup}."))),
            }
        }
        Operation::ListAddons { cluster } => {
            let cluster = find(world, caller, cluster)?;
            let page = paging::cut(params, cluster.eks.addons.keys().cloned())?;
            Ok(json!({ "addons": page.names, "nextToken": page.next_token }))
        }
        Operation::DescribeAddon { cluster, addon } => {
            let cluster = find(world, caller, cluster)?;
            match cluster.eks.addons.get(addon) {
                Some(state) => Ok(json!({ "addon": state })),
                None => Err(not_found(format!("No addon: {addon} found in cluster: {}", cluster.eks.name))),
            }
        }
    }
}

impl Operation {
    /// The operation's name in the API.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Operation::ListClusters => "ListClusters",
            Operation::DescribeCluster { .. } => "DescribeCluster",
            Operation::ListNodegroups { .. } => "ListNodegroups",
            Operation::DescribeNodegroup { .. } => "DescribeNodegroup",
            Operation::ListAddons { .. } => "ListAddons",
            Operation::DescribeAddon { .. } => "DescribeAddon",
        }
    }

    /// What the operation is about, as an ARN, for a refusal that has to name it.
    pub(crate) fn resource(&self, caller: &Caller) -> String {
        let arn = |resource: String| {
            format!("arn:{}:eks:{}:{}:{resource}", caller.partition(), caller.region, caller.account)
        };
        match self {
            Operation::ListClusters => arn("cluster/*".to_owned()),
            Operation::DescribeCluster { cluster }
            | Operation::ListNodegroups { cluster }
            | Operation::ListAddons { cluster } => arn(format!("cluster/{cluster}")),
            Operation::DescribeNodegroup { cluster, nodegroup } => arn(format!("nodegroup/{cluster}/{nodegroup}")),
            Operation::DescribeAddon { cluster, addon } => arn(format!("addon/{cluster}/{addon}")),
        }
    }
}

/// A refusal of the caller as EKS words it.
pub(crate) fn caller_refused(refused: CallerRefused) -> Failure {
    match refused {
        CallerRefused::Unsigned => {
            Failure::new(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
        }
        CallerRefused::UnknownKey => {
            Failure::new(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
        }
        CallerRefused::Expired => {
            Failure::new(403, "ExpiredTokenException", "The security token included in the request is expired")
        }
    }
}

/// The caller's cluster of this name in the caller's region.
fn find(world: &World, caller: &Caller, name: &str) -> Result<Arc<Cluster>, Failure> {
    world
        .cluster(&caller.region, name)
        .filter(|cluster| is_mine(cluster, caller))
        .ok_or_else(|| not_found(format!("No cluster found for name: {name}.")))
}

fn is_mine(cluster: &Cluster, caller: &Caller) -> bool {
    cluster.eks.account == caller.account && cluster.eks.region == caller.region
}

fn not_found(message: String) -> Failure {
    Failure::new(404, "ResourceNotFoundException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_operations() {
        let addon = route(&Method::GET, &["clusters", "c", "addons", "vpc-cni"]);
        assert_eq!(addon, Some(Operation::DescribeAddon { cluster: "c".to_owned(), addon: "vpc-cni".to_owned() }));
        assert_eq!(route(&Method::POST, &["clusters"]), None);
        assert_eq!(route(&Method::GET, &["clusters", "c", "unknown"]), None);
    }
}
