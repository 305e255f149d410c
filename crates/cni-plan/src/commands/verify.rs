//! `cni-plan verify SPEC`: how live clusters stand against a spec. Reads what a plan reads, and nothing else.

use cni_plan_core::{Health, HealthState};
use cni_plan_render::health_text;

use super::Session;
use crate::cli::VerifyArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::plan;
use crate::printer::Printer;
use crate::spec_file::SpecFile;

pub(super) async fn run(args: &VerifyArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let file = SpecFile::read(&args.spec, printer)?;
    let connector = session.connector_for_spec(&file).await?;
    let health = Health::of(&plan(&file, &connector, printer).await?);
    printer.data(&if args.json {
        health.to_json()
    } else {
        let spec = args.spec.to_string_lossy();
        printer.to_type(&health_text(&health, &spec, &printer.out)).into_owned()
    });
    Ok(match health.worst() {
        HealthState::Well => Exit::Done,
        HealthState::NotReady | HealthState::Changes => Exit::Changes,
        HealthState::Refused => Exit::Unsafe,
    })
}
