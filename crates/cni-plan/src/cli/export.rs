//! How `export` is asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    /// The spec
    #[arg(value_name = "SPEC")]
    pub(crate) spec: PathBuf,
    /// For which tool
    #[arg(long, value_enum, value_name = "TOOL")]
    pub(crate) to: Tool,
    /// Of several clusters the one for Terraform, as plans name it; a file is for one
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Export even though the plan leaves pods without network permissions
    #[arg(long)]
    pub(crate) accept_network_outage: bool,
}

/// What can be done without cni-plan.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Tool {
    /// A shell script of aws and kubectl, as Amazon documents the procedure
    Commands,
    /// A ClusterConfig of eksctl, and the command that it is for
    Eksctl,
    /// Terraform's resources, with import blocks for what is there
    Terraform,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan export --to commands spec.yaml > migrate.sh  aws and kubectl
  cni-plan export --to eksctl spec.yaml > config.yaml   a ClusterConfig
  cni-plan export --to terraform spec.yaml > cni.tf     apply the plan first";
