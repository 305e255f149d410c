//! Records the calls of a command for `--timings`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cni_plan_core::{Call, CallObserver, Timings};

/// The calls so far.
pub(crate) struct Recorder {
    began: Instant,
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder { began: Instant::now(), calls: Mutex::new(Vec::new()) }
    }

    /// What the calls cost.
    pub(crate) fn timings(&self) -> Timings {
        Timings::of(self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl CallObserver for Recorder {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn called(&self, call: Call) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }
}
