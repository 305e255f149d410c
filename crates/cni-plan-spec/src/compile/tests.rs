use super::*;
use crate::Identity;
use cni_plan_core::{ClusterFacts, IpFamily, Kind, ManagedAddon, NodeRole, Resource, Target, Wanted};

fn spec(text: &str) -> Spec {
    let none = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    crate::parse("spec.yaml", text, &none).unwrap_or_else(|problems| panic!("{problems}"))
}

fn planned(spec: &Spec, change: impl Fn(&str, &mut ClusterFacts)) -> Vec<PlannedCluster> {
    let facts = |key: &str| {
        let mut facts = ClusterFacts {
            account: "111122223333".to_owned(),
            partition: "aws".to_owned(),
            region: "us-west-2".to_owned(),
            ip_family: IpFamily::Ipv4,
            issuer: Some(format!("oidc.eks.us-west-2.amazonaws.com/id/{key}")),
            version: "1.33".to_owned(),
            managed_addon: None,
            pod_identity_agent: None,
            node_roles: vec![NodeRole {
                name: "AmazonEKSNodeRole".to_owned(),
                found_in: vec!["nodegroup workers".to_owned()],
            }],
            association: None,
            is_private: false,
            unread: Vec::new(),
            uses_aws_auth: true,
            endpoint: None,
            certificate_authority: None,
        };
        change(key, &mut facts);
        facts
    };
    cluster_refs(spec)
        .into_iter()
        .map(|(cluster, asked)| PlannedCluster { facts: facts(&cluster.key), cluster, asked })
        .collect()
}

/// Each address with what it depends on, as text.
fn edges(graph: &DependencyGraph<Node>) -> Vec<String> {
    let mut lines: Vec<String> = graph
        .iter()
        .map(|(address, _)| {
            let on: Vec<&str> = graph.dependencies(address).into_iter().map(Address::as_str).collect();
            format!("{address} <- [{}]", on.join(", "))
        })
        .collect();
    lines.sort();
    lines
}

fn compiled(
    text: &str,
    change: impl Fn(&str, &mut ClusterFacts),
) -> Result<DependencyGraph<Node>, Vec<CompileProblem>> {
    let spec = spec(text);
    let clusters = planned(&spec, change);
    compile(&spec, &clusters)
}

fn whats(problems: &[CompileProblem]) -> Vec<&str> {
    problems.iter().map(|problem| problem.what.as_str()).collect()
}

#[test]
fn one_cluster_is_the_procedure() {
    let graph = compiled("version: 1\nclusters:\n  - name: c\n", |_, _| {}).unwrap();
    assert_eq!(
        edges(&graph),
        [
            "111122223333/attach/AmazonEKSVPCCNIRole-c/AmazonEKS_CNI_Policy <- [c/role/AmazonEKSVPCCNIRole-c]",
            "111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy <- [c/verify/kube-system/aws-node]",
            "c/annotate/kube-system/aws-node <- [c/probe/kube-system/aws-node]",
            "c/confirm/kube-system/aws-node <- [111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy]",
            "c/oidc-provider <- []",
            "c/probe/kube-system/aws-node <- [111122223333/attach/AmazonEKSVPCCNIRole-c/AmazonEKS_CNI_Policy]",
            "c/restart/kube-system/aws-node <- [c/annotate/kube-system/aws-node]",
            "c/role/AmazonEKSVPCCNIRole-c <- [c/oidc-provider]",
            "c/verify/kube-system/aws-node <- [c/restart/kube-system/aws-node]",
        ]
    );
}

#[test]
fn where_nothing_is_detached_nothing_is_confirmed() {
    let graph = compiled("version: 1\nclusters:\n  - name: c\n    detach: false\n", |_, _| {}).unwrap();
    assert!(graph.iter().all(|(address, _)| !matches!(address.kind(), Kind::Detach | Kind::Confirm)));
}

#[test]
fn only_a_web_identity_is_probed() {
    let mut spec = spec("version: 1\nclusters:\n  - name: c\n");
    spec.clusters[0].identity = Identity::PodIdentity;
    let graph = compile(&spec, &planned(&spec, |_, _| {})).unwrap();
    assert!(graph.iter().all(|(address, _)| address.kind() != Kind::Probe));
    let annotate = Address::new("c", Kind::Annotate, &["kube-system", "aws-node"]);
    let before: Vec<Kind> = graph.dependencies(&annotate).into_iter().map(Address::kind).collect();
    assert_eq!(before, [Kind::Attach]);
}

