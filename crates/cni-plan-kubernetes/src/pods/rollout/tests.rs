//! The rollout against a small world that answers deletions as a DaemonSet controller does.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/r";

fn wanted() -> PodIdentity {
    PodIdentity::WebIdentity { role_arn: ROLE.to_owned(), sts_regional: None }
}

fn pod(node: &str, uid: &str, identity: PodIdentity, ready: bool) -> PodState {
    PodState {
        name: format!("aws-node-{uid}"),
        uid: uid.to_owned(),
        node: node.to_owned(),
        identity,
        ready,
        leaving: false,
        state: String::new(),
    }
}

fn world(nodes: &[(&str, PodIdentity, bool)]) -> World {
    let mut world = World::default();
    for (node, identity, ready) in nodes {
        world.nodes.insert((*node).to_owned(), true);
        world.pods.insert(format!("old-{node}"), pod(node, &format!("old-{node}"), identity.clone(), *ready));
    }
    world
}

fn old(node: &'static str) -> (&'static str, PodIdentity, bool) {
    (node, PodIdentity::NodeRole, true)
}

fn deleted(step: Step) -> Vec<String> {
    match step {
        Step::Delete(victims) => victims.into_iter().map(|victim| victim.uid).collect(),
        step => panic!("{step:?} where pods were to be deleted"),
    }
}

fn succeed(world: &mut World, uid: &str) {
    let gone = world.pods.remove(uid).unwrap();
    let uid = uid.replace("old", "new");
    world.pods.insert(uid.clone(), pod(&gone.node, &uid, wanted(), true));
}

#[test]
fn what_came_up_wrong_goes_once_more_before_any_other_pod() {
    let mut world = world(&[old("a"), old("b"), old("c"), old("d")]);
    let mut rollout = Rollout::new(wanted(), 1, MaxUnavailable::Count(3));
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-a"]);
    world.pods.remove("old-a");
    world.pods.insert("wrong-a".to_owned(), pod("a", "wrong-a", PodIdentity::NodeRole, false));
    rollout.next(&world).unwrap_err();
    rollout.once_more();
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["wrong-a"]);
    assert_eq!(rollout.next(&world), Ok(Step::Wait(vec!["a".to_owned()])), "and it is waited for alone");
}

#[test]
fn a_canary_goes_alone_then_batches_within_the_bound() {
    let mut world = world(&[old("a"), old("b"), old("c"), old("d")]);
    let mut rollout = Rollout::new(wanted(), 1, MaxUnavailable::Count(2));
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-a"]);
    assert_eq!(rollout.next(&world), Ok(Step::Wait(vec!["a".to_owned()])));
    succeed(&mut world, "old-a");
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-b", "old-c"]);
    succeed(&mut world, "old-b");
    assert_eq!(rollout.next(&world), Ok(Step::Wait(vec!["c".to_owned()])));
    succeed(&mut world, "old-c");
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-d"]);
    succeed(&mut world, "old-d");
    assert_eq!(rollout.next(&world), Ok(Step::Done));
}

#[test]
fn the_canary_is_a_pod_that_is_ready() {
    let world = world(&[("a", PodIdentity::NodeRole, false), old("b"), old("c")]);
    let mut rollout = Rollout::new(wanted(), 1, MaxUnavailable::Count(2));
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-b"]);
}

#[test]
fn pods_that_are_down_go_first_and_count() {
    let world = world(&[old("a"), ("b", PodIdentity::NodeRole, false), old("c")]);
    let mut rollout = Rollout::new(wanted(), 0, MaxUnavailable::Count(1));
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-b"]);
}

#[test]
fn without_room_the_nodes_that_are_down_are_waited_for() {
    let world = world(&[old("a"), ("b", wanted(), false)]);
    let mut rollout = Rollout::new(wanted(), 1, MaxUnavailable::Count(1));
    assert_eq!(rollout.next(&world), Ok(Step::Wait(vec!["b".to_owned()])));
}

#[test]
fn a_node_that_goes_is_no_longer_waited_for() {
    let mut world = world(&[old("a"), old("b")]);
    let mut rollout = Rollout::new(wanted(), 1, MaxUnavailable::Count(1));
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-a"]);
    world.nodes.insert("a".to_owned(), false);
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-b"]);
    world.nodes.remove("b");
    assert_eq!(rollout.next(&world), Ok(Step::Done));
}

#[test]
fn a_successor_with_another_identity_stops_everything() {
    let mut world = world(&[old("a"), old("b")]);
    let mut rollout = Rollout::new(wanted(), 1, MaxUnavailable::Count(1));
    assert_eq!(deleted(rollout.next(&world).unwrap()), ["old-a"]);
    world.pods.remove("old-a");
    world.pods.insert("new-a".to_owned(), pod("a", "new-a", PodIdentity::NodeRole, false));
    assert_eq!(rollout.next(&world).unwrap_err().pod, "aws-node-new-a");
}

#[test]
fn pods_as_wanted_are_left_alone() {
    let world = world(&[("a", wanted(), true), ("b", wanted(), false)]);
    assert_eq!(Rollout::new(wanted(), 1, MaxUnavailable::Count(1)).next(&world), Ok(Step::Done));
}

