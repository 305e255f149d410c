//! How `validate` is asked for.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ValidateArgs {
    /// The spec
    #[arg(value_name = "SPEC")]
    pub(crate) spec: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan validate spec.yaml            all problems; exits with 1 if any
  cni-plan validate --sandbox spec.yaml  leave kubeconfigs unread, such as in CI";
