//! Random small plans, sensible ones and any others, judged by the proof and by walking through the
//! whole product of their states.

use std::time::Duration;

use proptest::prelude::*;

use super::brute_force::{Walked, walk};
use crate::fixture::{ACCOUNT, addresses, attachment, pods, role_arn, service_account};
use crate::safety::{SafetyVerdict, prove};
use crate::{
    Action, Address, Annotation, Association, Change, IpFamily, Kind, MaxUnavailable, PodIdentity, Resource,
    Reversibility, Run, ServiceAccount, Target, annotation_keys,
};

const CLUSTERS: [&str; 2] = ["blue", "green"];

/// One cluster of a random plan.
#[derive(Debug, Clone)]
struct Sketch {
    /// Attachments to its own role: whether they are there before, whether they are made or stay away.
    requirements: Vec<(bool, bool)>,
    annotated: Annotated,
    associated: Associated,
    /// Identities its pods are found with, by number.
    carried: Vec<usize>,
    wants_regional: bool,
    /// Whether the plan has a probe between requirements and annotation, and it runs.
    probes: Option<bool>,
    restarts: bool,
    verifies: bool,
    /// Whether it has a pod born again behind the node role's policy.
    confirms: bool,
    is_reversible: bool,
}

#[derive(Debug, Clone, Copy)]
enum Annotated {
    Never,
    WithAnother,
    WithOwnGlobally,
    Already,
}

/// What becomes of a Pod Identity association, with the own role unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Associated {
    Never,
    Made,
    Already,
    GivenOwn,
    Taken,
}

impl Associated {
    /// Whose role it has before and after, where it is there.
    fn roles(self, own: &str) -> [Option<&str>; 2] {
        match self {
            Associated::Never => [None, None],
            Associated::Made => [None, Some(own)],
            Associated::Already => [Some(own), Some(own)],
            Associated::GivenOwn => [Some("another"), Some(own)],
            Associated::Taken => [Some(own), None],
        }
    }
}

fn identity(cluster: &str, number: usize) -> PodIdentity {
    let own = |regional| PodIdentity::WebIdentity { role_arn: role_arn(cluster), sts_regional: Some(regional) };
    match number {
        0 => PodIdentity::NodeRole,
        1 => own(true),
        2 => own(false),
        3 => PodIdentity::Other { what: "keys of its own".to_owned() },
        4 => PodIdentity::associated(&role_arn(cluster)),
        5 => PodIdentity::associated(&role_arn("another")),
        6 => PodIdentity::UNKNOWN_ROLE,
        _ => PodIdentity::WebIdentity { role_arn: role_arn("another"), sts_regional: Some(true) },
    }
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let annotated = prop_oneof![
        5 => Just(Annotated::Never),
        2 => Just(Annotated::WithAnother),
        2 => Just(Annotated::WithOwnGlobally),
        2 => Just(Annotated::Already)
    ];
    let associated = prop_oneof![
        5 => Just(Associated::Never),
        2 => Just(Associated::Made),
        1 => Just(Associated::Already),
        2 => Just(Associated::GivenOwn),
        2 => Just(Associated::Taken)
    ];
    let requirements = prop::collection::vec((any::<bool>(), prop::bool::weighted(0.9)), 1..3);
    let carried = prop_oneof![
        5 => Just(vec![0]),
        3 => prop::collection::btree_set(0usize..8, 0..3).prop_map(|set| set.into_iter().collect())
    ];
    (
        requirements,
        (annotated, associated),
        carried,
        any::<bool>(),
        prop::option::weighted(0.7, prop::bool::weighted(0.8)),
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.9),
        any::<[bool; 2]>(),
    )
        .prop_map(
            |(
                requirements,
                (annotated, associated),
                carried,
                wants_regional,
                probes,
                restarts,
                verifies,
                [confirms, is_reversible],
            )| Sketch {
                requirements,
                annotated,
                associated,
                carried,
                wants_regional,
                probes,
                restarts,
                verifies,
                confirms,
                is_reversible,
            },
        )
}

