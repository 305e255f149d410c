//! What is known of clusters while the rest of their facts is still being read.

use std::sync::{Mutex, PoisonError};

use cni_plan_core::ClusterFacts;
use tokio::sync::oneshot::{self, Receiver, Sender};

/// Whoever tells what EKS has said of each cluster, by its index: once, or never where that is not known.
pub(crate) struct Described(Vec<Mutex<Option<Sender<ClusterFacts>>>>);

impl Described {
    /// With one who hears of each cluster.
    pub(crate) fn of(clusters: usize) -> (Described, Vec<Receiver<ClusterFacts>>) {
        let (senders, receivers): (Vec<_>, _) = std::iter::repeat_with(oneshot::channel).take(clusters).unzip();
        (Described(senders.into_iter().map(|sender| Mutex::new(Some(sender))).collect()), receivers)
    }

    pub(crate) fn tell(&self, at: usize, facts: &ClusterFacts) {
        let sender = self.0[at].lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            // Nobody hears of it where the whole has failed.
            let _ = sender.send(facts.clone());
        }
    }
}
