//! `cni-plan resume [RUN]`: finishes a run that was cut off or interrupted, in the direction it was
//! going.

use cni_plan_core::Phase;
use cni_plan_engine::{Ended, Execution, RunState, resume};
use cni_plan_render::Told;

use super::running::Work;
use super::{Session, asked, running, runs};
use crate::cli::ResumeArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::identity;
use crate::printer::Printer;

pub(super) async fn run(args: &ResumeArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let Some(name) = runs::named(args.name.as_deref(), "resume")? else {
        printer.tell(&Told::Summary("Nothing to do: no run of this folder is unfinished. Runs are kept in .cni-plan/runs/, where they were begun."));
        return Ok(Exit::Done);
    };
    let run = runs::folder().open(&name, identity::session("resume")).await?;
    let way = match run.record.state {
        RunState::Unfinished(way) => way,
        RunState::Applied | RunState::RolledBack | RunState::Residue | RunState::InProgress => {
            printer.tell(&Told::Summary(&format!("Nothing to do: run {name} is over; `cni-plan runs` says how.")));
            return Ok(Exit::Done);
        }
    };
    printer.tell(&Told::Run { name: &name, phase: way, is_taken_up: true });
    printer.note(&match way {
        Phase::Apply => format!("Resuming run {name}, once AWS shows what was written last."),
        Phase::Rollback => {
            format!("Resuming run {name}, which was going back, once AWS shows what was written last.")
        }
    });
    let clusters = &run.change_set.header.clusters;
    let connector = session.connector_for_clusters(clusters).await?;
    // To go back rests on no facts: whatever has become of them, what the run did is there to be undone.
    let facts = (way == Phase::Apply).then_some((&connector, &running::UNFINISHED));
    let connected = match facts {
        Some((connector, told)) => match running::connect(&run.change_set, connector, told, printer).await? {
            Ok(connected) => connected,
            Err(stale) => return Ok(stale),
        },
        None => {
            printer.tell(&Told::Reading { clusters: clusters.len() });
            connector.connect(&asked(clusters)).await?
        }
    };
    let go = async |execution: &Execution<'_>| Ok(resume(&run, execution).await?);
    let work = Work { name: &name, change_set: &run.change_set, connected: &connected, facts };
    let ended = match running::under_locks(work, &args.run, printer, go).await? {
        Ok(ended) => ended,
        Err(stale) => return Ok(stale),
    };
    if matches!(ended, Ended::Done) {
        printer.tell(&Told::Summary(&format!("Run {name} is finished: everything is applied and verified.")));
    }
    match running::tell(ended, &name, &run.change_set, &running::UNFINISHED, printer)? {
        // It was asked for, so to be back is success.
        Exit::RolledBack if way == Phase::Rollback && run.record.is_undone_on_request => Ok(Exit::Done),
        exit => Ok(exit),
    }
}
