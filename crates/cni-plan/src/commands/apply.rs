//! `cni-plan apply`: a reviewed change set, or a spec that is planned, agreed to and applied.

use std::path::{Path, PathBuf};

use cni_plan_core::{ChangeSet, Counts, Phase, Status, prove, status};
use cni_plan_engine::{Ended, Execution, apply, observe_changes};
use cni_plan_render::{Told, inert, quoted, safety_text};

use super::running::Work;
use super::runs::LeftBy;
use super::{Session, asked, running, runs};
use crate::change_set_files::{self, FOLDER};
use crate::cli::ApplyArgs;
use crate::connect::Connector;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::{may_go_on, plan, refusals};
use crate::printer::Printer;
use crate::question::{Question, agreed};
use crate::spec_file::{SpecFile, hint_of_spec};
use crate::{identity, own_folder};

pub(super) async fn run(args: &ApplyArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    match &args.subject {
        Some(path) if change_set_files::is_change_set(path) => apply_change_set(path, args, session, printer).await,
        Some(path) => apply_spec(path, args, session, printer).await,
        None => match unapplied(session, printer).await? {
            Some(path) => apply_change_set(&path, args, session, printer).await,
            None => Ok(Exit::Done),
        },
    }
}

async fn apply_spec(
    path: &Path,
    args: &ApplyArgs,
    session: &mut Session<'_>,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    let file = SpecFile::read(path, printer)?;
    let connector = session.connector_for_spec(&file).await?;
    let change_set = plan(&file, &connector, printer).await?;
    printer.tell(&Told::Planned(&change_set));
    runs::warn_of_unfinished(printer);
    if !refusals(&change_set).is_empty() {
        printer.refused("nothing was changed");
        return Ok(Exit::Unsafe);
    }
    if !may_go_on(&change_set.safety, args.accept_network_outage, printer) {
        return Ok(Exit::Unsafe);
    }
    if change_set.counts().is_empty() {
        return Ok(Exit::Done);
    }
    let question = Question {
        what: "Apply this plan? Only `yes` applies it: ",
        cannot: "cannot ask whether to apply this plan",
        instead: "review it and add --auto-approve, or save it with `cni-plan plan` and apply the change set",
    };
    if !args.auto_approve && !agreed(&question, args.no_input, printer)? {
        printer.note("Nothing was changed.");
        return Ok(Exit::Error);
    }
    reviewed(&change_set, || change_set.digest(), args)?;
    // Someone may have thought about the question for hours: the facts are read again, too.
    carry_out(&change_set, &connector, args, printer).await
}

async fn apply_change_set(
    path: &Path,
    args: &ApplyArgs,
    session: &mut Session<'_>,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    let (change_set, document) = change_set_files::read_with_text(path)?;
    let refusals = refusals(&change_set);
    if !refusals.is_empty() {
        return Err(CommandError::Refused(refusals));
    }
    printer.tell(&Told::Taken { file: &path.display().to_string(), change_set: &change_set });
    // The digest is no signature: the verdict may be anyone's, so it is found again.
    let verdict = prove(&change_set.changes);
    if !verdict.is_safe() {
        printer.text(&safety_text(&verdict, &printer.err));
    }
    if !may_go_on(&verdict, args.accept_network_outage, printer) {
        return Ok(Exit::Unsafe);
    }
    let connector = session.connector_for_clusters(&change_set.header.clusters).await?;
    reviewed(&change_set, || ChangeSet::digest_in(&document), args)?;
    carry_out(&change_set, &connector, args, printer).await
}

/// Reads again whatever the change set rests on, facts included, and carries it out under its locks.
async fn carry_out(
    change_set: &ChangeSet,
    connector: &Connector,
    args: &ApplyArgs,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    let connected = match running::connect(change_set, connector, &running::CHANGE_SET, printer).await? {
        Ok(connected) => connected,
        Err(stale) => return Ok(stale),
    };
    let name = identity::run_name();
    let begin = async || {
        let session = identity::session("apply");
        printer.tell(&Told::Run { name: &name, phase: Phase::Apply, is_taken_up: false });
        own_folder::make();
        Ok(runs::folder().create(&name, env!("CARGO_PKG_VERSION"), change_set, session).await?)
    };
    let go = async |execution: &Execution<'_>| apply(change_set, execution, begin).await;
    let facts = Some((connector, &running::CHANGE_SET));
    let work = Work { name: &name, change_set, connected: &connected, facts };
    let ended = match running::under_locks(work, &args.run, printer, go).await? {
        Ok(ended) => ended,
        Err(stale) => return Ok(stale),
    };
    if matches!(ended, Ended::Done) {
        printer.tell(&Told::Summary(&applied_text(change_set)));
    }
    let left_by = match ended {
        Ended::Stale(_) | Ended::Already => runs::unfinished_of(change_set),
        _ => None,
    };
    let is_twice = matches!(ended, Ended::Already) && names_a_change_set(args) && !change_set.counts().is_empty();
    match (ended, left_by) {
        // To plan anew would leave what the run has begun to nobody. What differs is what the set's own run has done.
        (Ended::Stale(drifts), Some(left_by)) => {
            if let LeftBy::Another(_) = left_by {
                printer.tell(&Told::Drift(&drifts));
            }
            printer.error(&running::unfinished(left_by.run()));
            Ok(Exit::Stale)
        }
        // It may have done all there was to do: it is open all the same.
        (Ended::Already, Some(LeftBy::Itself(run))) => {
            printer.error(&running::unfinished(&run));
            Ok(Exit::Stale)
        }
        (ended, left_by) => {
            let exit = if is_twice {
                applied_twice(change_set, printer)
            } else {
                running::tell(ended, &name, change_set, &running::CHANGE_SET, printer)?
            };
            if let Some(left_by) = left_by {
                printer.error(&running::unfinished(left_by.run()));
            }
            Ok(exit)
        }
    }
}

