//! Pauses between looks at something that takes its time.

use std::time::Duration;

/// From `first` on, each twice the one before up to `longest`; together `bound`.
pub(crate) fn doubling(first: Duration, longest: Duration, bound: Duration) -> impl Iterator<Item = Duration> + Send {
    let mut left = bound;
    let mut next = first;
    std::iter::from_fn(move || {
        let delay = next.min(left);
        left -= delay;
        next = (next * 2).min(longest);
        (!delay.is_zero()).then_some(delay)
    })
}
