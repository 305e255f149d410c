//! What a run does around its calls: failures, locks, the record, and reads that can be believed. A provider
//! looks at the journal from inside each call, which is when it has to be durable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cni_plan_core::{
    Address, BoxFuture, Change, ChangeSet, ErrorKind, Event, Kind, Observation, Overseer, Phase, Provider,
    ProviderError, Resource, Standing, Target,
};

use super::world::{ACCOUNT, Fault, Session, World};
use super::{
    block_on, planned, procedure, random, records_of_a_new_run, reopened, residue, run_recorded, run_until, under,
};
use crate::journal::{MemoryStorage, Outcome, Record, Tail, Verdict, recover};
use crate::{Ended, Execution, Journal, Locks, OpenRun, Providers, RunState, Stop, apply, resume, undo};

/// A world that checks, in each call, what is durable by then.
struct Witness {
    world: World,
    storage: MemoryStorage,
    /// Calls whose intent was not the last word on their step.
    unrecorded: Arc<Mutex<Vec<Address>>>,
}

impl Provider for Witness {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        self.world.observe(targets)
    }

    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        let is_begun = match last_word_on(&change.address, &self.storage) {
            Some(Record::Begin(intent)) => intent.before == change.before && intent.after == change.after,
            _ => false,
        };
        if !is_begun {
            self.unrecorded.lock().unwrap().push(change.address.clone());
        }
        self.world.apply(change, overseer)
    }
}

fn durable(storage: &MemoryStorage) -> Vec<Record> {
    recover(&storage.durable()).unwrap().records
}

fn last_word_on(address: &Address, storage: &MemoryStorage) -> Option<Record> {
    durable(storage).into_iter().rfind(|record| match record {
        Record::Begin(intent) => &intent.step == address,
        Record::End { step, .. } => step == address,
        _ => false,
    })
}

/// Applies `change_set` by this provider of the account, whatever its steps need besides.
fn apply_by(provider: impl Provider + 'static, change_set: &ChangeSet, storage: &MemoryStorage, stop: Stop) -> Ended {
    let mut providers = Providers::default();
    providers.add_account(ACCOUNT, Arc::new(provider));
    let locks = Locks::default();
    let execution = Execution { providers: &providers, locks: &locks, parallelism: 1, events: &|_| (), stop };
    let open = async || {
        let journal = Journal::start(storage.clone(), Tail::empty()).unwrap();
        for first in records_of_a_new_run(change_set) {
            journal.write(&first).await.unwrap();
        }
        Ok::<_, ProviderError>(journal)
    };
    block_on(apply(change_set, &execution, open)).unwrap()
}

#[test]
fn every_call_finds_its_intent_durable_and_leaves_its_outcome() {
    for failing in [None, Some(1), Some(2)] {
        let world = World::default();
        let change_set = planned(random::chain(3), &world);
        failing.into_iter().for_each(|call| world.fail(call, Fault::InDoubt));
        let (storage, unrecorded) = (MemoryStorage::default(), Arc::default());
        let witness = Witness { world: world.clone(), storage: storage.clone(), unrecorded: Arc::clone(&unrecorded) };
        apply_by(witness, &change_set, &storage, Stop::default());
        assert!(world.calls() >= 3);
        assert_eq!(*unrecorded.lock().unwrap(), []);
        let outcomes: Vec<bool> = durable(&storage)
            .iter()
            .filter_map(|record| match record {
                Record::End { outcome, .. } => Some(*outcome == Outcome::Done),
                _ => None,
            })
            .collect();
        let made: Vec<bool> = world.ended().iter().map(|(_, is_ok)| *is_ok).collect();
        assert_eq!(outcomes, made, "each call has its outcome");
    }
}

#[test]
fn a_disk_that_is_full_stops_the_run_before_the_call_and_not_after() {
    let whole = MemoryStorage::default();
    let change_set = planned(random::chain(4), &World::default());
    run_recorded(&change_set, &World::default(), 1, Stop::default(), &whole);
    let header = whole.durable().iter().position(|&byte| byte == b'\n').unwrap() + 1;
    for room in (header..whole.durable().len()).step_by(41) {
        let (world, storage) = (World::default(), MemoryStorage::with_room(room));
        let ended = run_recorded(&change_set, &world, 1, Stop::default(), &storage);
        let begun = durable(&storage).iter().filter(|record| matches!(record, Record::Begin(_))).count();
        assert_eq!(world.calls(), begun, "with room for {room} bytes");
        // Without room for the very last line everything is done all the same.
        assert!(matches!(ended, Ended::Interrupted { .. }) || begun == 4, "{ended:?}");
    }
}

