use super::*;
use crate::diff;
use crate::fixture::{
    addresses, attachment, finished, fresh, graph, graph_with_addon, of_addon, pods, service_account, web,
};

/// The plan for a fresh world and the observations of the first `begun` effective steps when all
/// of them had their effect.
fn half_way(clusters: &[&str], begun: usize) -> (Vec<Change>, HashMap<Address, Observation>) {
    let changes = diff(graph(clusters), fresh(clusters)).unwrap().changes;
    let after = finished(clusters);
    let live = changes
        .iter()
        .filter(|change| change.is_effective())
        .take(begun)
        .map(|change| (change.address.clone(), after[&change.address].clone()))
        .collect();
    (changes, live)
}

fn position(inverse: &Inverse, address: &Address) -> usize {
    order(inverse).iter().position(|found| found == address).unwrap()
}

/// The order in which one executor would do the steps one by one.
fn order(inverse: &Inverse) -> Vec<Address> {
    let mut schedule = crate::Schedule::new(&inverse.changes);
    let mut order = Vec::new();
    while let Some(at) = schedule.start_next() {
        order.push(inverse.changes[at].address.clone());
        schedule.done(at);
    }
    assert_eq!(schedule.left(), 0, "every step of the way back can be reached");
    order
}

#[test]
fn the_way_back_is_policy_annotation_pods_role() {
    let (changes, live) = half_way(&["c"], 7);
    let inverse = invert(&changes, &live);
    let at = addresses("c");
    assert_eq!(order(&inverse), [at.detach, at.annotate, at.restart, at.attach, at.role]);
    assert_eq!(inverse.kept, []);
}

/// The whole procedure on an add-on that had `role_arn`, and what is seen after all of it.
fn with_addon(role_arn: Option<&str>) -> (Vec<Change>, HashMap<Address, Observation>) {
    let at = addresses("c");
    let mut world = fresh(&["c"]);
    let before = of_addon(service_account(role_arn.map(|arn| (arn, "eks"))), role_arn);
    world.insert(at.annotate.clone(), Observation::Present(before));
    if let Some(role_arn) = role_arn {
        let carried = PodIdentity::WebIdentity { role_arn: role_arn.to_owned(), sts_regional: Some(true) };
        for address in [&at.restart, &at.verify] {
            world.insert(address.clone(), Observation::Present(pods(&[(carried.clone(), 3)])));
        }
    }
    let changes = diff(graph_with_addon("c"), world).unwrap().changes;
    let mut live = finished(&["c"]);
    let annotate = changes.iter().find(|change| change.address == at.annotate).unwrap();
    live.insert(at.annotate, Observation::Present(annotate.after.clone().unwrap()));
    (changes, live)
}

#[test]
fn an_addon_keeps_its_first_role_and_what_that_stands_on_while_the_node_role_gets_its_policy_back() {
    let (changes, live) = with_addon(None);
    let inverse = invert(&changes, &live);
    let at = addresses("c");
    assert_eq!(order(&inverse), [at.detach]);
    let kept: Vec<&Address> = inverse.kept.iter().map(|kept| &kept.address).collect();
    assert_eq!(kept, [&at.role, &at.attach, &at.annotate, &at.restart]);
    assert!(inverse.kept[2].why.starts_with("EKS takes no role off an add-on again"), "{}", inverse.kept[2].why);
}

#[test]
fn what_an_addons_first_role_stands_on_is_kept_before_any_pod_is_looked_at() {
    let (changes, mut live) = with_addon(None);
    let at = addresses("c");
    live.retain(|address, _| [&at.role, &at.attach, &at.annotate].contains(&address));
    let inverse = invert(&changes, &live);
    let kept: Vec<&Address> = inverse.kept.iter().map(|kept| &kept.address).collect();
    assert_eq!((order(&inverse), kept), (Vec::new(), vec![&at.role, &at.attach, &at.annotate]));
}

#[test]
fn an_addon_that_had_a_role_gets_it_back() {
    let (changes, live) = with_addon(Some("arn:old"));
    let at = addresses("c");
    let annotate = changes.iter().find(|change| change.address == at.annotate).unwrap();
    assert_eq!(annotate.reversibility, Reversibility::Reversible);
    assert!(order(&invert(&changes, &live)).contains(&at.annotate));
}

