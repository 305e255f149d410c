//! Nodes in no managed node group, as each kind of them looks to Kubernetes.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::kubernetes::NodeSeed;
use crate::options::{ClusterSeed, NodeKind};

/// The nodes, each with the name of its role. Their names follow from the cluster's.
pub(super) fn others(seed: &ClusterSeed) -> Vec<(NodeSeed, String)> {
    let numbered = seed.other_nodes.iter().flat_map(|nodes| (0..nodes.count).map(move |_| nodes)).enumerate();
    numbered.map(|(index, nodes)| (node(seed, nodes.kind, index), nodes.role.clone())).collect()
}

fn node(seed: &ClusterSeed, kind: NodeKind, index: usize) -> NodeSeed {
    let taint = match kind {
        NodeKind::Fargate => Some(("eks.amazonaws.com/compute-type", "fargate")),
        _ => None,
    };
    let labels = labels(kind).iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let labels: BTreeMap<String, String> = labels.collect();
    NodeSeed { name: name(seed, kind, index), nodegroup: String::new(), labels, taint }
}

/// EC2 instances of the owner's are called by their address, in a range that managed nodes never have;
/// the others by an id.
fn name(seed: &ClusterSeed, kind: NodeKind, index: usize) -> String {
    let hash = Sha256::digest(format!("{}/{}/other/{index}", seed.region, seed.name));
    let id: String = hash.iter().take(9).map(|byte| format!("{byte:02x}")).collect();
    let address = format!("ip-192-168-{}-{}.{}.compute.internal", 128 + index / 250, 2 + index % 250, seed.region);
    match kind {
        NodeKind::SelfManaged | NodeKind::Karpenter | NodeKind::Windows => address,
        NodeKind::AutoMode => format!("i-{}", &id[..17]),
        NodeKind::Fargate => format!("fargate-{address}"),
        NodeKind::Hybrid => format!("mi-{}", &id[..17]),
    }
}

fn labels(kind: NodeKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        NodeKind::SelfManaged => &[("node.kubernetes.io/lifecycle", "normal")],
        NodeKind::Karpenter => &[
            ("karpenter.k8s.aws/ec2nodeclass", "default"),
            ("karpenter.sh/capacity-type", "on-demand"),
            ("karpenter.sh/nodepool", "default"),
        ],
        NodeKind::AutoMode => &[
            ("eks.amazonaws.com/compute-type", "auto"),
            ("eks.amazonaws.com/nodeclass", "default"),
            ("karpenter.sh/capacity-type", "on-demand"),
            ("karpenter.sh/nodepool", "general-purpose"),
        ],
        NodeKind::Fargate => &[("eks.amazonaws.com/compute-type", "fargate")],
        NodeKind::Hybrid => &[("eks.amazonaws.com/compute-type", "hybrid")],
        NodeKind::Windows => &[
            ("beta.kubernetes.io/os", "windows"),
            ("kubernetes.io/os", "windows"),
            ("node.kubernetes.io/windows-build", "10.0.20348"),
        ],
    }
}
