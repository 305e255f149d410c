//! The real programs that the product is tested against: `aws`, `kubectl`, `moto_server` and a browser, as
//! `.ci/peers` installs them. A test that needs one is `#[ignore = "peer: …"]` and fails without it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::background::Background;
use crate::command::{bounded, repository};

/// Where a program is.
///
/// # Panics
/// When it is nowhere on the PATH.
#[track_caller]
pub fn find(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("there is no `{program}` on the PATH: `.ci/peers` brings what a test needs, or tells which package of the system does"))
}

/// Runs a script of this repository's on files, with node; returns what it says on standard output and on standard
/// error.
///
/// # Panics
/// When node is not there or the script fails: with what it says then.
#[track_caller]
pub fn node(script: &str, files: impl IntoIterator<Item = PathBuf>) -> (String, String) {
    let ran = Command::new(find("node")).arg(repository().join(script)).args(files).output();
    let ran = ran.expect("node can be started");
    let [said, told] = [&ran.stdout, &ran.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(ran.status.success(), "{script}:\n{said}{told}");
    (said, told)
}

/// A shell in which a person works with `aws` and `kubectl`; nothing of the caller's own
/// configuration reaches them.
#[derive(Debug)]
pub struct Shell {
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

/// How a line ended.
#[derive(Debug)]
pub struct Answer {
    /// What was typed.
    pub line: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output, without space around it.
    pub stdout: String,
    /// Standard error, without space around it.
    pub stderr: String,
}

impl Shell {
    /// One in this folder, with this environment.
    ///
    /// # Panics
    /// When `aws` or `kubectl` is not there.
    pub fn new(folder: &Path, environment: &[(String, String)]) -> Shell {
        for program in ["aws", "kubectl"] {
            find(program);
        }
        Shell { folder: folder.to_owned(), environment: environment.to_vec() }
    }

    /// Runs a line to its end.
    ///
    /// # Panics
    /// When it has not ended after a minute.
    pub fn run(&self, line: &str) -> Answer {
        let child = Command::new("sh")
            .args(["-c", line])
            .current_dir(&self.folder)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", &self.folder)
            .env("AWS_PAGER", "")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell can be started");
        let (code, stdout, stderr) = bounded(child, line);
        Answer { line: line.to_owned(), code, stdout: stdout.trim().to_owned(), stderr: stderr.trim().to_owned() }
    }

    /// Runs a line that has to succeed; returns what it prints.
    ///
    /// # Panics
    /// When it fails.
    #[track_caller]
    pub fn must(&self, line: &str) -> String {
        let answer = self.run(line);
        assert_eq!(answer.code, Some(0), "{answer:#?}");
        answer.stdout
    }
}

/// An independent imitation of AWS.
#[derive(Debug)]
pub struct Moto {
    _process: Background,
    url: String,
}

impl Moto {
    /// Starts one, empty but for Amazon's own managed policies; every caller is of `account`.
    ///
    /// # Panics
    /// When `moto_server` is not there or does not begin.
    pub fn start(account: &str) -> Moto {
        Moto::begin(|command| command.env("MOTO_ACCOUNT_ID", account))
    }

    /// Starts one whose callers say which account they are of, in the header `x-moto-account-id`.
    ///
    /// # Panics
    /// When `moto_server` is not there or does not begin.
    pub fn of_many_accounts() -> Moto {
        Moto::begin(|command| command.env_remove("MOTO_ACCOUNT_ID"))
    }

    fn begin(configure: impl FnOnce(&mut Command) -> &mut Command) -> Moto {
        const READY: &str = "Running on ";
        let mut command = Command::new(find("moto_server"));
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true");
        configure(&mut command);
        let process = Background::start(&mut command, |line| line.contains(READY));
        let last = process.said().last().and_then(|line| line.split_once(READY));
        let url = last.expect("the line was waited for").1.trim().to_owned();
        Moto { _process: process, url }
    }

    /// Where every service of it is: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The environment that brings an AWS client there.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "moto"),
            ("AWS_REGION", "us-west-2"),
            ("AWS_DEFAULT_REGION", "us-west-2"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}
