//! The runs of a folder, as `runs` lists them.

use schemars::JsonSchema;
use serde::Serialize;

/// Version of the form in which they are written as JSON.
const FORMAT_VERSION: u32 = 1;

/// The runs, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunList {
    format_version: u32,
    /// Each of them.
    pub runs: Vec<RunSummary>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Its name, by which it is resumed or undone.
    pub name: String,
    /// How it stands.
    pub state: RunStanding,
    /// How far it came on the way there; `None` where its journal or its change set cannot be used.
    pub steps: Option<StepsDone>,
    /// The spec as its change set names it; `None` where the journal cannot be used.
    pub spec: Option<String>,
    /// The digest of the file of its change set, byte for byte; `None` where the journal cannot be used.
    pub change_set: Option<String>,
    /// The processes that worked on it, the first first.
    pub sessions: Vec<RunSession>,
    /// Why it cannot be used; `None`: it can.
    pub unusable: Option<String>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunStanding {
    /// A process works on it now.
    InProgress,
    /// It was cut off or interrupted, and can be resumed or undone.
    Unfinished,
    /// It was cut off on its way back.
    GoingBack,
    /// Every step is done.
    Applied,
    /// Everything is as it was before.
    RolledBack,
    /// It went back, and something was not as it was before.
    Residue,
    /// Its journal cannot be used.
    Unusable,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepsDone {
    /// Steps that were done; a run that went back had done them before.
    pub done: usize,
    /// Steps that its change set has.
    pub of: usize,
}

/// A process that worked on a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunSession {
    /// `apply`, `resume` or `rollback`.
    pub command: String,
    /// `user@host, pid 4711 (03d2f1a9)`.
    pub who: String,
    /// When it began, RFC 3339 in UTC.
    pub at: String,
}

impl RunList {
    /// Of these runs.
    pub fn of(runs: Vec<RunSummary>) -> RunList {
        RunList { format_version: FORMAT_VERSION, runs }
    }

    /// As indented JSON in ASCII that ends in a line feed.
    pub fn to_json(&self) -> String {
        crate::canonical_json::to_document(self)
    }
}

/// The JSON Schema (2020-12) of a list of runs, as a file.
pub fn runs_schema() -> String {
    crate::json_schema::published::<RunList>(FORMAT_VERSION)
}
