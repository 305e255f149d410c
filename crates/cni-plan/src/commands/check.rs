//! `cni-plan check`: whether a committed change set may be merged and applied, as a gate of a pull request. Offline
//! unless asked; changes nothing.
//!
//! The digest is no signature: whoever edits a document can make its digest. So the plan is made again from the
//! spec and from what the change set says was found, and has to come to the same bytes.

use std::path::{Path, PathBuf};

use cni_plan_core::{ChangeSet, ChangeSetError, FORMAT_VERSION, Finding, Status, digest_of, status};
use cni_plan_engine::{RunState, observe_changes};
use cni_plan_render::{Told, safety_text};

use super::running::{self, Stale};
use super::{Session, runs};
use crate::change_set_files;
use crate::cli::CheckArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::{may_go_on, plan_again, refusals};
use crate::printer::Printer;
use crate::spec_file::{SpecFile, recorded_path};

/// What is told where the world has moved on.
const NOT_CURRENT: Stale = Stale {
    what: "the change set is stale",
    why: "what it rests on is no longer as it was when it was made",
    hint: "make it anew with `cni-plan plan SPEC` and have it reviewed again",
};

fn anew(file: &SpecFile) -> String {
    format!("make it anew with `{}` and have it reviewed again", file.plan_command())
}

pub(super) async fn run(args: &CheckArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let path = change_set_files::named_or_only(args.change_set.as_deref(), "check")?;
    let (change_set, document) = change_set_files::read_with_text(&path).inspect_err(|error| {
        if matches!(error, CommandError::ChangeSet { source: ChangeSetError::Edited, .. }) {
            failed("unedited", printer);
        }
    })?;
    let file = SpecFile::read(&spec_of(&change_set, args.spec.as_deref())?, printer)?;
    printer.tell(&Told::Checking { file: &path.display().to_string(), change_set: &change_set });
    passed("unedited", "unedited: its digest is that of its content", printer);

    let of_this = [
        ("spec", of_spec(&change_set, &file)),
        ("version", of_tool(&change_set)),
        ("unapplied", unapplied(&document, &file)?),
    ];
    let mut has_failed = false;
    for (check, outcome) in of_this {
        has_failed |= !told(check, outcome, printer);
    }
    if has_failed {
        // What another spec or version makes of it is another plan, which says nothing about this one.
        return Ok(Exit::Stale);
    }
    if !told("made-by-planning", made_again(&change_set, &document, &file), printer) {
        return Ok(Exit::Stale);
    }
    if !told("page", shown(&path, &change_set, &document, &file)?, printer) {
        return Ok(Exit::Error);
    }
    if !is_allowed(&change_set, args, printer) {
        return Ok(Exit::Unsafe);
    }
    if args.online { current(&change_set, session, printer).await } else { Ok(Exit::Done) }
}

/// The spec that was named; or the file that the change set names, seen from here.
fn spec_of(change_set: &ChangeSet, named: Option<&Path>) -> Result<PathBuf, CommandError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let recorded = &change_set.header.spec;
    if let Some(here) = recorded_path(recorded).filter(|path| path.is_file()) {
        return Ok(here.to_owned());
    }
    Err(CommandError::plain(
        "it is not clear which spec the change set has to be of",
        format!("it was made of {recorded}, and there is no such file seen from this folder"),
        "name it: `cni-plan check --spec FILE`",
    ))
}

/// What one look came to: what holds, or why it does not.
type Outcome = Result<String, CommandError>;

/// Tells it, and whether it holds.
fn told(check: &'static str, outcome: Outcome, printer: &Printer) -> bool {
    match outcome {
        Ok(holds) => {
            passed(check, &holds, printer);
            true
        }
        Err(error) => {
            failed(check, printer);
            printer.error(&error);
            false
        }
    }
}

fn passed(check: &'static str, what: &str, printer: &Printer) {
    printer.tell(&Told::Checked { check, holds: true, what });
}

/// Why is told as an error.
fn failed(check: &'static str, printer: &Printer) {
    printer.tell(&Told::Checked { check, holds: false, what: "" });
}

fn of_spec(change_set: &ChangeSet, file: &SpecFile) -> Outcome {
    let path = file.path.display();
    if change_set.header.spec_digest == file.digest {
        return Ok(format!("of this spec: {path} is the one that it was made of"));
    }
    Err(CommandError::plain(
        format!("the change set is not of {path} as it is"),
        format!(
            "it was made of a spec with digest {}, and this one has {}",
            change_set.header.spec_digest, file.digest
        ),
        anew(file),
    ))
}

fn of_tool(change_set: &ChangeSet) -> Outcome {
    let (made_by, this) = (&change_set.header.tool_version, env!("CARGO_PKG_VERSION"));
    let form = change_set.header.format_version;
    if made_by == this && form == FORMAT_VERSION {
        return Ok(format!("of this version: cni-plan {this} made it"));
    }
    Err(CommandError::plain(
        "the change set is of another version",
        format!("cni-plan {made_by} made it in format version {form}; this is {this}, which writes {FORMAT_VERSION}"),
        "check it with the version that made it, or make it anew and have it reviewed again",
    ))
}

