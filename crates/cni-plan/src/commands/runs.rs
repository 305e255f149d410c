//! `cni-plan runs`: the runs of this folder. And which of them a command means.

use cni_plan_core::{ChangeSet, Phase, digest_of};
use cni_plan_engine::{ListedRun, RunRecord, RunState, Runs};
use cni_plan_render::inert;

use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Where runs are, seen from where the command runs.
pub(super) fn folder() -> Runs {
    Runs::at(".cni-plan/runs")
}

pub(super) fn run(printer: &Printer) -> Result<Exit, CommandError> {
    let runs = folder().list()?;
    if runs.is_empty() {
        printer.note("There are no runs in this folder.");
    }
    for run in &runs {
        printer.data(&format!("{}\n", line(run)));
    }
    Ok(Exit::Done)
}

/// The run that `name` names; without a name, the one unfinished run. `None`: there is none.
pub(super) fn named(name: Option<&str>, command: &str) -> Result<Option<String>, CommandError> {
    if let Some(name) = name {
        return Ok(Some(name.to_owned()));
    }
    let unfinished = |run: &ListedRun| match &run.record {
        Ok(record) => matches!(record.state, RunState::Unfinished(_) | RunState::InProgress),
        Err(_) => true,
    };
    let names: Vec<String> = folder().list()?.into_iter().filter(unfinished).map(|run| run.name).collect();
    match names.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        several => Err(CommandError::plain(
            "it is not clear which run is meant",
            format!("several are not finished: {}", several.join(", ")),
            format!("name one: `cni-plan {command} {}`", several[several.len() - 1]),
        )),
    }
}

/// The latest run of this very change set that is not finished: what it left makes the set stale, or
/// looks like all of it. Where the runs cannot be read, none is known of.
pub(super) fn unfinished_of(change_set: &ChangeSet) -> Option<String> {
    let digest = digest_of(change_set.to_json().as_bytes());
    let is_meant = |run: &ListedRun| {
        run.record
            .as_ref()
            .is_ok_and(|record| record.header.change_set == digest && matches!(record.state, RunState::Unfinished(_)))
    };
    folder().list().ok()?.into_iter().rfind(is_meant).map(|run| run.name)
}

fn line(run: &ListedRun) -> String {
    let told = match &run.record {
        Ok(record) => format!("{:<38}  {}", state(record), began(record)),
        Err(why) => format!("cannot be used: {why}"),
    };
    format!("{}  {}", inert(&run.name), inert(&told))
}

fn state(record: &RunRecord) -> &'static str {
    match record.state {
        RunState::InProgress => "in progress",
        RunState::Unfinished(Phase::Apply) => "unfinished: can be resumed",
        RunState::Unfinished(Phase::Rollback) => "unfinished: was going back",
        RunState::Applied => "applied",
        RunState::RolledBack => "rolled back",
        RunState::Residue => "rolled back, with residue",
    }
}

fn began(record: &RunRecord) -> String {
    let by = record.sessions.first().map(|session| format!("{} by {}", session.at, session.who));
    format!("{}  {}", record.header.spec, by.unwrap_or_default())
}