#[test]
fn without_the_lock_of_its_cluster_no_step_is_called() {
    let world = World::default();
    let mut change_set = planned(random::chain(3), &world);
    change_set.changes[1].clusters = vec!["elsewhere".to_owned()];
    let storage = MemoryStorage::default();
    let ended = run_recorded(&change_set, &world, 1, Stop::default(), &storage);
    let Ended::Interrupted { errors } = ended else { panic!("{ended:?}") };
    assert_eq!(errors[0].why, "its lock was not taken");
    assert_eq!(world.calls(), 1, "the step before it needs no lock");
    assert_eq!(reopened(&change_set, &storage).record.state, RunState::Unfinished(Phase::Apply));
}

/// A migration whose lock is lost at that look, and what its journal says of each step then.
fn without_lock_from(look: usize) -> (Ended, World, ChangeSet, OpenRun) {
    let (world, storage) = (World::default(), MemoryStorage::default());
    procedure::fresh(&world, "c");
    let change_set = planned(procedure::graph(&["c"]), &world);
    world.attend(Session { loses_lock_at: Some(look), ..Session::default() }, false);
    let ended = run_recorded(&change_set, &world, 1, Stop::default(), &storage);
    let run = reopened(&change_set, &storage);
    (ended, world, change_set, run)
}

#[test]
fn a_lock_that_is_lost_before_a_call_halts_the_run_whatever_the_disk_took_meanwhile() {
    // Each step looks twice: before its intent is recorded, and after.
    for (look, begun) in [(0, Standing::NotBegun), (1, Standing::InDoubt)] {
        let (ended, world, _, run) = without_lock_from(look);
        assert!(matches!(&ended, Ended::Interrupted { errors } if errors.len() == 1), "{ended:?}");
        assert_eq!((world.calls(), run.record.standings[0]), (0, begun));
    }
}

#[test]
fn a_lock_that_is_lost_between_two_pods_halts_the_run_and_does_not_turn_it_round() {
    // Four steps with two looks each, two of the restart before its call, one before its second pod.
    let (ended, world, change_set, run) = without_lock_from(10);
    let at = change_set.changes.iter().position(|change| change.address.kind() == Kind::Restart).unwrap();
    assert!(matches!(&ended, Ended::Interrupted { errors } if errors.len() == 1), "{ended:?}");
    assert_eq!((world.calls(), run.record.standings[at]), (at + 1, Standing::InDoubt));
    assert_eq!(run.record.state, RunState::Unfinished(Phase::Apply));
}

/// Refuses the first step, and goes on with every other one until it is told not to.
struct Endless(World, Address);

impl Provider for Endless {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        self.0.observe(targets)
    }

    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            let began = Instant::now();
            while change.address != self.1 && began.elapsed() < Duration::from_secs(20) {
                overseer.may_go_on().await?;
                tokio::task::yield_now().await;
            }
            let error = |why: &str| ProviderError {
                kind: ErrorKind::Refused,
                what: change.address.to_string(),
                why: why.to_owned(),
                cure: String::new(),
            };
            Err(error(if change.address == self.1 { "it was refused" } else { "it was never told" }))
        })
    }
}

#[test]
fn after_a_failure_a_step_under_way_begins_no_further_batch() {
    let (world, storage) = (World::default(), MemoryStorage::default());
    let change_set = independent(&world);
    let mut providers = Providers::default();
    providers.add_account(ACCOUNT, Arc::new(Endless(world, change_set.changes[0].address.clone())));
    let locks = Locks::default();
    let told = Mutex::new(Vec::new());
    let events = |event| {
        if let Event::Failed { error, .. } = event {
            told.lock().unwrap().push(error.why);
        }
    };
    let stop = Stop::default();
    let execution = Execution { providers: &providers, locks: &locks, parallelism: 3, events: &events, stop };
    let open = async || {
        let journal = Journal::start(storage.clone(), Tail::empty()).unwrap();
        journal.write_all(&records_of_a_new_run(&change_set)).await.unwrap();
        Ok::<_, ProviderError>(journal)
    };
    let ended = block_on(apply(&change_set, &execution, open)).unwrap();
    let Ended::RolledBack { errors, .. } = &ended else { panic!("{ended:?}") };
    assert_eq!(errors.len(), 1, "to be told to end is no failure: {errors:?}");
    let mut told = told.into_inner().unwrap();
    told.sort();
    assert_eq!(told, ["another step failed meanwhile", "another step failed meanwhile", "it was refused"]);
}