/// As far as this folder knows: a run elsewhere is known to the world alone, and to `--online`.
fn unapplied(document: &str, file: &SpecFile) -> Result<Outcome, CommandError> {
    let digest = digest_of(document.as_bytes());
    for run in runs::folder().list()?.into_iter().rev() {
        let Ok(record) = run.record else { continue };
        let why = match record.state {
            _ if record.header.change_set != digest => continue,
            RunState::RolledBack => continue,
            RunState::Applied => "has applied it",
            RunState::InProgress => "is applying it",
            RunState::Unfinished(_) => return Ok(Err(running::unfinished(&run.name))),
            RunState::Residue => "has begun it and could not put everything back",
        };
        return Ok(Err(CommandError::plain(
            "the change set was begun already",
            format!("run {} {why}", run.name),
            format!(
                "`cni-plan runs` lists the runs of this folder; `{}` shows what is left to do",
                file.plan_command()
            ),
        )));
    }
    if let Some((name, _)) = runs::all_unfinished().pop() {
        return Ok(Err(running::unfinished(&name)));
    }
    Ok(Ok("unapplied: no run of this folder has begun it".to_owned()))
}

fn made_again(change_set: &ChangeSet, document: &str, file: &SpecFile) -> Outcome {
    let again = plan_again(file, change_set);
    if again.as_ref().is_some_and(|again| again.to_json() == document) {
        return Ok("made by planning: the spec and what was found come to these very bytes again".to_owned());
    }
    let steps = |other: &ChangeSet| {
        let mut pairs = other.changes.iter().zip(&change_set.changes);
        pairs.find(|(one, other)| one != other).map(|(_, step)| step.address.to_string())
    };
    let what = match &again {
        None => {
            "the spec has other clusters, other ways to reach them, or makes other steps of what was found".to_owned()
        }
        Some(again) => match steps(again) {
            Some(address) => format!("the spec makes another step at {address}, or before it"),
            None if again.header.spec != change_set.header.spec => {
                format!("it says that it is of {}, which is another file", change_set.header.spec)
            }
            None if again.safety != change_set.safety => "its safety verdict is another".to_owned(),
            None if again.findings != change_set.findings => "its findings are others".to_owned(),
            None => "the spec makes other steps or another header of what it says was found".to_owned(),
        },
    };
    Err(CommandError::plain("the change set is not what cni-plan makes of this spec", what, anew(file)))
}

/// Whoever reviewed it has read this page, and not the document.
fn shown(path: &Path, change_set: &ChangeSet, document: &str, file: &SpecFile) -> Result<Outcome, CommandError> {
    Ok(match change_set_files::read_twin(path, change_set, document)? {
        None => Ok("not shown: there is no Markdown page beside it, which reviewers would have read".to_owned()),
        Some((page, true)) => Ok(format!("shown as it is: {} says what it does", page.display())),
        Some((page, false)) => Err(CommandError::plain(
            format!("{} is not the page of this change set", page.display()),
            "it says something else than the change set does: it was edited, or is another's",
            anew(file),
        )),
    })
}

/// Whether nothing forbids it whatever the world is like. Its findings and its verdict are its own: that it was made
/// again has shown that they are true of its steps.
fn is_allowed(change_set: &ChangeSet, args: &CheckArgs, printer: &Printer) -> bool {
    const CHECK: &str = "allowed";
    let refusals = refusals(change_set);
    let verdict = &change_set.safety;
    if !refusals.is_empty() || !(verdict.is_safe() || args.accept_network_outage) {
        failed(CHECK, printer);
    }
    if !refusals.is_empty() {
        printer.error(&CommandError::Refused(refusals));
        return false;
    }
    if !verdict.is_safe() {
        printer.text(&safety_text(verdict, &printer.err));
    }
    if !may_go_on(verdict, args.accept_network_outage, printer) {
        return false;
    }
    let pods = match verdict.is_safe() {
        true if change_set.findings.iter().any(Finding::is_of_unread) => {
            "no pod is ever without permissions, as far as could be read"
        }
        true => "no pod is ever without permissions",
        false => "its outage is accepted",
    };
    passed(CHECK, &format!("allowed: no finding refuses it, and {pods}"), printer);
    true
}

/// The one check that asks anybody.
const CURRENT: &str = "current";

/// Reads again what `apply` would, without its locks: what is seen is true of this moment only.
async fn current(change_set: &ChangeSet, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let connector = session.connector_for_clusters(&change_set.header.clusters).await?;
    let connected = match running::connect(change_set, &connector, &NOT_CURRENT, printer).await? {
        Ok(connected) => connected,
        Err(stale) => {
            failed(CURRENT, printer);
            return Ok(stale);
        }
    };
    let observed = observe_changes(&change_set.changes, &connected.providers).await;
    match status(&change_set.changes, &observed)? {
        Status::Applied if !change_set.counts().is_empty() => {
            failed(CURRENT, printer);
            printer.tell(&Told::AppliedAlready { run: None, at: None });
            printer.error(&CommandError::plain(
                "the change set is applied already",
                "everything is as it leaves it",
                "there is nothing to do; the change set can be deleted",
            ));
            Ok(Exit::Stale)
        }
        Status::Pending | Status::Applied => {
            passed(CURRENT, "current: everything that it rests on is as it was when it was made", printer);
            Ok(Exit::Done)
        }
        Status::Stale(drifts) => {
            failed(CURRENT, printer);
            Ok(running::stale(&Told::Drift(&drifts), change_set, &NOT_CURRENT, printer))
        }
    }
}
