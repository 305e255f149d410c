//! Deletes the pods that are not as wanted and watches for their successors, batch by batch.

use std::time::Duration;

use cni_plan_core::{ErrorKind, MaxUnavailable, Overseer, PodIdentity, Progress, ProviderError};
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, Preconditions};
use tokio::time::Instant;

use super::rollout::{Rollout, Step, Victim};
use super::watch::{Waited, Watch};
use super::{PodsOf, inspect, trouble};
use crate::client::Connection;
use crate::error::Attempt;

/// Deletions on their way at a time.
const DELETIONS: usize = 16;

/// What a restart is to do; see [`cni_plan_core::Run::Restart`].
pub(crate) struct Restart<'a> {
    pub(crate) wanted: &'a PodIdentity,
    pub(crate) canary: u32,
    pub(crate) max_unavailable: MaxUnavailable,
    /// For one batch.
    pub(crate) timeout: Duration,
}

/// Runs until every pod on an eligible node carries the identity.
pub(crate) async fn restart(
    connection: &Connection,
    of: &PodsOf<'_>,
    plan: Restart<'_>,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let mut watch = open(connection, of, plan.timeout).await?;
    let pods: Api<Pod> = Api::namespaced(connection.client().await?, of.namespace);
    let mut rollout = Rollout::new(plan.wanted.clone(), plan.canary as usize, plan.max_unavailable);
    let mut late = Lateness::default();
    let mut reports = Reports::to(overseer);
    let mut deadline = Instant::now() + plan.timeout;
    // When the time is over: the view that says so may be old.
    let mut was_looked_at_anew = false;
    loop {
        let step = match rollout.next(watch.world()) {
            Ok(step) => step,
            Err(wrong) => {
                let delay = late.next_for(plan.wanted, &wrong.identity);
                let delay = delay.ok_or_else(|| trouble::wrong_identity(connection, plan.wanted, &wrong))?;
                overseer.tell(Progress::Told(format!(
                    "waiting until EKS knows everywhere of the Pod Identity association, as the pod on {} did not",
                    wrong.node
                )));
                tokio::time::sleep(delay).await;
                rollout.once_more();
                continue;
            }
        };
        match step {
            Step::Done => {
                reports.report(watch.world().progress(plan.wanted), &[]);
                return Ok(());
            }
            Step::Delete(victims) => {
                // A batch takes minutes: meanwhile someone may have asked to stop, or a lock been lost.
                overseer.may_go_on().await?;
                let deletions = victims.into_iter().map(|victim| delete(connection, &pods, of.namespace, victim));
                futures::stream::iter(deletions).buffer_unordered(DELETIONS).try_collect::<()>().await?;
                deadline = Instant::now() + plan.timeout;
                was_looked_at_anew = false;
            }
            Step::Wait(nodes) => {
                reports.report(watch.world().progress(plan.wanted), &nodes);
                if watch.changed(deadline).await? == Waited::TimeOver {
                    if !was_looked_at_anew {
                        watch = open(connection, of, plan.timeout).await?;
                        was_looked_at_anew = true;
                        continue;
                    }
                    let (world, interruption) = (watch.world(), watch.interruption());
                    let over = trouble::time_over(connection, of.namespace, world, interruption, &nodes, plan.timeout);
                    return Err(over.await);
                }
            }
        }
    }
}

/// How often pods are born once more because a Pod Identity association, made or deleted just now, is not
/// known everywhere yet: EKS says that this takes several seconds (API reference, CreatePodIdentityAssociation).
#[derive(Debug, Default)]
struct Lateness {
    waited: u32,
}

impl Lateness {
    /// One second, then twice as long each time: together about a minute.
    const MOST: u32 = 6;

    /// How long to wait before pods with the identity `found` are born once more; `None`: waiting would not
    /// help, or has not.
    fn next_for(&mut self, wanted: &PodIdentity, found: &PodIdentity) -> Option<Duration> {
        let is_about_association = [wanted, found].into_iter().any(PodIdentity::is_by_association);
        let delay = Duration::from_secs(1 << self.waited.min(Lateness::MOST));
        self.waited += 1;
        (is_about_association && self.waited <= Lateness::MOST).then_some(delay)
    }
}

/// Opens the watch over the plugin's DaemonSet, which has to be there.
pub(super) async fn open<'a>(
    connection: &'a Connection,
    of: &PodsOf<'_>,
    timeout: Duration,
) -> Result<Watch<'a>, ProviderError> {
    let daemon_set = inspect::find(connection, of.namespace, of.service_account).await?;
    let daemon_set = daemon_set.ok_or_else(|| ProviderError {
        kind: ErrorKind::NotFound,
        what: format!("cannot find the plugin's DaemonSet in cluster {}", connection.key()),
        why: format!("none in namespace {} runs under service account {}", of.namespace, of.service_account),
        cure: "install the plugin again, then plan again".to_owned(),
    })?;
    let mut watch = Watch::open(connection, of, &daemon_set).await?;
    watch.first(timeout).await?;
    Ok(watch)
}

/// Deletes just that pod, with its own grace. One that is gone, or has another uid, was replaced by
/// someone else: its successor is waited for all the same.
pub(super) async fn delete(
    connection: &Connection,
    pods: &Api<Pod>,
    namespace: &str,
    victim: Victim,
) -> Result<(), ProviderError> {
    let only = Preconditions { uid: Some(victim.uid.clone()), resource_version: None };
    let params = DeleteParams::default().preconditions(only);
    match connection.try_call(pods.delete(&victim.name, &params)).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.code(), Some(404 | 409)) => Ok(()),
        Err(error) => {
            let attempt = Attempt::new(format!("delete pod {}", victim.name), "delete", "pods", Some(namespace));
            Err(attempt.failed(connection, error))
        }
    }
}

/// Tells of progress when there is some.
pub(super) struct Reports<'a> {
    overseer: &'a dyn Overseer,
    last: Option<Progress>,
}

impl<'a> Reports<'a> {
    pub(super) fn to(overseer: &'a dyn Overseer) -> Reports<'a> {
        Reports { overseer, last: None }
    }

    /// `waiting_for`: nodes, by name.
    pub(super) fn report(&mut self, (done, total): (usize, usize), waiting_for: &[String]) {
        let progress = Progress::of_pods(done, total, waiting_for);
        if self.last.as_ref() != Some(&progress) {
            self.overseer.tell(progress.clone());
            self.last = Some(progress);
        }
    }
}
