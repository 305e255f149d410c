//! Takes up a run whose process is gone: finishes it, or undoes it.

use cni_plan_core::{Event, Phase, ProviderError, Remaining, changed_since, remaining};

use crate::apply::{Ended, close, go_on};
use crate::execute::{Execution, Recorded};
use crate::inspect::settle_changes;
use crate::journal::Verdict;
use crate::rollback::{Way, roll_back, roll_back_from};
use crate::runs::{OpenRun, RunState};

/// Finishes `run` in the direction it was going. A run that is over is left alone.
///
/// # Errors
/// When the world cannot be read; nothing was done then.
pub async fn resume(run: &OpenRun, execution: &Execution<'_>) -> Result<Ended, ProviderError> {
    let recorded = Recorded { execution, journal: &run.journal };
    match run.record.state {
        RunState::Unfinished(Phase::Rollback) => return Ok(roll_back(way(run), Vec::new(), recorded).await),
        RunState::Unfinished(Phase::Apply) => {}
        _ => return Ok(Ended::Already),
    }
    let changes = &run.change_set.changes;
    (execution.events)(Event::Settling { resources: changes.len() });
    let live = settle_changes(changes, execution.providers).await;
    match remaining(changes, &run.record.standings, &live)? {
        Remaining::Steps(left) => Ok(go_on(way(run), &left, recorded).await),
        Remaining::Drifted(drifts) => Ok(close(recorded, Verdict::Interrupted, Ended::Stale(drifts)).await),
    }
}

/// Undoes `run`. One that ended well is undone only as long as nobody else has changed what that
/// would change.
///
/// # Errors
/// When the world cannot be read; nothing was done then.
pub async fn undo(run: &OpenRun, execution: &Execution<'_>) -> Result<Ended, ProviderError> {
    let recorded = Recorded { execution, journal: &run.journal };
    if matches!(run.record.state, RunState::RolledBack) {
        return Ok(Ended::Already);
    }
    let way = way(run);
    let live = way.settle(recorded).await;
    if matches!(run.record.state, RunState::Applied) {
        let drifts = changed_since(&run.change_set.changes, &run.record.standings, &live)?;
        if !drifts.is_empty() {
            return Ok(close(recorded, Verdict::Applied, Ended::Stale(drifts)).await);
        }
    }
    Ok(roll_back_from(way, live, Vec::new(), recorded).await)
}

fn way(run: &OpenRun) -> Way<'_> {
    let as_it_stands = match run.record.state {
        RunState::Applied => Verdict::Applied,
        RunState::RolledBack => Verdict::RolledBack,
        RunState::Residue => Verdict::Residue,
        RunState::InProgress | RunState::Unfinished(_) => Verdict::Interrupted,
    };
    Way { changes: &run.change_set.changes, standings: run.record.standings.clone(), taken_up: Some(as_it_stands) }
}
