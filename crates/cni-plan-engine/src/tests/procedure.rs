//! The procedure itself, from many starts: clusters that share a node role, some of them half-done,
//! any call failing, pods born at any time. No pod may ever lose its permissions.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cni_plan_core::{
    Address, Annotation, Attachment, Change, DependencyGraph, IpFamily, Kind, MaxUnavailable, Node, Plugin, PodGroup,
    PodIdentity, Pods, PolicyDocument, Resource, Role, Run, ServiceAccount, Target, Wanted, annotation_keys,
};
use proptest::prelude::*;

use super::world::{ACCOUNT, Fault, World};
use super::{planned, residue, run};
use crate::Ended;

pub(super) const CLUSTERS: [&str; 3] = ["c", "d", "e"];
const POLICY: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
pub(super) const NODE_ROLE: &str = "NodeRole";

/// The graph of clusters on one node role.
pub(super) fn graph(clusters: &[&str]) -> DependencyGraph<Node> {
    let mut graph = DependencyGraph::default();
    for &cluster in clusters {
        let name = |kind| Address::new(cluster, kind, &["kube-system", "aws-node"]);
        let role = Address::new(cluster, Kind::Role, &[&role_of(cluster)]);
        let attach = Address::new(ACCOUNT, Kind::Attach, &[&role_of(cluster), "AmazonEKS_CNI_Policy"]);
        let detach = Address::new(ACCOUNT, Kind::Detach, &[NODE_ROLE, "AmazonEKS_CNI_Policy"]);
        let identity = web(&role_of(cluster));
        let probe =
            Run::Probe { identity: identity.clone(), ip_family: IpFamily::Ipv4, region: "us-west-2".to_owned() };
        let restart = Run::Restart {
            identity: identity.clone(),
            canary: 1,
            max_unavailable: MaxUnavailable::Count(1),
            timeout: Duration::from_secs(1),
        };
        let verify = Run::Verify { identity, timeout: Duration::from_secs(1), soak: Duration::ZERO };
        let steps = [
            (role, role_target(&role_of(cluster)), Wanted::Present(role_state(&role_of(cluster)))),
            (attach, attached(&role_of(cluster)), Wanted::Present(attachment(&role_of(cluster)))),
            (name(Kind::Probe), pods_of(cluster), Wanted::Run(probe)),
            (name(Kind::Annotate), account_of(cluster), Wanted::Present(account_state(Some(&role_of(cluster))))),
            (name(Kind::Restart), pods_of(cluster), Wanted::Run(restart)),
            (name(Kind::Verify), pods_of(cluster), Wanted::Run(verify)),
            (detach, attached(NODE_ROLE), Wanted::Absent),
        ];
        let mut before: Option<Address> = None;
        for (address, target, wanted) in steps {
            let node =
                graph.entry(&address, || Node { address: address.clone(), target, wanted, clusters: Vec::new() });
            node.clusters.push(cluster.to_owned());
            if let Some(before) = &before {
                graph.depend(&address, before);
            }
            before = Some(address);
        }
    }
    graph
}

/// A cluster before anything is done.
pub(super) fn fresh(world: &World, cluster: &str) {
    put(world, cluster, Start::Fresh, &[3, 0]);
}

/// How far a cluster has come by other means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Fresh,
    RoleMade,
    Attached,
    /// Annotated too; some pods are the node role's still.
    HalfDone,
    /// On another role of its own.
    Elsewhere,
}

pub(super) fn put(world: &World, cluster: &str, start: Start, pods: &[u32; 2]) {
    let role = role_of(cluster);
    let other = format!("{role}-old");
    world.put(&attached(NODE_ROLE), Some(attachment(NODE_ROLE)));
    if matches!(start, Start::RoleMade | Start::Attached | Start::HalfDone) {
        world.put(&role_target(&role), Some(role_state(&role)));
    }
    if matches!(start, Start::Attached | Start::HalfDone) {
        world.put(&attached(&role), Some(attachment(&role)));
    }
    if start == Start::Elsewhere {
        world.put(&role_target(&other), Some(role_state(&other)));
        world.put(&attached(&other), Some(attachment(&other)));
    }
    let (annotated, carrying) = match start {
        Start::HalfDone => (Some(role.as_str()), [(PodIdentity::NodeRole, pods[0]), (web(&role), pods[1])]),
        Start::Elsewhere => (Some(other.as_str()), [(PodIdentity::NodeRole, 0), (web(&other), pods[0] + pods[1])]),
        _ => (None, [(PodIdentity::NodeRole, pods[0] + pods[1]), (web(&role), 0)]),
    };
    world.put(&account_of(cluster), Some(account_state(annotated)));
    let mut carrying: Vec<PodGroup> = carrying
        .into_iter()
        .filter(|(_, pods)| *pods > 0)
        .map(|(identity, pods)| PodGroup { identity, pods })
        .collect();
    carrying.sort();
    let pods = Pods {
        namespace: "kube-system".to_owned(),
        daemon_set: "aws-node".to_owned(),
        carrying,
        not_ready: 0,
        plugin: Plugin::default(),
        other_nodes: BTreeSet::new(),
        on_host_network: BTreeSet::new(),
        unread: Vec::new(),
    };
    world.put(&pods_of(cluster), Some(Resource::Pods(pods)));
}

/// Whether a pod of this identity may do what the plugin needs.
pub(super) fn is_permitted(things: &BTreeMap<Target, Resource>, identity: &PodIdentity) -> bool {
    match identity {
        PodIdentity::NodeRole => things.contains_key(&attached(NODE_ROLE)),
        PodIdentity::WebIdentity { role_arn, .. } => {
            let role = role_arn.rsplit('/').next().unwrap();
            things.contains_key(&role_target(role)) && things.contains_key(&attached(role))
        }
        PodIdentity::Association { .. } | PodIdentity::Other { .. } => true,
    }
}

