//! `cni-plan plan SPEC`: read, diff, prove, print, save.

use std::path::Path;

use cni_plan_render::{Told, quoted};

use super::{Session, runs};
use crate::change_set_files;
use crate::cli::PlanArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::{may_go_on, plan, refusals};
use crate::printer::Printer;
use crate::spec_file::SpecFile;

pub(super) async fn run(args: &PlanArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let file = SpecFile::read(&args.spec, printer)?;
    let connector = session.connector_for_spec(&file).await?;
    let change_set = plan(&file, &connector, printer).await?;
    printer.tell(&Told::Planned(&change_set));
    runs::warn_of_unfinished(printer);
    if !refusals(&change_set).is_empty() {
        // The findings are in the plan's text already.
        printer.refused("nothing was changed or saved");
        return Ok(Exit::Unsafe);
    }
    // The story is in the plan's text already.
    if !may_go_on(&change_set.safety, args.accept_network_outage, printer) {
        return Ok(Exit::Unsafe);
    }
    let changes = !change_set.counts().is_empty();
    if !args.no_save {
        let path = args.out.clone().unwrap_or_else(|| change_set_files::default_path(&args.spec));
        let markdown = change_set_files::write(&path, &change_set)?;
        let next = changes.then(|| apply_command(&path)).transpose()?;
        let files = [path, markdown].map(|path| path.display().to_string());
        printer.tell(&Told::Saved { files: &files, next: next.as_deref() });
    }
    Ok(if args.detailed_exitcode && changes { Exit::Changes } else { Exit::Done })
}

/// What applies the change set that was saved there: it has to be named unless it is the only one under `plans/`.
fn apply_command(saved: &Path) -> Result<String, CommandError> {
    Ok(match change_set_files::list()?.as_slice() {
        [only] if only == saved => "cni-plan apply".to_owned(),
        _ => format!("cni-plan apply {}", quoted(&saved.to_string_lossy())),
    })
}
