//! What this process wrote lately, so that a reader that does not know of it yet is not believed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cni_plan_core::{Observation, Resource, Target};
use tokio::time::Instant;

use crate::known::agrees;

/// What came of the last write to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "most writes leave something behind")]
pub(crate) enum LastWrite {
    /// It left this behind, as far as that is known; or reads have shown it for long enough.
    Left(Option<Resource>),
    /// It may have had its effect, or half of it, or none.
    InDoubt,
    /// It was refused, so there was none.
    Refused,
}

/// The last write to each target, for as long as some reader may not know of it.
#[derive(Debug)]
pub(crate) struct RecentWrites {
    kept_for: Duration,
    writes: Mutex<HashMap<Target, (Instant, LastWrite)>>,
}

impl RecentWrites {
    pub(crate) fn kept_for(kept_for: Duration) -> RecentWrites {
        RecentWrites { kept_for, writes: Mutex::default() }
    }

    pub(crate) fn record(&self, target: &Target, write: LastWrite) {
        self.writes().insert(target.clone(), (Instant::now(), write));
    }

    /// A write that did nothing says nothing new of a target that was written to before.
    pub(crate) fn record_refusal(&self, target: &Target) {
        if self.of(target).is_none() {
            self.record(target, LastWrite::Refused);
        }
    }

    pub(crate) fn of(&self, target: &Target) -> Option<LastWrite> {
        let writes = self.writes();
        let (at, write) = writes.get(target)?;
        (at.elapsed() < self.kept_for).then(|| write.clone())
    }

    /// Whether this process lately left anything that `is_it`, which some of IAM may not know of yet.
    pub(crate) fn left(&self, is_it: impl Fn(&Target, Option<&Resource>) -> bool) -> bool {
        self.writes().iter().any(|(target, (at, write))| match write {
            LastWrite::Left(state) => at.elapsed() < self.kept_for && is_it(target, state.as_ref()),
            LastWrite::InDoubt | LastWrite::Refused => false,
        })
    }

    /// Whether one answer is to be believed as it is.
    pub(crate) fn allow(&self, target: &Target, seen: &Observation) -> bool {
        match self.of(target) {
            Some(LastWrite::Left(state)) => agrees(state.as_ref(), seen),
            Some(LastWrite::InDoubt) => false,
            Some(LastWrite::Refused) | None => true,
        }
    }

    /// Whether one answer is to be believed about a target whose last write may have been anyone's.
    pub(crate) fn vouch_for(&self, target: &Target, seen: &Observation) -> bool {
        self.of(target).is_some() && self.allow(target, seen)
    }

    fn writes(&self) -> MutexGuard<'_, HashMap<Target, (Instant, LastWrite)>> {
        // Nothing that is called under this lock panics.
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
