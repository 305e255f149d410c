//! How `check` is asked for.

use std::path::PathBuf;

use clap::Args;

use super::EventArgs;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// The change set [default: the one under plans/]
    #[arg(value_name = "CHANGE_SET")]
    pub(crate) change_set: Option<PathBuf>,
    /// The spec it has to be of [default: the one it names, seen from the current folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) spec: Option<PathBuf>,
    /// Read the clusters too: whether everything that it rests on is as it was. Changes nothing
    #[arg(long)]
    pub(crate) online: bool,
    /// Let a plan pass that leaves pods without network permissions
    #[arg(long)]
    pub(crate) accept_network_outage: bool,
    #[command(flatten)]
    pub(crate) events: EventArgs,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan check --spec specs/prod.yaml  needs no credentials
  cni-plan check --online                reads the clusters, as apply would
  cni-plan check --json                  a JSON object for each check

Exit codes: 0 it can be applied as far as was looked, 1 it is edited or cannot
be read, 3 it is of another spec or version, applied, or stale; 5 it is refused
as unsafe";