/// Whether one change set is meant and no other, so that it matters who applied it. A spec, or whatever lies under
/// `plans/`, is only to be so.
fn names_a_change_set(args: &ApplyArgs) -> bool {
    args.digest.is_some() || args.subject.as_deref().is_some_and(change_set_files::is_change_set)
}

/// A reviewed change set applies once: whoever comes second is told who came first, as far as this folder knows.
fn applied_twice(change_set: &ChangeSet, printer: &Printer) -> Exit {
    let by = runs::applied_by(change_set);
    let run = by.as_ref().map(|(name, _)| name.as_str());
    printer.tell(&Told::AppliedAlready { run, at: by.as_ref().map(|(_, session)| session.at.as_str()) });
    let why = match &by {
        Some((name, session)) => {
            format!("everything is as it leaves it: run {name} applied it, {} by {}", session.at, session.who)
        }
        None => "everything is as it leaves it, and no run of this folder did it".to_owned(),
    };
    printer.error(&CommandError::plain(
        "the change set is applied already; nothing was changed",
        why,
        hint_of_spec(
            "`cni-plan plan SPEC` shows whether anything is left to do; `cni-plan runs` lists the runs of this folder",
            &change_set.header.spec,
        ),
    ));
    Exit::Stale
}

/// Refuses another change set than the one of the digest that was asked for.
fn reviewed(change_set: &ChangeSet, digest: impl FnOnce() -> String, args: &ApplyArgs) -> Result<(), CommandError> {
    let Some(asked) = &args.digest else { return Ok(()) };
    let digest = digest();
    if digest == *asked {
        return Ok(());
    }
    let what_is_asked = if change_set.header.spec_digest == *asked { ", which is the spec's," } else { "" };
    Err(CommandError::plain(
        "the change set is not the one that was reviewed; nothing was changed",
        format!("its digest is {digest}, and {asked}{what_is_asked} was asked for"),
        "have it reviewed, or bring back the reviewed one: `digest`, the first member of its document, and its page say which it is",
    ))
}

fn applied_text(change_set: &ChangeSet) -> String {
    let Counts { add, change, destroy, run } = change_set.counts();
    let actions = if run == 1 { "action" } else { "actions" };
    format!("Applied and verified: {add} added, {change} changed, {destroy} destroyed, {run} {actions} run.")
}

/// The one change set under `plans/` that is not applied, read from the world. Several are listed;
/// one that is stale stands behind one that can be applied.
async fn unapplied(session: &mut Session<'_>, printer: &Printer) -> Result<Option<PathBuf>, CommandError> {
    let paths = change_set_files::list()?;
    if paths.is_empty() {
        return Err(CommandError::plain(
            "there is nothing to apply",
            format!("no change set lies under {FOLDER}/"),
            "make one with `cni-plan plan SPEC`, or name one: `cni-plan apply CHANGE_SET`",
        ));
    }
    if let [only] = paths.as_slice() {
        return Ok(Some(only.clone()));
    }
    let (mut pending, mut outdated) = (Vec::new(), Vec::new());
    for path in &paths {
        match standing(path, session).await {
            Ok((Status::Pending, _)) => pending.push(path.clone()),
            Ok((Status::Stale(_), change_set)) => outdated.push((path.clone(), change_set.header.spec)),
            Ok((Status::Applied, _)) => {}
            Err(error) => {
                printer
                    .note(&format!("{}: it cannot be told whether it is applied", inert(&path.display().to_string())));
                return Err(error);
            }
        }
    }
    if !pending.is_empty() {
        outdated.iter().for_each(|(path, spec)| printer.tell(&Told::Warning(&passed_over(path, spec))));
    }
    let open = if pending.is_empty() { outdated.into_iter().map(|(path, _)| path).collect() } else { pending };
    match open.as_slice() {
        [] => {
            let text = format!("Nothing to do: all {} change sets under {FOLDER}/ are applied.", paths.len());
            printer.tell(&Told::Summary(&text));
            Ok(None)
        }
        [only] => Ok(Some(only.clone())),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            Err(CommandError::plain(
                "it is not clear which change set to apply",
                format!("several under {FOLDER}/ are not applied: {}", names.join(", ")),
                format!("name one: `cni-plan apply {}`", quoted(&names[0])),
            ))
        }
    }
}

/// Of a stale change set that another is applied instead of: someone may believe that it is the one.
fn passed_over(path: &Path, spec: &str) -> String {
    let what = format!(
        "{} is stale and passed over: what it rests on is no longer as it was when it was made",
        path.display()
    );
    let path = path.to_string_lossy();
    let hint = hint_of_spec("`cni-plan plan SPEC` makes it anew", spec);
    format!("{what}. `cni-plan apply {}` shows what differs, {hint}", quoted(&path))
}

async fn standing(path: &Path, session: &mut Session<'_>) -> Result<(Status, ChangeSet), CommandError> {
    let change_set = change_set_files::read(path)?;
    let clusters = &change_set.header.clusters;
    let connected = session.connector_for_clusters(clusters).await?.connect(&asked(clusters)).await?;
    let observed = observe_changes(&change_set.changes, &connected.providers).await;
    Ok((status(&change_set.changes, &observed)?, change_set))
}