#[test]
fn an_update_of_an_addon_that_had_no_effect_holds_nothing() {
    let (changes, mut live) = with_addon(None);
    let at = addresses("c");
    let annotate = changes.iter().find(|change| change.address == at.annotate).unwrap();
    live.insert(at.annotate.clone(), Observation::Present(annotate.before.clone().unwrap()));
    live.retain(|address, _| [&at.role, &at.attach, &at.annotate].contains(&address));
    let inverse = invert(&changes, &live);
    assert_eq!((order(&inverse), inverse.kept), (vec![at.attach, at.role], Vec::new()));
}

/// Whether `later` waits for `earlier`, itself or through others: what is done at the same time knows
/// no order but this.
fn waits_for(inverse: &Inverse, later: &Address, earlier: &Address) -> bool {
    let step = inverse.changes.iter().find(|change| &change.address == later).unwrap();
    step.depends_on.iter().any(|on| on == earlier || waits_for(inverse, on, earlier))
}

#[test]
fn every_step_of_the_way_back_waits_for_those_before_it() {
    let clusters = ["blue", "green"];
    let (changes, live) = half_way(&clusters, 13);
    let inverse = invert(&changes, &live);
    for cluster in clusters {
        let at = addresses(cluster);
        let order = [at.detach, at.annotate, at.restart, at.attach, at.role];
        for (earlier, later) in order.iter().zip(&order[1..]) {
            assert!(waits_for(&inverse, later, earlier), "{later} does not wait for {earlier}: {inverse:#?}");
        }
    }
}

#[test]
fn from_every_point_only_what_happened_is_undone() {
    for (begun, undone) in [0, 1, 2, 2, 3, 4, 4, 5].into_iter().enumerate() {
        let (changes, live) = half_way(&["c"], begun);
        let inverse = invert(&changes, &live);
        assert_eq!(inverse.changes.len(), undone, "after {begun} steps; neither probe nor verification needs undoing");
        order(&inverse);
    }
}

/// Neither when it was begun in vain, nor when the pods that it has in view cannot be seen.
#[test]
fn a_probe_is_never_part_of_the_way_back_and_what_it_stood_on_goes_back_all_the_same() {
    let at = addresses("c");
    let (changes, mut live) = half_way(&["c"], 2);
    let unseen = Observation::Unseen(crate::precondition::not_looked_at(&at.probe));
    for seen in [fresh(&["c"])[&at.probe].clone(), finished(&["c"])[&at.probe].clone(), Observation::Absent, unseen] {
        live.insert(at.probe.clone(), seen);
        let inverse = invert(&changes, &live);
        assert_eq!(order(&inverse), [at.attach.clone(), at.role.clone()]);
        assert_eq!(inverse.kept, []);
    }
}

#[test]
fn a_step_that_was_begun_without_effect_is_not_undone() {
    let (changes, mut live) = half_way(&["c"], 2);
    live.insert(addresses("c").attach, Observation::Absent);
    let inverse = invert(&changes, &live);
    assert_eq!(order(&inverse), [addresses("c").role]);
}

#[test]
fn pods_go_back_to_what_they_carried() {
    let (changes, live) = half_way(&["c"], 5);
    let inverse = invert(&changes, &live);
    let restart = &inverse.changes[inverse.changes.iter().position(|c| c.address.kind() == Kind::Restart).unwrap()];
    assert_eq!(restart.run.as_ref().map(Run::identity), Some(&PodIdentity::NodeRole));
}

#[test]
fn a_shared_node_role_gets_its_policy_back_before_any_cluster_goes_back() {
    let clusters = ["blue", "green"];
    let (changes, live) = half_way(&clusters, 13);
    let inverse = invert(&changes, &live);
    let detach = position(&inverse, &addresses("blue").detach);
    for cluster in clusters {
        let at = addresses(cluster);
        let order = [&at.annotate, &at.restart, &at.attach, &at.role].map(|address| position(&inverse, address));
        assert!(detach < order[0] && order.is_sorted(), "{cluster}: {detach} {order:?}");
    }
}