/// A cluster's steps in the order of the procedure, and the positions of those that the procedure
/// has each wait for, in this cluster.
fn steps(name: &str, sketch: &Sketch) -> (Vec<Change>, Vec<(usize, usize)>) {
    let at = addresses(name);
    let mut changes = Vec::new();
    for (number, &(is_there, is_made)) in sketch.requirements.iter().enumerate() {
        let address = Address::new(name, Kind::Attach, &[&number.to_string()]);
        let state = || Some(attachment(&format!("{name}-{number}")));
        changes.push(match (is_there, is_made) {
            (true, _) => change(address, Action::None, state(), state()),
            (false, true) => change(address, Action::Create, None, state()),
            (false, false) => change(address, Action::None, None, None),
        });
    }
    let requirements = changes.len();
    let [was_associated, is_associated] = sketch.associated.roles(name);
    // No pod has come by an association before there was one.
    let could_be = |identity: &PodIdentity| was_associated.is_some() || !identity.is_by_association();
    let carried = sketch.carried.iter().map(|&number| identity(name, number)).filter(could_be);
    let carried: Vec<(PodIdentity, u32)> = carried.map(|identity| (identity, 2)).collect();
    let found = || Some(pods(&carried));
    let wanted = match is_associated {
        Some(own) => PodIdentity::associated(&role_arn(own)),
        None => {
            PodIdentity::WebIdentity { role_arn: role_arn(name), sts_regional: sketch.wants_regional.then_some(true) }
        }
    };
    if let Some(runs) = sketch.probes {
        let action = if runs { Action::Run } else { Action::None };
        let mut probe = change(at.probe, action, found(), found());
        let region = "us-west-2".to_owned();
        probe.run = Some(Run::Probe { identity: wanted.clone(), ip_family: IpFamily::Ipv4, region });
        changes.push(probe);
    }
    // What all requirements come before: the probe, or the annotation.
    let first_of_pods = requirements;
    let announced = |arn: &str, regional: Option<bool>| {
        let Resource::ServiceAccount(mut account) = service_account(Some((arn, "cni-plan"))) else { unreachable!() };
        if let Some(regional) = regional {
            let annotation = Annotation { value: regional.to_string(), manager: None };
            account.annotations.insert(annotation_keys::STS_REGIONAL_ENDPOINTS.to_owned(), annotation);
        }
        Some(Resource::ServiceAccount(account))
    };
    let associated = |account: Option<Resource>, role: Option<&str>| match account {
        Some(Resource::ServiceAccount(account)) => Some(Resource::ServiceAccount(ServiceAccount {
            association: role.map(|role| Association::of_a_plan(&role_arn(role))),
            ..account
        })),
        other => other,
    };
    let after = announced(&role_arn(name), sketch.wants_regional.then_some(true));
    let before = match sketch.annotated {
        Annotated::Never => Some(service_account(None)),
        Annotated::WithAnother => announced(&role_arn("another"), None),
        Annotated::WithOwnGlobally => announced(&role_arn(name), Some(false)),
        Annotated::Already => after.clone(),
    };
    let (before, after) = (associated(before, was_associated), associated(after, is_associated));
    let action = if before == after { Action::None } else { Action::Update };
    changes.push(change(at.annotate, action, before, after));

    let timeout = Duration::from_secs(1);
    let restart =
        Run::Restart { identity: wanted.clone(), canary: 1, max_unavailable: MaxUnavailable::Count(1), timeout };
    let verify = Run::Verify { identity: wanted, timeout, soak: Duration::ZERO };
    for (address, run, runs) in [(at.restart, restart, sketch.restarts), (at.verify, verify, sketch.verifies)] {
        let action = if runs { Action::Run } else { Action::None };
        let mut step = change(address, action, found(), found());
        step.run = Some(run);
        if !sketch.is_reversible {
            step.reversibility = Reversibility::Irreversible { why: "so it is".to_owned() };
        }
        changes.push(step);
    }
    for step in &mut changes {
        step.clusters = vec![name.to_owned()];
    }
    let procedure = (1..changes.len()).map(|at| (at, at - 1)).chain((0..first_of_pods).map(|at| (first_of_pods, at)));
    let procedure = procedure.collect();
    (changes, procedure)
}

fn change(address: Address, action: Action, before: Option<Resource>, after: Option<Resource>) -> Change {
    Change {
        target: Target::Role { account: ACCOUNT.to_owned(), name: address.to_string() },
        address,
        action,
        why: String::new(),
        before,
        after,
        run: None,
        reversibility: Reversibility::Reversible,
        depends_on: Vec::new(),
        clusters: Vec::new(),
    }
}

/// A plan of these clusters, and one node role for all of them. `keep` says of each edge of the
/// procedure whether it is there, `more` names further ones.
fn plan(sketches: &[Sketch], keep: &[bool], more: &[(usize, usize)]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut edges = Vec::new();
    let mut verifications = Vec::new();
    for (name, sketch) in CLUSTERS.iter().zip(sketches) {
        let (steps, procedure) = steps(name, sketch);
        let first = changes.len();
        edges.extend(procedure.into_iter().map(|(from, on)| (first + from, first + on)));
        changes.extend(steps);
        verifications.push(changes.len() - 1);
    }
    let mut detach = change(addresses("blue").detach, Action::Delete, Some(attachment("NodeRole")), None);
    detach.clusters = CLUSTERS[..sketches.len()].iter().map(|name| (*name).to_owned()).collect();
    edges.extend(verifications.into_iter().map(|on| (changes.len(), on)));
    changes.push(detach);
    let detach = changes.len() - 1;
    for (name, _) in CLUSTERS.iter().zip(sketches).filter(|(_, sketch)| sketch.confirms) {
        let identity = PodIdentity::WebIdentity { role_arn: role_arn(name), sts_regional: None };
        let (timeout, soak) = (Duration::from_secs(1), Duration::ZERO);
        let mut confirm = change(Address::new(name, Kind::Confirm, &[]), Action::Run, Some(pods(&[])), Some(pods(&[])));
        confirm.run = Some(Run::Confirm { identity, timeout, soak });
        confirm.clusters = vec![(*name).to_owned()];
        edges.push((changes.len(), detach));
        changes.push(confirm);
    }
    let kept = edges.iter().enumerate().filter(|(at, _)| keep[at % keep.len()]).map(|(_, &edge)| edge);
    let added = more.iter().filter(|(from, on)| on < from && *from < changes.len()).copied();
    let edges: Vec<(usize, usize)> = kept.chain(added).collect();
    for (from, on) in edges {
        let on = changes[on].address.clone();
        changes[from].depends_on.push(on);
    }
    for step in &mut changes {
        step.depends_on.sort();
        step.depends_on.dedup();
    }
    changes
}

