use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::fixture::{graph, planned_cluster};
use crate::{Address, DependencyGraph, Node, Permissions, PolicyDocument, Resource, Target, Wanted};

fn needed(graph: &DependencyGraph<Node>, clusters: &[&str], unknown: &[&str], purpose: Purpose) -> Access {
    let nodes: Vec<(&Address, &Node)> = graph.iter().collect();
    let clusters: Vec<PlannedCluster> = clusters.iter().map(|key| planned_cluster(key)).collect();
    let unknown: BTreeSet<String> = unknown.iter().map(|text| (*text).to_owned()).collect();
    access(Asked { nodes: &nodes, clusters: &clusters, unknown: &unknown }, purpose)
}

fn permissions(access: &Access) -> Permissions {
    Permissions::of("printed", &PolicyDocument::try_from(access.aws[0].to_policy()).unwrap())
}

#[test]
fn planning_reads_what_the_steps_reach_and_changes_nothing() {
    let access = needed(&graph(&["c"]), &["c"], &[], Purpose::Plan);
    let printed = permissions(&access);
    for role in ["Cni-c", "NodeRole"] {
        let arn = format!("arn:aws:iam::111122223333:role/{role}");
        assert!(printed.verdict("iam:GetRole", &arn).is_allowed(), "{role}");
        assert!(printed.verdict("iam:AttachRolePolicy", &arn).is_refused(), "{role}");
    }
    assert!(printed.verdict("iam:GetRole", "arn:aws:iam::111122223333:role/Other").is_refused());
    assert!(printed.verdict("eks:DescribeCluster", "arn:aws:eks:us-west-2:111122223333:cluster/c").is_allowed());
    assert!(printed.verdict("eks:DescribeCluster", "arn:aws:eks:us-west-2:111122223333:cluster/d").is_refused());
    let verbs: BTreeSet<&str> = access.kubernetes[0].rules.iter().flat_map(|rule| rule.verbs.clone()).collect();
    assert_eq!(verbs, BTreeSet::from(["get", "list"]));
}

#[test]
fn a_policy_is_put_on_and_taken_off_only_where_the_plan_does() {
    let policy = needed(&graph(&["c"]), &["c"], &[], Purpose::Apply).aws[0].to_policy();
    let of = |sid: &str| {
        let statements = policy["Statement"].as_array().unwrap();
        statements.iter().find(|statement| statement["Sid"] == sid).unwrap_or_else(|| panic!("{policy}")).clone()
    };
    let only = json!({"ArnLike": {"iam:PolicyARN": ["arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]}});
    assert_eq!(of("ChangeNodeRoles")["Condition"], only);
    assert_eq!(of("ChangeRolePolicies")["Condition"], only);
    assert_eq!(of("ChangeRolePolicies")["Resource"], json!(["arn:aws:iam::111122223333:role/Cni-c"]));
}

#[test]
fn what_nobody_knows_is_a_wildcard() {
    let access = needed(&graph(&["c"]), &["c"], &["111122223333", "NodeRole"], Purpose::Plan);
    assert_eq!(access.aws[0].account, "*");
    let printed = permissions(&access);
    assert!(printed.verdict("iam:GetRole", "arn:aws:iam::444455556666:role/AnyNodes").is_allowed());
}

/// One spec may make roles of one name in two accounts, each with a path of its own.
#[test]
fn a_roles_path_is_its_accounts() {
    let role = |account: &str, path: &str| {
        let mut graph = graph(&["c"]);
        let nodes: Vec<Address> = graph.iter().map(|(address, _)| address.clone()).collect();
        for address in nodes {
            let node = graph.get_mut(&address).unwrap();
            match &mut node.target {
                Target::Role { account: of, .. } | Target::Attachment { account: of, .. } => account.clone_into(of),
                _ => continue,
            }
            if let Wanted::Present(Resource::Role(role)) = &mut node.wanted {
                path.clone_into(&mut role.path);
            }
        }
        graph
    };
    let accounts = [("111122223333", "/one/"), ("444455556666", "/other/")];
    let graphs = accounts.map(|(account, path)| role(account, path));
    let nodes: Vec<(&Address, &Node)> = graphs.iter().flat_map(DependencyGraph::iter).collect();
    let (clusters, unknown) = ([planned_cluster("c")], BTreeSet::new());
    let asked = Asked { nodes: &nodes, clusters: &clusters, unknown: &unknown };
    let access = access(asked, Purpose::Apply);
    let changed = access.aws[0].grants.iter().find(|grant| grant.name == "ChangeRolePolicies").unwrap();
    let arns = accounts.map(|(account, path)| format!("arn:aws:iam::{account}:role{path}Cni-c"));
    assert_eq!(changed.resources, BTreeSet::from(arns));
}

#[test]
fn clusters_that_need_the_same_are_told_once() {
    let access = needed(&graph(&["c", "d"]), &["c", "d"], &[], Purpose::Apply);
    assert_eq!(access.kubernetes.len(), 1);
    assert_eq!(access.kubernetes[0].clusters, ["c", "d"]);
    assert_eq!(access.aws.len(), 1);
}

#[test]
fn a_role_that_is_assumed_has_a_policy_of_its_own_and_the_login_may_assume_it() {
    let graph = graph(&["c"]);
    let nodes: Vec<(&Address, &Node)> = graph.iter().collect();
    let mut cluster = planned_cluster("c");
    let arn = "arn:aws:iam::111122223333:role/planner".to_owned();
    cluster.cluster.assume_role = Some(crate::AssumeRole { arn: arn.clone(), external_id: None });
    let unknown = BTreeSet::new();
    let access = access(Asked { nodes: &nodes, clusters: &[cluster], unknown: &unknown }, Purpose::Plan);
    let [assumed, login] = access.aws.as_slice() else { panic!("{:?}", access.aws) };
    assert_eq!(assumed.assumed.as_ref(), Some(&arn));
    assert_eq!(login.assumed, None);
    assert_eq!(login.to_policy()["Statement"][0]["Resource"], json!([arn]));
}
