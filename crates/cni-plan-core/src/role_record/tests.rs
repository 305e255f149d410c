//! Which roles are asked about, what need not be read of them, and what makes a change set stale.

use super::*;
use crate::fixture::{ACCOUNT, POLICY, addresses, finished, fresh, graph, planned_cluster, role};
use crate::{DependencyGraph, Observation, diff};

fn asked(graph: &DependencyGraph<Node>, family: IpFamily) -> Vec<RoleAsked> {
    let mut planned = planned_cluster("c");
    planned.facts.ip_family = family;
    roles_of_nodes(graph.iter(), &[planned])
}

#[test]
fn a_policy_that_a_step_defines_or_takes_off_need_not_be_read() {
    let graph = graph(&["c"]);
    let ipv4 = asked(&graph, IpFamily::Ipv4);
    let told: Vec<(&str, RoleOf)> = ipv4.iter().map(|it| (it.name.as_str(), it.of)).collect();
    assert_eq!(told, [("Cni-c", RoleOf::Plugin), ("NodeRole", RoleOf::Nodes)]);
    for role in &ipv4 {
        assert!(!role.needs(POLICY), "{role:?}");
        assert!(role.needs("arn:aws:iam::111122223333:policy/AmazonEKS_CNI_Policy"), "it is somebody's own");
        assert!(role.to_come.is_empty());
    }
    let ipv6 = asked(&graph, IpFamily::Ipv6);
    assert!(ipv6[0].needs(POLICY), "it is the other family's");
    assert_eq!(ipv6[0].to_come, BTreeSet::from([POLICY.to_owned()]));
    assert!(!ipv6[1].needs(POLICY), "it goes");
}

#[test]
fn amazons_policies_for_nodes_are_harmless_there_and_nowhere_else() {
    let roles = asked(&graph(&["c"]), IpFamily::Ipv4);
    let of_nodes = "arn:aws-cn:iam::aws:policy/AmazonEKSWorkerNodePolicy";
    assert!(!roles[1].needs(of_nodes));
    assert!(roles[0].needs(of_nodes));
    assert!(!roles[1].needs("arn:aws:iam::aws:policy/service-role/AmazonSSMManagedInstanceCore"));
    assert!(roles[1].needs("arn:aws:iam::aws:policy/AmazonEC2FullAccess"));
    assert!(roles[1].needs("arn:aws:iam::111122223333:policy/AmazonEKSWorkerNodePolicy"), "a name is no proof");
}

/// Once taken from moto 5.2.1 (moto/iam/aws_managed_policies.py), which has them of Amazon.
const AMAZONS_ON_NODES: &str = include_str!("amazons_on_nodes.json");

#[test]
fn none_of_the_policies_that_are_not_read_changes_an_interface() {
    let policies: Vec<serde_json::Value> = serde_json::from_str(AMAZONS_ON_NODES).unwrap();
    let names: Vec<&str> = policies.iter().map(|policy| policy["name"].as_str().unwrap()).collect();
    assert_eq!(names, HARMLESS_ON_NODES);
    for policy in &policies {
        let document = PolicyDocument::try_from(policy["document"].clone()).unwrap();
        assert_eq!(bearing(&document, Bearing::Changes), None, "{}", policy["name"]);
    }
}

#[test]
fn nothing_is_on_a_role_that_is_still_to_be_made_but_its_boundary() {
    let rested_on = |world| {
        let changes = diff(graph(&["c"]), world).unwrap().changes;
        roles_rested_on(&changes, &[planned_cluster("c")])
    };
    assert_eq!(rested_on(fresh(&["c"])), [], "neither the role nor, ever, the nodes'");
    let there = rested_on(finished(&["c"]));
    assert_eq!(there.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["Cni-c"]);

    let mut bounded = graph(&["c"]);
    let node = bounded.get_mut(&addresses("c").role).unwrap();
    let Resource::Role(state) = role("c") else { panic!("it is a role") };
    let boundary = Some("arn:b".to_owned());
    node.wanted = Wanted::Present(Resource::Role(crate::Role { permissions_boundary: boundary.clone(), ..state }));
    let changes = diff(bounded, fresh(&["c"])).unwrap().changes;
    assert_eq!(roles_rested_on(&changes, &[planned_cluster("c")])[0].boundary, boundary);
}

