//! What a journal says.

use cni_plan_core::{Action, Address, Phase, Resource};
use serde::{Deserialize, Serialize};

/// Version of the journal's form, in its first record. A newer one is refused.
pub const JOURNAL_VERSION: u32 = 1;

/// One record. Times are RFC 3339 where they are absolute; `ms` is milliseconds since the session
/// began, by a clock that does not jump.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "most records are the large one, and none is kept for long")]
pub enum Record {
    /// The first: which run this is.
    Run(RunHeader),
    /// A process takes the run up.
    Session(Session),
    /// A call is about to be made. Durable before it is.
    Begin(Intent),
    /// What came of it.
    End {
        /// The step.
        step: Address,
        /// Which way it went.
        phase: Phase,
        /// What came of it.
        outcome: Outcome,
        /// Since the session began.
        ms: u64,
    },
    /// From here on the run goes back.
    Back {
        /// Why, for people: failures, or that someone asked for it.
        why: Vec<String>,
    },
    /// The process lets go of the run.
    Close {
        /// How the run stands.
        verdict: Verdict,
    },
}

/// Which run a journal is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunHeader {
    /// [`JOURNAL_VERSION`].
    pub version: u32,
    /// The run's name, also its folder's.
    pub run: String,
    /// Version of the program.
    pub tool: String,
    /// The spec as its change set names it.
    pub spec: String,
    /// `sha256:` and the digest of the change set beside the journal, byte for byte.
    pub change_set: String,
    /// Its steps that call something; journals of the first versions do not say.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub steps: Option<usize>,
}

/// A process at work on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `apply`, `resume` or `rollback`.
    pub command: String,
    /// `user@host, pid 4711 (03d2f1a9)`.
    pub who: String,
    /// When it began.
    pub at: String,
    /// Whether it found the end of the journal torn off: steps without a record may have been begun.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub torn: bool,
}

/// A call about to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The step.
    pub step: Address,
    /// Which way it goes.
    pub phase: Phase,
    /// What it does.
    pub action: Action,
    /// The before-image; `None`: not there.
    pub before: Option<Resource>,
    /// What it is to leave; `None`: nothing there.
    pub after: Option<Resource>,
    /// Since the session began.
    pub ms: u64,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it was made for, and reads show it.
    Done,
    /// It did not, or its answer was lost: what it left is in doubt.
    Failed {
        /// The service's own words, on one line.
        why: String,
    },
}

/// How a run stands when a process lets go of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every step is done.
    Applied,
    /// Everything is as it was before.
    RolledBack,
    /// It went back, and something is not as it was before.
    Residue,
    /// It can be taken up again.
    Interrupted,
}
