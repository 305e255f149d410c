//! How `verify` is asked for.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct VerifyArgs {
    /// The spec
    #[arg(value_name = "SPEC")]
    pub(crate) spec: PathBuf,
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan verify spec.yaml         a table of all clusters, and what is amiss
  cni-plan verify --json spec.yaml  the same as JSON, such as for an alarm

Exits with 0 when all clusters are well, with 2 when one is not as the spec asks
or waits for Ready pods, with 5 when a finding refuses a plan of one, with 1
when one cannot be read.";
