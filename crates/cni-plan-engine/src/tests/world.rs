//! A world in memory behind the provider trait, which keeps account of how it is treated.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use cni_plan_core::{
    Action, Address, BoxFuture, Change, ErrorKind, Observation, Overseer, Owner, PodGroup, PodIdentity, Pods, Provider,
    ProviderError, Resource, Run, Target,
};

use super::procedure::{CLUSTERS, is_permitted, new_pod, pods_of};
use crate::{Providers, Stop};

pub(super) const ACCOUNT: &str = "111122223333";

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Without effect.
    Refused,
    /// With its effect, and an error all the same.
    InDoubt,
    /// With half of it, where there are halves.
    HalfWay,
}

/// Shared with the providers that are made of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    things: BTreeMap<Target, Resource>,
    faults: BTreeMap<usize, Fault>,
    /// Clusters that cannot be seen once anything has failed.
    unseen: BTreeSet<String>,
    /// Before which call a pod of which cluster is born again.
    births: BTreeMap<usize, &'static str>,
    stop: Stop,
    stop_at: Option<usize>,
    /// Reads of attachments show what they showed first, until the way back has begun.
    lagging: Option<HashMap<Target, Observation>>,
    calls: usize,
    running: usize,
    most_running: usize,
    has_failed: bool,
    /// Calls in the order they ended, with whether they succeeded.
    ended: Vec<(Address, bool)>,
    /// What must never happen.
    violations: Vec<String>,
}

impl World {
    pub(super) fn providers(&self) -> Providers {
        let mut providers = Providers::default();
        providers.add_account(ACCOUNT, Arc::new(self.clone()));
        for cluster in CLUSTERS {
            providers.add_cluster(cluster, Arc::new(self.clone()));
        }
        providers
    }

    pub(super) fn put(&self, target: &Target, state: Option<Resource>) {
        let mut world = self.state();
        match state {
            Some(state) => world.things.insert(target.clone(), state),
            None => world.things.remove(target),
        };
    }

    pub(super) fn get(&self, target: &Target) -> Option<Resource> {
        self.state().things.get(target).cloned()
    }

    pub(super) fn fail(&self, call: usize, fault: Fault) {
        self.state().faults.insert(call, fault);
    }

    pub(super) fn hide(&self, cluster: &str) {
        self.state().unseen.insert(cluster.to_owned());
    }

    pub(super) fn reborn_before(&self, call: usize, cluster: &'static str) {
        self.state().births.insert(call, cluster);
    }

    pub(super) fn stop_at(&self, call: usize) {
        self.state().stop_at = Some(call);
    }

    pub(super) fn stop(&self) -> Stop {
        self.state().stop.clone()
    }

    pub(super) fn lag(&self) {
        self.state().lagging = Some(HashMap::new());
    }

    pub(super) fn calls(&self) -> usize {
        self.state().calls
    }

    pub(super) fn most_running(&self) -> usize {
        self.state().most_running
    }

    pub(super) fn violations(&self) -> Vec<String> {
        self.state().violations.clone()
    }

    pub(super) fn ended(&self) -> Vec<(Address, bool)> {
        self.state().ended.clone()
    }

    pub(super) fn is_attached(&self, role: &str) -> bool {
        self.state().things.keys().any(|target| matches!(target, Target::Attachment { role: on, .. } if on == role))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl Provider for World {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(async move {
            let mut state = self.state();
            targets.iter().map(|target| state.observe(target)).collect()
        })
    }

    fn apply<'a>(
        &'a self,
        change: &'a Change,
        _overseer: &'a dyn Overseer,
    ) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            let fault = self.state().begin(change);
            // Others run meanwhile, and not all for as long.
            for _ in 0..=change.address.as_str().len() % 3 {
                tokio::task::yield_now().await;
            }
            let mut state = self.state();
            let result = match fault {
                Some(Fault::Refused) => Err(failure(change, "it was refused")),
                Some(Fault::HalfWay) => {
                    state.half(change);
                    Err(failure(change, "it broke off"))
                }
                Some(Fault::InDoubt) => state.effect(change).and(Err(failure(change, "no answer came"))),
                None => state.effect(change),
            };
            state.running -= 1;
            state.has_failed |= result.is_err();
            state.ended.push((change.address.clone(), result.is_ok()));
            result
        })
    }
}

