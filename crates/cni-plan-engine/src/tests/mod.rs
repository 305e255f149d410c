//! Plans carried out against a world in memory: random ones, and the procedure's own, with every
//! step failing, runs interrupted and the way back failing too.

mod model;
mod procedure;
mod random;
mod recorded;
mod torn;
mod world;

use std::time::Duration;

use cni_plan_core::{
    Address, ChangeSet, DependencyGraph, FORMAT_VERSION, Header, LockHolder, Node, ProviderError, diff, digest_of,
    prove,
};

use crate::journal::{JOURNAL_VERSION, MemoryStorage, Record, RunHeader, Tail, recover};
use crate::{Ended, Execution, Journal, Locks, OpenRun, RunRecord, Stop, apply, observe};
use world::World;

/// A plan of so many steps, each waiting for the one before, for an empty world.
pub(crate) fn chain_of(length: usize) -> ChangeSet {
    planned(random::chain(length), &World::default())
}

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
        outside: Vec::new(),
        roles: Vec::new(),
    };
    ChangeSet { header, findings: diff.findings, safety: prove(&diff.changes), changes: diff.changes }
}

/// Applies `change_set` to `world`, whose flag stops the run.
fn run(change_set: &ChangeSet, world: &World, parallelism: usize) -> Ended {
    run_until(change_set, world, parallelism, world.stop())
}

fn run_until(change_set: &ChangeSet, world: &World, parallelism: usize, stop: Stop) -> Ended {
    run_recorded(change_set, world, parallelism, stop, &MemoryStorage::default())
}

/// The same, with the journal in `storage`.
fn run_recorded(
    change_set: &ChangeSet,
    world: &World,
    parallelism: usize,
    stop: Stop,
    storage: &MemoryStorage,
) -> Ended {
    let journal = async || {
        let journal = Journal::start(storage.clone(), Tail::empty()).unwrap();
        for first in records_of_a_new_run(change_set) {
            journal.write(&first).await.unwrap();
        }
        Ok::<_, ProviderError>(journal)
    };
    under(world, parallelism, stop, |execution| block_on(apply(change_set, execution, journal)).unwrap())
}

/// Has `go` work on `world`.
fn under<T>(world: &World, parallelism: usize, stop: Stop, go: impl FnOnce(&Execution<'_>) -> T) -> T {
    let providers = world.providers();
    let keys = procedure::CLUSTERS.map(str::to_owned);
    let holder = LockHolder { run: "run".to_owned(), who: "test".to_owned() };
    let locks = block_on(Locks::take(&keys, &providers, &holder, Duration::ZERO)).unwrap();
    go(&Execution { providers: &providers, locks: &locks, parallelism, events: &|_| (), stop })
}

/// The run whose journal is in `storage`, as the next process finds it.
fn reopened(change_set: &ChangeSet, storage: &MemoryStorage) -> OpenRun {
    let recovered = recover(&storage.durable()).unwrap();
    let record = RunRecord::of(&recovered, &change_set.changes);
    let journal = Journal::start(storage.clone(), recovered.tail).unwrap();
    OpenRun { name: "run".to_owned(), change_set: change_set.clone(), record, journal }
}

fn records_of_a_new_run(change_set: &ChangeSet) -> [Record; 1] {
    let header = RunHeader {
        version: JOURNAL_VERSION,
        run: "run".to_owned(),
        tool: "test".to_owned(),
        spec: "spec.yaml".to_owned(),
        change_set: digest_of(change_set.to_json().as_bytes()),
        steps: None,
    };
    [Record::Run(header)]
}

fn residue(applied: &Ended) -> Vec<&Address> {
    match applied {
        Ended::RolledBack { report, .. } => report.residue.iter().map(|residue| &residue.change.address).collect(),
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
    let ended = run_until(&change_set, &world, 4, stop);
    assert!(matches!(ended, Ended::Interrupted { errors } if errors.is_empty()), "nothing failed");
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
    assert!(matches!(run(&change_set, &world, 1), Ended::Done));
    assert_eq!(world.calls(), 3);
}

#[test]
fn whatever_is_not_as_planned_stops_everything_before_the_first_call() {
    let world = World::default();
    let change_set = planned(random::chain(3), &world);
    world.put(&change_set.changes[1].target, change_set.changes[1].after.clone());
    let Ended::Stale(drifts) = run(&change_set, &world, 1) else { panic!("it is stale") };
    assert_eq!(drifts[0].address, change_set.changes[1].address);
    assert_eq!(world.calls(), 0);
}

#[test]
fn what_is_applied_is_applied_once() {
    let world = World::default();
    let change_set = planned(random::chain(3), &world);
    assert!(matches!(run(&change_set, &world, 2), Ended::Done));
    assert!(matches!(run(&change_set, &world, 2), Ended::Already));
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
