//! How long EKS is waited for, and that it is told.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::sleep;

use crate::delays::doubling;

/// For an update of an add-on: minutes are usual, since EKS looks at the workload's health before it says
/// that it is done.
pub(super) const FOR_AN_UPDATE: Duration = Duration::from_secs(15 * 60);
/// For the annotation of an add-on that is updated.
pub(super) const FOR_THE_ANNOTATION: Duration = Duration::from_secs(60);

/// Looks again and again until a look says that it is enough, for as long as `bound`; gives what the last one
/// said. `waits` is called once, when the first look has not been enough. Between a look and the next, from a quarter of a second on, each pause is twice the one before up to
/// five seconds.
///
/// # Errors
/// Of a look.
pub(super) async fn until<B, C, E, Looking>(
    bound: Duration,
    waits: impl FnOnce(),
    look: impl Fn() -> Looking,
) -> Result<ControlFlow<B, C>, E>
where
    Looking: Future<Output = Result<ControlFlow<B, C>, E>>,
{
    const FIRST: Duration = Duration::from_millis(250);
    const LONGEST: Duration = Duration::from_secs(5);
    let mut delays = doubling(FIRST, LONGEST, bound);
    let mut waits = Some(waits);
    loop {
        let seen = look().await?;
        match delays.next().filter(|_| seen.is_continue()) {
            Some(delay) => {
                if let Some(waits) = waits.take() {
                    waits();
                }
                sleep(delay).await;
            }
            None => return Ok(seen),
        }
    }
}
