//! The exit codes: the one table of them. They are a promise to scripts (README, "Exit codes").

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// An error; nothing was changed.
    Error = 1,
    /// `plan --detailed-exitcode`: there are changes.
    Changes = 2,
    /// The world is not the one that the change set was made for.
    Stale = 3,
    /// Someone else holds a lock.
    Locked = 4,
    /// Refused as unsafe.
    Unsafe = 5,
    /// Apply failed; everything is back, and that was looked at.
    RolledBack = 6,
    /// Not everything is back.
    Residue = 7,
    /// Interrupted; the run can be taken up again.
    Interrupted = 8,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
