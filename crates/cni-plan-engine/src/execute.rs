//! The one executor: ready steps first, so many at once, forwards and backwards alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cni_plan_core::{Change, Event, Phase, ProviderError, Schedule};
use futures::stream::{FuturesUnordered, StreamExt};

use crate::Providers;
use crate::step::carry_out;

/// How a plan is carried out.
#[derive(Clone)]
pub struct Execution<'a> {
    /// Steps at once; at least one.
    pub parallelism: usize,
    /// Is told what happens.
    pub events: &'a (dyn Fn(Event) + Send + Sync),
    /// Raised from outside to begin nothing more.
    pub stop: Stop,
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
#[derive(Debug, Default)]
pub(crate) struct Executed {
    /// Positions of the steps that were begun, those that failed included.
    pub(crate) begun: Vec<usize>,
    /// Failures, in the order they came.
    pub(crate) failed: Vec<(usize, ProviderError)>,
    /// Steps that call something and were neither done nor failed.
    pub(crate) left: usize,
}

impl Executed {
    /// Positions of the steps that were begun and did not fail.
    pub(crate) fn done(&self) -> impl Iterator<Item = usize> {
        self.begun.iter().copied().filter(|at| self.failed.iter().all(|(failed, _)| failed != at))
    }
}

/// Executes the steps of `changes`. Forwards, the first failure begins nothing more and waits for
/// what is under way; backwards, everything that does not depend on the failure goes on.
pub(crate) async fn execute(
    changes: &[Change],
    phase: Phase,
    providers: &Providers,
    execution: &Execution<'_>,
) -> Executed {
    let began = Instant::now();
    let steps = changes.iter().filter(|change| change.is_effective()).count();
    (execution.events)(Event::Began { phase, steps });

    let mut schedule = Schedule::new(changes);
    let mut running = FuturesUnordered::new();
    let mut executed = Executed::default();
    let mut done = 0;
    loop {
        let may_begin = match phase {
            Phase::Apply => executed.failed.is_empty() && !execution.stop.is_raised(),
            Phase::Rollback => true,
        };
        while may_begin && running.len() < execution.parallelism.max(1) {
            let Some(at) = schedule.start_next() else { break };
            if !changes[at].is_effective() {
                schedule.done(at);
                continue;
            }
            executed.begun.push(at);
            running.push(async move { (at, carry_out(&changes[at], providers, execution).await) });
        }
        let Some((at, result)) = running.next().await else { break };
        match result {
            Ok(()) => {
                schedule.done(at);
                done += 1;
            }
            Err(error) => executed.failed.push((at, error)),
        }
    }
    executed.left = steps - done - executed.failed.len();
    (execution.events)(Event::Ended { phase, done, took: began.elapsed() });
    executed
}
