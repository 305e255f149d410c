//! Why a command could not do its work: what, why, and what to do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cni_plan_core::{ChangeSetError, ErrorKind, Finding, LockRecord, ProviderError};
use cni_plan_engine::RunError;
use cni_plan_render::quoted;
use cni_plan_spec::{CompileProblem, Diagnostics};

use crate::exit::Exit;

/// An error of the command. Each is shown as a line of what, one of why and one of what to do, or
/// as several such.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The spec is not one.
    #[error("the spec has {} problem(s)", .0.len())]
    Spec(Diagnostics),
    /// The facts contradict the spec.
    #[error("{spec} does not fit what is live")]
    Compile {
        /// The spec's name as given.
        spec: String,
        /// All contradictions.
        problems: Vec<CompileProblem>,
    },
    /// Something could not be read or reached.
    #[error("{} thing(s) could not be read", .0.len())]
    Provider(Vec<ProviderError>),
    /// A hazard that nothing may override.
    #[error("the plan is refused")]
    Refused(Vec<Finding>),
    /// Others hold the locks of these clusters.
    #[error("{} cluster(s) are locked", held.len())]
    Locked {
        /// Each cluster's lock.
        held: BTreeMap<String, LockRecord>,
        /// Runs of this folder that nobody is at work on.
        unfinished_here: Vec<String>,
    },
    /// A run cannot be used.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no change set that can be applied.
    #[error("cannot use {}", path.display())]
    ChangeSet {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: ChangeSetError,
    },
    /// Anything else, in the three lines.
    #[error("{what}")]
    Plain {
        /// What could not be done.
        what: String,
        /// Why.
        why: String,
        /// What to do.
        hint: String,
    },
}

/// One error as people read it.
pub(crate) struct Lines {
    /// What.
    pub(crate) what: String,
    /// Why.
    pub(crate) why: String,
    /// What to do.
    pub(crate) hint: String,
}

impl CommandError {
    pub(crate) fn plain(what: impl Into<String>, why: impl Into<String>, hint: impl Into<String>) -> CommandError {
        CommandError::Plain { what: what.into(), why: why.into(), hint: hint.into() }
    }

    /// The same, with one thing more to do about the first of it that is of such a kind.
    pub(crate) fn with_way_out(mut self, kinds: &[ErrorKind], way: &str) -> CommandError {
        if let CommandError::Provider(errors) = &mut self
            && let Some(error) = errors.iter_mut().find(|error| kinds.contains(&error.kind))
        {
            error.cure = format!("{}; {way}", error.cure);
        }
        self
    }

