//! The command line, as clap reads it.

mod check;
mod completions;
mod examples;
mod export;
mod init;
mod man;
mod permissions;
#[cfg(all(test, feature = "sandbox"))]
mod reference;
mod schema;
mod show;
mod validate;
mod verify;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice, Parser, Subcommand};

pub(crate) use check::CheckArgs;
pub(crate) use completions::CompletionsArgs;
pub(crate) use export::{ExportArgs, Tool};
pub(crate) use init::InitArgs;
pub(crate) use man::ManArgs;
pub(crate) use permissions::{PermissionsArgs, To, Which};
pub(crate) use schema::{SCHEMAS, SchemaArgs};
pub(crate) use show::{Form, GraphArgs, ShowArgs};
pub(crate) use validate::ValidateArgs;
pub(crate) use verify::VerifyArgs;

/// Gives Amazon's CNI plugin an IAM role of its own: plans, shows, applies, rolls back.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  cni-plan plan spec.yaml             read, diff, print, save under plans/
  cni-plan apply                      apply the one unapplied under plans/
  cni-plan apply --sandbox spec.yaml  rehearse; no AWS, no cluster
  cni-plan resume                     finish the run that was cut off
  cni-plan rollback                   or put everything back

Exit codes:
  0 done, or nothing to do        5 refused as unsafe
  1 error, nothing changed        6 apply failed, rolled back and verified
  2 plan --detailed-exitcode,     7 rollback incomplete, residue listed
    verify: there are changes     8 interrupted, can be resumed
  3 stale change set, or applied
  4 a lock is held";

const EVERYWHERE: &str = "Options of every command";
const EVENTS: &str = "Events";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Send every call to the embedded sandbox; its world is kept in .cni-plan/sandbox/
    #[cfg(feature = "sandbox")]
    #[arg(
        long,
        global = true,
        env = "CNI_PLAN_SANDBOX",
        hide_env_values = true,
        value_parser = clap::builder::BoolishValueParser::new(),
        help_heading = EVERYWHERE
    )]
    pub(crate) sandbox: bool,
    /// Print the calls that were made and the chain of those that waited for one another
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub(crate) timings: bool,
    /// Print less: results, warnings and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = EVERYWHERE)]
    quiet: bool,
    /// Print more: each step as it begins, and all that it waits for
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    verbose: bool,
    /// When to use colour
    #[arg(long, global = true, default_value = "auto", value_name = "WHEN", help_heading = EVERYWHERE)]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read what is live, show what would change, and save the change set for review
    #[command(after_help = examples::PLAN)]
    Plan(PlanArgs),
    /// Apply a reviewed change set; or plan a spec, ask, and apply
    #[command(after_help = examples::APPLY)]
    Apply(ApplyArgs),
    /// Show a change set, offline: as text, Markdown, a page, JSON or a graph
    Show(ShowArgs),
    /// Check a committed change set, as a gate: of this spec, unedited, unapplied; and still current
    Check(CheckArgs),
    /// Draw what waits for what, for Mermaid or Graphviz
    Graph(GraphArgs),
    /// Write a spec from what is live: of one cluster, or of all in an account and region
    Init(InitArgs),
    /// Check a spec where nobody can be asked: its form, what it names, what it contradicts
    Validate(ValidateArgs),
    /// Look whether live clusters are as a spec asks: pods, role, node roles, findings; changes nothing
    Verify(VerifyArgs),
    /// Print the IAM policy and the Kubernetes roles that planning or applying a spec needs
    Permissions(PermissionsArgs),
    /// Print what a plan would do in another tool's words, to leave cni-plan and keep the result
    Export(ExportArgs),
    /// List the runs of this folder and how they stand
    #[command(after_help = examples::RUNS)]
    Runs(RunsArgs),
    /// Finish a run that was cut off or interrupted
    #[command(after_help = examples::RESUME)]
    Resume(ResumeArgs),
    /// Undo a run: one that was cut off, or one that is done
    #[command(after_help = examples::ROLLBACK)]
    Rollback(RollbackArgs),
    /// Look at the locks that runs hold in clusters, or break one
    #[command(subcommand)]
    Lock(LockCommand),
    /// Work with the embedded sandbox
    #[cfg(feature = "sandbox")]
    #[command(subcommand)]
    Sandbox(SandboxCommand),
    /// Print the JSON Schema of a document that cni-plan reads or writes
    Schema(SchemaArgs),
    /// Print what a shell needs to complete the command line
    Completions(CompletionsArgs),
    /// Print the manual's page, or write all its pages
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The spec
    #[arg(value_name = "SPEC")]
    pub(crate) spec: PathBuf,
    /// Where to save the change set [default: plans/NAME.plan.json, NAME being the spec's stem]
    #[arg(long, value_name = "FILE", conflicts_with = "no_save")]
    pub(crate) out: Option<PathBuf>,
    /// Look only; save nothing
    #[arg(long)]
    pub(crate) no_save: bool,
    /// Exit with 2 when there are changes
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Save the plan even though it leaves pods without network permissions
    #[arg(long)]
    pub(crate) accept_network_outage: bool,
    #[command(flatten)]
    pub(crate) events: EventArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// A change set or a spec [default: the one unapplied change set under plans/]
    #[arg(value_name = "CHANGE_SET|SPEC")]
    pub(crate) subject: Option<PathBuf>,
    /// Apply nothing but the change set of this digest: the one that was reviewed
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
    /// Do not ask before applying a spec
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Never ask; fail where an answer would be needed
    #[arg(long)]
    pub(crate) no_input: bool,
    /// Apply even though the plan leaves pods without network permissions
    #[arg(long)]
    pub(crate) accept_network_outage: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// Print JSON instead of text
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// The run's name [default: the one unfinished run]
    #[arg(value_name = "RUN")]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The run's name [default: the one unfinished run]
    #[arg(value_name = "RUN")]
    pub(crate) name: Option<String>,
    /// Do not ask before undoing
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Never ask; fail where an answer would be needed
    #[arg(long)]
    pub(crate) no_input: bool,
    #[command(flatten)]
    pub(crate) run: RunArgs,
}

