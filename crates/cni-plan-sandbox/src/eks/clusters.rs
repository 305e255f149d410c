//! Clusters and their managed node groups, to be read.

use serde_json::{Value, json};

use super::{Request, describe as described, not_found, paging};
use crate::wire::Failure;

pub(super) fn list(request: &Request<'_>) -> Result<Value, Failure> {
    let clusters = request.world.clusters();
    let mine = clusters.iter().filter(|cluster| request.owns(cluster));
    let page = paging::cut(request.params, mine.map(|cluster| cluster.eks().name.clone()))?;
    Ok(json!({ "clusters": page.names, "nextToken": page.next_token }))
}

pub(super) fn describe(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let cluster = request.cluster(cluster)?;
    Ok(json!({ "cluster": described::cluster(&cluster.eks(), request.world.base_url()) }))
}

pub(super) fn list_nodegroups(request: &Request<'_>, cluster: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    let page = paging::cut(request.params, eks.nodegroups.keys().cloned())?;
    Ok(json!({ "nodegroups": page.names, "nextToken": page.next_token }))
}

pub(super) fn describe_nodegroup(request: &Request<'_>, cluster: &str, nodegroup: &str) -> Result<Value, Failure> {
    let eks = request.cluster(cluster)?.eks();
    match eks.nodegroups.get(nodegroup) {
        Some(nodegroup) => Ok(json!({ "nodegroup": described::nodegroup(&eks, nodegroup) })),
        None => Err(not_found(format!("No node group found for name: {nodegroup}."))),
    }
}
