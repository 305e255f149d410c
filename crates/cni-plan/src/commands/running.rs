//! What `apply`, `resume` and `rollback` have in common: locks, signals, and telling how it ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cni_plan_core::{
    ChangeSet, Event, Kind, LockHolder, LockRecord, RoleRecord, Unread, facts_drift, outside_uses, roles_drift,
    roles_rested_on,
};
use cni_plan_engine::{Ended, Execution, Locks, NotLocked, Patience, RollbackReport, Stop, look};
use cni_plan_render::{RolledBack, Told, ToldResidue, by_hand, clusters_by_key};

use super::{asked, runs};
use crate::cli::RunArgs;
use crate::connect::{Connected, Connector};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::roles::records;
use crate::spec_file::hint_of_spec;
use crate::{identity, signals};

/// What is told where the world is not the one that a command would work on.
pub(super) struct Stale {
    pub(super) what: &'static str,
    pub(super) why: &'static str,
    /// Its `SPEC` becomes the change set's.
    pub(super) hint: &'static str,
}

/// Of a change set that is to be applied.
pub(super) const CHANGE_SET: Stale = Stale {
    what: "the change set is stale; nothing was changed",
    why: "what it rests on is no longer as it was when it was made",
    hint: "make it anew with `cni-plan plan SPEC` and have it reviewed again",
};
/// Of a run that is to be finished.
pub(super) const UNFINISHED: Stale = Stale {
    what: "the run cannot be finished; nothing was changed",
    why: "something is neither as the plan found it nor as the run left it: someone else has changed it since",
    hint: "`cni-plan rollback` takes back what the run did; or put it as it was, and resume again",
};
/// Of a finished run that is to be undone.
pub(super) const FINISHED: Stale = Stale {
    what: "the run is not undone; nothing was changed",
    why: "something is no longer as the run left it: someone else has changed it since",
    hint: "`cni-plan plan SPEC` shows how things are; put it as the run left it, and roll back again",
};
/// Of a run that is not undone, because others rely on what it would take away.
const BLOCKED: Stale = Stale {
    what: "the run is not undone; nothing was changed",
    why: "someone else has done since what the run had not begun, and may rely on what it did",
    hint: "undo first what was done since (`cni-plan runs`), or leave it: `cni-plan plan SPEC` shows how things are",
};

/// Connects to a change set's clusters, unless their facts are not those it rests on any more, others use the
/// node roles that lose a policy who did not when it was made, or the plugin's roles allow something else.
pub(super) async fn connect(
    change_set: &ChangeSet,
    connector: &Connector,
    told: &Stale,
    printer: &Printer,
) -> Result<Result<Connected, Exit>, CommandError> {
    let clusters = &change_set.header.clusters;
    printer.tell(&Told::Reading { clusters: clusters.len() });
    let connected = connector.connect(&asked(clusters)).await?;
    let drifts = facts_drift(clusters, &connected.clusters);
    if !drifts.is_empty() {
        return Ok(Err(stale(&Told::FactsDrift(&drifts), change_set, told, printer)));
    }
    let outside = outside_uses(&change_set.changes, clusters, &connected.neighbours);
    if outside != change_set.header.outside {
        return Ok(Err(stale(&Told::OutsideDrift(&change_set.header.outside, &outside), change_set, told, printer)));
    }
    let drifts = drift_of_roles(change_set, &connected, printer).await?;
    if !drifts.is_empty() {
        return Ok(Err(stale(&Told::RolesDrift(&drifts), change_set, told, printer)));
    }
    Ok(Ok(connected))
}

/// Each role of the plugin's on which there is, beside the change set's steps, something else than when it was
/// made: as recorded, and as found.
async fn drift_of_roles(
    change_set: &ChangeSet,
    connected: &Connected,
    printer: &Printer,
) -> Result<Vec<(RoleRecord, RoleRecord)>, CommandError> {
    let asked = roles_rested_on(&change_set.changes, &change_set.header.clusters);
    let looked = look(std::iter::empty(), asked.clone(), &connected.providers).await;
    let found = records(looked.roles, |_, unread| {
        for Unread { what, why, .. } in unread {
            printer.tell(&Told::Warning(&format!("{what} could not be read: {why}")));
        }
    })?;
    Ok(roles_drift(&asked, &change_set.changes, &change_set.header.roles, &found))
}

/// What is to be done under locks.
pub(super) struct Work<'a> {
    /// The run's name.
    pub(super) name: &'a str,
    pub(super) change_set: &'a ChangeSet,
    pub(super) connected: &'a Connected,
    /// For work that rests on the facts of clusters: what reads them again where they were read long
    /// before the locks were had, and what is told where they differ.
    pub(super) facts: Option<(&'a Connector, &'a Stale)>,
}

