//! The built command, run the way a person runs it.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::steady::steady;

/// No run of the command takes as long, not one that waits for several time-outs: what does is killed
/// and fails its test.
pub(crate) const LIMIT: Duration = Duration::from_secs(240);

/// How long IAM's readers may take to see a write. They take no time here unless a test asks for it.
const SOON_SEEN: &str = "400ms";

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

/// A PATH for shells in which the command under test is found by its name, before all that is there already.
///
/// # Panics
/// As [`binary`], and when the PATH cannot be written.
pub fn path_with_binary() -> String {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let here = binary().parent().expect("a file lies in a folder").to_owned();
    let all = std::iter::once(here).chain(std::env::split_paths(&folders));
    let path = std::env::join_paths(all).expect("no folder has a colon in its name");
    path.into_string().expect("the PATH is text")
}

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package lies in the repository")
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
    /// What was asked for, as a person types it.
    pub line: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// Where it ran, which has no place in a snapshot.
    folder: PathBuf,
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

    /// One with the repository's example specs in it, under `examples/`.
    pub fn with_examples() -> Workspace {
        let workspace = Workspace::new();
        for entry in std::fs::read_dir(repository().join("examples")).expect("there are examples") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("an example is text");
            let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
            workspace.write(&format!("examples/{name}"), &text);
        }
        workspace
    }

    /// Sets a variable for every run.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: &str) -> Workspace {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables of every run.
    pub fn environment(&self) -> &[(String, String)] {
        &self.environment
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
            .env("CNI_PLAN_IAM_VISIBILITY", SOON_SEEN)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started, and when it has not ended after minutes.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        self.finish(self.command(arguments))
    }

    /// Runs a command of [`Workspace::command`] to its end.
    ///
    /// # Panics
    /// When it cannot be started, and when it has not ended after minutes.
    pub fn finish(&self, mut command: Command) -> Ran {
        let arguments: Vec<String> =
            command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
        let line = format!("cni-plan {}", arguments.join(" "));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command can be started");
        let (code, stdout, stderr) = bounded(child, &line);
        self.ran(line, code, stdout, stderr)
    }

    /// A run that ended here.
    pub(crate) fn ran(&self, line: String, code: Option<i32>, stdout: String, stderr: String) -> Ran {
        Ran { line, code, stdout, stderr, folder: self.path().to_owned() }
    }
}

impl Ran {
    /// One whose standard output was read as it came.
    pub fn of(line: &str, code: Option<i32>, stdout: String) -> Ran {
        Ran { line: line.to_owned(), code, stdout, stderr: String::new(), folder: PathBuf::new() }
    }

    /// Asserts how it ended; shows the whole run where it ended otherwise.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

/// As it is kept in snapshots: the command line, its exit code, both streams, nothing volatile.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or("a signal".to_owned(), |code| code.to_string());
        writeln!(f, "$ {}", self.line)?;
        writeln!(f, "exit code: {code}")?;
        for (name, text) in [("standard output", &self.stdout), ("standard error", &self.stderr)] {
            if !text.is_empty() {
                writeln!(f, "---- {name}\n{}", steady(text, &self.folder).trim_end())?;
            }
        }
        Ok(())
    }
}

/// Both streams are read to their ends, which come when the process and all it started are gone.
pub(crate) fn bounded(mut child: Child, line: &str) -> (Option<i32>, String, String) {
    let stdout = read_to_end(child.stdout.take().expect("standard output is piped"));
    let stderr = read_to_end(child.stderr.take().expect("standard error is piped"));
    let text = |stream: mpsc::Receiver<Vec<u8>>, child: &mut Child| match stream.recv_timeout(LIMIT) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => {
            child.kill().expect("a child can be killed");
            panic!("`{line}` hangs: it has not ended after {LIMIT:?}");
        }
    };
    let (stdout, stderr) = (text(stdout, &mut child), text(stderr, &mut child));
    (child.wait().expect("a child can be waited for").code(), stdout, stderr)
}

/// Reads in a thread of its own; all of it comes when the stream ends.
pub(crate) fn read_to_end(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A stream that breaks off is shown as far as it came.
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}
