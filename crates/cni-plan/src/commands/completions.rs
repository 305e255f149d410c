//! `cni-plan completions SHELL`: what a shell needs to complete the command line.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::printer::Printer;

pub(super) fn run(args: &CompletionsArgs, printer: &Printer) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "cni-plan", &mut script);
    let script = String::from_utf8_lossy(&script);
    printer.carried(if args.shell == Shell::Bash { with_one_name(&script) } else { script.into_owned() }.as_bytes());
    Exit::Done
}

/// clap_complete 4.6 writes the hyphen of a program's name in two ways: where it finds out which command is meant,
/// and where it lists that command's options. Subcommands would complete nothing.
fn with_one_name(script: &str) -> String {
    script.replace("cni__subcmd__plan__subcmd__", "cni__plan__subcmd__")
}
