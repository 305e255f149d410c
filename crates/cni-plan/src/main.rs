//! The `cni-plan` command: the composition root, and the one place that prints.
//!
//! Standard output is data, standard error is progress. Each subcommand has a file under
//! `commands`; what several of them do (reading a spec, reaching its clusters, planning) has a
//! file here.

mod change_set_files;
mod cli;
mod commands;
mod connect;
mod described;
mod display;
mod error;
mod events;
mod exit;
mod identity;
mod own_folder;
mod planning;
mod printer;
mod question;
mod recorder;
mod roles;
#[cfg(feature = "sandbox")]
mod sandbox_world;
mod signals;
mod spec_file;
mod whole_file;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};
use cni_plan_render::{Told, inert};

use crate::cli::Cli;
use crate::error::CommandError;
use crate::events::Events;
use crate::exit::Exit;
use crate::printer::Printer;

/// A fleet's plan is millions of small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) => return said(asked),
    };
    let begun = Instant::now();
    let plain = || Printer::new(&cli.global, Events::default());
    let printer = match cli.command.events() {
        None => plain(),
        Some((name, args)) => match Events::open(args) {
            Ok(events) => {
                let printer = Printer::new(&cli.global, events);
                printer.tell(&Told::Command { name, tool_version: env!("CARGO_PKG_VERSION") });
                printer
            }
            Err(error) => {
                plain().error(&error);
                return error.exit().into();
            }
        },
    };
    let exit = run(cli, &printer);
    printer.tell(&Told::Outcome { exit_code: exit as u8, outcome: exit.as_str(), took: begun.elapsed() });
    exit.into()
}

fn run(cli: Cli, printer: &Printer) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.error(&CommandError::plain("cannot start", error.to_string(), "try again"));
            return Exit::Error;
        }
    };
    let exit = runtime.block_on(commands::run(cli, printer)).unwrap_or_else(|error| {
        printer.error(&error);
        error.exit()
    });
    // Nothing that is still under way may hold up a command that has said its last word.
    runtime.shutdown_background();
    exit
}

/// Help and versions are no errors; a command line that is wrong ends with 1, since clap's own 2
/// says here that there are changes.
fn said(mut asked: clap::Error) -> ExitCode {
    // clap repeats arguments as they were typed; its own colours are not touched.
    let context: Vec<(ContextKind, ContextValue)> =
        asked.context().map(|(kind, value)| (kind, value.clone())).collect();
    let is_live = context.iter().any(|(_, value)| matches!(value, ContextValue::String(text) if inert(text) != *text));
    for (kind, value) in context {
        let value = match value {
            ContextValue::String(text) => ContextValue::String(inert(&text).into_owned()),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| inert(text).into_owned()).collect())
            }
            // A tip repeats the argument too, among colours of its own.
            ContextValue::StyledStrs(_) if is_live => ContextValue::None,
            _ => continue,
        };
        asked.insert(kind, value);
    }
    // With nobody to read it, there is nothing to be done about it.
    let _ = asked.print();
    if asked.use_stderr() { Exit::Error.into() } else { ExitCode::SUCCESS }
}