/// How steps are carried out.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Steps at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallelism: u16,
    /// How long to wait for a lock that another run holds, such as 5m
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = cni_plan_spec::parse_duration)]
    pub(crate) lock_timeout: Duration,
    #[command(flatten)]
    pub(crate) events: EventArgs,
}

/// Where a command that plans or runs something writes its events (docs/events.md).
#[derive(Debug, Args, Default)]
pub(crate) struct EventArgs {
    /// Write events to standard output, a JSON object a line, in place of text; never ask
    #[arg(long, help_heading = EVENTS)]
    pub(crate) json: bool,
    /// Write them to a file too, whatever is printed
    #[arg(long, value_name = "FILE", help_heading = EVENTS)]
    pub(crate) json_into: Option<PathBuf>,
}

/// How much is printed for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    /// Results, warnings and errors.
    Quiet,
    /// What is usual.
    Normal,
    /// Everything.
    Verbose,
}

/// Look at the locks that runs hold in clusters, or break one
#[derive(Debug, Subcommand)]
pub(crate) enum LockCommand {
    /// Show who holds the lock of each cluster, since when, and when they were last heard of
    #[command(after_help = examples::LOCK_SHOW)]
    Show(LockShowArgs),
    /// Take locks away from runs that are dead
    #[command(after_help = examples::LOCK_BREAK)]
    Break(LockBreakArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LockShowArgs {
    /// A change set or a spec: whose clusters are meant
    #[arg(value_name = "CHANGE_SET|SPEC")]
    pub(crate) subject: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LockBreakArgs {
    /// A change set or a spec: whose clusters are meant
    #[arg(value_name = "CHANGE_SET|SPEC")]
    pub(crate) subject: PathBuf,
    /// Only this cluster's; may be given several times
    #[arg(long = "cluster", value_name = "KEY")]
    pub(crate) clusters: Vec<String>,
    /// Do not ask before breaking
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Never ask; fail where an answer would be needed
    #[arg(long)]
    pub(crate) no_input: bool,
}

/// Work with the embedded sandbox
#[cfg(feature = "sandbox")]
#[derive(Debug, Subcommand)]
pub(crate) enum SandboxCommand {
    /// Make the world anew: empty, or a scenario
    #[command(after_help = examples::SANDBOX_RESET)]
    Reset {
        /// One of `cni-plan sandbox list`, and no other cluster exists; without it each spec's clusters are made up
        scenario: Option<String>,
    },
    /// List the scenarios
    #[command(after_help = examples::SANDBOX_LIST)]
    List,
    /// Serve the world to real clients until interrupted
    #[command(after_help = examples::SANDBOX_SERVE)]
    Serve(ServeArgs),
}

#[cfg(feature = "sandbox")]
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Start from this scenario, in memory [default: the world in .cni-plan/sandbox/]
    pub(crate) scenario: Option<String>,
    /// The port on 127.0.0.1; 0: any that is free
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
    /// Where to write the kubeconfig
    #[arg(long, value_name = "FILE", default_value = ".cni-plan/sandbox/kubeconfig")]
    pub(crate) kubeconfig: PathBuf,
    /// Have a call fail, e.g. iam:AttachRolePolicy=AccessDenied or eks:*=Throttling@2x3
    #[arg(long = "fault", value_name = "FAULT", env = "CNI_PLAN_SANDBOX_FAULTS", value_delimiter = ';')]
    pub(crate) faults: Vec<cni_plan_sandbox::Fault>,
}

impl Command {
    /// Its name, and where it writes events if it has any.
    pub(crate) fn events(&self) -> Option<(&'static str, &EventArgs)> {
        match self {
            Command::Plan(args) => Some(("plan", &args.events)),
            Command::Check(args) => Some(("check", &args.events)),
            Command::Apply(args) => Some(("apply", &args.run.events)),
            Command::Resume(args) => Some(("resume", &args.run.events)),
            Command::Rollback(args) => Some(("rollback", &args.run.events)),
            _ => None,
        }
    }
}

impl Global {
    /// How much is printed.
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    /// The flag that says what is talked to, where it was typed; what the environment says stays as it is.
    pub(crate) fn typed_world(&self) -> Option<&'static str> {
        const FLAG: &str = "--sandbox";
        (self.is_sandboxed() && std::env::args_os().any(|argument| argument == FLAG)).then_some(FLAG)
    }

    /// Whether every call goes to the sandbox.
    pub(crate) fn is_sandboxed(&self) -> bool {
        #[cfg(feature = "sandbox")]
        return self.sandbox;
        #[cfg(not(feature = "sandbox"))]
        return false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
