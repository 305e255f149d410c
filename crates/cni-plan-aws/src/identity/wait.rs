//! How long EKS is waited for.

use std::time::Duration;

use crate::delays::doubling;

/// For an update of an add-on: minutes are usual, since EKS looks at the workload's health before it says
/// that it is done.
pub(super) const FOR_AN_UPDATE: Duration = Duration::from_secs(15 * 60);
/// For the annotation of an add-on that is updated.
pub(super) const FOR_THE_ANNOTATION: Duration = Duration::from_secs(60);

/// Between a look and the next: from a quarter of a second on, each twice the one before up to five
/// seconds; together the bound.
pub(super) fn delays(bound: Duration) -> impl Iterator<Item = Duration> + Send {
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(5);
    doubling(FIRST, LONGEST, bound)
}
