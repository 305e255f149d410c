//! A world in memory behind the provider trait, which keeps account of how it is treated.

mod fence;
mod outsider;
mod pods;
mod session;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use cni_plan_core::{
    Action, Address, BoxFuture, Change, ErrorKind, Observation, Overseer, Owner, Provider, ProviderError, Resource,
    Run, Target,
};

pub(super) use self::outsider::{Drift, marks};
pub(super) use self::session::{Call, Moment, Process, Session};
use super::procedure::{CLUSTERS, is_permitted};
use crate::{Providers, Stop};

pub(super) const ACCOUNT: &str = "111122223333";

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tests) enum Fault {
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
    /// The process at work, where it is watched.
    session: Option<Session>,
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
            providers.add_lock(cluster, Arc::new(self.clone()));
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

    /// A restart goes pod by pod, and asks before each but the first.
    async fn in_batches(
        &self,
        change: &Change,
        fault: Option<Fault>,
        overseer: &dyn Overseer,
    ) -> Result<(), ProviderError> {
        let Some(Run::Restart { identity, .. }) = &change.run else { return Ok(()) };
        let mut is_first = true;
        while fault.is_none() && self.state().is_left_to_restart(&change.target, identity) {
            if !std::mem::take(&mut is_first) {
                overseer.may_go_on().await?;
            }
            self.state().half(change)?;
        }
        Ok(())
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

    /// From now on reads show what is there.
    fn settle<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        if let Some(session) = &mut self.state().session {
            session.believe(targets);
        }
        self.observe(targets)
    }

    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            let (call, fault) = self.state().begin(change);
            self.unless_killed(call, Moment::Before).await;
            // Others run meanwhile, and not all for as long.
            for _ in 0..=change.address.as_str().len() % 3 {
                tokio::task::yield_now().await;
            }
            if self.is_killed(call, Moment::HalfWay) {
                let _ = self.state().half(change);
            }
            self.unless_killed(call, Moment::HalfWay).await;
            let was = self.get(&change.target);
            let result = match self.in_batches(change, fault, overseer).await {
                Ok(()) => self.state().answer(change, fault),
                Err(error) => Err(error),
            };
            if fault == Some(Fault::InDoubt) || self.is_killed(call, Moment::After) {
                self.state().lag(&change.target, was);
            }
            self.unless_killed(call, Moment::After).await;
            self.state().end(call, change, &result);
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
        if let Some(shown) = self.session.as_ref().and_then(|session| session.shown(target)) {
            return shown.map_or(Observation::Absent, Observation::Present);
        }
        match &mut self.lagging {
            Some(first) if matches!(target, Target::Attachment { .. }) => {
                first.entry(target.clone()).or_insert(now).clone()
            }
            _ => now,
        }
    }

    fn begin(&mut self, change: &Change) -> (usize, Option<Fault>) {
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
        if let Some(session) = &mut self.session {
            self.violations.extend(session.begin(call, change));
        }
        (call, self.faults.get(&call).copied())
    }

    fn answer(&mut self, change: &Change, fault: Option<Fault>) -> Result<(), ProviderError> {
        match fault {
            Some(Fault::Refused) => Err(failure(change, "it was refused")),
            Some(Fault::HalfWay) => {
                let _ = self.half(change);
                Err(failure(change, "it broke off"))
            }
            Some(Fault::InDoubt) => self.effect(change).and(Err(failure(change, "no answer came"))),
            None => self.effect(change),
        }
    }

    /// Reads may go on showing what `was` there.
    fn lag(&mut self, target: &Target, was: Option<Resource>) {
        if let Some(session) = &mut self.session {
            session.lag(target, was);
        }
    }

    fn end(&mut self, call: usize, change: &Change, result: &Result<(), ProviderError>) {
        self.running -= 1;
        self.has_failed |= result.is_err();
        self.ended.push((change.address.clone(), result.is_ok()));
        if let Some(session) = &mut self.session {
            session.end(call, result.is_ok());
        }
    }

    /// Does it, and holds it against whoever called if a pod, living or yet to be born, is then
    /// without permissions that it had, or if something of someone else's is gone.
    fn effect(&mut self, change: &Change) -> Result<(), ProviderError> {
        let (served, theirs) = (self.served(), marks(&self.things));
        let result = self.effect_of(change);
        let still = self.served();
        for lost in served.difference(&still) {
            self.violations.push(format!("{} takes the permissions of {lost}", change.address));
        }
        for lost in theirs.difference(&marks(&self.things)) {
            self.violations.push(format!("{} takes {lost}, which is someone else's", change.address));
        }
        result
    }

    fn effect_of(&mut self, change: &Change) -> Result<(), ProviderError> {
        match &change.run {
            Some(Run::Restart { identity, .. }) => self.restart(change, identity, u32::MAX),
            Some(Run::Probe { identity, .. }) if is_permitted(&self.things, identity) => Ok(()),
            Some(Run::Probe { .. }) => Err(failure(change, "the role does not let the service account in")),
            Some(Run::Verify { identity, .. } | Run::Confirm { identity, .. }) => match self.things.get(&change.target)
            {
                Some(Resource::Pods(pods)) if pods.all_satisfy(identity) => Ok(()),
                _ => Err(failure(change, "a pod carries another identity")),
            },
            None => self.write(change),
        }
    }

    /// Of a restart, one pod; a write is one call.
    fn half(&mut self, change: &Change) -> Result<(), ProviderError> {
        let Some(Run::Restart { identity, .. }) = &change.run else { return Ok(()) };
        let served = self.served();
        let result = self.restart(change, identity, 1);
        for lost in served.difference(&self.served()) {
            self.violations.push(format!("half of {} takes the permissions of {lost}", change.address));
        }
        result
    }

    fn write(&mut self, change: &Change) -> Result<(), ProviderError> {
        let live = self.things.get(&change.target);
        let may_be_repeated = matches!(change.target, Target::Attachment { .. });
        if live != change.before.as_ref() && live != change.after.as_ref() && !may_be_repeated {
            return Err(failure(change, "it was changed meanwhile"));
        }
        if let (Action::Delete, Target::Role { name, .. }) = (change.action, &change.target)
            && self.things.keys().any(|target| matches!(target, Target::Attachment { role, .. } if role == name))
        {
            return Err(failure(change, "policies are attached to it"));
        }
        match (&change.action, &change.after) {
            (Action::Delete, _) | (_, None) => self.things.remove(&change.target),
            (_, Some(after)) => self.things.insert(change.target.clone(), after.clone()),
        };
        Ok(())
    }
}

fn failure(change: &Change, why: &str) -> ProviderError {
    error(&format!("cannot change {}", change.address), why)
}

fn error(what: &str, why: &str) -> ProviderError {
    ProviderError { kind: ErrorKind::Refused, what: what.to_owned(), why: why.to_owned(), cure: "try again".to_owned() }
}
