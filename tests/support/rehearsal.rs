//! A sandbox in this process with the command beside it, so that a test can let calls fail and
//! change the world between two commands.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use cni_plan_sandbox::{ClusterSeed, Options, Sandbox};
use serde_json::Value;

use crate::command::{Ran, Workspace};
use crate::wire::Wire;

/// A world and a folder whose environment leads the command to it.
pub struct Rehearsal {
    // Dropped in this order: the sandbox stops its tasks before their runtime ends.
    sandbox: Arc<Sandbox>,
    runtime: tokio::runtime::Runtime,
    workspace: Workspace,
}

/// A spec of `my-cluster` and nothing more; further keys of the cluster are indented by four.
pub const MY_CLUSTER: &str = "version: 1\nclusters:\n  - name: my-cluster\n    region: us-west-2\n";

/// Pods that come up at once: nothing is to be learned from waiting for them.
const SOON: Duration = Duration::from_millis(20);

/// Until a call that is to be held has come.
const SOON_HELD: Duration = Duration::from_secs(60);

/// Runs the command and does `then` while the fault holds its call, which is let go after that.
///
/// # Panics
/// When the call is not made.
pub fn while_held<T>(rehearsal: &Rehearsal, fault: &str, arguments: &str, then: impl FnOnce() -> T) -> (Ran, T) {
    struct Release<'a>(&'a Rehearsal);
    impl Drop for Release<'_> {
        fn drop(&mut self) {
            self.0.sandbox().release_held();
        }
    }
    rehearsal.fail(fault);
    std::thread::scope(|scope| {
        let run = scope.spawn(|| rehearsal.run(arguments));
        let release = Release(rehearsal);
        let (sender, held) = mpsc::channel();
        // Nobody listens any more once it took too long.
        rehearsal.when_held(move || sender.send(()).unwrap_or_default());
        held.recv_timeout(SOON_HELD).expect("the call is made");
        let done = then();
        drop(release);
        (run.join().expect("the command is run"), done)
    })
}

impl Rehearsal {
    /// A world with these clusters, as they are before the migration.
    pub fn with_clusters(clusters: &[ClusterSeed]) -> Rehearsal {
        let rehearsal = Rehearsal::start(Options::default());
        for cluster in clusters {
            rehearsal.sandbox.ensure_cluster(cluster).expect("the world can have the cluster");
        }
        rehearsal.in_its_environment()
    }

    /// A world with `my-cluster`, IPv4.
    pub fn ipv4() -> Rehearsal {
        Rehearsal::with_clusters(&[ClusterSeed::new("my-cluster")])
    }

    /// The world of one of the sandbox's scenarios.
    pub fn of_scenario(name: &str) -> Rehearsal {
        Rehearsal::start(Options { scenario: Some(name.to_owned()), ..Options::default() }).in_its_environment()
    }

    /// The same, where every call takes a while, so that calls made at the same time are seen to be, however
    /// busy the machine is.
    pub fn of_slow_scenario(name: &str) -> Rehearsal {
        let latency = Duration::from_millis(250);
        Rehearsal::start(Options { scenario: Some(name.to_owned()), latency, ..Options::default() })
            .in_its_environment()
    }

    fn start(options: Options) -> Rehearsal {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let options = Options { pods_ready_after: SOON, ..options };
        let sandbox = runtime.block_on(Sandbox::start(options)).expect("a sandbox can be started");
        Rehearsal { sandbox: Arc::new(sandbox), runtime, workspace: Workspace::with_examples() }
    }

    /// The environment names the region of the clusters, so it is taken once they are there.
    fn in_its_environment(mut self) -> Rehearsal {
        for (name, value) in self.sandbox.environment() {
            self.workspace = self.workspace.with_env(&name, &value);
        }
        self
    }

    /// The same with another variable in the command's environment.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Rehearsal {
        self.workspace = self.workspace.with_env(name, value);
        self
    }

    /// The world.
    pub fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// The folder.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Somebody else's hands on the world.
    pub fn wire(&self) -> Wire {
        Wire::to(&self.sandbox)
    }

    /// Everything there is, without what differs between two runs that did the same.
    pub fn state(&self) -> Value {
        self.sandbox.comparable_state()
    }

    /// Adds a fault in its text form.
    #[track_caller]
    pub fn fail(&self, fault: &str) {
        self.sandbox.add_fault(fault.parse().expect("the test writes faults well"));
    }

    /// The names of the runs that the command has left a record of, the oldest first.
    pub fn runs(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.workspace.path().join(".cni-plan/runs")) else { return Vec::new() };
        let names =
            folder.map(|entry| entry.expect("a folder can be listed").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The command that undoes the one run there is; where there is none, it will say so.
    ///
    /// # Panics
    /// When there are several.
    pub fn rollback(&self) -> String {
        let runs = self.runs();
        assert!(runs.len() <= 1, "one run was asked for, and there are {runs:?}");
        format!("rollback {} --auto-approve", runs.concat())
    }

    /// Has `then` called once a fault holds a call; aborting the task gives that up.
    pub fn when_held(&self, then: impl FnOnce() + Send + 'static) -> tokio::task::AbortHandle {
        let sandbox = Arc::clone(&self.sandbox);
        let waits = async move {
            sandbox.until_held().await;
            then();
        };
        self.runtime.spawn(waits).abort_handle()
    }

    /// Waits until the sandbox has nothing more to do for clients that are gone.
    pub fn until_idle(&self) {
        self.runtime.block_on(self.sandbox.until_idle());
    }

    /// Brings `my-cluster`, which is as before the migration, to the plugin's own role by its annotation, and
    /// leaves nothing of the runs behind.
    ///
    /// # Panics
    /// When that fails.
    pub fn by_web_identity(&self) {
        self.workspace.write("first.yaml", MY_CLUSTER);
        self.run("plan first.yaml --out plans/first.plan.json").expect(0);
        self.run("apply plans/first.plan.json").expect(0);
        for left in [".cni-plan", "plans"] {
            std::fs::remove_dir_all(self.workspace.path().join(left)).expect("a run leaves a folder");
        }
    }

    /// Runs the command, arguments separated by spaces, to its end.
    pub fn run(&self, arguments: &str) -> Ran {
        self.workspace.run(arguments.split_whitespace())
    }
}