/// Three steps of which none waits for another.
fn independent(world: &World) -> ChangeSet {
    let mut change_set = planned(random::chain(3), world);
    change_set.changes.iter_mut().for_each(|change| change.depends_on.clear());
    change_set
}

#[test]
fn after_a_failure_nothing_more_is_begun_on_the_way_there() {
    let world = World::default();
    let change_set = independent(&world);
    world.fail(0, Fault::Refused);
    let ended = run_recorded(&change_set, &world, 1, Stop::default(), &MemoryStorage::default());
    assert!(matches!(ended, Ended::RolledBack { .. }), "{ended:?}");
    assert_eq!(world.calls(), 1, "the two that were not begun stay so");
}

#[test]
fn after_a_failure_the_way_back_undoes_what_does_not_wait_for_it() {
    let world = World::default();
    let change_set = independent(&world);
    world.fail(2, Fault::Refused);
    // The first of the two calls that undo.
    world.fail(3, Fault::Refused);
    let ended = run_recorded(&change_set, &world, 1, Stop::default(), &MemoryStorage::default());
    assert_eq!(residue(&ended).len(), 1, "{ended:?}");
    assert_eq!(world.calls(), 5);
}

#[test]
fn a_run_that_was_going_back_goes_on_going_back() {
    let (world, storage) = (World::default(), MemoryStorage::default());
    let change_set = planned(random::chain(3), &world);
    world.fail(2, Fault::Refused);
    // The first call of the way back is its last for now.
    world.stop_at(3);
    let ended = run_recorded(&change_set, &world, 1, world.stop(), &storage);
    assert!(matches!(ended, Ended::Interrupted { .. }), "{ended:?}");
    let run = reopened(&change_set, &storage);
    assert_eq!(run.record.state, RunState::Unfinished(Phase::Rollback));
    let ended = under(&world, 1, Stop::default(), |execution| block_on(resume(&run, execution)).unwrap());
    assert!(matches!(ended, Ended::RolledBack { .. }), "{ended:?}");
    assert!(change_set.changes.iter().all(|change| world.get(&change.target).is_none()));
    drop(run);
    assert_eq!(reopened(&change_set, &storage).record.state, RunState::RolledBack);
}

/// A cluster that was migrated, or as far as a call, with the journal of that.
fn migrated(stop_at: Option<usize>) -> (World, ChangeSet, MemoryStorage) {
    let (world, storage) = (World::default(), MemoryStorage::default());
    procedure::fresh(&world, "c");
    let change_set = planned(procedure::graph(&["c"]), &world);
    stop_at.into_iter().for_each(|call| world.stop_at(call));
    run_recorded(&change_set, &world, 1, world.stop(), &storage);
    (world, change_set, storage)
}

/// The role that the run has made, of one cluster.
fn role(change_set: &ChangeSet) -> &Target {
    &change_set.changes.iter().find(|change| change.address.kind() == Kind::Role).unwrap().target
}

#[test]
fn a_finished_run_is_not_undone_where_another_has_changed_what_it_made() {
    let (world, change_set, storage) = migrated(None);
    let Some(Resource::Role(mut found)) = world.get(role(&change_set)) else { panic!("the run has made it") };
    found.tags.insert("owner".to_owned(), "another".to_owned());
    world.put(role(&change_set), Some(Resource::Role(found)));
    let calls = world.calls();
    let run = reopened(&change_set, &storage);
    let ended = under(&world, 1, Stop::default(), |execution| block_on(undo(&run, execution)).unwrap());
    assert!(matches!(&ended, Ended::Stale(drifts) if drifts.len() == 1), "{ended:?}");
    assert_eq!(world.calls(), calls);
}

#[test]
fn a_run_is_not_finished_where_another_has_taken_away_what_it_made() {
    let (world, change_set, storage) = migrated(Some(2));
    world.put(role(&change_set), None);
    let calls = world.calls();
    let run = reopened(&change_set, &storage);
    let ended = under(&world, 1, Stop::default(), |execution| block_on(resume(&run, execution)).unwrap());
    assert!(matches!(&ended, Ended::Stale(drifts) if drifts.len() == 1), "{ended:?}");
    assert_eq!(world.calls(), calls);
}

