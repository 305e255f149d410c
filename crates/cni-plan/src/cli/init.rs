//! How `init` is asked for.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(group(ArgGroup::new("which").required(true).args(["cluster", "all"])))]
pub(crate) struct InitArgs {
    /// The EKS cluster's name
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// All clusters of the account in the region
    #[arg(long)]
    pub(crate) all: bool,
    /// The region [default: the AWS environment's]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The AWS profile, which is written into the spec [default: the AWS environment's, which is not]
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// Where to write the spec; a file that is there is left alone
    #[arg(long, value_name = "FILE", default_value = "spec.yaml")]
    pub(crate) out: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan init --cluster my-cluster  write spec.yaml, unless it is there
  cni-plan init --cluster my-cluster --region eu-west-1 --out my-cluster.yaml
  cni-plan init --all --profile prod  all of its account and region
  cni-plan init --all --sandbox       of the sandbox, after `sandbox reset ipv4`";
