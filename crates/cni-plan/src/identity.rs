//! Who runs this, for locks and journals: names, never anything secret.

use std::hash::{BuildHasher, RandomState};

use cni_plan_engine::journal::Session;
use jiff::Timestamp;

/// The name of a run that begins now: the time, so that names sort as they came, and a number that
/// no other run of that second has, on whichever machine. A process id would not do: in containers
/// many are 1, and a run may take the lock of a run of its own name.
pub(crate) fn run_name() -> String {
    let chance = RandomState::new().hash_one(std::process::id()) as u32;
    format!("{}-{chance:010}", Timestamp::now().strftime("%Y%m%d-%H%M%S"))
}

/// `user@host, pid 4711`.
pub(crate) fn who() -> String {
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!(
        "{}@{host}, pid {}",
        user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw())),
        std::process::id()
    )
}

/// This process at work on a run.
pub(crate) fn session(command: &str) -> Session {
    let at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Session { command: command.to_owned(), who: who(), at, torn: false }
}
