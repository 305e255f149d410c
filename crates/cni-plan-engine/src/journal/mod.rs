//! The record of a run: what it was about to do, made durable before it was done, and what came of it.
//!
//! Append-only, one record a line, each line sealed by a checksum that covers the line and everything
//! before it. `docs/journal-format.md` is the reference. Nothing here decides what follows from a
//! record: that is `cni_plan_core`'s [`remaining`](cni_plan_core::remaining) and
//! [`invert`](cni_plan_core::invert).

mod line;
mod record;
mod storage;
mod writer;

pub use line::{JournalError, Recovered, Tail, recover};
pub use record::{Intent, JOURNAL_VERSION, Outcome, Record, RunHeader, Session, Verdict};
pub use storage::{FileStorage, MemoryStorage, Storage};
pub use writer::{Journal, NotRecorded};
