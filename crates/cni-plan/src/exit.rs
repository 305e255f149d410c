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
    /// `plan --detailed-exitcode`, `verify`: there are changes.
    Changes = 2,
    /// The world is not the one that the change set was made for; or it is of another spec, or applied.
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

impl Exit {
    /// The word for it in the last event.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Exit::Done => "done",
            Exit::Error => "error",
            Exit::Changes => "changes",
            Exit::Stale => "stale",
            Exit::Locked => "locked",
            Exit::Unsafe => "unsafe",
            Exit::RolledBack => "rolled_back",
            Exit::Residue => "residue",
            Exit::Interrupted => "interrupted",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}