/// Another order of the plan's steps, with edges at random that fit it.
fn shuffled(mut changes: Vec<Change>, seed: &[usize], edges: &[(usize, usize)]) -> Vec<Change> {
    let length = changes.len();
    for (at, by) in seed.iter().enumerate().take(length) {
        changes.swap(at, by % length);
    }
    for step in &mut changes {
        step.depends_on.clear();
    }
    for &(one, other) in edges {
        let (from, on) = (one.max(other), one.min(other));
        if from != on && from < changes.len() {
            let on = changes[on].address.clone();
            changes[from].depends_on.push(on);
        }
    }
    for step in &mut changes {
        step.depends_on.sort();
        step.depends_on.dedup();
    }
    changes
}

/// How far the two agree.
fn compare(changes: &[Change]) -> Result<(), TestCaseError> {
    let verdict = prove(changes);
    match (walk(changes), &verdict) {
        (Walked::TooMany, _) => {}
        (Walked::Safe, verdict) => prop_assert!(verdict.is_safe(), "a safe plan is refused: {:#?}", verdict),
        (Walked::Unsafe(steps), SafetyVerdict::Unsafe(danger)) => {
            prop_assert_eq!(danger.steps.len(), steps, "not the shortest: {:#?}", danger);
        }
        (Walked::Unsafe(steps), safe) => prop_assert!(false, "a danger after {} steps is missed: {:?}", steps, safe),
    }
    Ok(())
}

/// A plan with edges of any sort may be refused where the whole product shows no danger; never the
/// other way about.
fn must_not_miss(changes: &[Change]) -> Result<(), TestCaseError> {
    if let Walked::Unsafe(steps) = walk(changes) {
        prop_assert!(!prove(changes).is_safe(), "a danger after {} steps is missed", steps);
    }
    Ok(())
}

const EDGES: usize = 16;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 3000, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn one_cluster_with_edges_left_out(
        sketch in sketch(),
        keep in prop::collection::vec(prop::bool::weighted(0.85), EDGES),
    ) {
        compare(&plan(&[sketch], &keep, &[]))?;
    }

    #[test]
    fn one_cluster_with_edges_left_out_and_others_added(
        sketch in sketch(),
        keep in prop::collection::vec(prop::bool::weighted(0.7), EDGES),
        more in prop::collection::vec((0usize..10, 0usize..10), 0..4),
    ) {
        must_not_miss(&plan(&[sketch], &keep, &more))?;
    }

    #[test]
    fn one_cluster_in_any_order(
        sketch in sketch(),
        seed in prop::collection::vec(0usize..10, 10),
        edges in prop::collection::vec((0usize..10, 0usize..10), 4..16),
    ) {
        must_not_miss(&shuffled(plan(&[sketch], &[true], &[]), &seed, &edges))?;
    }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn two_clusters_on_one_node_role(
        sketches in [sketch(), sketch()],
        keep in prop::collection::vec(prop::bool::weighted(0.9), EDGES),
    ) {
        compare(&plan(&sketches, &keep, &[]))?;
    }

    #[test]
    fn two_clusters_in_any_order(
        sketches in [sketch(), sketch()],
        seed in prop::collection::vec(0usize..19, 19),
        edges in prop::collection::vec((0usize..19, 0usize..19), 14..30),
    ) {
        must_not_miss(&shuffled(plan(&sketches, &[true], &[]), &seed, &edges))?;
    }
}

/// To the way back it matters what a restart waits for itself and what only through others.
#[test]
fn what_a_restart_waits_for_through_others_is_not_taken_for_its_own() {
    let sketch = Sketch {
        requirements: vec![(false, true), (true, false)],
        annotated: Annotated::Already,
        associated: Associated::Never,
        carried: vec![0],
        wants_regional: false,
        probes: None,
        restarts: true,
        verifies: true,
        confirms: false,
        is_reversible: true,
    };
    // The verification stands before the restart, and between it and what both wait for.
    for edges in [&[(2, 0), (3, 0), (4, 3), (5, 4)][..], &[(3, 0), (4, 3), (5, 4)], &[(2, 0), (3, 2), (4, 3), (5, 3)]] {
        let changes = shuffled(plan(std::slice::from_ref(&sketch), &[true], &[]), &[0, 1, 2, 4, 4, 5], edges);
        assert!(matches!(walk(&changes), Walked::Unsafe(_)), "{edges:?}");
        assert!(!prove(&changes).is_safe(), "{edges:?}");
    }
}
