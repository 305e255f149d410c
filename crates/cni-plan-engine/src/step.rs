//! One step. Every call that changes anything goes through here and nowhere else, forwards and
//! backwards: the locks are looked at, the intent is made durable, the call is made, its outcome is
//! recorded.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use cni_plan_core::{BoxFuture, Change, ErrorKind, Event, Overseer, Phase, Progress, ProviderError};

use crate::execute::Recorded;
use crate::inspect::no_provider;
use crate::journal::{Intent, NotRecorded, Outcome, Record};

/// Why a step is not done.
#[derive(Debug)]
pub(crate) enum StepError {
    /// Its call failed; what it left is in doubt.
    Failed(ProviderError),
    /// It was asked to end between two of its calls; what it left is in doubt.
    CutShort(ProviderError),
    /// Nothing more may be called by this process.
    Halted {
        /// Why not.
        error: ProviderError,
        /// Whether this step's own call was made.
        was_called: bool,
    },
}

/// Carries out one step and tells of it. Once `is_over` is set, a step of several calls begins no
/// further one.
pub(crate) async fn carry_out(
    change: &Change,
    phase: Phase,
    run: Recorded<'_>,
    is_over: &AtomicBool,
) -> Result<(), StepError> {
    let began = Instant::now();
    let tell = run.execution.events;
    let (address, action) = (&change.address, change.action);
    tell(Event::Started { phase, address: address.clone(), action });
    let result = recorded_call(change, phase, run, is_over).await;
    let address = address.clone();
    tell(match &result {
        Ok(()) => Event::Finished { phase, address, action, took: began.elapsed() },
        Err(StepError::Failed(error) | StepError::CutShort(error) | StepError::Halted { error, .. }) => {
            Event::Failed { phase, address, error: error.clone() }
        }
    });
    result
}

async fn recorded_call(
    change: &Change,
    phase: Phase,
    run: Recorded<'_>,
    is_over: &AtomicBool,
) -> Result<(), StepError> {
    let halted = |error, was_called| StepError::Halted { error, was_called };
    let locks = run.execution.locks;
    locks.check(&change.clusters).await.map_err(|error| halted(error, false))?;
    let intent = Record::Begin(Intent {
        step: change.address.clone(),
        phase,
        action: change.action,
        before: change.before.clone(),
        after: change.after.clone(),
        ms: run.journal.elapsed_ms(),
    });
    run.journal.write(&intent).await.map_err(|error| halted(not_recorded(&error), false))?;
    // A disk that hangs can outlast a lock. With its intent recorded the step counts as in doubt.
    locks.check(&change.clusters).await.map_err(|error| halted(error, true))?;
    let oversight = Oversight { change, phase, run, is_over, refusal: OnceLock::new() };
    let result = call(change, &oversight).await;
    let outcome = match &result {
        Ok(()) => Outcome::Done,
        Err(error) => Outcome::Failed { why: error.to_string() },
    };
    let end = Record::End { step: change.address.clone(), phase, outcome, ms: run.journal.elapsed_ms() };
    run.journal.write(&end).await.map_err(|error| halted(not_recorded(&error), true))?;
    result.map_err(|error| match oversight.refusal.into_inner() {
        Some(Refusal::CutShort(error)) => StepError::CutShort(error),
        Some(Refusal::LockLost(error)) => halted(error, true),
        None => StepError::Failed(error),
    })
}

async fn call(change: &Change, oversight: &Oversight<'_>) -> Result<(), ProviderError> {
    let owner = change.target.owner();
    match oversight.run.execution.providers.get(owner) {
        Some(provider) => provider.apply(change, oversight).await,
        None => Err(no_provider(owner)),
    }
}

/// Stands behind a step while it is carried out.
struct Oversight<'a> {
    change: &'a Change,
    phase: Phase,
    run: Recorded<'a>,
    is_over: &'a AtomicBool,
    /// What the step was told when it asked whether it may go on: then its failure is no failure of
    /// its call.
    refusal: OnceLock<Refusal>,
}

/// Why a step may not go on.
enum Refusal {
    CutShort(ProviderError),
    LockLost(ProviderError),
}

impl Oversight<'_> {
    fn refuse(&self, refusal: Refusal) -> ProviderError {
        let (Refusal::CutShort(error) | Refusal::LockLost(error)) = self.refusal.get_or_init(|| refusal);
        error.clone()
    }
}

impl Overseer for Oversight<'_> {
    fn tell(&self, progress: Progress) {
        let address = self.change.address.clone();
        (self.run.execution.events)(Event::Progressed { phase: self.phase, address, progress });
    }

    fn may_go_on(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(async {
            let is_over = self.is_over.load(Ordering::SeqCst);
            let why = match self.run.execution.stop.is_raised() {
                true => "someone asked to stop",
                false if is_over => "another step failed meanwhile",
                false => return self.holds_locks().await,
            };
            Err(self.refuse(Refusal::CutShort(interrupted(self.change, why))))
        })
    }

    fn holds_locks(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(async {
            let lost = self.run.execution.locks.check(&self.change.clusters).await;
            lost.map_err(|error| self.refuse(Refusal::LockLost(error)))
        })
    }
}

fn interrupted(change: &Change, why: &str) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Interrupted,
        what: format!("{} is not finished", change.address),
        why: why.to_owned(),
        cure: "`cni-plan resume` goes on where it stopped".to_owned(),
    }
}

/// Without its record a call is not made, so a run cannot even go back.
pub(crate) fn not_recorded(error: &NotRecorded) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: "cannot record what is about to be done, so nothing more is done".to_owned(),
        why: error.to_string(),
        cure: "make room for the run's journal, then `cni-plan resume` or `cni-plan rollback`".to_owned(),
    }
}
