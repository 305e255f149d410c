//! Who runs this, for locks and journals: names, never anything secret.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use cni_plan_engine::journal::Session;
use jiff::Timestamp;

/// The name of a run that begins now: the time, so that names sort as they came, and a number that
/// no other run of that second has, on whichever machine. A process id would not do: in containers
/// many are 1, and a run may take the lock of a run of its own name.
pub(crate) fn run_name() -> String {
    let now = Timestamp::now();
    // Those of one second are in order too; the last digits tell apart those of one microsecond.
    format!("{}-{:06}{:04}", now.strftime("%Y%m%d-%H%M%S"), now.subsec_microsecond(), chance() % 10_000)
}

fn chance() -> u32 {
    RandomState::new().hash_one(std::process::id()) as u32
}

/// `user@host, pid 4711 (03d2f1a9)`: the last is this process's own number, since two containers may agree
/// in everything else, and a lock is its holder's by this text.
pub(crate) fn who() -> String {
    static OWN: LazyLock<u32> = LazyLock::new(chance);
    let user = ["USER", "LOGNAME", "USERNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!(
        "{}@{host}, pid {} ({:08x})",
        user.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw())),
        std::process::id(),
        *OWN,
    )
}

/// This process at work on a run.
pub(crate) fn session(command: &str) -> Session {
    let at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Session { command: command.to_owned(), who: who(), at, torn: false }
}
