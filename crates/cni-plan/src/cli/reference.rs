//! `docs/cli.md`: every command's help on one page. `UPDATE_SNAPSHOTS=1` writes it anew.

use std::path::Path;

use clap::{Command, CommandFactory};

use super::Cli;

const HEAD: &str = "\
# The command line

What `--help` says, for every command. `UPDATE_SNAPSHOTS=1 cargo test -p cni-plan` writes this page.

";

#[test]
fn the_page_is_what_help_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = page();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &page).unwrap_or_else(|error| panic!("{error}"));
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/cli.md is not what `--help` says; UPDATE_SNAPSHOTS=1 writes it anew");
}

/// A command that does something shows how it is used. What clap does not wrap fits a terminal of 80 columns, but for
/// a command line, which is in one piece.
#[test]
fn every_command_has_examples_that_fit_a_terminal() {
    let mut root = root();
    for mut command in all(&mut root) {
        let help = command.render_long_help().to_string();
        if command.get_subcommands().next().is_none() {
            let name = command.get_bin_name().unwrap_or_default().to_owned();
            assert!(help.contains("\nExamples:\n  cni-plan "), "{name} has no examples");
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{name}: {help}");
            let unwrapped = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let is_told = |line: &&str| !line.starts_with("  cni-plan ") || line.trim_start().contains("  ");
            let too_long = unwrapped.lines().filter(is_told).find(|line| line.chars().count() > 80);
            assert_eq!(too_long, None, "{name}");
        }
    }
}

fn root() -> Command {
    let mut root = Cli::command().term_width(100);
    root.build();
    root
}

fn page() -> String {
    let mut root = root();
    let mut page = HEAD.to_owned();
    for (depth, mut command) in all(&mut root).into_iter().enumerate() {
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
        // Options of every command are told with the first alone.
        let help = match depth {
            0 => command.render_long_help(),
            _ => command
                .clone()
                .mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg })
                .render_long_help(),
        };
        let help: Vec<String> = help.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
        page.push_str(&format!("## {name}\n\n```text\n{}\n```\n\n", help.join("\n").trim_end()));
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// The command itself, then all below it, in the order of its help. `help` shows the others' help and has none to read.
fn all(command: &mut Command) -> Vec<Command> {
    let mut found = vec![command.clone()];
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        found.extend(all(below));
    }
    found
}
