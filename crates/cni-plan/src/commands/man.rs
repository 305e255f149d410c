//! `cni-plan man`: the manual's pages, as `man` reads them.

use clap::CommandFactory;
use clap_mangen::Man;

use crate::cli::{Cli, ManArgs};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

pub(super) fn run(args: &ManArgs, printer: &Printer) -> Result<Exit, CommandError> {
    match &args.out {
        None => {
            let mut page = Vec::new();
            // As `generate_to` has it: the pages are the help.
            Man::new(Cli::command().disable_help_subcommand(true))
                .render(&mut page)
                .expect("a vector takes whatever is written");
            printer.carried(&page);
        }
        Some(folder) => {
            let failed = |source| CommandError::File { action: "write", path: folder.clone(), source };
            std::fs::create_dir_all(folder).map_err(failed)?;
            // Such as cni-plan-lock-show.1.
            clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
        }
    }
    Ok(Exit::Done)
}
