//! Calls that a fault holds: they have arrived, were carried out or were not, and wait for their end.
//!
//! A held call ends when its client is gone, which drops its future, or when it is released. It is
//! never answered and, if it was held before its effect, never carried out.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::sync::watch;

use crate::fault::Service;

/// A call that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldCall {
    /// Which service.
    pub service: Service,
    /// The action's name, or `verb resource` for Kubernetes.
    pub operation: String,
    /// What it is about, where the request says: a role, a policy's ARN, an object's path.
    pub resource: String,
    /// Whether it was carried out.
    pub carried_out: bool,
}

/// The held calls of one sandbox, and whoever waits for them.
#[derive(Debug, Default)]
pub(crate) struct Held {
    calls: watch::Sender<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    calls: BTreeMap<u64, HeldCall>,
}

/// Takes a call off when it ends, in whichever way.
struct UntilItEnds<'a> {
    held: &'a Held,
    id: u64,
}

impl Held {
    /// Holds a call until it is released; dropping the future ends it too.
    pub(crate) async fn hold(&self, call: HeldCall) {
        let mut id = 0;
        self.calls.send_modify(|waiting| {
            id = waiting.next;
            waiting.next += 1;
            waiting.calls.insert(id, call);
        });
        let _until_it_ends = UntilItEnds { held: self, id };
        // The sender is here, so the channel is open.
        let _ = self.calls.subscribe().wait_for(|waiting| !waiting.calls.contains_key(&id)).await;
    }

    /// Waits until a call is held, if none is yet, and says which are.
    pub(crate) async fn until_any(&self) -> Vec<HeldCall> {
        let _ = self.calls.subscribe().wait_for(|waiting| !waiting.calls.is_empty()).await;
        self.all()
    }

    /// The calls held now, in the order they came.
    pub(crate) fn all(&self) -> Vec<HeldCall> {
        self.calls.borrow().calls.values().cloned().collect()
    }

    /// Ends all of them.
    pub(crate) fn release(&self) {
        self.calls.send_modify(|waiting| waiting.calls.clear());
    }
}

impl Drop for UntilItEnds<'_> {
    fn drop(&mut self) {
        self.held.calls.send_modify(|waiting| {
            waiting.calls.remove(&self.id);
        });
    }
}
