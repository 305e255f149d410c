//! How long IAM's readers may take to see what was written, and everything that follows from it.
//!
//! IAM answers a write before all of its readers know of it: "changes … might not be immediately
//! visible" (IAM User Guide, "Changes that I make are not always immediately visible"). That takes
//! seconds, at times a minute or two, and meanwhile answers go back and forth.

use std::time::Duration;

use cni_plan_core::{ErrorKind, ProviderError};

use crate::delays::doubling;

/// Sets the bound for a command, as in `90s`.
const VARIABLE: &str = "CNI_PLAN_IAM_VISIBILITY";

/// What IAM's readers are given to catch up with its writers. One number: a test that makes time run
/// a hundred times as fast divides it by a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visibility {
    bound: Duration,
}

impl Default for Visibility {
    /// Two minutes, as long as Terraform waits for IAM.
    fn default() -> Visibility {
        Visibility::within(Duration::from_secs(120))
    }
}

impl Visibility {
    /// Readers are given so long.
    pub const fn within(bound: Duration) -> Visibility {
        Visibility { bound }
    }

    /// What `CNI_PLAN_IAM_VISIBILITY` says, or the default.
    ///
    /// # Errors
    /// When it is no duration.
    pub(crate) fn of_environment() -> Result<Visibility, ProviderError> {
        let Some(value) = std::env::var_os(VARIABLE) else { return Ok(Visibility::default()) };
        let text = value.to_string_lossy();
        duration(&text).map(Visibility::within).ok_or_else(|| ProviderError {
            kind: ErrorKind::Refused,
            what: "cannot tell how long to wait for IAM".to_owned(),
            why: format!("{VARIABLE} is no duration: {text:?}"),
            cure: format!("set {VARIABLE} to such as 90s, 2m or 500ms, or not at all"),
        })
    }

    /// The longest that a write is waited for: two minutes.
    pub(crate) fn bound(self) -> Duration {
        self.bound
    }

    /// An answer that has been the same for so long is the truth, whoever wrote what before: half a
    /// minute.
    pub(crate) fn stable_for(self) -> Duration {
        self.bound / 4
    }

    /// Between a read and the next, at first: a quarter of a second.
    pub(crate) fn first_delay(self) -> Duration {
        self.bound / 480
    }

    /// From the first delay on, each twice the one before up to five seconds; together the bound.
    pub(crate) fn delays(self) -> impl Iterator<Item = Duration> + Send {
        doubling(self.first_delay(), self.bound / 24, self.bound)
    }

    /// Few and even, for a look at many things: together the bound.
    pub(crate) fn even_delays(self) -> impl Iterator<Item = Duration> + Send {
        const LOOKS_WHILE_STABLE: u32 = 4;
        let delay = self.stable_for() / LOOKS_WHILE_STABLE;
        std::iter::repeat_n(delay, if delay.is_zero() { 0 } else { 4 * LOOKS_WHILE_STABLE as usize })
    }
}

/// `500ms`, `90s`, `2m`.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, u64); 3] = [("ms", 1), ("s", 1000), ("m", 60_000)];
    let (number, factor) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))?;
    number.parse::<u64>().ok()?.checked_mul(factor).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_make_up_the_bound() {
        let delays: Vec<Duration> = Visibility::default().delays().collect();
        assert_eq!(delays[..5], [250, 500, 1000, 2000, 4000].map(Duration::from_millis));
        assert_eq!(delays.iter().max(), Some(&Duration::from_secs(5)));
        assert_eq!(delays.iter().sum::<Duration>(), Duration::from_secs(120));
        assert_eq!(Visibility::default().even_delays().sum::<Duration>(), Duration::from_secs(120));
        assert_eq!(Visibility::within(Duration::ZERO).delays().count(), 0);
        assert_eq!(Visibility::within(Duration::ZERO).even_delays().count(), 0);
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        let seconds = |text: &str| duration(text).map(|duration| duration.as_secs_f64());
        assert_eq!([seconds("90s"), seconds("500ms"), seconds("2m")], [Some(90.0), Some(0.5), Some(120.0)]);
        assert_eq!([seconds("90"), seconds("-1s"), seconds("")], [None; 3]);
    }
}
