//! `cni-plan runs`: the runs of this folder. And which of them a command means.

use cni_plan_core::{ChangeSet, Phase, RunList, RunSession, RunStanding, RunSummary, StepsDone, digest_of};
use cni_plan_engine::journal::Session;
use cni_plan_engine::{ListedRun, RunRecord, RunState, Runs};
use cni_plan_render::{Told, runs_text};

use crate::cli::RunsArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Where runs are, seen from where the command runs.
pub(super) fn folder() -> Runs {
    Runs::at(".cni-plan/runs")
}

pub(super) fn run(args: &RunsArgs, printer: &Printer) -> Result<Exit, CommandError> {
    let folder = folder();
    let list = RunList::of(folder.list()?.into_iter().map(|run| summary(run, &folder)).collect());
    if args.json {
        printer.data(&list.to_json());
    } else if list.runs.is_empty() {
        printer.note("There are no runs in this folder.");
    } else {
        printer.data(&runs_text(&list, &printer.out));
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

/// An unfinished run that may have left the world as it is.
pub(super) enum LeftBy {
    /// Of the very change set that is asked about: what it left makes the set stale, or looks like all of it.
    Itself(String),
    /// Of another.
    Another(String),
}

impl LeftBy {
    /// The run's name.
    pub(super) fn run(&self) -> &str {
        let (LeftBy::Itself(run) | LeftBy::Another(run)) = self;
        run
    }
}

/// The latest run of this very change set that is not finished; without one, the latest unfinished run of any other.
/// Where the runs cannot be read, none is known of.
pub(super) fn unfinished_of(change_set: &ChangeSet) -> Option<LeftBy> {
    let mut unfinished = all_unfinished();
    if unfinished.is_empty() {
        return None;
    }
    let digest = digest_of(change_set.to_json().as_bytes());
    match unfinished.iter().rposition(|(_, record)| record.header.change_set == digest) {
        Some(own) => Some(LeftBy::Itself(unfinished.swap_remove(own).0)),
        None => Some(LeftBy::Another(unfinished.pop()?.0)),
    }
}

/// The latest run of this very change set that has applied it and was not undone since, and the process that
/// brought it to its end. Where the runs cannot be read, none is known of.
pub(super) fn applied_by(change_set: &ChangeSet) -> Option<(String, Session)> {
    let digest = digest_of(change_set.to_json().as_bytes());
    let applied = |run: ListedRun| {
        let record = run.record.ok()?;
        let is_it = record.state == RunState::Applied && record.header.change_set == digest;
        Some((run.name, record.sessions.into_iter().last().filter(|_| is_it)?))
    };
    folder().list().unwrap_or_default().into_iter().rev().find_map(applied)
}

/// Warns of every unfinished run of this folder: whatever is planned beside it is planned on a world half-way.
pub(super) fn warn_of_unfinished(printer: &Printer) {
    for (name, record) in all_unfinished() {
        printer.tell(&Told::Warning(&format!(
            "run {name} of {} is not finished, and this sees what it has left half-way: `cni-plan resume {name}` finishes \
             it, `cni-plan rollback {name}` puts everything back",
            record.header.spec
        )));
    }
}

/// The unfinished runs of this folder, the oldest first.
pub(super) fn all_unfinished() -> Vec<(String, RunRecord)> {
    let runs = folder().list().unwrap_or_default();
    let unfinished = |run: ListedRun| {
        let record = run.record.ok()?;
        matches!(record.state, RunState::Unfinished(_)).then_some((run.name, record))
    };
    runs.into_iter().filter_map(unfinished).collect()
}

/// As it is listed. How many steps there are only the change set says where the journal is an old one.
fn summary(run: ListedRun, folder: &Runs) -> RunSummary {
    let ListedRun { name, record } = run;
    let record = match record {
        Ok(record) => record,
        Err(why) => {
            return RunSummary {
                name,
                state: RunStanding::Unusable,
                steps: None,
                spec: None,
                change_set: None,
                sessions: Vec::new(),
                unusable: Some(why.to_string()),
            };
        }
    };
    let counted = || Some(folder.change_set(&name, &record.header).ok()?.counts().steps());
    // A step that `resume` finds done has no record of its end.
    let done = |of: usize| if record.state == RunState::Applied { of } else { record.done };
    let steps = record.header.steps.or_else(counted).map(|of| StepsDone { done: done(of), of });
    let session = |Session { command, who, at, .. }| RunSession { command, who, at };
    RunSummary {
        name,
        state: standing(record.state),
        steps,
        spec: Some(record.header.spec),
        change_set: Some(record.header.change_set),
        sessions: record.sessions.into_iter().map(session).collect(),
        unusable: None,
    }
}

fn standing(state: RunState) -> RunStanding {
    match state {
        RunState::InProgress => RunStanding::InProgress,
        RunState::Unfinished(Phase::Apply) => RunStanding::Unfinished,
        RunState::Unfinished(Phase::Rollback) => RunStanding::GoingBack,
        RunState::Applied => RunStanding::Applied,
        RunState::RolledBack => RunStanding::RolledBack,
        RunState::Residue => RunStanding::Residue,
    }
}