#[test]
fn an_ipv6_cluster_owns_its_policy() {
    let graph = compiled("version: 1\nclusters:\n  - name: c\n", |_, facts| facts.ip_family = IpFamily::Ipv6).unwrap();
    let policy = Address::new("111122223333", Kind::Policy, &["AmazonEKS_CNI_IPv6_Policy"]);
    let Some(Wanted::Present(Resource::Policy(wanted))) = graph.get(&policy).map(|node| &node.wanted) else {
        panic!("the policy is wanted")
    };
    assert_eq!(wanted.arn, "arn:aws:iam::111122223333:policy/AmazonEKS_CNI_IPv6_Policy");
    let document = wanted.document.to_json();
    assert!(document.contains("ec2:DescribeSubnets"), "plugins from v1.22.1 abort without it");
    let attach = Address::new("111122223333", Kind::Attach, &["AmazonEKSVPCCNIRole-c", "AmazonEKS_CNI_IPv6_Policy"]);
    assert!(graph.dependencies(&attach).contains(&&policy));
}

#[test]
fn a_shared_node_role_waits_for_every_cluster_on_it_even_one_that_keeps_it() {
    let text = "version: 1\nclusters:\n  - name: blue\n  - name: green\n    detach: false\n";
    let graph = compiled(text, |_, _| {}).unwrap();
    let detach = Address::new("111122223333", Kind::Detach, &["AmazonEKSNodeRole", "AmazonEKS_CNI_Policy"]);
    let waits: Vec<&str> = graph.dependencies(&detach).into_iter().map(Address::scope).collect();
    assert_eq!(waits, ["blue", "green"]);
    assert_eq!(graph.get(&detach).unwrap().clusters, ["blue", "green"]);
    // Both lose the policy, whoever asked for that.
    for cluster in ["blue", "green"] {
        let confirm = Address::new(cluster, Kind::Confirm, &["kube-system", "aws-node"]);
        assert_eq!(graph.dependencies(&confirm), [&detach]);
    }
}

#[test]
fn partitions_and_paths_are_in_every_arn() {
    let text = "version: 1\nclusters:\n  - name: c\n    role: { path: /eks/ }\n";
    let graph = compiled(text, |_, facts| facts.partition = "aws-cn".to_owned()).unwrap();
    let role = Address::new("c", Kind::Role, &["AmazonEKSVPCCNIRole-c"]);
    let Wanted::Present(Resource::Role(wanted)) = &graph.get(&role).unwrap().wanted else { panic!("it is wanted") };
    assert!(wanted.trust.to_json().contains("arn:aws-cn:iam::111122223333:oidc-provider/"));
    let annotate = Address::new("c", Kind::Annotate, &["kube-system", "aws-node"]);
    let Wanted::Present(Resource::ServiceAccount(account)) = &graph.get(&annotate).unwrap().wanted else {
        panic!("it is wanted")
    };
    let value = &account.annotations["eks.amazonaws.com/role-arn"].value;
    assert_eq!(value, "arn:aws-cn:iam::111122223333:role/eks/AmazonEKSVPCCNIRole-c");
}

#[test]
fn same_names_elsewhere_get_keys_of_their_own() {
    let text = "version: 1\nclusters:\n  - { name: c, region: eu-west-1 }\n  - { name: c, region: us-west-2 }\n  \
                - { name: d }\n";
    let keys: Vec<String> = cluster_refs(&spec(text)).into_iter().map(|(cluster, _)| cluster.key).collect();
    assert_eq!(keys, ["c@eu-west-1", "c@us-west-2", "d"]);
}

#[test]
fn a_key_is_one_part_of_an_address_whatever_a_profile_is_called() {
    let text = "version: 1\nclusters:\n  - { name: c, profile: team/prod }\n  - { name: c, profile: \"111122223333\" }\n  \
                - { name: c, account: \"111122223333\" }\n";
    let keys: Vec<String> = cluster_refs(&spec(text)).into_iter().map(|(cluster, _)| cluster.key).collect();
    let expected = ["profile:team%2Fprod", "profile:111122223333", "111122223333"];
    assert_eq!(keys, expected.map(|whose| format!("c@default-region@{whose}")));
    let address = Address::new(&keys[0], Kind::Verify, &["kube-system", "aws-node"]);
    assert_eq!((address.scope(), address.kind()), (keys[0].as_str(), Kind::Verify));
}

#[test]
fn one_cluster_under_two_names_is_found_out() {
    let text = "version: 1\nclusters:\n  - { name: c }\n  - { name: c, region: us-west-2, role: { name: Other } }\n";
    let problems = compiled(text, |_, _| {}).unwrap_err();
    assert_eq!(whats(&problems), ["`c@default-region` and `c@us-west-2` are the same cluster"]);
}

