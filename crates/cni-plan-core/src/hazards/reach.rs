//! Whether the plugin's pods can get to what they need, and by the way that the spec asks for.

use super::{Cluster, known};
use crate::{Address, Finding, Kind, PodIdentity};

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let (key, facts) = (&cluster.planned.cluster.key, &cluster.planned.facts);
    if !facts.is_private {
        return Vec::new();
    }
    let at = Address::new(key, Kind::Cluster, &[]);
    match cluster.wanted_identity() {
        Some(PodIdentity::WebIdentity { sts_regional, .. }) if *sts_regional != Some(true) => {
            let message = "its endpoint is private, and nothing says that its pods call STS in the region";
            vec![known::PRIVATE_CLUSTER.at(&at, message.to_owned())]
        }
        Some(PodIdentity::Association { .. }) => {
            let message = "its endpoint is private, and the agent on its nodes calls EKS for every role";
            vec![known::PRIVATE_CLUSTER_WITH_AGENT.at(&at, message.to_owned())]
        }
        _ => Vec::new(),
    }
}
