//! What a journal's records come to.

use std::collections::HashMap;

use cni_plan_core::{Address, Change, Phase, Standing};

use crate::journal::{Outcome, Record, Recovered, RunHeader, Session, Verdict};

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// A process works on it now.
    InProgress,
    /// It was cut off or interrupted on this way, and can be taken up again.
    Unfinished(Phase),
    /// Every step is done.
    Applied,
    /// Everything is as it was before.
    RolledBack,
    /// It went back, and something was not as it was before.
    Residue,
}

/// What is known of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// Which run.
    pub header: RunHeader,
    /// The processes that worked on it.
    pub sessions: Vec<Session>,
    /// How it stands.
    pub state: RunState,
    /// How far each step of the plan has come on the way there.
    pub standings: Vec<Standing>,
    /// How many steps were done on the way there.
    pub done: usize,
    /// Failures on the way there, as they were told.
    pub failures: Vec<String>,
    /// Whether the end of the journal is torn off, now or when it was taken up before.
    pub torn: bool,
    /// Whether it went back because someone asked for it, and not because of a failure.
    pub is_undone_on_request: bool,
}

impl RunRecord {
    /// Of the records of a run of `changes`.
    pub(crate) fn of(recovered: &Recovered, changes: &[Change]) -> RunRecord {
        let mut record = RunRecord {
            header: recovered.header().clone(),
            sessions: Vec::new(),
            state: RunState::Unfinished(Phase::Apply),
            standings: Vec::new(),
            done: 0,
            failures: Vec::new(),
            torn: recovered.torn,
            is_undone_on_request: false,
        };
        let mut begun: HashMap<&Address, Standing> = HashMap::new();
        let mut way = Phase::Apply;
        for entry in &recovered.records {
            match entry {
                Record::Run(_) => {}
                Record::Session(session) => {
                    record.torn |= session.torn;
                    record.sessions.push(session.clone());
                }
                Record::Begin(intent) if intent.phase == Phase::Apply => {
                    begun.insert(&intent.step, Standing::InDoubt);
                }
                Record::End { step, phase: Phase::Apply, outcome, .. } => match outcome {
                    Outcome::Done => {
                        begun.insert(step, Standing::Done);
                    }
                    Outcome::Failed { why } => record.failures.push(why.clone()),
                },
                Record::Begin(_) | Record::End { .. } => {}
                Record::Back { why } => {
                    record.is_undone_on_request = why.is_empty();
                    way = Phase::Rollback;
                    record.state = RunState::Unfinished(way);
                }
                Record::Close { verdict } => record.state = state_after(*verdict, way),
            }
        }
        record.done = begun.values().filter(|standing| **standing == Standing::Done).count();
        // What stood behind a torn end may have been a call.
        let unrecorded = if record.torn { Standing::InDoubt } else { Standing::NotBegun };
        let standing = |change: &Change| match begun.get(&change.address) {
            Some(&standing) => standing,
            None if change.is_effective() => unrecorded,
            None => Standing::NotBegun,
        };
        record.standings = changes.iter().map(standing).collect();
        record
    }
}

fn state_after(verdict: Verdict, way: Phase) -> RunState {
    match verdict {
        Verdict::Applied => RunState::Applied,
        Verdict::RolledBack => RunState::RolledBack,
        Verdict::Residue => RunState::Residue,
        Verdict::Interrupted => RunState::Unfinished(way),
    }
}