impl State {
    fn observe(&mut self, target: &Target) -> Observation {
        if self.has_failed && matches!(target.owner(), Owner::Cluster(key) if self.unseen.contains(key)) {
            return Observation::Unseen(error("cannot see it", "connection refused"));
        }
        let now = self.things.get(target).cloned().map_or(Observation::Absent, Observation::Present);
        match &mut self.lagging {
            Some(first) if matches!(target, Target::Attachment { .. }) => {
                first.entry(target.clone()).or_insert(now).clone()
            }
            _ => now,
        }
    }

    fn begin(&mut self, change: &Change) -> Option<Fault> {
        let call = self.calls;
        self.calls += 1;
        self.running += 1;
        self.most_running = self.most_running.max(self.running);
        if self.stop_at == Some(call) {
            self.stop.raise();
        }
        if let Some(cluster) = self.births.get(&call).copied() {
            self.bear(cluster);
        }
        for on in &change.depends_on {
            // The last word counts: a step that failed on the way there may be undone on the way back.
            if self.ended.iter().rfind(|(address, _)| address == on).is_some_and(|(_, is_ok)| !is_ok) {
                self.violations.push(format!("{} was begun after {on} had failed", change.address));
            }
        }
        self.faults.get(&call).copied()
    }

    fn effect(&mut self, change: &Change) -> Result<(), ProviderError> {
        match &change.run {
            Some(Run::Restart { identity, .. }) => self.restart(change, identity, u32::MAX),
            Some(Run::Verify { identity, .. }) => match self.things.get(&change.target) {
                Some(Resource::Pods(pods)) if pods.all_satisfy(identity) => Ok(()),
                _ => Err(failure(change, "a pod carries another identity")),
            },
            None => self.write(change),
        }
    }

    /// A restart stops after one pod; a write is one call.
    fn half(&mut self, change: &Change) {
        if let Some(Run::Restart { identity, .. }) = &change.run {
            let _ = self.restart(change, identity, 1);
        }
    }

    fn write(&mut self, change: &Change) -> Result<(), ProviderError> {
        let live = self.things.get(&change.target);
        let may_be_repeated = matches!(change.target, Target::Attachment { .. });
        if live != change.before.as_ref() && live != change.after.as_ref() && !may_be_repeated {
            return Err(failure(change, "it was changed meanwhile"));
        }
        let served: Vec<&str> = CLUSTERS.into_iter().filter(|cluster| self.all_are_permitted(cluster)).collect();
        match (&change.action, &change.after) {
            (Action::Delete, _) | (_, None) => self.things.remove(&change.target),
            (_, Some(after)) => self.things.insert(change.target.clone(), after.clone()),
        };
        for cluster in served {
            if !self.all_are_permitted(cluster) {
                self.violations.push(format!("{} takes the permissions of {cluster}'s pods", change.address));
            }
        }
        Ok(())
    }

    fn all_are_permitted(&self, cluster: &str) -> bool {
        let Some(Resource::Pods(pods)) = self.things.get(&pods_of(cluster)) else { return true };
        pods.identities().into_iter().all(|identity| is_permitted(&self.things, identity))
    }

    fn restart(&mut self, change: &Change, wanted: &PodIdentity, most: u32) -> Result<(), ProviderError> {
        let Target::Pods { cluster, .. } = &change.target else { return Err(failure(change, "not of pods")) };
        let born = new_pod(&self.things, cluster);
        for _ in 0..most {
            let Some(Resource::Pods(pods)) = self.things.get_mut(&change.target) else { break };
            let Some(other) = pods.carrying.iter().position(|group| !group.identity.satisfies(wanted)) else { break };
            replace(pods, other, &born);
            if !is_permitted(&self.things, &born) {
                self.violations.push(format!("{} has a pod born without permissions", change.address));
            }
            if !born.satisfies(wanted) {
                return Err(failure(change, "a pod came back with another identity"));
            }
        }
        Ok(())
    }

    /// One pod that is not as new ones are is born again.
    fn bear(&mut self, cluster: &str) {
        if !self.things.contains_key(&pods_of(cluster)) {
            return;
        }
        let born = new_pod(&self.things, cluster);
        if !is_permitted(&self.things, &born) {
            self.violations.push(format!("a pod of {cluster} is born without permissions"));
        }
        if let Some(Resource::Pods(pods)) = self.things.get_mut(&pods_of(cluster))
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

fn failure(change: &Change, why: &str) -> ProviderError {
    error(&format!("cannot change {}", change.address), why)
}

fn error(what: &str, why: &str) -> ProviderError {
    ProviderError { kind: ErrorKind::Refused, what: what.to_owned(), why: why.to_owned(), cure: "try again".to_owned() }
}
