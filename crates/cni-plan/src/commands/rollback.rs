//! `cni-plan rollback [RUN]`: undoes a run, a finished one too, and proves it by looking.

use cni_plan_core::{Phase, Run, Standing};
use cni_plan_engine::{Execution, OpenRun, RunState, undo};
use cni_plan_render::{Told, inert};

use super::running::Work;
use super::{Session, asked, running, runs};
use crate::cli::RollbackArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::identity;
use crate::printer::Printer;
use crate::question::{Question, agreed};

pub(super) async fn run(
    args: &RollbackArgs,
    session: &mut Session<'_>,
    printer: &Printer,
) -> Result<Exit, CommandError> {
    let Some(name) = runs::named(args.name.as_deref(), "rollback")? else {
        return Err(CommandError::plain(
            "there is no unfinished run to undo",
            "a run that is over is undone only by name",
            "`cni-plan runs` lists them: `cni-plan rollback RUN`",
        ));
    };
    let run = runs::folder().open(&name, identity::session("rollback")).await?;
    if run.record.state == RunState::RolledBack {
        printer.tell(&Told::Summary(&format!("Nothing to do: run {name} is rolled back already.")));
        return Ok(Exit::Done);
    }
    if args.name.is_none() && !matches!(run.record.state, RunState::Unfinished(_)) {
        // It was at work when it was chosen, and has come to its end since.
        let text = format!("Nothing to do: run {name} is over; a run that is over is undone only by name.");
        printer.tell(&Told::Summary(&text));
        return Ok(Exit::Done);
    }
    let question = Question {
        what: "Undo this run? Only `yes` undoes it: ",
        cannot: "cannot ask whether to undo this run",
        instead: "add --auto-approve",
    };
    if !args.auto_approve {
        printer.note(&format!("Run {name} of {} would be undone:", inert(&run.record.header.spec)));
        for address in begun(&run) {
            printer.note(&format!("  {}", inert(address)));
        }
        if !agreed(&question, args.no_input, printer)? {
            printer.note("Nothing was changed.");
            return Ok(Exit::Error);
        }
    }
    printer.tell(&Told::Run { name: &name, phase: Phase::Rollback, is_taken_up: true });
    printer.note(&format!("Undoing run {name}, once AWS shows what was written last."));
    let clusters = &run.change_set.header.clusters;
    let connector = session.connector_for_clusters(clusters).await?;
    // Whatever has become of the clusters' facts, what this run changed is still there to be undone.
    printer.tell(&Told::Reading { clusters: clusters.len() });
    let connected = connector.connect(&asked(clusters)).await?;
    let go = async |execution: &Execution<'_>| Ok(undo(&run, execution).await?);
    let work = Work { name: &name, change_set: &run.change_set, connected: &connected, facts: None };
    let ended = match running::under_locks(work, &args.run, printer, go).await? {
        Ok(ended) => ended,
        Err(stale) => return Ok(stale),
    };
    match running::tell(ended, &name, &run.change_set, &running::FINISHED, printer)? {
        // It was asked for, so to be back is success.
        Exit::RolledBack => Ok(Exit::Done),
        exit => Ok(exit),
    }
}

/// What there may be to undo, the last first.
fn begun(run: &OpenRun) -> impl Iterator<Item = &str> {
    let steps = run.change_set.changes.iter().zip(&run.record.standings).rev();
    let begun = steps.filter(|(change, standing)| {
        **standing != Standing::NotBegun && !change.run.as_ref().is_some_and(Run::leaves_nothing)
    });
    begun.map(|(change, _)| change.address.as_str())
}
