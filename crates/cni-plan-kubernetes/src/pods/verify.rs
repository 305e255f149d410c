//! Watches until every eligible node has a Ready pod that carries the identity, and goes on having.

use std::time::Duration;

use cni_plan_core::{Overseer, PodIdentity, ProviderError};
use tokio::time::Instant;

use super::PodsOf;
use super::restart::{Reports, open};
use super::trouble;

use crate::client::Connection;

/// What a verification is to do; see [`cni_plan_core::Run::Verify`].
pub(crate) struct Verify<'a> {
    pub(crate) wanted: &'a PodIdentity,
    /// For all to be Ready.
    pub(crate) timeout: Duration,
    /// How long they must stay so; on top of the timeout.
    pub(crate) soak: Duration,
}

/// Runs until that is so. A pod with another identity ends it at once: it will not change.
pub(crate) async fn verify(
    connection: &Connection,
    of: &PodsOf<'_>,
    plan: Verify<'_>,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let deadline = Instant::now() + plan.timeout;
    let mut watch = open(connection, of, plan.timeout).await?;
    let mut reports = Reports::to(overseer);
    let mut served_since: Option<Instant> = None;
    loop {
        let world = watch.world();
        let unserved = world.unserved(plan.wanted);
        let unserved = unserved.map_err(|wrong| trouble::wrong_identity(connection, plan.wanted, &wrong))?;
        let (done, total) = world.progress(plan.wanted);
        reports.report((done, total), &unserved);

        let now = Instant::now();
        let until = if unserved.is_empty() {
            let soaked = *served_since.get_or_insert(now) + plan.soak;
            let is_over = total == 0 || soaked <= now;
            if is_over && watch.is_fresh() {
                return Ok(());
            }
            if is_over {
                watch = open(connection, of, plan.timeout).await?;
                continue;
            }
            soaked
        } else {
            served_since = None;
            if deadline <= now && !watch.is_fresh() {
                watch = open(connection, of, plan.timeout).await?;
                continue;
            }
            if deadline <= now {
                let interruption = watch.interruption();
                let over = trouble::time_over(connection, of.namespace, world, interruption, &unserved, plan.timeout);
                return Err(over.await);
            }
            deadline
        };
        watch.changed_unless_over(until, overseer).await?;
    }
}