#[test]
fn what_pods_rely_on_is_kept_when_they_cannot_go_back() {
    // Annotated by hand before the plan, the role made by it: the pods cannot get the node role back.
    let at = addresses("c");
    let mut world = fresh(&["c"]);
    world.insert(at.annotate.clone(), finished(&["c"])[&at.annotate].clone());
    let changes = diff(graph(&["c"]), world).unwrap().changes;
    let live = HashMap::from([
        (at.role.clone(), finished(&["c"])[&at.role].clone()),
        (at.attach.clone(), Observation::Present(attachment("Cni-c"))),
        (at.restart.clone(), Observation::Present(pods(&[(web("c"), 3)]))),
        (at.detach.clone(), Observation::Absent),
    ]);
    let inverse = invert(&changes, &live);
    assert_eq!(order(&inverse), [at.detach], "the node role has its policy back, and that is all");
    let kept: Vec<&Address> = inverse.kept.iter().map(|kept| &kept.address).collect();
    assert_eq!(kept, [&at.role, &at.attach, &at.restart]);
}

#[test]
fn pods_that_cannot_be_seen_are_taken_to_carry_the_role_that_is_then_kept_beneath_them() {
    let denied = Observation::Unseen(crate::ProviderError {
        kind: crate::ErrorKind::Unreachable,
        what: "cannot list pods".to_owned(),
        why: "connection refused".to_owned(),
        cure: "see to the API server".to_owned(),
    });
    let at = addresses("c");
    let (changes, mut live) = half_way(&["c"], 5);
    live.insert(at.restart.clone(), denied.clone());
    let inverse = invert(&changes, &live);
    assert_eq!(order(&inverse), [at.annotate.clone(), at.restart.clone(), at.attach.clone(), at.role.clone()]);

    // Where the pods cannot go back, the role stays.
    let mut world = fresh(&["c"]);
    world.insert(at.annotate.clone(), finished(&["c"])[&at.annotate].clone());
    let changes = diff(graph(&["c"]), world).unwrap().changes;
    live.remove(&at.annotate);
    live.insert(at.restart.clone(), denied);
    assert_eq!(invert(&changes, &live).changes, []);
}

#[test]
fn an_annotation_goes_back_with_the_pods_that_were_born_under_it_before_any_restart() {
    let at = addresses("c");
    let (changes, mut live) = half_way(&["c"], 4);
    live.insert(at.restart.clone(), fresh(&["c"])[&at.restart].clone());
    let inverse = invert(&changes, &live);
    assert_eq!(order(&inverse), [at.annotate, at.restart, at.attach, at.role]);
}

#[test]
fn one_more_pod_on_the_role_is_enough_to_keep_the_role() {
    // Half-done: one pod of three carried it before, two do when the restart fails.
    let at = addresses("c");
    let mut world = finished(&["c"]);
    world.insert(at.attach.clone(), Observation::Absent);
    let mixed = |by_node, by_role| Observation::Present(pods(&[(PodIdentity::NodeRole, by_node), (web("c"), by_role)]));
    for address in [&at.restart, &at.verify] {
        world.insert(address.clone(), mixed(2, 1));
    }
    let changes = diff(graph(&["c"]), world).unwrap().changes;
    let mut live = HashMap::from([
        (at.attach.clone(), Observation::Present(attachment("Cni-c"))),
        (at.restart.clone(), mixed(1, 2)),
    ]);
    assert_eq!(invert(&changes, &live).changes, []);
    live.insert(at.restart.clone(), mixed(2, 1));
    assert_eq!(order(&invert(&changes, &live)), [at.attach], "nothing was reached");
}

#[test]
fn an_sts_endpoint_alone_goes_back_with_the_pods() {
    let at = addresses("c");
    let regional =
        |regional| PodIdentity::WebIdentity { role_arn: crate::fixture::role_arn("c"), sts_regional: regional };
    let mut graph = graph(&["c"]);
    let annotated = graph.get_mut(&at.annotate).unwrap();
    if let crate::Wanted::Present(Resource::ServiceAccount(account)) = &mut annotated.wanted {
        let ours = crate::Annotation { value: "true".to_owned(), manager: Some("cni-plan".to_owned()) };
        account.annotations.insert(crate::annotation_keys::STS_REGIONAL_ENDPOINTS.to_owned(), ours);
    }
    let after = annotated.wanted.clone();
    for address in [&at.restart, &at.verify] {
        if let crate::Wanted::Run(Run::Restart { identity, .. } | Run::Verify { identity, .. }) =
            &mut graph.get_mut(address).unwrap().wanted
        {
            *identity = regional(Some(true));
        }
    }
    let mut world = finished(&["c"]);
    for address in [&at.restart, &at.verify] {
        world.insert(address.clone(), Observation::Present(pods(&[(regional(Some(false)), 3)])));
    }
    let changes = diff(graph, world).unwrap().changes;
    let crate::Wanted::Present(after) = after else { panic!("it is wanted") };
    let live = HashMap::from([
        (at.annotate.clone(), Observation::Present(after)),
        (at.restart.clone(), Observation::Present(pods(&[(regional(Some(true)), 3)]))),
    ]);
    let inverse = invert(&changes, &live);
    assert_eq!(order(&inverse), [at.annotate, at.restart.clone()]);
    let restart = inverse.changes.iter().find(|change| change.address == at.restart).unwrap();
    assert_eq!(restart.run.as_ref().map(Run::identity), Some(&regional(Some(false))));
}

