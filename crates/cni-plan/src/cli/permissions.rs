//! How `permissions` is asked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PermissionsArgs {
    /// The spec
    #[arg(value_name = "SPEC")]
    pub(crate) spec: PathBuf,
    /// What is to be allowed; apply takes in plan, resume and rollback
    #[arg(long, value_enum, value_name = "PURPOSE", default_value = "apply")]
    pub(crate) to: To,
    /// Print one of the two alone
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(crate) only: Option<Which>,
    /// The Kubernetes group that gets the rules
    #[arg(long, value_name = "GROUP", default_value = "cni-plan")]
    pub(crate) group: String,
    /// Ask nobody: what the spec does not say, such as node roles and issuers, is a wildcard
    #[arg(long)]
    pub(crate) offline: bool,
}

/// As people type a purpose.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum To {
    /// Planning, and whatever else only reads
    Plan,
    /// Applying, resuming and rolling back too
    Apply,
}

/// One of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Which {
    /// The IAM policy, as JSON
    Iam,
    /// The Kubernetes roles and bindings, as YAML
    Rbac,
}

const EXAMPLES: &str = "\
Examples:
  cni-plan permissions spec.yaml            both, to apply; reads clusters
  cni-plan permissions --offline spec.yaml  ask nobody, with wildcards
  cni-plan permissions --to plan --only iam spec.yaml > policy.json
  cni-plan permissions --only rbac --group planners spec.yaml | kubectl apply -f -";
