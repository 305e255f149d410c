//! Which pods are deleted next, given the world as it is: a state machine that calls nobody and
//! has no clock.
//!
//! Canaries go first and alone; then batches. A batch takes every pod whose node is without a
//! Ready pod anyway, since that costs nothing, and of the others as many as keep the number of
//! eligible nodes without a Ready pod within the bound. The next batch waits for all of the one
//! before. A pod is deleted once; a node that goes, or stops being eligible, is no longer waited
//! for; a successor with the wrong identity ends it all.

use std::collections::{BTreeMap, BTreeSet};

use cni_plan_core::{MaxUnavailable, PodIdentity};

use super::world::{PodState, World, WrongIdentity};

/// A restart under way.
#[derive(Debug)]
pub(super) struct Rollout {
    wanted: PodIdentity,
    max_unavailable: MaxUnavailable,
    canaries: usize,
    /// Nodes whose successors are waited for.
    batch: BTreeSet<String>,
    /// Uids of the pods that were to be deleted: a view that still shows them lags behind.
    deleted: BTreeSet<String>,
    /// Nodes whose pods go once more, and first.
    again: BTreeSet<String>,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Delete these pods, then ask again.
    Delete(Vec<Victim>),
    /// Ask again when the world has changed; these nodes are waited for.
    Wait(Vec<String>),
    /// No pod is left that has to go.
    Done,
}

/// A pod to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Victim {
    pub(super) name: String,
    pub(super) uid: String,
}

impl Rollout {
    pub(super) fn new(wanted: PodIdentity, canaries: usize, max_unavailable: MaxUnavailable) -> Rollout {
        Rollout {
            wanted,
            max_unavailable,
            canaries,
            batch: BTreeSet::new(),
            deleted: BTreeSet::new(),
            again: BTreeSet::new(),
        }
    }

    /// The next step in this world. An error is a successor that will never be as wanted.
    pub(super) fn next(&mut self, world: &World) -> Result<Step, WrongIdentity> {
        let served = self.served(world);
        self.settle(&served)?;
        if !self.batch.is_empty() {
            return Ok(Step::Wait(self.batch.iter().cloned().collect()));
        }

        let is_down = |pods: &Vec<&PodState>| !pods.iter().any(|pod| pod.ready);
        let down: Vec<&str> = served.iter().filter(|(_, pods)| is_down(pods)).map(|(node, _)| *node).collect();
        let budget = self.max_unavailable.of(served.len()).saturating_sub(down.len());
        let candidates = served.iter().filter(|(_, pods)| pods.iter().any(|pod| self.has_to_go(pod)));
        let (free, up): (Vec<&str>, Vec<&str>) =
            candidates.map(|(node, _)| *node).partition(|node| is_down(&served[*node]));
        if free.is_empty() && up.is_empty() {
            return Ok(Step::Done);
        }

        let again = std::mem::take(&mut self.again);
        let again: Vec<&str> = free.iter().chain(&up).filter(|node| again.contains(**node)).copied().collect();
        let nodes = if again.is_empty() { self.choose(&free, &up, budget) } else { again };
        if nodes.is_empty() {
            return Ok(Step::Wait(down.into_iter().map(str::to_owned).collect()));
        }
        let victims: Vec<Victim> = nodes
            .iter()
            .flat_map(|node| &served[*node])
            .filter(|pod| self.has_to_go(pod))
            .map(|pod| Victim { name: pod.name.clone(), uid: pod.uid.clone() })
            .collect();
        self.batch = nodes.into_iter().map(str::to_owned).collect();
        self.deleted.extend(victims.iter().map(|victim| victim.uid.clone()));
        Ok(Step::Delete(victims))
    }

    /// Has the wrong successors of the batch under way go once more, before any other pod does.
    pub(super) fn once_more(&mut self) {
        self.again = std::mem::take(&mut self.batch);
    }

    /// The nodes of the next batch: canaries, preferably where a pod is Ready and can tell
    /// something, or all that cost nothing and as many others as the budget allows.
    fn choose<'a>(&mut self, free: &[&'a str], up: &[&'a str], budget: usize) -> Vec<&'a str> {
        if self.canaries == 0 {
            return free.iter().chain(up.iter().take(budget)).copied().collect();
        }
        let ready: Vec<&str> = up.iter().take(self.canaries.min(budget)).copied().collect();
        let chosen = if ready.is_empty() { free.iter().take(self.canaries).copied().collect() } else { ready };
        self.canaries -= chosen.len();
        chosen
    }

    /// Each eligible node with the pods that serve it, those we deleted left out.
    fn served<'w>(&self, world: &'w World) -> BTreeMap<&'w str, Vec<&'w PodState>> {
        let mut served = world.served();
        for pods in served.values_mut() {
            pods.retain(|pod| !self.deleted.contains(&pod.uid));
        }
        served
    }

    /// Takes from the batch the nodes that need no more waiting.
    fn settle(&mut self, served: &BTreeMap<&str, Vec<&PodState>>) -> Result<(), WrongIdentity> {
        for node in &self.batch {
            for pod in served.get(node.as_str()).into_iter().flatten() {
                pod.carries(&self.wanted)?;
            }
        }
        self.batch.retain(|node| served.get(node.as_str()).is_some_and(|pods| !pods.iter().any(|pod| pod.ready)));
        Ok(())
    }

    fn has_to_go(&self, pod: &PodState) -> bool {
        !pod.identity.satisfies(&self.wanted)
    }
}

#[cfg(test)]
mod tests;