/// What a pod is that is born now.
pub(super) fn new_pod(things: &BTreeMap<Target, Resource>, cluster: &str) -> PodIdentity {
    match things.get(&account_of(cluster)) {
        Some(Resource::ServiceAccount(account)) => account.identity_of_new_pods(),
        _ => PodIdentity::NodeRole,
    }
}

pub(super) fn pods_of(cluster: &str) -> Target {
    Target::Pods {
        cluster: cluster.to_owned(),
        namespace: "kube-system".to_owned(),
        service_account: "aws-node".to_owned(),
        association: false,
    }
}

pub(super) fn role_of(cluster: &str) -> String {
    format!("Cni-{cluster}")
}

pub(super) fn web(role: &str) -> PodIdentity {
    PodIdentity::WebIdentity { role_arn: format!("arn:aws:iam::{ACCOUNT}:role/{role}"), sts_regional: None }
}

pub(super) fn role_target(role: &str) -> Target {
    Target::Role { account: ACCOUNT.to_owned(), name: role.to_owned() }
}

fn role_state(role: &str) -> Resource {
    Resource::Role(Role {
        name: role.to_owned(),
        path: "/".to_owned(),
        trust: PolicyDocument::new(Vec::new()),
        description: None,
        permissions_boundary: None,
        tags: BTreeMap::new(),
        id: None,
    })
}

pub(super) fn attached(role: &str) -> Target {
    Target::Attachment { account: ACCOUNT.to_owned(), role: role.to_owned(), policy_arn: POLICY.to_owned() }
}

pub(super) fn attachment(role: &str) -> Resource {
    Resource::Attachment(Attachment { role: role.to_owned(), policy_arn: POLICY.to_owned() })
}

pub(super) fn account_of(cluster: &str) -> Target {
    Target::ServiceAccount {
        cluster: cluster.to_owned(),
        namespace: "kube-system".to_owned(),
        name: "aws-node".to_owned(),
        addon: false,
        association: false,
    }
}

fn account_state(role: Option<&str>) -> Resource {
    let annotation = |role: &str| Annotation {
        value: format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
        manager: Some("cni-plan".to_owned()),
    };
    Resource::ServiceAccount(ServiceAccount::annotated(
        "kube-system",
        "aws-node",
        role.map(|role| (annotation_keys::ROLE_ARN.to_owned(), annotation(role))).into_iter().collect(),
    ))
}

/// Whether a step's resource is as the plan found it.
fn is_back(change: &Change, world: &World) -> bool {
    change.is_undone(world.get(&change.target).as_ref())
}

pub(super) fn start() -> impl Strategy<Value = (Start, [u32; 2])> {
    let start = prop_oneof![
        3 => Just(Start::Fresh),
        1 => Just(Start::RoleMade),
        1 => Just(Start::Attached),
        2 => Just(Start::HalfDone),
        1 => Just(Start::Elsewhere),
    ];
    (start, [0u32..4, 0u32..4])
}

pub(super) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![Just(Fault::Refused), Just(Fault::InDoubt), Just(Fault::HalfWay)]
}

/// A run of three clusters has at most this many calls there and back.
const CALLS: usize = 34;

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_pod_ever_loses_its_permissions(
        starts in prop::collection::vec(start(), 1..=3),
        faults in prop::collection::btree_map(0usize..CALLS, fault(), 0..3),
        births in prop::collection::btree_map(0usize..CALLS, 0usize..3, 0..6),
        hidden in prop::option::weighted(0.3, 0usize..3),
        stop_at in prop::option::weighted(0.2, 0usize..CALLS),
        parallelism in 1usize..5,
    ) {
        let world = World::default();
        let clusters = &CLUSTERS[..starts.len()];
        for (cluster, (start, pods)) in clusters.iter().zip(&starts) {
            put(&world, cluster, *start, pods);
        }
        let change_set = planned(graph(clusters), &world);
        faults.iter().for_each(|(&call, &fault)| world.fail(call, fault));
        births.iter().for_each(|(&call, &cluster)| world.reborn_before(call, CLUSTERS[cluster]));
        if let Some(cluster) = hidden {
            world.hide(CLUSTERS[cluster]);
        }
        if let Some(call) = stop_at {
            world.stop_at(call);
        }
        let applied = run(&change_set, &world, parallelism);

        prop_assert_eq!(world.violations(), Vec::<String>::new(), "{:?}", applied);
        if !matches!(applied, Ended::RolledBack { .. }) {
            return Ok(());
        }
        let untouched = |change: &Change| !world.ended().iter().any(|(address, _)| address == &change.address);
        for change in &change_set.changes {
            let told = residue(&applied).contains(&&change.address);
            prop_assert!(is_back(change, &world) || told || untouched(change), "{} is left and not told", change.address);
        }
    }
}

#[test]
fn with_any_one_call_failing_a_fresh_cluster_ends_where_it_began() {
    for fault in [Fault::Refused, Fault::InDoubt, Fault::HalfWay] {
        for call in 0..6 {
            let world = World::default();
            fresh(&world, "c");
            let change_set = planned(graph(&["c"]), &world);
            world.fail(call, fault);
            let applied = run(&change_set, &world, 4);
            assert_eq!(residue(&applied), Vec::<&Address>::new(), "{fault:?} at {call}: {applied:?}");
            assert!(change_set.changes.iter().all(|change| is_back(change, &world)), "{fault:?} at {call}");
        }
    }
}
