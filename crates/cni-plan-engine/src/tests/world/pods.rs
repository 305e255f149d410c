//! Pods that are born again, and what they may do.

use std::collections::BTreeSet;

use cni_plan_core::{Change, PodGroup, PodIdentity, Pods, ProviderError, Resource, Target};

use super::super::procedure::{CLUSTERS, is_permitted, new_pod, pods_of};
use super::{State, failure};

impl State {
    /// Whose permissions are there: of each cluster its pods, and any that would be born now. One
    /// that had none when the run was planned is not the run's to mind.
    pub(super) fn served(&self) -> BTreeSet<String> {
        let minded = |cluster: &&str| !self.session.as_ref().is_some_and(|it| it.ailing.contains(*cluster));
        let mut served = BTreeSet::new();
        for cluster in CLUSTERS.into_iter().filter(minded) {
            if self.are_permitted(cluster) {
                served.insert(format!("{cluster}'s pods"));
            }
            if self.are_permitted_when_born(cluster) {
                served.insert(format!("pods that are born in {cluster}"));
            }
        }
        served
    }

    /// Clusters that are not served in full.
    pub(super) fn ailing(&self) -> BTreeSet<String> {
        let is_well = |cluster: &str| self.are_permitted(cluster) && self.are_permitted_when_born(cluster);
        CLUSTERS.into_iter().filter(|cluster| !is_well(cluster)).map(str::to_owned).collect()
    }

    fn are_permitted(&self, cluster: &str) -> bool {
        let Some(Resource::Pods(pods)) = self.things.get(&pods_of(cluster)) else { return false };
        pods.identities().into_iter().all(|identity| is_permitted(&self.things, identity))
    }

    fn are_permitted_when_born(&self, cluster: &str) -> bool {
        self.things.contains_key(&pods_of(cluster)) && is_permitted(&self.things, &new_pod(&self.things, cluster))
    }

    pub(super) fn is_left_to_restart(&self, pods: &Target, identity: &PodIdentity) -> bool {
        matches!(self.things.get(pods), Some(Resource::Pods(pods)) if !pods.all_satisfy(identity))
    }

    pub(super) fn restart(&mut self, change: &Change, wanted: &PodIdentity, most: u32) -> Result<(), ProviderError> {
        let Target::Pods { cluster, .. } = &change.target else { return Err(failure(change, "not of pods")) };
        let born = new_pod(&self.things, cluster);
        for _ in 0..most {
            let Some(Resource::Pods(pods)) = self.things.get_mut(&change.target) else { break };
            let Some(other) = pods.carrying.iter().position(|group| !group.identity.satisfies(wanted)) else { break };
            replace(pods, other, &born);
            if !born.satisfies(wanted) {
                return Err(failure(change, "a pod came back with another identity"));
            }
        }
        Ok(())
    }

    /// One pod that is not as new ones are is born again.
    pub(super) fn bear(&mut self, cluster: &str) {
        let born = new_pod(&self.things, cluster);
        if let Some(Resource::Pods(pods)) = self.things.get_mut(&pods_of(cluster))
            && let Some(first) = pods.carrying.iter().position(|group| group.identity != born)
        {
            replace(pods, first, &born);
        }
    }

    /// All of them are.
    pub(super) fn bear_all(&mut self, cluster: &str) {
        let born = new_pod(&self.things, cluster);
        while let Some(Resource::Pods(pods)) = self.things.get_mut(&pods_of(cluster))
            && let Some(first) = pods.carrying.iter().position(|group| group.identity != born)
        {
            replace(pods, first, &born);
        }
    }
}

/// One pod of a group comes back as `born`.
fn replace(pods: &mut Pods, group: usize, born: &PodIdentity) {
    pods.carrying[group].pods -= 1;
    match pods.carrying.iter_mut().find(|group| &group.identity == born) {
        Some(group) => group.pods += 1,
        None => pods.carrying.push(PodGroup { identity: born.clone(), pods: 1 }),
    }
    pods.carrying.retain(|group| group.pods > 0);
    pods.carrying.sort();
}
