//! What was called, and which faults strike.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::fault::{Fault, FaultKind, Service};

/// The calls kept; older ones go first.
const KEPT: usize = 100_000;

/// A call that was answered, or broken off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// Which service.
    pub service: Service,
    /// The action's name, or `verb resource` for Kubernetes.
    pub operation: String,
    /// What it was about, where the request says: a role, a policy's ARN, an object's path.
    pub resource: String,
    /// The HTTP status; 0 for a connection that was reset.
    pub status: u16,
    /// The fault that struck, in its text form's words.
    pub fault: Option<String>,
    /// How long the answer took, the latency and delays included. For a watch, until its first byte.
    pub took: Duration,
}

/// The calls of one sandbox, in order of their answers.
#[derive(Debug, Default)]
pub(crate) struct CallLog {
    records: Mutex<std::collections::VecDeque<CallRecord>>,
}

/// The faults of one sandbox, each with how many calls it has met.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Mutex<Vec<(Fault, usize)>>,
}

impl CallLog {
    pub(crate) fn add(&self, record: CallRecord) {
        let mut records = lock(&self.records);
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(record);
    }

    pub(crate) fn all(&self) -> Vec<CallRecord> {
        lock(&self.records).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.records).clear();
    }
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        lock(&self.waiting).push((fault, 0));
    }

    pub(crate) fn clear(&self) {
        lock(&self.waiting).clear();
    }

    pub(crate) fn all(&self) -> Vec<Fault> {
        lock(&self.waiting).iter().map(|(fault, _)| fault.clone()).collect()
    }

    /// Counts a call against every fault about it, and says how it goes wrong: the first that strikes.
    pub(crate) fn strike(&self, service: Service, operation: &str) -> Option<FaultKind> {
        let mut struck = None;
        for (fault, met) in lock(&self.waiting).iter_mut() {
            if fault.matches(service, operation) {
                let strikes = *met >= fault.from && fault.count.is_none_or(|count| *met < fault.from + count);
                *met += 1;
                if strikes {
                    struck = struck.or(Some(fault.kind));
                }
            }
        }
        struck
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_skips_strikes_and_is_spent() {
        let faults = Faults::default();
        faults.add("iam:GetRole=AccessDenied@1x2".parse().unwrap());
        let strikes: Vec<bool> = (0..5).map(|_| faults.strike(Service::Iam, "GetRole").is_some()).collect();
        assert_eq!(strikes, [false, true, true, false, false]);
        assert_eq!(faults.strike(Service::Sts, "GetRole"), None);
    }
}
