//! The proof can fail: every dependency of the standard graphs, taken out in turn, is a danger that
//! it names.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use crate::fixture::{ACCOUNT, addresses, fresh, graph};
use crate::safety::Endangered::{self, NodeRole, OwnRole};
use crate::safety::{SafetyVerdict, prove};
use crate::{
    Address, Change, DependencyGraph, Kind, Node, Observation, OidcProvider, Policy, PolicyDocument, Resource, Target,
    Wanted, diff,
};

/// What a dependency is there for: who is in danger without it, and what is told then.
struct Need {
    from: Kind,
    on: Kind,
    told: &'static [(Endangered, &'static str)],
}

const fn need(from: Kind, on: Kind, told: &'static [(Endangered, &'static str)]) -> Need {
    Need { from, on, told }
}

/// All of them; there is none that safety could do without. A verification in particular is a gate
/// only for the pods that are there: where no node is up it is passed at once, so that it has to wait
/// for the restart, and through it for the annotation that the next pods are born under.
const NEEDS: [Need; 8] = [
    need(Kind::Role, Kind::OidcProvider, &[(OwnRole, "its issuer has no OIDC provider")]),
    need(Kind::Attach, Kind::Policy, &[(OwnRole, "policy CNI does not exist")]),
    // Whatever only the role waits for is missing with it.
    need(Kind::Attach, Kind::Role, &[(OwnRole, "does not exist"), (OwnRole, "its issuer has no OIDC provider")]),
    // The probe is on the way from the one to the other.
    need(Kind::Probe, Kind::Attach, &[(OwnRole, "uses the plugin's own role")]),
    need(Kind::Annotate, Kind::Probe, &[(OwnRole, "uses the plugin's own role")]),
    // Restarted too early, and, on the way back, not restarted behind the annotation.
    need(Kind::Restart, Kind::Annotate, &[(NodeRole, "takes the node role"), (OwnRole, "was born since")]),
    need(Kind::Verify, Kind::Restart, &[(NodeRole, "takes the node role")]),
    need(Kind::Detach, Kind::Verify, &[(NodeRole, "that still uses the node role")]),
];

#[test]
fn ipv4() {
    check(&ipv4_plan(&["c"]), 6);
}

#[test]
fn ipv6_with_a_policy_and_a_provider_to_create() {
    check(&ipv6_plan(), 8);
}

#[test]
fn two_clusters_on_one_node_role() {
    check(&ipv4_plan(&["blue", "green"]), 12);
}

/// Takes each dependency out in turn; the plan has so many.
fn check(changes: &[Change], dependencies: usize) {
    assert!(prove(changes).is_safe());
    let mut taken_out = BTreeSet::new();
    for (at, change) in changes.iter().enumerate() {
        for on in &change.depends_on {
            let mut without = changes.to_vec();
            without[at].depends_on.retain(|other| other != on);
            let edge = format!("{} -> {on}", change.address);
            let need = NEEDS
                .iter()
                .find(|need| need.from == change.address.kind() && need.on == on.kind())
                .unwrap_or_else(|| panic!("nothing says what {edge} is there for"));
            let SafetyVerdict::Unsafe(danger) = prove(&without) else { panic!("{edge} is not missed") };
            let is_told = need
                .told
                .iter()
                .any(|&(identity, told)| danger.identity == Some(identity) && danger.outcome.contains(told));
            assert!(is_told, "{edge}: {danger:#?}");
            assert!(change.clusters.contains(&danger.cluster), "{edge}: {danger:#?}");
            assert!(!danger.steps.is_empty(), "{edge}");
            taken_out.insert(edge);
        }
    }
    assert_eq!(taken_out.len(), dependencies, "{taken_out:#?}");
}

fn ipv4_plan(clusters: &[&str]) -> Vec<Change> {
    diff(graph(clusters), fresh(clusters)).unwrap().changes
}

fn ipv6_plan() -> Vec<Change> {
    let mut graph = graph(&["c"]);
    let mut world = fresh(&["c"]);
    let at = addresses("c");
    let provider = Resource::OidcProvider(OidcProvider {
        url: "issuer".to_owned(),
        client_ids: BTreeSet::from(["sts.amazonaws.com".to_owned()]),
    });
    let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/issuer");
    let target = Target::OidcProvider { account: ACCOUNT.to_owned(), arn };
    put(&mut graph, &mut world, Address::new("c", Kind::OidcProvider, &[]), target, provider, &at.role);
    let arn = format!("arn:aws:iam::{ACCOUNT}:policy/CNI");
    let statement = json!({"Effect": "Allow", "Action": "ec2:AssignIpv6Addresses", "Resource": "*"});
    let policy = Resource::Policy(Policy {
        arn: arn.clone(),
        name: "CNI".to_owned(),
        description: None,
        document: PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": statement})).unwrap(),
        history: None,
    });
    let target = Target::Policy { account: ACCOUNT.to_owned(), arn };
    put(&mut graph, &mut world, Address::new(ACCOUNT, Kind::Policy, &["CNI"]), target, policy, &at.attach);
    diff(graph, world).unwrap().changes
}

/// Adds what is to be created before `dependent`.
fn put(
    graph: &mut DependencyGraph<Node>,
    world: &mut HashMap<Address, Observation>,
    address: Address,
    target: Target,
    wanted: Resource,
    dependent: &Address,
) {
    graph.entry(&address, || Node {
        address: address.clone(),
        target,
        wanted: Wanted::Present(wanted),
        clusters: vec!["c".to_owned()],
    });
    graph.depend(dependent, &address);
    world.insert(address, Observation::Absent);
}
