//! The one executor: ready steps first, so many at once, forwards and backwards alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cni_plan_core::{Address, Change, Event, Phase, ProviderError, Schedule, Standing};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::step::{StepError, carry_out};
use crate::{Journal, Locks, Providers};

/// How a plan is carried out.
#[derive(Clone)]
pub struct Execution<'a> {
    /// Who answers for what.
    pub providers: &'a Providers,
    /// What has to be held before anything is changed.
    pub locks: &'a Locks,
    /// Steps at once; at least one.
    pub parallelism: usize,
    /// Is told what happens.
    pub events: &'a (dyn Fn(Event) + Send + Sync),
    /// Raised from outside to begin nothing more.
    pub stop: Stop,
}

/// An execution and where it is recorded.
#[derive(Clone, Copy)]
pub(crate) struct Recorded<'a> {
    pub(crate) execution: &'a Execution<'a>,
    pub(crate) journal: &'a Journal,
}

/// A flag that asks a run to begin nothing more.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for it.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether it was asked for.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What an execution came to.
#[derive(Debug)]
pub(crate) struct Executed {
    /// How far each step has come in this execution.
    pub(crate) standings: Vec<Standing>,
    /// Failures, in the order they came.
    pub(crate) failed: Vec<(usize, ProviderError)>,
    /// Why nothing more may be called, not even to go back: an intent could not be recorded, or a
    /// lock was lost.
    pub(crate) halted: Option<ProviderError>,
    /// Steps that call something and were neither done nor failed.
    pub(crate) left: usize,
}

impl Executed {
    /// Whether every step is done.
    pub(crate) fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.halted.is_none() && self.left == 0
    }
}

/// Executes the steps of `changes`. Forwards, the first failure begins nothing more, neither a step nor
/// a further batch of pods, and waits for what is under way; backwards, everything that does not depend
/// on the failure goes on. Whoever asks to stop, or a lock or record that is lost, has nothing more
/// begun in either direction.
pub(crate) async fn execute(changes: &[Change], phase: Phase, run: Recorded<'_>) -> Executed {
    let execution = run.execution;
    let began = Instant::now();
    let steps: Vec<Address> =
        changes.iter().filter(|change| change.is_effective()).map(|change| change.address.clone()).collect();
    let left = steps.len();
    (execution.events)(Event::Began { phase, steps });

    let mut schedule = Schedule::new(changes);
    let is_over = AtomicBool::new(false);
    let mut running = FuturesUnordered::new();
    let mut executed =
        Executed { standings: vec![Standing::NotBegun; changes.len()], failed: Vec::new(), halted: None, left };
    let mut done = 0;
    loop {
        let may_begin = !is_over.load(Ordering::SeqCst) && !execution.stop.is_raised();
        while may_begin && running.len() < execution.parallelism.max(1) {
            let Some(at) = schedule.start_next() else { break };
            if !changes[at].is_effective() {
                schedule.done(at);
                continue;
            }
            let is_over = &is_over;
            running.push(async move { (at, carry_out(&changes[at], phase, run, is_over).await) });
        }
        let Some((at, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                executed.standings[at] = Standing::Done;
                schedule.done(at);
                done += 1;
                executed.left -= 1;
            }
            Err(StepError::Failed(error)) => {
                executed.standings[at] = Standing::InDoubt;
                executed.failed.push((at, error));
                executed.left -= 1;
                is_over.fetch_or(phase == Phase::Apply, Ordering::SeqCst);
            }
            Err(StepError::CutShort(_)) => executed.standings[at] = Standing::InDoubt,
            Err(StepError::Halted { error, was_called }) => {
                if was_called {
                    executed.standings[at] = Standing::InDoubt;
                }
                executed.halted.get_or_insert(error);
                is_over.store(true, Ordering::SeqCst);
            }
        }
    }
    (execution.events)(Event::Ended { phase, done, took: began.elapsed() });
    executed
}