    /// The exit code it leads to.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            CommandError::Refused(_) => Exit::Unsafe,
            CommandError::Locked { .. } | CommandError::Run(RunError::Busy(_)) => Exit::Locked,
            _ => Exit::Error,
        }
    }

    /// What is told; of the spec's diagnostics and of findings a terminal shows more.
    pub(crate) fn lines(&self) -> Vec<Lines> {
        let lines = |what: &str, why: &str, hint: &str| Lines {
            what: what.to_owned(),
            why: why.to_owned(),
            hint: hint.to_owned(),
        };
        match self {
            CommandError::Spec(diagnostics) => diagnostics
                .iter()
                .map(|it| {
                    lines(&format!("{}:{}: {}", it.file(), it.span().start, it.message()), "", &it.hints().join("; "))
                })
                .collect(),
            CommandError::Refused(findings) => {
                findings.iter().map(|it| lines(&format!("{}: {}", it.address, it.message), "", &it.cure)).collect()
            }
            CommandError::Compile { spec, problems } => problems
                .iter()
                .map(|problem| Lines {
                    what: format!("{spec}:{}: {}", problem.position, problem.what),
                    why: problem.why.clone(),
                    hint: problem.cure.clone(),
                })
                .collect(),
            CommandError::Provider(errors) => {
                errors.iter().map(|error| lines(&error.what, &error.why, &error.cure)).collect()
            }
            CommandError::File { source, action, .. } => {
                let hint = match *action {
                    "read" => "check the path and that you may read it",
                    _ => "check that the folder is writable and the disk not full, or choose another with --out",
                };
                vec![lines(&self.to_string(), &source.to_string(), hint)]
            }
            CommandError::Locked { held, unfinished_here } => {
                held.iter().map(|(cluster, record)| locked(cluster, record, unfinished_here)).collect()
            }
            CommandError::Run(error) => vec![unusable_run(error)],
            CommandError::ChangeSet { path, source: ChangeSetError::Malformed(_) }
                if path.extension().is_none_or(|extension| extension != "json") =>
            {
                let typed = quoted(&path.to_string_lossy());
                let hint = format!("if it is a spec, `cni-plan plan {typed}` makes a change set of it");
                let path = path.display();
                vec![lines(&format!("{path} is not a change set"), "it is no JSON of cni-plan's", &hint)]
            }
            CommandError::ChangeSet { source, .. } => {
                let hint = match source {
                    ChangeSetError::Newer { .. } => "use the cni-plan that made it, or a later one",
                    ChangeSetError::Malformed(_)
                    | ChangeSetError::Edited
                    | ChangeSetError::OutOfOrder(_)
                    | ChangeSetError::OfAnotherKind(_) => {
                        "make it anew with `cni-plan plan SPEC` and have it reviewed again"
                    }
                };
                vec![lines(&self.to_string(), &source.to_string(), hint)]
            }
            CommandError::Plain { what, why, hint } => vec![lines(what, why, hint)],
        }
    }
}

fn locked(cluster: &str, record: &LockRecord, unfinished_here: &[String]) -> Lines {
    let LockRecord { holder, since, renewed, .. } = record;
    let run = &holder.run;
    Lines {
        what: format!("cluster {cluster} is locked; nothing was changed"),
        why: format!("{holder} has it since {since}, and was last heard of {renewed}"),
        hint: if unfinished_here.contains(run) {
            // It needs no other's leave to take its own lock again.
            format!(
                "that run is of this folder and nobody is at work on it: `cni-plan resume {run}` finishes it, \
                 `cni-plan rollback {run}` puts everything back"
            )
        } else {
            "wait for it with `--lock-timeout 5m`; `cni-plan lock show` tells more, and `cni-plan lock break` takes \
             it away from a run that is dead"
                .to_owned()
        },
    }
}

fn unusable_run(error: &RunError) -> Lines {
    let why = match error {
        RunError::File { source, .. } => source.to_string(),
        RunError::Journal { source, .. } => source.to_string(),
        RunError::ChangeSet { why, .. } => why.clone(),
        RunError::Unknown(_) => "there is no folder of that name under .cni-plan/runs/".to_owned(),
        RunError::Busy(_) => "its journal is locked by a process that lives".to_owned(),
        RunError::NeverBegan(_) => "its journal has not one whole record, so nothing was called".to_owned(),
        RunError::NotRecorded(error) => error.to_string(),
    };
    let hint = match error {
        RunError::Unknown(_) => "`cni-plan runs` lists those of this folder",
        RunError::Busy(_) => "wait for it; `cni-plan runs` shows when it is over",
        RunError::NeverBegan(_) => "apply its change set again; the run's folder can be deleted",
        RunError::Journal { .. } | RunError::ChangeSet { .. } => {
            "`cni-plan plan SPEC` shows how things are and what is left to do"
        }
        RunError::File { .. } | RunError::NotRecorded(_) => {
            "check that .cni-plan/ is yours to write and the disk not full, then try again"
        }
    };
    Lines { what: error.to_string(), why, hint: hint.to_owned() }
}

impl From<ProviderError> for CommandError {
    fn from(error: ProviderError) -> CommandError {
        CommandError::Provider(vec![error])
    }
}