/// What happens to the world while the rollout waits.
#[derive(Debug, Clone)]
enum Happening {
    /// One of the missing pods is born, not yet Ready.
    Birth(usize),
    /// One of the successors turns Ready.
    Ready(usize),
    /// A node goes, with its pods.
    NodeGoes(usize),
    /// A node comes, its pod born under the annotation.
    NodeComes,
}

fn happening() -> impl Strategy<Value = Happening> {
    let index = || 0usize..1000;
    prop_oneof![
        8 => index().prop_map(Happening::Birth),
        8 => index().prop_map(Happening::Ready),
        1 => index().prop_map(Happening::NodeGoes),
        1 => Just(Happening::NodeComes),
    ]
}

fn start() -> impl Strategy<Value = Vec<(bool, bool)>> {
    // For each node: does its pod carry the identity already, is it Ready.
    prop::collection::vec((prop::bool::weighted(0.2), prop::bool::weighted(0.85)), 0..24)
}

fn bound() -> impl Strategy<Value = MaxUnavailable> {
    prop_oneof![(1u32..6).prop_map(MaxUnavailable::Count), (1u8..=100).prop_map(MaxUnavailable::Percent)]
}

fn down(world: &World) -> usize {
    world.served().values().filter(|pods| !pods.iter().any(|pod| pod.ready)).count()
}

fn happen(world: &mut World, happening: &Happening, births: &mut usize) {
    let missing: Vec<String> =
        world.served().into_iter().filter(|(_, pods)| pods.is_empty()).map(|(node, _)| node.to_owned()).collect();
    let unready: Vec<String> = world
        .pods
        .values()
        .filter(|pod| !pod.ready && pod.identity.satisfies(&wanted()))
        .map(|pod| pod.uid.clone())
        .collect();
    *births += 1;
    let birth = |world: &mut World, node: &str, ready: bool| {
        let uid = format!("born-{births}");
        world.pods.insert(uid.clone(), pod(node, &uid, wanted(), ready));
    };
    match happening {
        Happening::Birth(index) if !missing.is_empty() => birth(world, &missing[index % missing.len()], false),
        Happening::Ready(index) if !unready.is_empty() => {
            world.pods.get_mut(&unready[index % unready.len()]).unwrap().ready = true;
        }
        Happening::NodeGoes(index) if !world.nodes.is_empty() => {
            let names: Vec<String> = world.nodes.keys().cloned().collect();
            let name = &names[index % names.len()];
            world.nodes.remove(name);
            world.pods.retain(|_, pod| &pod.node != name);
        }
        Happening::NodeComes => {
            let name = format!("late-{births}");
            world.nodes.insert(name.clone(), true);
            birth(world, &name, true);
        }
        Happening::Birth(_) | Happening::Ready(_) | Happening::NodeGoes(_) => {}
    }
}

proptest! {
    #[test]
    fn a_rollout_ends_within_its_bound_and_touches_each_pod_once(
        start in start(),
        canaries in 0usize..4,
        bound in bound(),
        happenings in prop::collection::vec(happening(), 0..200),
    ) {
        let mut world = World::default();
        for (at, (is_wanted, ready)) in start.iter().enumerate() {
            let node = format!("n{at:02}");
            let identity = if *is_wanted { wanted() } else { PodIdentity::NodeRole };
            world.nodes.insert(node.clone(), true);
            world.pods.insert(format!("old-{node}"), pod(&node, &format!("old-{node}"), identity, *ready));
        }
        let must_go: BTreeMap<String, String> = world
            .pods
            .values()
            .filter(|pod| !pod.identity.satisfies(&wanted()))
            .map(|pod| (pod.uid.clone(), pod.node.clone()))
            .collect();

        let mut rollout = Rollout::new(wanted(), canaries, bound);
        let mut gone: BTreeMap<String, usize> = BTreeMap::new();
        let mut births = 0;
        let mut happenings = happenings.into_iter();
        let mut waits = 0;
        let mut verified_canaries = 0;
        loop {
            let before = down(&world);
            match rollout.next(&world).unwrap() {
                Step::Done => break,
                Step::Delete(victims) => {
                    prop_assert!(!victims.is_empty());
                    if verified_canaries < canaries {
                        prop_assert!(victims.len() <= canaries - verified_canaries, "canaries go alone");
                        verified_canaries += victims.len();
                    }
                    for victim in victims {
                        *gone.entry(victim.uid.clone()).or_default() += 1;
                        prop_assert!(world.pods.remove(&victim.uid).is_some());
                    }
                    let allowed = bound.of(world.served().len()).max(before);
                    prop_assert!(down(&world) <= allowed, "{} down of {allowed}", down(&world));
                }
                Step::Wait(nodes) => {
                    prop_assert!(!nodes.is_empty());
                    waits += 1;
                    prop_assert!(waits < 1000, "it never ends");
                    // Once nothing more befalls it, the cluster heals by itself.
                    let healing = if waits % 2 == 0 { Happening::Birth(0) } else { Happening::Ready(0) };
                    let next = happenings.next().unwrap_or(healing);
                    happen(&mut world, &next, &mut births);
                }
            }
        }
        for (uid, count) in &gone {
            prop_assert_eq!(*count, 1, "{} was deleted more than once", uid);
            prop_assert!(must_go.contains_key(uid), "{} was as wanted", uid);
        }
        for (uid, node) in &must_go {
            prop_assert!(gone.contains_key(uid) || !world.nodes.contains_key(node), "{} is still there", uid);
        }
    }
}
