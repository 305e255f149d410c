//! `cni-plan sandbox serve` as people start it, with whatever they would run beside it.

use serde_json::Value;

use crate::background::Background;
use crate::command::Workspace;
use crate::peers::Shell;
use crate::wire::Wire;

/// A served scenario and a folder whose environment is the one that it printed.
#[derive(Debug)]
pub struct Served {
    _process: Background,
    workspace: Workspace,
    environment: Vec<(String, String)>,
}

impl Served {
    /// Serves a scenario in memory.
    ///
    /// # Panics
    /// When it does not begin.
    pub fn scenario(name: &str) -> Served {
        let mut workspace = Workspace::new();
        let mut command = workspace.command(["sandbox", "serve", name, "--port", "0"]);
        let process = Background::start(&mut command, |line| line.starts_with("export KUBECONFIG="));
        let lines = process.said().iter().filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        let environment: Vec<(String, String)> =
            lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for (name, value) in &environment {
            workspace = workspace.with_env(name, value);
        }
        Served { _process: process, workspace, environment }
    }

    /// The folder; the kubeconfig is in it, and the command finds its way from there.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// A shell beside it, in the same folder and environment.
    pub fn shell(&self) -> Shell {
        Shell::new(self.workspace.path(), &self.environment)
    }

    /// The whole world, without what differs between two runs that did the same.
    ///
    /// # Panics
    /// When the sandbox does not answer.
    pub fn state(&self) -> Value {
        let url = self.environment.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL");
        Wire::at(&url.expect("the sandbox prints where it is").1).state()
    }
}
