//! The world, the runs, and what becomes of both with each operation.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cni_plan_core::{ChangeSet, LockHolder, Phase, ProviderError, Resource, Target};
use proptest::test_runner::TestCaseResult;

use super::disk::Disk;
use super::operation::{Killed, Operation, Trouble};
use crate::journal::{Journal, NotRecorded, Record, Session as SessionRecord, Tail};
use crate::step::not_recorded;
use crate::tests::procedure::{self, CLUSTERS, Start, graph};
use crate::tests::world::{Call, Process, Session, World};
use crate::tests::{planned, records_of_a_new_run};
use crate::{Ended, Execution, Locks, OpenRun, RunRecord, RunState, apply, resume, undo};

/// What a process came to; `None`: it was killed.
pub(super) type Outcome = Option<Result<Ended, ProviderError>>;

pub(super) struct Machine {
    pub(super) world: World,
    clusters: Vec<&'static str>,
    pub(super) plan: Option<Plan>,
    pub(super) runs: Vec<Run>,
    /// The run whose process was the last at work.
    last: Option<usize>,
}

/// The change set made last, with what it was made for.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) change_set: ChangeSet,
    pub(super) seen: BTreeMap<Target, Resource>,
    ailing: BTreeSet<String>,
}

/// A run that was begun.
pub(super) struct Run {
    pub(super) change_set: ChangeSet,
    /// Everything there was when it began.
    pub(super) start: BTreeMap<Target, Resource>,
    ailing: BTreeSet<String>,
    pub(super) disk: Disk,
    /// Whether anybody else has changed anything since, another run included.
    pub(super) is_disturbed: bool,
    /// Each of its calls, whichever process made it.
    pub(super) calls: Vec<Call>,
}

/// One process and what came of it.
pub(super) struct Deed<'a> {
    pub(super) trouble: &'a Trouble,
    pub(super) was: RunState,
    /// Whether it was asked to go back.
    pub(super) is_rollback: bool,
    pub(super) outcome: Outcome,
    pub(super) calls: Vec<Call>,
    pub(super) calls_without_lock: usize,
}

impl Machine {
    pub(super) fn of(starts: &[(Start, [u32; 2])]) -> Machine {
        let world = World::default();
        let clusters = CLUSTERS[..starts.len()].to_vec();
        for (cluster, (start, pods)) in clusters.iter().zip(starts) {
            procedure::put(&world, cluster, *start, pods);
        }
        let mut machine = Machine { world, clusters, plan: None, runs: Vec::new(), last: None };
        machine.make_plan();
        machine
    }

    pub(super) fn go(&mut self, operation: &Operation) -> TestCaseResult {
        let cluster = |number: usize| self.clusters[number % self.clusters.len()];
        match operation {
            Operation::Plan => self.make_plan(),
            Operation::Apply(trouble) => self.apply(trouble)?,
            Operation::Resume(run, trouble) => self.take_up(*run, Phase::Apply, trouble)?,
            Operation::Rollback(run, trouble) => self.take_up(*run, Phase::Rollback, trouble)?,
            Operation::Births(number) => self.world.bear_all(cluster(*number)),
            Operation::Outside(drift, number) => {
                if self.world.drift(*drift, cluster(*number)) {
                    self.runs.iter_mut().for_each(|run| run.is_disturbed = true);
                    self.time_passes();
                }
            }
        }
        Ok(())
    }

    /// Whatever is not over is finished or undone, by turns, without any trouble.
    pub(super) fn finish(&mut self) -> TestCaseResult {
        let trouble = Trouble { parallelism: 1, ..Trouble::default() };
        for number in (0..self.runs.len()).rev() {
            let phase = if number % 2 == 0 { Phase::Apply } else { Phase::Rollback };
            self.take_up(number, phase, &trouble)?;
        }
        Ok(())
    }

    fn make_plan(&mut self) {
        self.time_passes();
        let change_set = planned(graph(&self.clusters), &self.world);
        self.plan = Some(Plan { change_set, seen: self.world.things(), ailing: self.world.ailing() });
    }

    /// Until reads lag no more.
    fn time_passes(&mut self) {
        self.world.catch_up();
        self.last = None;
    }

    fn apply(&mut self, trouble: &Trouble) -> TestCaseResult {
        self.time_passes();
        let Some(plan) = self.plan.clone().filter(|plan| plan.change_set.safety.is_safe()) else { return Ok(()) };
        let disk = Disk::default();
        let start = self.world.things();
        let open = async |process: &Process| {
            disk.take_up(process, 0, trouble.room, trouble.killed_at_record());
            let journal = Journal::start(disk.clone(), Tail::empty()).unwrap();
            let [header] = records_of_a_new_run(&plan.change_set);
            for first in [header, Record::Session(session(false))] {
                journal.write(&first).await.map_err(|error| not_recorded(&error))?;
            }
            Ok::<_, ProviderError>(journal)
        };
        let process = self.attend(&disk, &plan.ailing, trouble, false);
        let outcome = process.run(async {
            let providers = self.world.providers();
            let execution = execution(&self.world, &providers, trouble).await;
            apply(&plan.change_set, &execution.of(&providers), async || open(&process).await).await
        });
        let deed = self.deed(trouble, RunState::Unfinished(Phase::Apply), false, outcome);
        self.check_precondition(&plan, &start, &deed)?;
        if disk.recovered().is_none() {
            return self.check_nothing_was_called(&deed);
        }
        let Plan { change_set, ailing, .. } = plan;
        self.runs.push(Run { change_set, start, ailing, disk, is_disturbed: false, calls: Vec::new() });
        self.is_done(self.runs.len() - 1, &deed)
    }

