//! What was called, what is under way, and which faults strike.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;

use crate::fault::{Fault, FaultKind, Service};

/// The calls kept; older ones go first.
const KEPT: usize = 100_000;

/// A call that was answered, or broken off by either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRecord {
    /// Which service.
    pub service: Service,
    /// The action's name, or `verb resource` for Kubernetes.
    pub operation: String,
    /// What it was about, where the request says: a role, a policy's ARN, an object's path.
    pub resource: String,
    /// The HTTP status; 0 for a call without an answer: its connection was reset, or its client went.
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
    under_way: watch::Sender<usize>,
}

/// A call that has begun. It is kept in the log when this is dropped, answered or not.
#[derive(Debug)]
pub(crate) struct CallUnderWay<'a> {
    log: &'a CallLog,
    record: CallRecord,
    begun: Instant,
}

/// The faults of one sandbox, each with how many calls it has met.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Mutex<Vec<(Fault, usize)>>,
}

impl CallLog {
    /// Begins a call that came at `begun`; the value returned is to be told what it came to.
    pub(crate) fn begin(
        &self,
        service: Service,
        operation: String,
        resource: String,
        begun: Instant,
    ) -> CallUnderWay<'_> {
        self.under_way.send_modify(|count| *count += 1);
        let record = CallRecord { service, operation, resource, status: 0, fault: None, took: Duration::ZERO };
        CallUnderWay { log: self, record, begun }
    }

    /// Waits until no call is under way.
    pub(crate) async fn until_none_is_under_way(&self) {
        // The sender is here, so the channel is open.
        let _ = self.under_way.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(crate) fn all(&self) -> Vec<CallRecord> {
        lock(&self.records).iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        lock(&self.records).clear();
    }
}

impl CallUnderWay<'_> {
    /// Says which fault strikes it.
    pub(crate) fn struck(&mut self, kind: FaultKind) {
        self.record.fault = Some(kind.to_string());
    }

    /// Says with which HTTP status it is answered.
    pub(crate) fn answered(mut self, status: u16) {
        self.record.status = status;
    }
}

impl Drop for CallUnderWay<'_> {
    fn drop(&mut self) {
        self.record.took = self.begun.elapsed();
        let mut records = lock(&self.log.records);
        if records.len() == KEPT {
            records.pop_front();
        }
        records.push_back(self.record.clone());
        drop(records);
        self.log.under_way.send_modify(|count| *count -= 1);
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
