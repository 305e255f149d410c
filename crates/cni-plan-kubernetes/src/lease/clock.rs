//! What time it is, by both clocks of this machine.
//!
//! The steady one cannot be set, but may stand still while the machine sleeps; the one on the wall
//! goes on then, but can be set. What must not be underestimated is measured by both.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

/// Where the time comes from: a test has its own.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

/// An instant, as both clocks had it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) steady: Instant,
    pub(super) wall: Timestamp,
}

impl Clock {
    /// The machine's.
    pub(crate) fn system() -> Clock {
        Clock(Arc::new(Timestamp::now))
    }

    /// With another clock on the wall.
    #[cfg(test)]
    pub(super) fn with_wall(wall: impl Fn() -> Timestamp + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(wall))
    }

    pub(super) fn now(&self) -> Moment {
        Moment { steady: Instant::now(), wall: (self.0)() }
    }
}

impl Moment {
    /// At least as long as it has really been since `earlier`, unless the machine slept and its
    /// clock on the wall was set back as well.
    pub(super) fn since(&self, earlier: &Moment) -> Duration {
        let by_the_wall = Duration::try_from(self.wall.duration_since(earlier.wall)).unwrap_or_default();
        self.steady.saturating_duration_since(earlier.steady).max(by_the_wall)
    }
}
