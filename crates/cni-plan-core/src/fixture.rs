//! The standard graph of one IPv4 cluster, for the tests of this crate.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::json;

use crate::{
    AddonRole, Address, Annotation, Attachment, ClusterFacts, ClusterRef, DependencyGraph, FactsWanted, IpFamily, Kind,
    MaxUnavailable, Node, Observation, PlannedCluster, Plugin, PodGroup, PodIdentity, Pods, PolicyDocument, Resource,
    Role, Run, ServiceAccount, Target, Wanted, annotation_keys,
};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";

/// Addresses of one cluster's resources.
pub(crate) struct Addresses {
    pub(crate) role: Address,
    pub(crate) attach: Address,
    pub(crate) probe: Address,
    pub(crate) annotate: Address,
    pub(crate) restart: Address,
    pub(crate) verify: Address,
    pub(crate) detach: Address,
}

pub(crate) fn addresses(cluster: &str) -> Addresses {
    let role = format!("Cni-{cluster}");
    Addresses {
        role: Address::new(cluster, Kind::Role, &[&role]),
        attach: Address::new(ACCOUNT, Kind::Attach, &[&role, "AmazonEKS_CNI_Policy"]),
        probe: Address::new(cluster, Kind::Probe, &["kube-system", "aws-node"]),
        annotate: Address::new(cluster, Kind::Annotate, &["kube-system", "aws-node"]),
        restart: Address::new(cluster, Kind::Restart, &["kube-system", "aws-node"]),
        verify: Address::new(cluster, Kind::Verify, &["kube-system", "aws-node"]),
        detach: Address::new(ACCOUNT, Kind::Detach, &["NodeRole", "AmazonEKS_CNI_Policy"]),
    }
}

pub(crate) fn role_arn(cluster: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/Cni-{cluster}")
}

pub(crate) fn web(cluster: &str) -> PodIdentity {
    PodIdentity::WebIdentity { role_arn: role_arn(cluster), sts_regional: None }
}

pub(crate) fn role(cluster: &str) -> Resource {
    Resource::Role(Role {
        name: format!("Cni-{cluster}"),
        path: "/".to_owned(),
        trust: PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/issuer/{cluster}")},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                format!("issuer/{cluster}:sub"): "system:serviceaccount:kube-system:aws-node",
            }},
        }]}))
        .expect("it is a document"),
        description: None,
        permissions_boundary: None,
        tags: BTreeMap::new(),
        id: None,
    })
}

pub(crate) fn attachment(role: &str) -> Resource {
    Resource::Attachment(Attachment { role: role.to_owned(), policy_arn: POLICY.to_owned() })
}

pub(crate) fn service_account(role_arn: Option<(&str, &str)>) -> Resource {
    let annotations = role_arn
        .map(|(value, manager)| {
            let annotation = Annotation { value: value.to_owned(), manager: Some(manager.to_owned()) };
            (annotation_keys::ROLE_ARN.to_owned(), annotation)
        })
        .into_iter()
        .collect();
    Resource::ServiceAccount(ServiceAccount::annotated("kube-system", "aws-node", annotations))
}

/// A service account that belongs to an EKS add-on with that role.
pub(crate) fn of_addon(account: Resource, role_arn: Option<&str>) -> Resource {
    let Resource::ServiceAccount(account) = account else { panic!("it is a service account") };
    let addon = Some(AddonRole { role_arn: role_arn.map(str::to_owned) });
    Resource::ServiceAccount(ServiceAccount { addon, ..account })
}

/// The graph of a cluster whose plugin is an EKS add-on.
pub(crate) fn graph_with_addon(cluster: &str) -> DependencyGraph<Node> {
    let mut graph = graph(&[cluster]);
    let node = graph.get_mut(&addresses(cluster).annotate).expect("every cluster has it");
    let wanted = of_addon(service_account(Some((&role_arn(cluster), "eks"))), Some(&role_arn(cluster)));
    node.wanted = Wanted::Present(wanted);
    graph
}

pub(crate) fn pods(carrying: &[(PodIdentity, u32)]) -> Resource {
    let mut carrying: Vec<PodGroup> =
        carrying.iter().map(|(identity, pods)| PodGroup { identity: identity.clone(), pods: *pods }).collect();
    carrying.sort();
    Resource::Pods(Pods {
        namespace: "kube-system".to_owned(),
        daemon_set: "aws-node".to_owned(),
        carrying,
        not_ready: 0,
        plugin: Plugin::default(),
        other_nodes: BTreeSet::new(),
        on_host_network: BTreeSet::new(),
        unread: Vec::new(),
    })
}

