//! `cni-plan graph`: what waits for what, to be drawn by others.

use std::path::Path;

use cni_plan_core::ChangeSet;
use cni_plan_render::{plan_dot, plan_mermaid};

use super::Session;
use crate::change_set_files;
use crate::cli::GraphArgs;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::planning::plan;
use crate::printer::Printer;
use crate::spec_file::SpecFile;

pub(super) async fn run(args: &GraphArgs, session: &mut Session<'_>, printer: &Printer) -> Result<Exit, CommandError> {
    let change_set = match args.subject.as_deref() {
        Some(path) if !change_set_files::is_change_set(path) => planned(path, session, printer).await?,
        named => change_set_files::read(&change_set_files::named_or_only(named, "graph")?)?,
    };
    printer.data(&if args.dot { plan_dot(&change_set) } else { plan_mermaid(&change_set) });
    Ok(Exit::Done)
}

/// Which steps there are depends on the facts of the clusters, so they are read.
async fn planned(spec: &Path, session: &mut Session<'_>, printer: &Printer) -> Result<ChangeSet, CommandError> {
    let file = SpecFile::read(spec, printer)?;
    let connector = session.connector_for_spec(&file).await?;
    plan(&file, &connector, printer).await
}
