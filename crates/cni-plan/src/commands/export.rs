//! `cni-plan export SPEC`: what a plan of it would do, in the words of other tools.

use cni_plan_render::{commands_script, eksctl_config, terraform_config};

use super::Session;
use crate::cli::{ExportArgs, Tool};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::{plan, refusals};
use crate::printer::Printer;
use crate::spec_file::SpecFile;

pub(super) async fn run(args: &ExportArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let file = SpecFile::read(&args.spec)?;
    let connector = session.connector_for_spec(&file).await?;
    let change_set = plan(&file, &connector, printer).await?;
    // What must not be applied is not to be done by hand either.
    let refusals = refusals(&change_set);
    if !refusals.is_empty() {
        return Err(CommandError::Refused(refusals));
    }
    printer.data(&match args.to {
        Tool::Commands => commands_script(&change_set),
        Tool::Eksctl => eksctl_config(&change_set),
        Tool::Terraform => terraform_config(&change_set),
    });
    Ok(Exit::Done)
}
