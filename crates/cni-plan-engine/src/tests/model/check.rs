//! What has to hold after each process, whatever became of it: the numbers are those of what the
//! design says always holds.

use std::collections::BTreeMap;

use cni_plan_core::{Change, Phase, Resource, Reversibility, ServiceAccount, Standing, Target};
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::machine::{Deed, Machine, Plan, Run};
use crate::{Ended, RollbackReport, RunRecord, RunState};

impl Machine {
    /// 2: a change set applies to the world that it was made for and to no other.
    pub(super) fn check_precondition(
        &self,
        plan: &Plan,
        found: &BTreeMap<Target, Resource>,
        deed: &Deed<'_>,
    ) -> TestCaseResult {
        let changes = &plan.change_set.changes;
        let is_as_seen =
            changes.iter().all(|change| are_same(plan.seen.get(&change.target), found.get(&change.target)));
        match &deed.outcome {
            Some(Ok(Ended::Stale(_))) => prop_assert!(!is_as_seen, "it is called stale, and nothing has changed"),
            Some(Ok(Ended::Already)) => {
                prop_assert!(changes.iter().all(|change| is_reached(change, found)), "it is called applied");
            }
            _ => prop_assert!(is_as_seen || deed.calls.is_empty(), "it is applied to another world"),
        }
        Ok(())
    }

    pub(super) fn check_nothing_was_called(&self, deed: &Deed<'_>) -> TestCaseResult {
        prop_assert_eq!(deed.calls.len(), 0, "called without a journal");
        prop_assert_eq!(self.world.violations(), Vec::<String>::new());
        Ok(())
    }

    pub(super) fn check(&self, run: &Run, deed: &Deed<'_>) -> TestCaseResult {
        // 1, 5, and of 3 that the intent is durable: the world keeps account itself.
        prop_assert_eq!(self.world.violations(), Vec::<String>::new(), "{:?}", deed.outcome);
        prop_assert!(deed.calls_without_lock < deed.trouble.parallelism.max(1), "it goes on without its lock");
        let record = RunRecord::of(&run.disk.recovered().unwrap(), &run.change_set.changes);
        check_standings(run, &record)?;
        let things = self.world.things();
        check_state(run, &record, &things)?;
        match &deed.outcome {
            None => {}
            Some(Err(_) | Ok(Ended::Already | Ended::Stale(_) | Ended::BlockedByOthers(_))) => {
                prop_assert_eq!(deed.calls.len(), 0, "something was called: {:?}", deed.outcome);
            }
            Some(Ok(Ended::Interrupted { .. })) => {
                let is_as_it_was = record.state == deed.was && deed.calls.is_empty();
                prop_assert!(matches!(record.state, RunState::Unfinished(_)) || is_as_it_was, "{:?}", record.state);
            }
            Some(Ok(Ended::Done)) => {
                for change in run.change_set.changes.iter().filter(|change| change.is_effective()) {
                    prop_assert!(is_reached(change, &things), "{} is not done", change.address);
                }
            }
            Some(Ok(Ended::RolledBack { report, .. })) => check_way_back(run, deed, report, &things)?,
        }
        check_end(run, deed)
    }
}

/// 3: the record says of each step what was called, no less, and of what it calls done no more.
fn check_standings(run: &Run, record: &RunRecord) -> TestCaseResult {
    for (change, &standing) in run.change_set.changes.iter().zip(&record.standings) {
        let mut calls = run.calls.iter().filter(|call| call.phase == Phase::Apply && call.step == change.address);
        let last = calls.next_back();
        prop_assert!(
            last.is_none() || standing != Standing::NotBegun,
            "{} was called, and there is no record of it",
            change.address
        );
        prop_assert!(
            standing != Standing::Done || last.is_some_and(|call| call.is_ok),
            "{} is on record as done",
            change.address
        );
    }
    Ok(())
}

/// 3 and 4: a run that is called over is over.
fn check_state(run: &Run, record: &RunRecord, things: &BTreeMap<Target, Resource>) -> TestCaseResult {
    if run.is_disturbed {
        return Ok(());
    }
    for change in run.change_set.changes.iter().filter(|change| is_touched(run, change)) {
        match record.state {
            RunState::Applied => prop_assert!(is_reached(change, things), "applied, but for {}", change.address),
            RunState::RolledBack => {
                let now = things.get(&change.target);
                let is_back = change.is_undone(now) || is_reborn(run, change, now);
                prop_assert!(is_back, "back, but for {}", change.address);
            }
            RunState::InProgress | RunState::Unfinished(_) | RunState::Residue => {}
        }
    }
    Ok(())
}

