//! Plans carried out against a world in memory: random ones, and the procedure's own, with every
//! step failing, runs interrupted and the way back failing too.

mod procedure;
mod random;
mod world;

use cni_plan_core::{Address, ChangeSet, DependencyGraph, FORMAT_VERSION, Header, Node, diff, digest_of};

use crate::{Applied, Execution, Stop, apply, observe};
use world::World;

/// The change set that takes `world` to what `graph` wants.
fn planned(graph: DependencyGraph<Node>, world: &World) -> ChangeSet {
    let targets: Vec<_> = graph.iter().map(|(address, node)| (address.clone(), node.target.clone())).collect();
    let providers = world.providers();
    let observed = block_on(observe(targets.iter().map(|(address, target)| (address, target)), &providers));
    let diff = diff(graph, observed).unwrap();
    let header = Header {
        format_version: FORMAT_VERSION,
        tool_version: "test".to_owned(),
        spec: "spec.yaml".to_owned(),
        spec_digest: digest_of(b""),
        clusters: Vec::new(),
    };
    ChangeSet { header, findings: diff.findings, changes: diff.changes }
}

/// Applies `change_set` to `world`, whose flag stops the run.
fn run(change_set: &ChangeSet, world: &World, parallelism: usize) -> Applied {
    let events = |_| ();
    let execution = Execution { parallelism, events: &events, stop: world.stop() };
    block_on(apply(change_set, &world.providers(), &execution)).unwrap()
}

fn residue(applied: &Applied) -> Vec<&Address> {
    match applied {
        Applied::RolledBack { report, .. } => report.residue.iter().map(|residue| &residue.address).collect(),
        _ => Vec::new(),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_run_that_is_stopped_before_it_begins_changes_nothing() {
    let world = World::default();
    let change_set = planned(random::chain(3), &world);
    let stop = Stop::default();
    stop.raise();
    let execution = Execution { parallelism: 4, events: &|_| (), stop };
    let applied = block_on(apply(&change_set, &world.providers(), &execution)).unwrap();
    let Applied::RolledBack { errors, report } = applied else { panic!("it is rolled back") };
    assert_eq!(errors.len(), 1);
    assert!(report.restored.is_empty() && report.residue.is_empty());
    assert_eq!(world.calls(), 0);
}

#[test]
fn a_run_that_is_stopped_during_its_last_call_is_done() {
    let world = World::default();
    // The last step of the chain is there already: nothing is left to call when the signal comes.
    let mut graph = random::chain(3);
    random::already_there(&mut graph, &world);
    let change_set = planned(graph, &world);
    world.stop_at(2);
    assert!(matches!(run(&change_set, &world, 1), Applied::Done));
    assert_eq!(world.calls(), 3);
}

#[test]
fn whatever_is_not_as_planned_stops_everything_before_the_first_call() {
    let world = World::default();
    let change_set = planned(random::chain(3), &world);
    world.put(&change_set.changes[1].target, change_set.changes[1].after.clone());
    let Applied::Stale(drifts) = run(&change_set, &world, 1) else { panic!("it is stale") };
    assert_eq!(drifts[0].address, change_set.changes[1].address);
    assert_eq!(world.calls(), 0);
}

#[test]
fn what_is_applied_is_applied_once() {
    let world = World::default();
    let change_set = planned(random::chain(3), &world);
    assert!(matches!(run(&change_set, &world, 2), Applied::Done));
    assert!(matches!(run(&change_set, &world, 2), Applied::Already));
    assert_eq!(world.calls(), 3);
}

#[test]
fn a_detach_that_a_read_still_shows_attached_is_undone_all_the_same() {
    let world = World::default();
    let graph = procedure::graph(&["c"]);
    procedure::fresh(&world, "c");
    let mut change_set = planned(graph, &world);
    // One more step behind the detach, which fails.
    let mut last = change_set.changes.last().unwrap().clone();
    last.depends_on = vec![last.address.clone()];
    (last.address, last.target) = random::another();
    (last.before, last.after) = (last.after, last.before);
    last.action = cni_plan_core::Action::Create;
    change_set.changes.push(last);
    world.fail(6, world::Fault::Refused);
    world.lag();
    let applied = run(&change_set, &world, 1);
    assert!(world.is_attached("NodeRole"), "the node role has its policy back: {applied:?}");
}
