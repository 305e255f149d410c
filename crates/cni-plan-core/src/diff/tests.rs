use super::*;
use crate::fixture::{addresses, finished, fresh, graph, pods, role_arn, service_account, web};
use crate::{Counts, ErrorKind, PodIdentity, Reversibility, Run, Severity, Wanted};

fn actions(diff: &Diff) -> Vec<(String, Action)> {
    diff.changes
        .iter()
        .filter(|change| change.is_effective())
        .map(|change| (change.address.kind().to_string(), change.action))
        .collect()
}

fn change<'a>(diff: &'a Diff, address: &Address) -> &'a Change {
    diff.changes.iter().find(|change| &change.address == address).unwrap()
}

#[test]
fn a_fresh_cluster_takes_the_whole_procedure_in_order() {
    let diff = diff(graph(&["c"]), fresh(&["c"])).unwrap();
    let expected = [
        ("role", Action::Create),
        ("attach", Action::Create),
        ("probe", Action::Run),
        ("annotate", Action::Update),
        ("restart", Action::Run),
        ("verify", Action::Run),
        ("detach", Action::Delete),
    ];
    assert_eq!(actions(&diff), expected.map(|(kind, action)| (kind.to_owned(), action)));
    assert_eq!(Counts::of(&diff.changes), Counts { add: 2, change: 1, destroy: 1, run: 3 });
    assert!(diff.findings.is_empty());
    assert!(diff.changes.iter().all(|change| change.reversibility == Reversibility::Reversible));
}

#[test]
fn a_finished_cluster_takes_nothing() {
    let diff = diff(graph(&["c"]), finished(&["c"])).unwrap();
    assert_eq!(actions(&diff), []);
}

#[test]
fn a_cluster_without_an_eligible_node_is_told_and_not_refused() {
    let at = addresses("c");
    let mut world = fresh(&["c"]);
    for address in [&at.restart, &at.verify] {
        world.insert(address.clone(), Observation::Present(pods(&[])));
    }
    let diff = diff(graph(&["c"]), world).unwrap();
    let [finding] = &diff.findings[..] else { panic!("{:?}", diff.findings) };
    assert_eq!((finding.severity, finding.code.as_str()), (Severity::Warn, "no-eligible-node"));
}

#[test]
fn a_detach_is_never_done_without_looking_at_the_pods_of_every_cluster_first() {
    let clusters = ["blue", "green"];
    let mut world = finished(&clusters);
    let detach = addresses("blue").detach;
    world.insert(detach.clone(), fresh(&["blue"])[&detach].clone());
    let diff = diff(graph(&clusters), world).unwrap();
    let expected = [("verify", Action::Run), ("verify", Action::Run), ("detach", Action::Delete)];
    assert_eq!(actions(&diff), expected.map(|(kind, action)| (kind.to_owned(), action)));
    assert_eq!(change(&diff, &detach).depends_on, [addresses("blue").verify, addresses("green").verify]);
}

#[test]
fn pods_left_behind_by_a_half_done_procedure_are_restarted_and_that_cannot_be_undone() {
    let mut world = finished(&["c"]);
    let at = addresses("c");
    let left_behind = pods(&[(PodIdentity::NodeRole, 2), (web("c"), 1)]);
    world.insert(at.restart.clone(), Observation::Present(left_behind.clone()));
    world.insert(at.verify.clone(), Observation::Present(left_behind));
    let diff = diff(graph(&["c"]), world).unwrap();
    let restart = change(&diff, &at.restart);
    assert_eq!(restart.action, Action::Run);
    assert_eq!(restart.why, "2 of 3 pods carry another identity");
    assert!(matches!(restart.reversibility, Reversibility::Irreversible { .. }));
    assert_eq!(change(&diff, &at.verify).action, Action::Run);
}

#[test]
fn an_owner_that_would_set_the_annotation_back_refuses_the_plan_unless_it_already_agrees() {
    let at = addresses("c");
    for (manager, refused) in
        [("eks", true), ("argocd-controller", true), ("kustomize-controller", true), ("kubectl-annotate", false)]
    {
        let mut world = fresh(&["c"]);
        let theirs = service_account(Some(("arn:aws:iam::111122223333:role/other", manager)));
        world.insert(at.annotate.clone(), Observation::Present(theirs));
        let codes: Vec<_> =
            diff(graph(&["c"]), world).unwrap().findings.into_iter().map(|finding| finding.code).collect();
        assert_eq!(codes.contains(&"owner-would-set-it-back".to_owned()), refused, "{manager}");
    }
    let mut world = fresh(&["c"]);
    let agreed = service_account(Some((&role_arn("c"), "eks")));
    world.insert(at.annotate.clone(), Observation::Present(agreed));
    assert_eq!(diff(graph(&["c"]), world).unwrap().findings, []);
}

