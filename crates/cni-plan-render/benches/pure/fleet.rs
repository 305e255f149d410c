//! A fleet as large as one likes, made up: shared by the benchmark and by the tests of what is large.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cni_plan_core::{
    Address, Attachment, ClusterFacts, DependencyGraph, FORMAT_VERSION, Header, IpFamily, Kind, Node, NodeRole,
    Observation, PlannedCluster, Plugin, PodGroup, PodIdentity, Pods, Resource, ServiceAccount, Target, Wanted,
    digest_of,
};
use cni_plan_spec::{Spec, cluster_refs, compile, parse};

/// A fleet before anything is done: every cluster with an issuer and two node roles of its own.
pub(crate) struct Fleet {
    spec: Spec,
    clusters: Vec<PlannedCluster>,
}

impl Fleet {
    /// Of so many.
    pub(crate) fn of(clusters: usize) -> Fleet {
        let mut text = String::from("version: 1\nclusters:\n");
        for cluster in 0..clusters {
            text.push_str(&format!("  - name: cluster-{cluster:05}\n"));
        }
        let none = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        let spec = parse("fleet.yaml", &text, &none).expect("the spec is a good one");
        let clusters = cluster_refs(&spec)
            .into_iter()
            .map(|(cluster, asked)| PlannedCluster { facts: facts(&cluster.key), cluster, asked })
            .collect();
        Fleet { spec, clusters }
    }

    /// The graph of what the spec wants.
    pub(crate) fn compiled(&self) -> DependencyGraph<Node> {
        compile(&self.spec, &self.clusters).expect("nothing contradicts the spec")
    }

    /// The header of its change set.
    pub(crate) fn header(&self) -> Header {
        Header {
            format_version: FORMAT_VERSION,
            tool_version: "bench".to_owned(),
            spec: "fleet.yaml".to_owned(),
            spec_digest: digest_of(b"fleet"),
            clusters: self.clusters.clone(),
            outside: Vec::new(),
            roles: Vec::new(),
        }
    }
}

fn facts(key: &str) -> ClusterFacts {
    let node_role =
        |group: &str| NodeRole { name: format!("{key}-{group}"), found_in: vec![format!("nodegroup {group}")] };
    ClusterFacts {
        account: "111122223333".to_owned(),
        partition: "aws".to_owned(),
        region: "us-west-2".to_owned(),
        ip_family: IpFamily::Ipv4,
        issuer: Some(format!("oidc.eks.us-west-2.amazonaws.com/id/{key}")),
        version: "1.33".to_owned(),
        managed_addon: None,
        pod_identity_agent: None,
        node_roles: vec![node_role("spot"), node_role("workers")],
        association: None,
        is_private: false,
        unread: Vec::new(),
        uses_aws_auth: true,
        endpoint: None,
        certificate_authority: None,
    }
}

/// A world in which nothing of the procedure has been done.
pub(crate) fn observed(graph: &DependencyGraph<Node>) -> HashMap<Address, Observation> {
    graph.iter().map(|(address, node)| (address.clone(), observation(address, node))).collect()
}

fn observation(address: &Address, node: &Node) -> Observation {
    match (address.kind(), &node.wanted, &node.target) {
        (Kind::OidcProvider, Wanted::Referred(provider), _) => Observation::Present(provider.clone()),
        (Kind::Detach, _, Target::Attachment { role, policy_arn, .. }) => {
            let attachment = Attachment { role: role.clone(), policy_arn: policy_arn.clone() };
            Observation::Present(Resource::Attachment(attachment))
        }
        (_, _, Target::ServiceAccount { namespace, name, .. }) => {
            Observation::Present(Resource::ServiceAccount(ServiceAccount::annotated(namespace, name, BTreeMap::new())))
        }
        (_, _, Target::Pods { namespace, service_account, .. }) => Observation::Present(Resource::Pods(Pods {
            namespace: namespace.clone(),
            daemon_set: service_account.clone(),
            carrying: vec![PodGroup { identity: PodIdentity::NodeRole, pods: 12 }],
            not_ready: 0,
            plugin: Plugin::default(),
            other_nodes: BTreeSet::new(),
            on_host_network: BTreeSet::new(),
            unread: Vec::new(),
        })),
        _ => Observation::Absent,
    }
}
