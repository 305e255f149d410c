//! Puts back what a failed run did, and proves it by looking.

use std::collections::HashMap;

use cni_plan_core::{Address, Change, Kept, Observation, Phase, Resource, Run, invert};

use crate::Providers;
use crate::execute::{Execution, execute};
use crate::inspect::observe_changes;

/// What is back and what is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollbackReport {
    /// Seen to be as they were before the run.
    pub restored: Vec<Address>,
    /// Not so, each with the reason.
    pub residue: Vec<Residue>,
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Residue {
    /// Which.
    pub address: Address,
    /// Why it is not, in one clause.
    pub why: String,
}

/// Undoes the steps that were begun. Begun says nothing about done: what is undone is decided by
/// looking at the world.
pub(crate) async fn roll_back(
    begun: &[Change],
    plan: &[Change],
    providers: &Providers,
    execution: &Execution<'_>,
) -> RollbackReport {
    let live = observe_changes(begun, providers).await;
    let inverse = invert(plan, &live);
    let executed = execute(&inverse.changes, Phase::Rollback, providers, execution).await;
    let failed: HashMap<&Address, String> =
        executed.failed.iter().map(|(at, error)| (&inverse.changes[*at].address, error.to_string())).collect();

    let after = observe_changes(begun, providers).await;
    let mut report = RollbackReport::default();
    for change in begun.iter().filter(|change| !only_looks(change)) {
        let address = &change.address;
        if is_as_before(change, after.get(address)) {
            report.restored.push(address.clone());
        } else {
            let why = residue_reason(address, &failed, &inverse.kept, after.get(address));
            report.residue.push(Residue { address: address.clone(), why });
        }
    }
    report
}

/// A verification changed nothing that could be put back.
fn only_looks(change: &Change) -> bool {
    matches!(change.run, Some(Run::Verify { .. }))
}

fn is_as_before(change: &Change, now: Option<&Observation>) -> bool {
    match (&change.before, now) {
        (Some(Resource::Pods(_)), _) if !change.is_effective() => true,
        (Some(before), Some(Observation::Present(now))) => now.same_for_a_plan(before),
        (None, Some(Observation::Absent)) => true,
        _ => false,
    }
}

fn residue_reason(
    address: &Address,
    failed: &HashMap<&Address, String>,
    kept: &[Kept],
    now: Option<&Observation>,
) -> String {
    if let Some(Observation::Unseen(error)) = now {
        return format!("it could not be read again: {error}");
    }
    if let Some(why) = failed.get(address) {
        return format!("undoing it failed: {why}");
    }
    if let Some(kept) = kept.iter().find(|kept| &kept.address == address) {
        return format!("left as it is: {}", kept.why);
    }
    "a step that had to be undone before it was not".to_owned()
}