/// Clusters that share one node role, wanted as the procedure leaves them.
pub(crate) fn graph(clusters: &[&str]) -> DependencyGraph<Node> {
    let mut graph = DependencyGraph::default();
    for &cluster in clusters {
        let at = addresses(cluster);
        let role_name = format!("Cni-{cluster}");
        let attach =
            Target::Attachment { account: ACCOUNT.to_owned(), role: role_name.clone(), policy_arn: POLICY.to_owned() };
        let detach = Target::Attachment {
            account: ACCOUNT.to_owned(),
            role: "NodeRole".to_owned(),
            policy_arn: POLICY.to_owned(),
        };
        let account = Target::ServiceAccount {
            cluster: cluster.to_owned(),
            namespace: "kube-system".to_owned(),
            name: "aws-node".to_owned(),
            addon: false,
            association: false,
        };
        let pods = Target::Pods {
            cluster: cluster.to_owned(),
            namespace: "kube-system".to_owned(),
            service_account: "aws-node".to_owned(),
            association: false,
        };
        let probe = Run::Probe { identity: web(cluster), ip_family: IpFamily::Ipv4, region: "us-west-2".to_owned() };
        let restart = Run::Restart {
            identity: web(cluster),
            canary: 1,
            max_unavailable: MaxUnavailable::Percent(10),
            timeout: Duration::from_secs(300),
        };
        let verify = Run::Verify { identity: web(cluster), timeout: Duration::from_secs(300), soak: Duration::ZERO };
        let announced = service_account(Some((&role_arn(cluster), "cni-plan")));
        let role_target = Target::Role { account: ACCOUNT.to_owned(), name: role_name.clone() };
        for (address, target, wanted) in [
            (&at.role, role_target, Wanted::Present(role(cluster))),
            (&at.attach, attach, Wanted::Present(attachment(&role_name))),
            (&at.probe, pods.clone(), Wanted::Run(probe)),
            (&at.annotate, account, Wanted::Present(announced)),
            (&at.restart, pods.clone(), Wanted::Run(restart)),
            (&at.verify, pods, Wanted::Run(verify)),
            (&at.detach, detach, Wanted::Absent),
        ] {
            let node = graph.entry(address, || Node { address: address.clone(), target, wanted, clusters: Vec::new() });
            node.clusters.push(cluster.to_owned());
        }
        for (from, on) in [
            (&at.attach, &at.role),
            (&at.probe, &at.attach),
            (&at.annotate, &at.probe),
            (&at.restart, &at.annotate),
            (&at.verify, &at.restart),
            (&at.detach, &at.verify),
        ] {
            graph.depend(from, on);
        }
    }
    graph
}

/// The world before the procedure: pods on the node role, nothing made yet.
pub(crate) fn fresh(clusters: &[&str]) -> HashMap<Address, Observation> {
    let mut world = HashMap::new();
    for &cluster in clusters {
        let at = addresses(cluster);
        world.insert(at.role, Observation::Absent);
        world.insert(at.attach, Observation::Absent);
        world.insert(at.annotate, Observation::Present(service_account(None)));
        for address in [at.probe, at.restart, at.verify] {
            world.insert(address, Observation::Present(pods(&[(PodIdentity::NodeRole, 3)])));
        }
        world.insert(at.detach, Observation::Present(attachment("NodeRole")));
    }
    world
}

/// The world after it.
pub(crate) fn finished(clusters: &[&str]) -> HashMap<Address, Observation> {
    let mut world = HashMap::new();
    for &cluster in clusters {
        let at = addresses(cluster);
        world.insert(at.role, Observation::Present(role(cluster)));
        world.insert(at.attach, Observation::Present(attachment(&format!("Cni-{cluster}"))));
        let account = service_account(Some((&role_arn(cluster), "cni-plan")));
        world.insert(at.annotate, Observation::Present(account));
        let carried = PodIdentity::WebIdentity { role_arn: role_arn(cluster), sts_regional: Some(true) };
        for address in [at.probe, at.restart, at.verify] {
            world.insert(address, Observation::Present(pods(&[(carried.clone(), 3)])));
        }
        world.insert(at.detach, Observation::Absent);
    }
    world
}

/// What is known of one of them.
pub(crate) fn planned_cluster(name: &str) -> PlannedCluster {
    PlannedCluster {
        cluster: ClusterRef {
            key: name.to_owned(),
            name: name.to_owned(),
            region: None,
            account: None,
            profile: None,
            assume_role: None,
            kubernetes: None,
        },
        asked: FactsWanted::default(),
        facts: ClusterFacts {
            account: ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            region: "us-west-2".to_owned(),
            ip_family: IpFamily::Ipv4,
            issuer: None,
            version: "1.33".to_owned(),
            managed_addon: None,
            pod_identity_agent: None,
            node_roles: Vec::new(),
            association: None,
            is_private: false,
            unread: Vec::new(),
            uses_aws_auth: true,
            endpoint: None,
            certificate_authority: None,
        },
    }
}
