//! One process at work on the world: when it dies, and what it owes to its journal and its locks.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use cni_plan_core::{Address, Change, Phase, Resource, Target};

use super::World;
use crate::tests::block_on;
use crate::tests::model::Disk;

/// A process, which lives until it is killed.
#[derive(Debug, Clone, Default)]
pub(in crate::tests) struct Process(Arc<AtomicBool>);

impl Process {
    /// Nothing it has not done yet is done.
    pub(in crate::tests) fn kill(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(in crate::tests) fn is_dead(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// What `work` comes to; `None` if the process dies over it.
    pub(in crate::tests) fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        block_on(std::future::poll_fn(|context| {
            if self.is_dead() {
                return Poll::Ready(None);
            }
            let polled = work.as_mut().poll(context);
            if self.is_dead() { Poll::Ready(None) } else { polled.map(Some) }
        }))
    }
}

/// At what instant of a call a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tests) enum Moment {
    Before,
    HalfWay,
    After,
}

/// A call as its journal announces it.
#[derive(Debug, Clone)]
pub(in crate::tests) struct Call {
    pub(in crate::tests) step: Address,
    pub(in crate::tests) phase: Phase,
    /// Whether it was answered, and well.
    pub(in crate::tests) is_ok: bool,
}

/// What is known of a process and what becomes of it.
#[derive(Debug, Default)]
pub(in crate::tests) struct Session {
    pub(in crate::tests) process: Process,
    /// Where its journal is.
    pub(in crate::tests) disk: Disk,
    /// At which call it dies.
    pub(in crate::tests) killed_at: Option<(usize, Moment)>,
    /// Whether calls on their way when it dies still arrive.
    pub(in crate::tests) has_stragglers: bool,
    /// At which look at a lock it is lost.
    pub(in crate::tests) loses_lock_at: Option<usize>,
    /// Whether reads of what is in doubt lag behind, until they are waited for.
    pub(in crate::tests) lags: bool,
    /// Clusters whose pods had no permissions when the run was planned.
    pub(in crate::tests) ailing: BTreeSet<String>,
    pub(in crate::tests) calls: BTreeMap<usize, Call>,
    pub(in crate::tests) calls_without_lock: usize,
    pub(in crate::tests) looks: usize,
    pub(in crate::tests) on_their_way: BTreeMap<usize, Change>,
    pub(in crate::tests) shown: BTreeMap<Target, Option<Resource>>,
}

impl Session {
    /// What speaks against a call: that nobody has looked at its lock, or that its intent is not
    /// durable, word for word.
    pub(super) fn begin(&mut self, call: usize, change: &Change) -> Option<String> {
        self.calls_without_lock += usize::from(self.loses_lock_at.is_some_and(|at| self.looks > at));
        self.on_their_way.insert(call, change.clone());
        let against = |what: &str| Some(format!("{} is called {what}", change.address));
        let Some(intent) = self.disk.intent_of(&change.address) else {
            return against("without its intent being durable");
        };
        let step = change.address.clone();
        self.calls.insert(call, Call { step, phase: intent.phase, is_ok: false });
        if (intent.action, &intent.before, &intent.after) != (change.action, &change.before, &change.after) {
            return against("otherwise than its intent says");
        }
        // Each call follows a look of its own.
        if self.looks <= call { against("without a look at its lock") } else { None }
    }

    /// The call that it dies over is not on its way: it arrived, or it never will.
    fn dies(&mut self, call: usize, moment: Moment) -> bool {
        if self.killed_at == Some((call, moment)) {
            self.process.kill();
            self.on_their_way.remove(&call);
        }
        self.process.is_dead()
    }

    pub(super) fn end(&mut self, call: usize, is_ok: bool) {
        let change = self.on_their_way.remove(&call);
        if let Some(call) = self.calls.get_mut(&call) {
            call.is_ok = is_ok;
        }
        // A call that is answered returns when every reader knows of it.
        if let Some(change) = change
            && is_ok
        {
            self.shown.remove(&change.target);
        }
    }

    pub(super) fn loses_its_lock(&mut self) -> bool {
        self.looks += 1;
        self.loses_lock_at.is_some_and(|at| self.looks > at)
    }

    /// What a read shows in place of what is there.
    pub(super) fn shown(&self, target: &Target) -> Option<Option<Resource>> {
        self.shown.get(target).cloned()
    }

    /// IAM's reads lag; a cluster's do not.
    pub(super) fn lag(&mut self, target: &Target, was: Option<Resource>) {
        if self.lags && matches!(target, Target::Attachment { .. } | Target::Role { .. }) {
            self.shown.entry(target.clone()).or_insert(was);
        }
    }

    pub(super) fn believe(&mut self, targets: &[&Target]) {
        self.shown.retain(|target, _| !targets.contains(&target));
    }
}

impl World {
    /// A process takes up work. Where it follows another on the same run, reads still lag as they
    /// did for that one.
    pub(in crate::tests) fn attend(&self, mut session: Session, follows: bool) {
        let mut state = self.state();
        let before = state.session.take();
        if follows && let Some(before) = before {
            session.shown = before.shown;
        }
        state.session = Some(session);
        (state.calls, state.running, state.has_failed) = (0, 0, false);
        state.ended.clear();
        state.faults.clear();
        state.births.clear();
        (state.stop, state.stop_at) = Default::default();
    }

    /// The process is over. What of its calls was on its way may still arrive.
    pub(in crate::tests) fn bury(&self) {
        let mut state = self.state();
        let Some(session) = &mut state.session else { return };
        let on_their_way = std::mem::take(&mut session.on_their_way);
        if session.process.is_dead() && session.has_stragglers {
            for change in on_their_way.values() {
                let was = state.things.get(&change.target).cloned();
                let _ = state.effect(change);
                state.lag(&change.target, was);
            }
        }
    }

    /// What the last session came to.
    pub(in crate::tests) fn of_session<T>(&self, look: impl FnOnce(&Session) -> T) -> T {
        look(self.state().session.as_ref().expect("a process was at work"))
    }

    /// Time passes, and every reader knows of everything.
    pub(in crate::tests) fn catch_up(&self) {
        self.state().session = None;
    }

    pub(super) fn is_killed(&self, call: usize, moment: Moment) -> bool {
        self.state().session.as_ref().is_some_and(|session| session.killed_at == Some((call, moment)))
    }

    /// Goes on unless the process dies now, or is dead.
    pub(super) async fn unless_killed(&self, call: usize, moment: Moment) {
        let is_dead = self.state().session.as_mut().is_some_and(|session| session.dies(call, moment));
        if is_dead {
            std::future::pending::<()>().await;
        }
    }
}
