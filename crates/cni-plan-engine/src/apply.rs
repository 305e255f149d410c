//! Applies a reviewed change set: the preconditions, the steps, and the way back.

use cni_plan_core::{ChangeSet, Drift, ErrorKind, Phase, ProviderError, Status, status};

use crate::Providers;
use crate::execute::{Execution, execute};
use crate::inspect::observe_changes;
use crate::rollback::{RollbackReport, roll_back};

/// What applying came to.
#[derive(Debug)]
pub enum Applied {
    /// The world was already as the change set leaves it.
    Already,
    /// Every step is done.
    Done,
    /// The world is not the one the change set was made for; nothing was done.
    Stale(Vec<Drift>),
    /// A step failed, and what had been done was undone.
    RolledBack {
        /// Why: one or more failures of steps that ran at the same time.
        errors: Vec<ProviderError>,
        /// What is back.
        report: RollbackReport,
    },
}

/// Applies `change_set` once: re-reads everything that it rests on, and does nothing at all where
/// anything differs. An error means that the world could not be read; nothing was done then either.
pub async fn apply(
    change_set: &ChangeSet,
    providers: &Providers,
    execution: &Execution<'_>,
) -> Result<Applied, ProviderError> {
    let observed = observe_changes(&change_set.changes, providers).await;
    match status(&change_set.changes, &observed)? {
        Status::Applied => return Ok(Applied::Already),
        Status::Stale(drifts) => return Ok(Applied::Stale(drifts)),
        Status::Pending => {}
    }
    let changes = &change_set.changes;
    let executed = execute(changes, Phase::Apply, providers, execution).await;
    if executed.failed.is_empty() && executed.left == 0 {
        return Ok(Applied::Done);
    }
    let report = roll_back(changes, &executed, providers, execution).await;
    let mut errors: Vec<ProviderError> = executed.failed.into_iter().map(|(_, error)| error).collect();
    if errors.is_empty() {
        errors.push(interrupted());
    }
    Ok(Applied::RolledBack { errors, report })
}

fn interrupted() -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: "the run was interrupted".to_owned(),
        why: "a signal asked it to stop".to_owned(),
        cure: "apply again when you are ready".to_owned(),
    }
}