/// 4: all is back, or told.
fn check_way_back(
    run: &Run,
    deed: &Deed<'_>,
    report: &RollbackReport,
    things: &BTreeMap<Target, Resource>,
) -> TestCaseResult {
    for change in &run.change_set.changes {
        let is_told = report.residue.iter().any(|residue| residue.change.address == change.address);
        let is_back = change.is_undone(things.get(&change.target));
        prop_assert!(is_back || is_told || !is_touched(run, change), "{} is left and not told", change.address);
        prop_assert!(!(is_back && is_told), "{} is back, and told to be left", change.address);
    }
    // Only what was made to fail may: an order that cannot work fails as well.
    let is_hit = !deed.trouble.faults.is_empty() || deed.trouble.loses_lock_at.is_some();
    let failed_on_the_way = deed.calls.iter().any(|call| call.phase == Phase::Rollback && !call.is_ok);
    if is_hit && failed_on_the_way || run.is_disturbed || !can_go_back(run) {
        return Ok(());
    }
    let left: Vec<_> = report.residue.iter().map(|residue| (&residue.change.address, &residue.why)).collect();
    prop_assert!(left.is_empty(), "nothing stood in the way: {:?}", left);
    for target in run.start.keys().chain(things.keys()) {
        prop_assert!(are_same(run.start.get(target), things.get(target)), "{target:?} is not as at the start");
    }
    Ok(())
}

/// 3: without trouble and without others a run comes to the end that it was to come to.
fn check_end(run: &Run, deed: &Deed<'_>) -> TestCaseResult {
    if run.is_disturbed || !deed.trouble.is_none() {
        return Ok(());
    }
    let goes_back = deed.is_rollback || deed.was == RunState::Unfinished(Phase::Rollback);
    let is_as_asked = match (&deed.outcome, deed.was) {
        (Some(Ok(Ended::Already)), RunState::RolledBack) => true,
        (Some(Ok(Ended::Already)), RunState::Applied | RunState::Residue) => !deed.is_rollback,
        (Some(Ok(Ended::RolledBack { .. })), _) => goes_back,
        (Some(Ok(Ended::Done)), _) => !goes_back,
        _ => false,
    };
    prop_assert!(is_as_asked, "from {:?}: {:?}", deed.was, deed.outcome);
    Ok(())
}

fn is_touched(run: &Run, change: &Change) -> bool {
    run.calls.iter().any(|call| call.step == change.address)
}

/// Pods that have been born again since, under what the plan found: no run's doing, and no run's to undo.
fn is_reborn(run: &Run, change: &Change, now: Option<&Resource>) -> bool {
    let (Some(Resource::Pods(before)), Some(Resource::Pods(now))) = (&change.before, now) else { return false };
    let same_cluster = run.change_set.changes.iter().filter(|other| other.clusters == change.clusters);
    let born =
        same_cluster.flat_map(|other| other.service_accounts()[0]).map(ServiceAccount::identity_of_new_pods).next();
    now.identities().iter().all(|it| before.identities().contains(it) || born.as_ref() == Some(*it))
}

fn can_go_back(run: &Run) -> bool {
    let mut steps = run.change_set.changes.iter().filter(|change| change.is_effective());
    steps.all(|change| change.reversibility == Reversibility::Reversible)
}

fn is_reached(change: &Change, things: &BTreeMap<Target, Resource>) -> bool {
    match (&change.run, &change.after, things.get(&change.target)) {
        (Some(run), _, Some(Resource::Pods(pods))) => pods.all_satisfy(run.identity()),
        (None, Some(after), Some(now)) => &after.merged_into(now) == now,
        (None, None, None) => true,
        _ => false,
    }
}

/// How many pods there are is nobody's doing.
fn are_same(one: Option<&Resource>, other: Option<&Resource>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.same_for_a_plan(other),
        (one, other) => one.is_none() && other.is_none(),
    }
}