/// A step of an account that is not in the procedure's own fixture.
fn step(kind: Kind, before: Option<Resource>, after: Resource) -> Change {
    let template = diff(graph(&["c"]), fresh(&["c"])).unwrap().changes.remove(0);
    let action = if before.is_some() { Action::Update } else { Action::Create };
    Change { address: Address::new("c", kind, &["x"]), action, before, after: Some(after), ..template }
}

fn policy(action: &str) -> Resource {
    let document = serde_json::json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": "*"},
    ]});
    Resource::Policy(crate::Policy {
        arn: "arn:aws:iam::111122223333:policy/x".to_owned(),
        name: "x".to_owned(),
        description: None,
        document: crate::PolicyDocument::try_from(document).unwrap(),
        history: None,
    })
}

fn provider(audiences: &[&str]) -> Resource {
    let client_ids = audiences.iter().map(|&audience| audience.to_owned()).collect();
    Resource::OidcProvider(crate::OidcProvider { url: "issuer".to_owned(), client_ids })
}

#[test]
fn a_policy_and_a_provider_go_back_to_what_they_were() {
    let steps = [
        step(Kind::Policy, None, policy("ec2:New")),
        step(Kind::Policy, Some(policy("ec2:Old")), policy("ec2:New")),
        step(Kind::OidcProvider, None, provider(&["sts"])),
        step(Kind::OidcProvider, Some(provider(&["theirs"])), provider(&["sts", "theirs"])),
    ];
    for step in steps {
        let live = HashMap::from([(step.address.clone(), Observation::Present(step.after.clone().unwrap()))]);
        let inverse = invert(std::slice::from_ref(&step), &live);
        assert_eq!(inverse.kept, []);
        let [back] = inverse.changes.as_slice() else { panic!("{inverse:?}") };
        assert_eq!((&back.before, &back.after), (&step.after, &step.before));
        let action = if step.before.is_some() { Action::Update } else { Action::Delete };
        assert_eq!(back.action, action);
    }
}

#[test]
fn what_someone_else_has_changed_since_is_kept_and_told() {
    let steps = [
        // Made by the run; what others have added would go with it.
        (step(Kind::OidcProvider, None, provider(&["sts"])), provider(&["sts", "theirs"])),
        // Changed by the run; it is another's value by now.
        (step(Kind::Policy, Some(policy("ec2:Old")), policy("ec2:New")), policy("ec2:Theirs")),
    ];
    for (step, now) in steps {
        let live = HashMap::from([(step.address.clone(), Observation::Present(now))]);
        let inverse = invert(&[step], &live);
        assert_eq!(inverse.changes, []);
        assert_eq!(inverse.kept[0].why, "someone else has changed it since");
    }
}

#[test]
fn pods_are_not_sent_under_an_annotation_that_someone_else_has_made_since() {
    let (changes, mut live) = half_way(&["c"], 7);
    let at = addresses("c");
    let theirs = service_account(Some(("arn:aws:iam::111122223333:role/theirs", "kubectl")));
    live.insert(at.annotate.clone(), Observation::Present(theirs));
    // Whether they carry it already or not: what a pod may be on stays as it is.
    for now in [web("c"), PodIdentity::NodeRole] {
        live.insert(at.restart.clone(), Observation::Present(pods(&[(now.clone(), 3)])));
        let inverse = invert(&changes, &live);
        assert_eq!(order(&inverse), std::slice::from_ref(&at.detach), "the node role has its policy back all the same");
        let kept: Vec<&Address> = inverse.kept.iter().map(|kept| &kept.address).collect();
        let expected = [&at.role, &at.attach, &at.annotate, &at.restart];
        assert_eq!(kept, expected[..if now == PodIdentity::NodeRole { 3 } else { 4 }]);
        assert_eq!(inverse.kept[2].why, "someone else has changed it since");
    }
}