    fn take_up(&mut self, number: usize, phase: Phase, trouble: &Trouble) -> TestCaseResult {
        if self.runs.is_empty() {
            return Ok(());
        }
        let number = number % self.runs.len();
        let run = &self.runs[number];
        let recovered = run.disk.recovered().expect("what was whole once stays so");
        let record = RunRecord::of(&recovered, &run.change_set.changes);
        let was = record.state;
        let process = self.attend(&run.disk, &run.ailing, trouble, self.last == Some(number));
        let length = usize::try_from(recovered.tail.length).unwrap();
        run.disk.take_up(&process, length, trouble.room, trouble.killed_at_record());
        let outcome = process.run(async {
            let journal = Journal::start(run.disk.clone(), recovered.tail).unwrap();
            let taken_up = journal.write(&Record::Session(session(recovered.torn))).await;
            taken_up.map_err(|error: NotRecorded| not_recorded(&error))?;
            let run = OpenRun { name: "run".to_owned(), change_set: run.change_set.clone(), record, journal };
            let providers = self.world.providers();
            let execution = execution(&self.world, &providers, trouble).await;
            match phase {
                Phase::Apply => resume(&run, &execution.of(&providers)).await,
                Phase::Rollback => undo(&run, &execution.of(&providers)).await,
            }
        });
        let is_rollback = phase == Phase::Rollback;
        let deed = self.deed(trouble, was, is_rollback, outcome);
        self.is_done(number, &deed)
    }

    fn attend(&self, disk: &Disk, ailing: &BTreeSet<String>, trouble: &Trouble, follows: bool) -> Process {
        let process = Process::default();
        let session = Session {
            process: process.clone(),
            disk: disk.clone(),
            killed_at: trouble.killed_at_call(),
            has_stragglers: trouble.has_stragglers,
            loses_lock_at: trouble.loses_lock_at,
            lags: trouble.lags,
            ailing: ailing.clone(),
            ..Session::default()
        };
        self.world.attend(session, follows);
        trouble.faults.iter().for_each(|(&call, &fault)| self.world.fail(call, fault));
        for (&call, &cluster) in &trouble.births {
            self.world.reborn_before(call, CLUSTERS[cluster]);
        }
        if let Some(call) = trouble.stops_at {
            self.world.stop_at(call);
        }
        process
    }

    fn deed<'a>(&self, trouble: &'a Trouble, was: RunState, is_rollback: bool, outcome: Outcome) -> Deed<'a> {
        self.world.bury();
        let (calls, calls_without_lock) =
            self.world.of_session(|session| (session.calls.values().cloned().collect(), session.calls_without_lock));
        Deed { trouble, was, is_rollback, outcome, calls, calls_without_lock }
    }

    fn is_done(&mut self, number: usize, deed: &Deed<'_>) -> TestCaseResult {
        self.last = Some(number);
        self.runs[number].calls.extend(deed.calls.iter().cloned());
        if !deed.calls.is_empty() {
            let others = self.runs.iter_mut().enumerate().filter(|(at, _)| *at != number);
            others.for_each(|(_, run)| run.is_disturbed = true);
        }
        self.check(&self.runs[number], deed)
    }
}

/// What an execution borrows from.
struct Held {
    locks: Locks,
    parallelism: usize,
    stop: crate::Stop,
}

impl Held {
    fn of<'a>(&'a self, providers: &'a crate::Providers) -> Execution<'a> {
        let Held { locks, parallelism, stop } = self;
        Execution { providers, locks, parallelism: *parallelism, events: &|_| (), stop: stop.clone() }
    }
}

async fn execution(world: &World, providers: &crate::Providers, trouble: &Trouble) -> Held {
    let holder = LockHolder { run: "run".to_owned(), who: "test".to_owned() };
    let keys = CLUSTERS.map(str::to_owned);
    let locks = Locks::take(&keys, providers, &holder, Duration::ZERO).await.unwrap();
    Held { locks, parallelism: trouble.parallelism, stop: world.stop() }
}

fn session(torn: bool) -> SessionRecord {
    let text = "test".to_owned();
    SessionRecord { command: text.clone(), who: text.clone(), at: text, torn }
}

impl Trouble {
    fn killed_at_call(&self) -> Option<(usize, crate::tests::world::Moment)> {
        match self.killed {
            Some(Killed::AtCall(call, moment)) => Some((call, moment)),
            _ => None,
        }
    }

    fn killed_at_record(&self) -> Option<(usize, super::Cut)> {
        match self.killed {
            Some(Killed::AtRecord(record, cut)) => Some((record, cut)),
            _ => None,
        }
    }
}