#[test]
fn a_missing_plugin_is_refused_and_not_created() {
    let at = addresses("c");
    let mut world = fresh(&["c"]);
    for address in [&at.annotate, &at.restart, &at.verify] {
        world.insert(address.clone(), Observation::Absent);
    }
    let diff = diff(graph(&["c"]), world).unwrap();
    let codes: Vec<&str> = diff.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["daemonset-missing", "daemonset-missing", "service-account-missing"]);
    assert!(diff.findings.iter().all(|finding| finding.severity == Severity::Refuse));
}

#[test]
fn what_cannot_be_seen_is_not_taken_for_absent() {
    let mut world = fresh(&["c"]);
    let denied = ProviderError {
        kind: ErrorKind::Denied,
        what: "cannot read role".to_owned(),
        why: "AccessDenied".to_owned(),
        cure: "grant iam:GetRole".to_owned(),
    };
    world.insert(addresses("c").role, Observation::Unseen(denied.clone()));
    assert_eq!(diff(graph(&["c"]), world), Err(DiffError::Unseen(vec![denied])));
}

/// A probe runs where something changes that the role is usable by, and before pods take it.
#[test]
fn a_probe_runs_before_pods_take_the_role_and_after_what_changes_about_it() {
    let at = addresses("c");
    let runs = |world| change(&diff(graph(&["c"]), world).unwrap(), &at.probe).action == Action::Run;
    assert!(!runs(finished(&["c"])), "nothing is done");
    for address in [&at.role, &at.attach, &at.annotate] {
        let mut world = finished(&["c"]);
        world.insert(address.clone(), fresh(&["c"])[address].clone());
        assert!(runs(world), "{address} changes");
    }
    let mut world = finished(&["c"]);
    for address in [&at.probe, &at.restart, &at.verify] {
        world.insert(address.clone(), Observation::Present(pods(&[(PodIdentity::NodeRole, 1), (web("c"), 2)])));
    }
    assert!(runs(world), "a pod is to be restarted");
    let mut world = finished(&["c"]);
    world.insert(at.detach.clone(), fresh(&["c"])[&at.detach].clone());
    assert!(!runs(world), "no pod takes the role by a detach alone");
}

/// A confirmation runs behind a node role's policy that goes, and for nothing else.
#[test]
fn a_confirmation_runs_where_a_node_role_loses_a_policy() {
    let at = addresses("c");
    let confirm = Address::new("c", Kind::Confirm, &["kube-system", "aws-node"]);
    let with_confirmation = || {
        let mut graph = graph(&["c"]);
        let pods = graph.get(&at.verify).unwrap().target.clone();
        let (timeout, soak) = (std::time::Duration::from_secs(300), std::time::Duration::ZERO);
        let wanted = Wanted::Run(Run::Confirm { identity: web("c"), timeout, soak });
        let clusters = vec!["c".to_owned()];
        graph.entry(&confirm, || Node { address: confirm.clone(), target: pods, wanted, clusters });
        graph.depend(&confirm, &at.detach);
        graph
    };
    let runs = |mut world: HashMap<Address, Observation>| {
        world.insert(confirm.clone(), world[&at.verify].clone());
        change(&diff(with_confirmation(), world).unwrap(), &confirm).action == Action::Run
    };
    assert!(runs(fresh(&["c"])));
    assert!(!runs(finished(&["c"])));
    let mut world = finished(&["c"]);
    world.insert(at.role.clone(), Observation::Absent);
    assert!(!runs(world), "the role changes, and no node role");
    let mut world = finished(&["c"]);
    world.insert(at.detach.clone(), fresh(&["c"])[&at.detach].clone());
    assert!(runs(world));
}

#[test]
fn what_a_plan_only_refers_to_is_told_from_its_own_that_needs_nothing() {
    let at = addresses("c");
    let referred = || {
        let mut graph = graph(&["c"]);
        let node = graph.entry(&at.role, || unreachable!("the graph has a role"));
        node.wanted = Wanted::Referred(crate::fixture::role("c"));
        graph
    };
    let there = diff(referred(), finished(&["c"])).unwrap();
    assert!(change(&there, &at.role).is_referred());
    assert!(!change(&there, &at.attach).is_referred());
    let missing = diff(referred(), fresh(&["c"])).unwrap();
    assert!(change(&missing, &at.role).is_referred());
    assert!(!change(&missing, &at.attach).is_referred());
    assert!(!change(&diff(graph(&["c"]), finished(&["c"])).unwrap(), &at.role).is_referred());
}
