//! The command, killed by SIGKILL at an instant that a test chooses, and never at one that chance does.
//!
//! Around a call: the sandbox holds it, before its effect or after, and the process is killed while it
//! is held. Around a write of the journal: `strace` delivers the signal as the journal's only thread
//! enters the system call, so before its effect: `pwrite64` writes a record, `fdatasync` makes what was
//! written durable.

use std::fmt;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use crate::command::{LIMIT, Ran, read_to_end};
use crate::course::Call;
use crate::peers::find;
use crate::rehearsal::Rehearsal;

/// When to kill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instant {
    /// The call has arrived and is not carried out.
    BeforeCall(Call),
    /// The call is carried out and not answered.
    AfterEffect(Call),
    /// The journal's n-th write, from 1, is about to be made: whatever it tells has happened.
    BeforeWrite(usize),
    /// The journal's n-th write is made and not yet durable.
    BeforeSync(usize),
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Instant::BeforeCall(call) => write!(f, "before {call}"),
            Instant::AfterEffect(call) => write!(f, "after  {call}"),
            Instant::BeforeWrite(nth) => write!(f, "before {:<36} {nth:>2}.", "journal write"),
            Instant::BeforeSync(nth) => write!(f, "before {:<36} {nth:>2}.", "journal fsync"),
        }
    }
}

impl Rehearsal {
    /// Runs the command up to `instant` and kills it there; all that it had sent is over on return.
    /// `Some` is a run that came to its end without getting there.
    ///
    /// # Panics
    /// When it does neither for a minute, or `strace` is needed and not there.
    pub fn run_until(&self, instant: &Instant, arguments: &str) -> Option<Ran> {
        let ran = match instant {
            Instant::BeforeCall(call) => self.run_until_held(&call.fault("Hold", 1), arguments),
            Instant::AfterEffect(call) => self.run_until_held(&call.fault("HoldAfter", 1), arguments),
            Instant::BeforeWrite(nth) => self.run_until_system_call("pwrite64", *nth, arguments),
            Instant::BeforeSync(nth) => self.run_until_system_call("fdatasync", *nth, arguments),
        };
        self.until_idle();
        ran
    }

    /// How many writes the journal makes in a run that nothing disturbs, and how many of them are made
    /// durable on their own.
    ///
    /// # Panics
    /// When `strace` is not there, or something killed the command.
    pub fn count_journal_writes(&self, arguments: &str) -> (usize, usize) {
        const TRACE: &str = "trace";
        let command = self.traced(&["-o", TRACE], arguments);
        let ran = self.workspace().finish(command);
        assert!(ran.code.is_some(), "{ran}");
        let trace = self.workspace().read(TRACE);
        let count = |call: &str| trace.lines().filter(|line| line.contains(call)).count();
        (count("pwrite64("), count("fdatasync("))
    }

    fn run_until_held(&self, fault: &str, arguments: &str) -> Option<Ran> {
        self.fail(fault);
        let mut command = self.workspace().command(arguments.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        let stdout = read_to_end(child.stdout.take().expect("standard output is piped"));
        let stderr = read_to_end(child.stderr.take().expect("standard error is piped"));
        let (sender, first) = mpsc::channel();
        let ended = sender.clone();
        std::thread::spawn(move || ended.send(First::Ended(stdout.recv().unwrap_or_default())));
        let waits = self.when_held(move || {
            // The run may have ended meanwhile, and nobody listens any more.
            let _ = sender.send(First::Held);
        });
        let first = first.recv_timeout(LIMIT);
        waits.abort();
        let Ok(First::Ended(stdout)) = first else {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
            assert!(
                first.is_ok(),
                "`cni-plan {arguments}` hangs: it has neither ended nor made the call after {LIMIT:?}"
            );
            return None;
        };
        let code = child.wait().expect("a child can be waited for").code();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let stderr = text(stderr.recv().unwrap_or_default());
        Some(self.workspace().ran(format!("cni-plan {arguments}"), code, text(stdout), stderr))
    }

    /// `when` counts for each thread on its own, and the journal has one for itself.
    fn run_until_system_call(&self, call: &str, nth: usize, arguments: &str) -> Option<Ran> {
        let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
        let ran = self.workspace().finish(self.traced(&["-o", "/dev/null", "-e", &inject], arguments));
        // strace ends as the process that it traced did.
        ran.code.is_some().then_some(ran)
    }

    /// Without `--seccomp-bpf`, under which strace injects no signals.
    fn traced(&self, options: &[&str], arguments: &str) -> Command {
        let traced = self.workspace().command(arguments.split_whitespace());
        let mut command = Command::new(find("strace"));
        command
            .args(["-f", "-qq", "-e", "trace=pwrite64,fdatasync"])
            .args(options)
            .arg(traced.get_program())
            .args(traced.get_args())
            .current_dir(self.workspace().path())
            .env_clear()
            .envs(traced.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null());
        command
    }
}

/// What comes first when a run is to be killed at a call.
enum First {
    /// The call is held.
    Held,
    /// The run came to its end, with this on standard output.
    Ended(Vec<u8>),
}
