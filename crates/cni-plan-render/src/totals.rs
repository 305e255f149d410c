//! The last lines of a plan: how much of what.

use cni_plan_core::{Action, Change, ChangeSet, Counts, Run, Severity};

use crate::{describe, words};

/// Actions are named one by one up to this many; more are counted.
const NAMED_AT_MOST: usize = 6;

/// `Plan: 2 to add, 1 to change, 1 to destroy.`
pub(crate) fn plan(counts: Counts) -> String {
    format!("Plan: {} to add, {} to change, {} to destroy.", counts.add, counts.change, counts.destroy)
}

/// That all of a plan that does something can be undone, where it may be applied; what cannot be is listed otherwise.
pub(crate) fn undoing(change_set: &ChangeSet) -> Option<&'static str> {
    let mut effective = change_set.changes.iter().filter(|change| change.is_effective()).peekable();
    let does_something = effective.peek().is_some();
    let may_be_applied = change_set.safety.is_safe() && !is_refused(change_set);
    let can_be_undone = effective.all(|change| describe::irreversible(change).is_none());
    (does_something && may_be_applied && can_be_undone).then_some("Everything can be undone.")
}

/// `Actions to run: probe my-cluster, restart my-cluster, verify my-cluster.`; nothing where nothing runs.
pub(crate) fn actions(change_set: &ChangeSet) -> Option<String> {
    let runs: Vec<&Change> = change_set.changes.iter().filter(|change| change.action == Action::Run).collect();
    if runs.is_empty() {
        return None;
    }
    if runs.len() <= NAMED_AT_MOST {
        let named: Vec<String> = runs.iter().map(|change| format!("{} {}", verb(change), scope(change))).collect();
        return Some(format!("Actions to run: {}.", named.join(", ")));
    }
    Some(format!("Actions to run: {}.", words::and(&counted(&runs))))
}

/// `12 probes`, `12 restarts` and so on, as far as there are any.
pub(crate) fn counted(runs: &[&Change]) -> Vec<String> {
    let nouns = runs.iter().filter_map(|change| change.run.as_ref()).map(|run| match run {
        Run::Probe { .. } => "probe",
        Run::Restart { .. } => "restart",
        Run::Verify { .. } => "verification",
        Run::Confirm { .. } => "confirmation",
    });
    let nouns: Vec<&str> = nouns.collect();
    ["probe", "restart", "verification", "confirmation"]
        .into_iter()
        .map(|noun| (nouns.iter().filter(|other| **other == noun).count(), noun))
        .filter(|(number, _)| *number > 0)
        .map(|(number, noun)| words::count(number, noun))
        .collect()
}

/// `Nothing to do: 1 cluster is as the spec says.`, where that is so and nothing speaks against it.
pub(crate) fn nothing(change_set: &ChangeSet) -> Option<String> {
    if !change_set.counts().is_empty() || is_refused(change_set) {
        return None;
    }
    let clusters = change_set.header.clusters.len();
    let are = if clusters == 1 { "is" } else { "are" };
    Some(format!("Nothing to do: {} {are} as the spec says.", words::count(clusters, "cluster")))
}

/// Whether a finding keeps the plan from being applied.
pub(crate) fn is_refused(change_set: &ChangeSet) -> bool {
    change_set.findings.iter().any(|finding| finding.severity == Severity::Refuse)
}

fn verb(change: &Change) -> &'static str {
    match change.run {
        Some(Run::Probe { .. }) => "probe",
        Some(Run::Restart { .. }) => "restart",
        Some(Run::Verify { .. }) => "verify",
        Some(Run::Confirm { .. }) => "confirm",
        None => "run",
    }
}

fn scope(change: &Change) -> &str {
    match change.clusters.as_slice() {
        [only] => only,
        _ => change.address.scope(),
    }
}