/// Takes the locks of all of the change set's clusters, has `go` work under them, and lets go of them
/// whatever came of it.
pub(super) async fn under_locks(
    work: Work<'_>,
    args: &RunArgs,
    printer: &Printer,
    go: impl AsyncFnOnce(&Execution<'_>) -> Result<Ended, CommandError>,
) -> Result<Result<Ended, Exit>, CommandError> {
    let begun = Instant::now();
    let stop = Stop::default();
    let to = printer.clone();
    let _signals = signals::watch(stop.clone(), move |at_once| {
        to.tell(&Told::Stopping { at_once });
        if at_once {
            let exit = Exit::Interrupted;
            to.tell(&Told::Outcome { exit_code: exit as u8, outcome: exit.as_str(), took: begun.elapsed() });
        }
    })
    .map_err(|error| CommandError::plain("cannot watch for signals", error.to_string(), "try again"))?;
    let holder = LockHolder { run: work.name.to_owned(), who: identity::who() };
    let planned = &work.change_set.header.clusters;
    let clusters: Vec<String> = planned.iter().map(|it| it.cluster.key.clone()).collect();
    let has_waited = AtomicBool::new(false);
    let waits_for = |cluster: &str, record: &LockRecord| {
        has_waited.store(true, Ordering::SeqCst);
        printer.tell(&Told::LockAwaited { cluster, record, limit: args.lock_timeout });
    };
    let providers = &work.connected.providers;
    let patience = Patience { limit: args.lock_timeout, waits_for: &waits_for, stop: Box::pin(until_raised(&stop)) };
    let locks = Locks::take(&clusters, providers, &holder, patience).await.map_err(not_locked)?;
    printer.tell(&Told::LocksTaken { clusters: clusters.len() });
    let again = work.facts.filter(|_| has_waited.load(Ordering::SeqCst));
    let facts = match again {
        Some((connector, told)) => {
            connect(work.change_set, connector, told, printer).await.map(|facts| facts.map(drop))
        }
        None => Ok(Ok(())),
    };
    let ended = match facts {
        Ok(Ok(())) => {
            let events = |event: Event| printer.tell(&Told::Happened(&event));
            let parallelism = usize::from(args.parallelism);
            go(&Execution { providers, locks: &locks, parallelism, events: &events, stop }).await.map(Ok)
        }
        Ok(Err(stale)) => Ok(Err(stale)),
        Err(error) => Err(error),
    };
    for error in locks.release_all().await {
        // The run is over; a lock that is left expires.
        printer.tell(&Told::Warning(&format!("{error}; it expires by itself, or `cni-plan lock break` takes it away")));
    }
    ended
}

fn not_locked(error: NotLocked) -> CommandError {
    match error {
        NotLocked::Held(held) => {
            let unfinished_here = runs::all_unfinished().into_iter().map(|(name, _)| name).collect();
            CommandError::Locked { held, unfinished_here }
        }
        NotLocked::Failed(errors) => CommandError::Provider(errors),
    }
}

/// Waits for the flag, which wakes nobody.
async fn until_raised(stop: &Stop) {
    const LOOK: Duration = Duration::from_millis(100);
    while !stop.is_raised() {
        tokio::time::sleep(LOOK).await;
    }
}

/// Tells how a run ended. What it did when all went well is its command's to tell.
pub(super) fn tell(
    ended: Ended,
    name: &str,
    change_set: &ChangeSet,
    told: &Stale,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    match ended {
        Ended::Already => {
            printer.tell(&Told::Summary("Nothing to do: everything is as this change set leaves it."));
            Ok(Exit::Done)
        }
        Ended::Done => Ok(Exit::Done),
        Ended::Stale(drifts) => Ok(stale(&Told::Drift(&drifts), change_set, told, printer)),
        Ended::BlockedByOthers(drifts) => Ok(stale(&Told::Drift(&drifts), change_set, &BLOCKED, printer)),
        Ended::RolledBack { errors, report } => {
            printer.error(&CommandError::Provider(errors));
            Ok(rolled_back(report, name, change_set, printer))
        }
        Ended::Interrupted { errors } => {
            printer.error(&CommandError::Provider(errors));
            printer.error(&unfinished(name));
            Ok(Exit::Interrupted)
        }
    }
}

/// Of a run that can be taken up again.
pub(super) fn unfinished(name: &str) -> CommandError {
    CommandError::plain(
        format!("run {name} is not finished"),
        "it was stopped or cut off on its way; what it had begun is recorded",
        format!("`cni-plan resume {name}` finishes it, `cni-plan rollback {name}` puts everything back"),
    )
}

/// Shows what differs from what a change set says, and what that means.
pub(super) fn stale(drift: &Told<'_>, change_set: &ChangeSet, told: &Stale, printer: &Printer) -> Exit {
    printer.tell(drift);
    printer.error(&CommandError::plain(told.what, told.why, hint_of_spec(told.hint, &change_set.header.spec)));
    Exit::Stale
}

/// In which order a person undoes things: the node role's policy first, then what tells pods their identity, the pods, and
/// then what they used, each before what it stands on.
fn turn_on_the_way_back(kind: Kind) -> u8 {
    match kind {
        Kind::Detach => 0,
        Kind::Annotate => 1,
        Kind::Probe | Kind::Restart | Kind::Verify | Kind::Confirm | Kind::Cluster => 2,
        Kind::Attach => 3,
        Kind::Role => 4,
        Kind::Policy => 5,
        Kind::OidcProvider => 6,
    }
}

/// Tells what is back, and of what is not, why and what a person would type.
fn rolled_back(report: RollbackReport, name: &str, change_set: &ChangeSet, printer: &Printer) -> Exit {
    let clusters = clusters_by_key(change_set.header.clusters.iter().map(|planned| &planned.cluster));
    let mut residue = report.residue;
    residue.sort_by_key(|residue| turn_on_the_way_back(residue.change.address.kind()));
    let residue: Vec<ToldResidue> = residue
        .into_iter()
        .map(|residue| ToldResidue {
            by_hand: by_hand(&residue.change, &residue.now, &clusters),
            address: residue.change.address,
            why: residue.why,
            is_kept: residue.is_kept,
        })
        .collect();
    let report = RolledBack { restored: report.restored, residue };
    printer.tell(&Told::RolledBack(&report));
    if report.residue.is_empty() {
        return Exit::RolledBack;
    }
    // What is kept on purpose would be kept again.
    if report.residue.iter().any(|residue| !residue.is_kept) {
        printer.note(&format!("Once the cause is gone, `cni-plan rollback {name}` puts back what is left."));
    }
    Exit::Residue
}
