//! Applies a reviewed change set: the preconditions, the steps, and the way back.

use cni_plan_core::{ChangeSet, Drift, Event, Phase, ProviderError, Standing, Status, status};

use crate::execute::{Execution, Recorded, execute};
use crate::inspect::observe_changes;
use crate::journal::{Journal, Record, Verdict};
use crate::rollback::{RollbackReport, Way, roll_back};

/// What a run came to.
#[derive(Debug)]
pub enum Ended {
    /// The world was already as the run leaves it; nothing was done.
    Already,
    /// Every step is done.
    Done,
    /// The world is not the one that was to be changed; nothing was done.
    Stale(Vec<Drift>),
    /// Others have done meanwhile what the run had not begun, so that it does not go back; nothing was
    /// done.
    BlockedByOthers(Vec<Drift>),
    /// What had been done was undone.
    RolledBack {
        /// Why: one or more failures of steps that ran at the same time; none where it was asked for.
        errors: Vec<ProviderError>,
        /// What is back.
        report: RollbackReport,
    },
    /// Nothing more was begun, what was under way has ended, and the run can be taken up again.
    Interrupted {
        /// What stands in the way; none where someone asked to stop.
        errors: Vec<ProviderError>,
    },
}

/// Applies `change_set` once: re-reads everything that it rests on, and does nothing at all where
/// anything differs. Only then is the journal opened. The locks are held by now.
///
/// # Errors
/// When the world could not be read or the journal not be opened; nothing was done then either.
pub async fn apply<E: From<ProviderError>>(
    change_set: &ChangeSet,
    execution: &Execution<'_>,
    open: impl AsyncFnOnce() -> Result<Journal, E>,
) -> Result<Ended, E> {
    let changes = &change_set.changes;
    (execution.events)(Event::Observing { resources: changes.len() });
    let observed = observe_changes(changes, execution.providers).await;
    match status(changes, &observed)? {
        Status::Applied => return Ok(Ended::Already),
        Status::Stale(drifts) => return Ok(Ended::Stale(drifts)),
        Status::Pending => {}
    }
    let journal = open().await?;
    let way = Way { changes, standings: vec![Standing::NotBegun; changes.len()], taken_up: None };
    Ok(go_on(way, changes, Recorded { execution, journal: &journal }).await)
}

/// Carries out `left`, which is what is left of a run, and goes back when that fails.
pub(crate) async fn go_on(mut way: Way<'_>, left: &[cni_plan_core::Change], run: Recorded<'_>) -> Ended {
    let executed = execute(left, Phase::Apply, run).await;
    if executed.is_complete() {
        return close(run, Verdict::Applied, Ended::Done).await;
    }
    way.take_over(&executed.standings);
    let mut errors: Vec<ProviderError> = executed.failed.into_iter().map(|(_, error)| error).collect();
    if executed.halted.is_some() || run.execution.stop.is_raised() {
        errors.extend(executed.halted);
        return close(run, Verdict::Interrupted, Ended::Interrupted { errors }).await;
    }
    roll_back(way, errors, run).await
}

/// Records how the run stands. Where that cannot be recorded, what happened is the same, and it is told
/// that the run is taken for one that was cut off.
pub(crate) async fn close(run: Recorded<'_>, verdict: Verdict, ended: Ended) -> Ended {
    if let Err(error) = run.journal.write(&Record::Close { verdict }).await
        && verdict != Verdict::Interrupted
    {
        (run.execution.events)(Event::NotRecorded { why: error.to_string() });
    }
    ended
}
