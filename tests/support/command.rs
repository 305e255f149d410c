//! The built command, run the way a person runs it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The command under test, as `cargo test --workspace` builds it beside this package's binary
/// (`crates/cni-plan` has a test of its own, so cargo builds the command before any test runs).
///
/// # Panics
/// When it is not there.
pub fn binary() -> PathBuf {
    let here = std::env::current_exe().expect("a test knows its own path");
    let folder = here.ancestors().nth(2).expect("a test lies in TARGET/PROFILE/deps");
    let binary = folder.join("cni-plan");
    assert!(binary.is_file(), "{} is not built: run `cargo build -p cni-plan` first", binary.display());
    binary
}

/// A folder of its own to run the command in.
#[derive(Debug)]
pub struct Workspace {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Default for Workspace {
    fn default() -> Self {
        Workspace::new()
    }
}

impl Workspace {
    /// An empty one.
    ///
    /// # Panics
    /// When no folder can be made.
    pub fn new() -> Workspace {
        Workspace { folder: tempfile::tempdir().expect("a folder can be made"), environment: Vec::new() }
    }

    /// Sets a variable for every run.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Workspace {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file in it.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).expect("a folder can be made");
        }
        std::fs::write(&path, text).expect("a file can be written");
        path
    }

    /// Reads a file in it.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The command in this folder, not yet started; nothing of the caller's AWS or Kubernetes
    /// configuration reaches it.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary());
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        self.command(arguments).output().expect("the command can be started").into()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