#[test]
fn names_of_roles_differ_by_more_than_case() {
    let text = "version: 1\nclusters:\n  - { name: c, role: { name: Cni } }\n  - { name: d, role: { name: CNI } }\n";
    let problems = compiled(text, |_, _| {}).unwrap_err();
    assert_eq!(whats(&problems), ["clusters `c` and `d` would share the role CNI"]);

    let text = "version: 1\nclusters:\n  - { name: c, role: { name: GreenNodes } }\n  - { name: green }\n";
    let problems = compiled(text, |key, facts| {
        if key == "green" {
            "greennodes".clone_into(&mut facts.node_roles[0].name);
        }
    })
    .unwrap_err();
    assert_eq!(whats(&problems), ["role GreenNodes is a node role of cluster `green`"]);
}

#[test]
fn an_accounts_own_policy_of_amazons_name_comes_off_the_node_role_too() {
    let own = "arn:aws:iam::111122223333:policy/AmazonEKS_CNI_Policy";
    let text = "version: 1\nclusters:\n  - name: c\n    policy: { name: AmazonEKS_CNI_Policy }\n";
    let graph = compiled(text, |_, _| {}).unwrap();
    let mut detached: Vec<&str> = graph
        .iter()
        .filter(|(address, _)| address.kind() == Kind::Detach)
        .filter_map(|(_, node)| match &node.target {
            Target::Attachment { policy_arn, .. } => Some(policy_arn.as_str()),
            _ => None,
        })
        .collect();
    detached.sort_unstable();
    assert_eq!(detached, [own, "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"]);
}

#[test]
fn everything_that_is_live_and_contradicts_the_spec_is_told_at_once() {
    let text = "version: 1\nclusters:\n  - name: a\n    ipFamily: ipv6\n  - name: b\n    stsRegionalEndpoints: true\n  - name: c\n    \
                addon: managed\n  - name: d\n";
    let problems = compiled(text, |key, facts| match key {
        "b" => {
            facts.managed_addon =
                Some(ManagedAddon { version: "v1.20.0-eksbuild.1".to_owned(), status: "ACTIVE".to_owned() });
        }
        "d" => facts.issuer = None,
        _ => {}
    })
    .unwrap_err();
    assert_eq!(
        whats(&problems),
        [
            "cluster `a` is not ipv6",
            "the STS endpoint of cluster `b` cannot be chosen",
            "cluster `c` does not have the plugin as an EKS add-on",
            "cluster `d` has no OIDC issuer",
        ]
    );
    assert_eq!(problems[0].position.to_string(), "4:15");
}

#[test]
fn clusters_cannot_share_a_role_or_differ_over_a_policy() {
    let shared = "version: 1\ndefaults: { role: { name: Cni } }\nclusters:\n  - name: a\n  - name: b\n";
    let problems = compiled(shared, |_, _| {}).unwrap_err();
    assert_eq!(whats(&problems), ["clusters `a` and `b` would share the role Cni"]);

    let differing = "version: 1\ndefaults: { policy: { name: Mine } }\nclusters:\n  - name: a\n  - name: b\n";
    let problems = compiled(differing, |key, facts| {
        if key == "b" {
            facts.ip_family = IpFamily::Ipv6;
        }
    })
    .unwrap_err();
    assert_eq!(whats(&problems), ["cluster `b` wants another policy Mine than a cluster before it"]);
}

#[test]
fn a_node_role_is_not_the_plugins_role() {
    let text = "version: 1\nclusters:\n  - name: c\n    role: { name: AmazonEKSNodeRole }\n";
    let problems = compiled(text, |_, _| {}).unwrap_err();
    assert_eq!(whats(&problems), ["role AmazonEKSNodeRole is a node role of cluster `c`"]);
}

#[test]
fn node_roles_keep_an_existing_policy_and_lose_an_owned_one() {
    let detached = |policy: &str| -> Vec<String> {
        let text = format!("version: 1\nclusters:\n  - name: c\n    policy: {policy}\n");
        let graph = compiled(&text, |_, _| {}).unwrap();
        let mut names: Vec<String> = graph
            .iter()
            .filter(|(address, _)| address.kind() == Kind::Detach)
            .map(|(address, _)| address.name().to_owned())
            .collect();
        names.sort();
        names
    };
    let family = "AmazonEKSNodeRole/AmazonEKS_CNI_Policy";
    assert_eq!(detached("{ arn: arn:aws:iam::111122223333:policy/Shared }"), [family]);
    assert_eq!(detached("{ name: Mine }"), [family, "AmazonEKSNodeRole/Mine"]);
}