#[test]
fn a_run_that_is_over_stays_so_where_others_keep_it_from_being_undone() {
    for (state, verdict) in [(RunState::Residue, Verdict::Residue), (RunState::Applied, Verdict::Applied)] {
        let (world, change_set, storage) = migrated(Some(2));
        let mut run = reopened(&change_set, &storage);
        run.record.state = state;
        // Someone else has done the rest: it is taken off the node role.
        let detach = change_set.changes.iter().find(|change| change.address.kind() == Kind::Detach).unwrap();
        world.put(&detach.target, None);
        let calls = world.calls();
        let ended = under(&world, 1, Stop::default(), |execution| block_on(undo(&run, execution)).unwrap());
        assert!(matches!(&ended, Ended::BlockedByOthers(drifts) if drifts.len() == 1), "{ended:?}");
        assert_eq!(world.calls(), calls);
        drop(run);
        assert_eq!(durable(&storage).last(), Some(&Record::Close { verdict }));
    }
}

#[test]
fn a_run_that_began_nothing_is_over_when_it_is_undone_whatever_others_did() {
    let (world, storage) = (World::default(), MemoryStorage::default());
    procedure::fresh(&world, "c");
    let change_set = planned(procedure::graph(&["c"]), &world);
    world.stop_at(0);
    let stop = Stop::default();
    stop.raise();
    run_recorded(&change_set, &world, 1, stop, &storage);
    run_until(&change_set, &world, 1, Stop::default());
    let calls = world.calls();
    let run = reopened(&change_set, &storage);
    let ended = under(&world, 1, Stop::default(), |execution| block_on(undo(&run, execution)).unwrap());
    assert!(matches!(ended, Ended::RolledBack { .. }), "{ended:?}");
    assert_eq!(world.calls(), calls, "what others did stays");
    drop(run);
    assert!(!matches!(reopened(&change_set, &storage).record.state, RunState::Unfinished(_)));
}

/// Reads that lag: they go on showing what they showed first, unless one waits until they can be believed.
struct Lagging {
    world: World,
    first: Mutex<HashMap<Target, Observation>>,
    /// After how many calls reads begin to lag.
    from: usize,
}

impl Lagging {
    fn from(world: &World, call: usize) -> Lagging {
        Lagging { world: world.clone(), first: Mutex::default(), from: call }
    }
}

impl Provider for Lagging {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(async move {
            let now = self.world.observe(targets).await;
            if self.world.calls() < self.from {
                return now;
            }
            let mut first = self.first.lock().unwrap();
            let lagging = targets.iter().zip(now);
            lagging.map(|(&target, now)| first.entry(target.clone()).or_insert(now).clone()).collect()
        })
    }

    fn settle<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        self.world.observe(targets)
    }

    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        self.world.apply(change, overseer)
    }
}

#[test]
fn what_is_in_doubt_is_read_until_reads_can_be_believed() {
    let world = World::default();
    let change_set = planned(random::chain(3), &world);
    world.fail(1, Fault::InDoubt);
    // Reads still show what was there before the first call.
    let ended = apply_by(Lagging::from(&world, 0), &change_set, &MemoryStorage::default(), Stop::default());
    assert_eq!(residue(&ended), Vec::<&Address>::new(), "{ended:?}");
    let left = change_set.changes.iter().filter(|change| world.get(&change.target).is_some());
    assert_eq!(left.count(), 0, "what had its effect without an answer is undone too");
}

#[test]
fn only_what_can_be_believed_is_called_a_residue() {
    let world = World::default();
    let change_set = planned(random::chain(3), &world);
    world.fail(2, Fault::Refused);
    // Reads never show what the way back does: they have seen all that the run made.
    let lagging = Lagging::from(&world, 3);
    let ended = apply_by(lagging, &change_set, &MemoryStorage::default(), Stop::default());
    assert!(matches!(ended, Ended::RolledBack { .. }), "{ended:?}");
    assert_eq!(residue(&ended), Vec::<&Address>::new());
}

#[test]
fn a_run_is_taken_up_from_what_can_be_believed() {
    let (world, storage) = (World::default(), MemoryStorage::default());
    let change_set = planned(random::chain(3), &world);
    let lagging = Lagging::from(&world, 0);
    block_on(lagging.observe(&change_set.changes.iter().map(|change| &change.target).collect::<Vec<_>>()));
    world.stop_at(1);
    run_recorded(&change_set, &world, 1, world.stop(), &storage);
    let run = reopened(&change_set, &storage);
    let mut providers = Providers::default();
    providers.add_account(ACCOUNT, Arc::new(lagging));
    let locks = Locks::default();
    let execution =
        Execution { providers: &providers, locks: &locks, parallelism: 1, events: &|_| (), stop: Stop::default() };
    let ended = block_on(resume(&run, &execution)).unwrap();
    assert!(matches!(ended, Ended::Done), "{ended:?}");
    assert_eq!(world.calls(), 3, "no step is called twice");
}