/// The plugin's role, there before the plan, as asked about before that is applied; and the plan's steps.
fn rested_on() -> (Vec<RoleAsked>, Vec<Change>) {
    let mut world = fresh(&["c"]);
    world.insert(addresses("c").role, Observation::Present(role("c")));
    let changes = diff(graph(&["c"]), world).unwrap().changes;
    (roles_rested_on(&changes, &[planned_cluster("c")]), changes)
}

fn record(name: &str, policies: &[&RolePolicy]) -> RoleRecord {
    RoleRecord { policies: policies.iter().copied().cloned().collect(), ..RoleRecord::empty(ACCOUNT, name) }
}

/// A policy that takes away all that the plugin needs.
fn guard(name: &str, is_inline: bool) -> RolePolicy {
    let deny = PolicyDocument::parse(r#"{"Statement":{"Effect":"Deny","Action":"ec2:*","Resource":"*"}}"#).unwrap();
    RolePolicy { name: name.to_owned(), is_inline, document: Some(deny) }
}

#[test]
fn only_what_decides_the_plugins_permissions_makes_a_change_set_stale() {
    let (asked, changes) = rested_on();
    let policy = guard("guard", true);
    let drift = |planned: &[RoleRecord], found: &[RoleRecord]| roles_drift(&asked, &changes, planned, found);
    let owned = |record: RoleRecord| record.with_owners_of([("Terraform".to_owned(), "true".to_owned())]);
    for found in [vec![], vec![record("NodeRole", &[&policy])], vec![owned(record("Cni-c", &[]))]] {
        assert_eq!(drift(&[], &found), [], "{found:?}");
    }
    let (without, with) = (record("Cni-c", &[]), record("Cni-c", &[&policy]));
    assert_eq!(drift(&[], std::slice::from_ref(&with)), [(without.clone(), with.clone())]);
    assert_eq!(drift(std::slice::from_ref(&with), &[]), [(with, without)]);
}

#[test]
fn who_applies_may_read_more_than_who_planned_and_not_less() {
    let (asked, changes) = rested_on();
    let drift =
        |planned: RoleRecord, found: RoleRecord| !roles_drift(&asked, &changes, &[planned], &[found]).is_empty();
    let (seen, hidden) = (guard("seen", true), guard("hidden", true));
    let whole = || record("Cni-c", &[&seen, &hidden]);
    let part = || RoleRecord { is_partial: true, ..record("Cni-c", &[&seen]) };
    assert!(!drift(part(), whole()), "the plan has told that there may be more");
    assert!(!drift(part(), part()));
    assert!(drift(whole(), part()), "what the plan rests on cannot be confirmed");
    assert!(drift(part(), record("Cni-c", &[&hidden])), "what was seen is there no more");
    let bounded = |record: RoleRecord| RoleRecord { boundary: Some(guard("arn:b", false)), ..record };
    assert!(!drift(part(), bounded(part())), "a boundary that could not be read");
    assert!(drift(bounded(part()), part()));
}

#[test]
fn what_the_plan_itself_changes_on_another_role_is_its_step_s_to_compare() {
    let (asked, mut changes) = rested_on();
    let arn = "arn:aws:iam::111122223333:policy/Own";
    let now = RolePolicy { document: None, ..guard(arn, false) };
    let on_role = |policy: &RolePolicy| record("Cni-c", &[policy]);
    let as_boundary = |policy: &RolePolicy| RoleRecord { boundary: Some(policy.clone()), ..record("Cni-c", &[]) };
    let drifts = |changes: &[Change], with: &dyn Fn(&RolePolicy) -> RoleRecord| {
        roles_drift(&asked, changes, &[with(&guard(arn, false))], &[with(&now)]).len()
    };
    assert_eq!((drifts(&changes, &on_role), drifts(&changes, &as_boundary)), (1, 1));
    changes[0].target = Target::Policy { account: ACCOUNT.to_owned(), arn: arn.to_owned() };
    assert_eq!((drifts(&changes, &on_role), drifts(&changes, &as_boundary)), (0, 0));
}
