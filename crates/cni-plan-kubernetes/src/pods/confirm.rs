//! Has one pod born again, and watches that it comes up as wanted and that every pod stays so: what a pod
//! lived by until now may have been read, or cached, before something was taken away.

use std::time::Duration;

use cni_plan_core::{Overseer, PodIdentity, ProviderError};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::time::Instant;

use super::PodsOf;
use super::restart::{Reports, delete, open};
use super::rollout::Victim;
use super::trouble;
use super::verify::{Verify, verify};
use super::watch::Waited;
use super::world::{World, WrongIdentity};
use crate::client::Connection;

/// What a confirmation is to do; see [`cni_plan_core::Run::Confirm`].
pub(crate) struct Confirm<'a> {
    pub(crate) wanted: &'a PodIdentity,
    /// For the one to be Ready again, and then for all to be.
    pub(crate) timeout: Duration,
    /// How long all must stay so then.
    pub(crate) soak: Duration,
}

/// Runs until that is so. Where no node is eligible there is nothing to confirm by.
pub(crate) async fn confirm(
    connection: &Connection,
    of: &PodsOf<'_>,
    plan: Confirm<'_>,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    reborn(connection, of, &plan, overseer).await?;
    let Confirm { wanted, timeout, soak } = plan;
    verify(connection, of, Verify { wanted, timeout, soak }, overseer).await
}

/// Deletes a pod and waits for its successor.
async fn reborn(
    connection: &Connection,
    of: &PodsOf<'_>,
    plan: &Confirm<'_>,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let mut watch = open(connection, of, plan.timeout).await?;
    let pods: Api<Pod> = Api::namespaced(connection.client().await?, of.namespace);
    let mut reports = Reports::to(overseer);
    let mut deadline = Instant::now() + plan.timeout;
    let mut chosen: Option<Chosen> = None;
    // When the time is over: the view that says so may be old.
    let mut was_looked_at_anew = false;
    let wrong = |wrong: WrongIdentity| trouble::wrong_identity(connection, plan.wanted, &wrong);
    loop {
        let world = watch.world();
        let node = match &chosen {
            None => match first(world, plan.wanted).map_err(wrong)? {
                First::Nobody => return Ok(()),
                First::Waited(node) => node,
                First::Found(found) => {
                    // It may be minutes since anyone was asked.
                    overseer.may_go_on().await?;
                    let victim = Victim { name: found.name.clone(), uid: found.uid.clone() };
                    delete(connection, &pods, of.namespace, victim).await?;
                    deadline = Instant::now() + plan.timeout;
                    was_looked_at_anew = false;
                    chosen.insert(found).node.clone()
                }
            },
            Some(gone) => match gone.is_succeeded(world, plan.wanted) {
                Ok(Some(true)) => return Ok(()),
                Ok(Some(false)) => gone.node.clone(),
                // Its node has gone: another has to do.
                Ok(None) => {
                    chosen = None;
                    continue;
                }
                Err(error) => return Err(wrong(error)),
            },
        };
        reports.report((0, 1), std::slice::from_ref(&node));
        if watch.changed_unless_over(deadline, overseer).await? == Waited::TimeOver {
            if !was_looked_at_anew {
                watch = open(connection, of, plan.timeout).await?;
                was_looked_at_anew = true;
                continue;
            }
            let (world, interruption, waited_for) = (watch.world(), watch.interruption(), [node]);
            let over = trouble::time_over(connection, of.namespace, world, interruption, &waited_for, plan.timeout);
            return Err(over.await);
        }
    }
}

/// A pod that was deleted, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Chosen {
    node: String,
    name: String,
    uid: String,
}

/// The pod to delete.
#[derive(Debug, PartialEq, Eq)]
enum First {
    /// No node is eligible.
    Nobody,
    /// None is Ready yet, this node's neither.
    Waited(String),
    Found(Chosen),
}

/// The Ready pod of the first node by name: the one that the canary was, as long as the nodes are the same.
/// An error is a pod that is not as wanted: by that nothing can be confirmed, and it is not deleted.
fn first(world: &World, wanted: &PodIdentity) -> Result<First, WrongIdentity> {
    let served = world.served();
    for pod in served.values().flatten() {
        pod.carries(wanted)?;
    }
    let ready = served.iter().find_map(|(node, pods)| Some((node, pods.iter().find(|pod| pod.ready)?)));
    Ok(match (ready, served.keys().next()) {
        (Some((node, pod)), _) => {
            First::Found(Chosen { node: (*node).to_owned(), name: pod.name.clone(), uid: pod.uid.clone() })
        }
        (None, Some(node)) => First::Waited((*node).to_owned()),
        (None, None) => First::Nobody,
    })
}

impl Chosen {
    /// Whether the node has a Ready pod that is not the one deleted; `None`: it is not there any more, or not
    /// eligible. An error is a pod that will never be as wanted.
    fn is_succeeded(&self, world: &World, wanted: &PodIdentity) -> Result<Option<bool>, WrongIdentity> {
        let served = world.served();
        let Some(pods) = served.get(self.node.as_str()) else { return Ok(None) };
        let mut successors = pods.iter().filter(|pod| pod.uid != self.uid);
        for pod in successors.clone() {
            pod.carries(wanted)?;
        }
        Ok(Some(successors.any(|pod| pod.ready)))
    }
}

#[cfg(test)]
mod tests;
