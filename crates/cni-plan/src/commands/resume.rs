//! `cni-plan resume [RUN]`: finishes a run that was cut off or interrupted, in the direction it was
//! going.

use cni_plan_core::Phase;
use cni_plan_engine::{Ended, Execution, RunState, resume};

use super::{Session, running, runs};
use crate::cli::ResumeArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::identity;
use crate::printer::Printer;

pub(super) async fn run(args: &ResumeArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let Some(name) = runs::named(args.name.as_deref(), "resume")? else {
        printer.data("Nothing to do: no run is unfinished.\n");
        return Ok(Exit::Done);
    };
    let run = runs::folder().open(&name, identity::session("resume")).await?;
    let way = match run.record.state {
        RunState::Unfinished(way) => way,
        RunState::Applied | RunState::RolledBack | RunState::Residue | RunState::InProgress => {
            printer.data(&format!("Nothing to do: run {name} is over; `cni-plan runs` says how.\n"));
            return Ok(Exit::Done);
        }
    };
    printer.note(&match way {
        Phase::Apply => format!("Resuming run {name}, as soon as what is live can be believed."),
        Phase::Rollback => {
            format!("Resuming run {name}, which was going back, as soon as what is live can be believed.")
        }
    });
    let connector = session.connector_for_clusters(&run.change_set.header.clusters).await?;
    let connected =
        match running::connect(&run.change_set.header.clusters, &connector, &running::UNFINISHED, printer).await? {
            Ok(connected) => connected,
            Err(stale) => return Ok(stale),
        };
    let go = async |execution: &Execution<'_>| Ok(resume(&run, execution).await?);
    let ended = running::under_locks(&name, &run.change_set, &connected, &args.run, printer, go).await?;
    if matches!(ended, Ended::Done) {
        printer.data(&format!("Run {name} is finished: everything is applied and verified.\n"));
    }
    running::tell(ended, &name, &run.change_set, &running::UNFINISHED, printer)
}
