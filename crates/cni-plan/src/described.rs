//! What is known of clusters while the rest of their facts is still being read.

use std::sync::{Mutex, PoisonError};

use cni_plan_core::ClusterFacts;
use tokio::sync::oneshot;

/// What EKS has said of each cluster so far, by its index: told once, or never where it is not known.
pub(crate) struct Described(Vec<Told>);

struct Told {
    sender: Mutex<Option<oneshot::Sender<ClusterFacts>>>,
    receiver: Mutex<Option<oneshot::Receiver<ClusterFacts>>>,
}

impl Described {
    pub(crate) fn of(clusters: usize) -> Described {
        let told = || {
            let (sender, receiver) = oneshot::channel();
            Told { sender: Mutex::new(Some(sender)), receiver: Mutex::new(Some(receiver)) }
        };
        Described(std::iter::repeat_with(told).take(clusters).collect())
    }

    pub(crate) fn tell(&self, at: usize, facts: &ClusterFacts) {
        if let Some(sender) = taken(&self.0[at].sender) {
            // Nobody hears of it where the whole has failed.
            let _ = sender.send(facts.clone());
        }
    }

    /// Nothing more will be told.
    pub(crate) fn close(&self) {
        for told in &self.0 {
            drop(taken(&told.sender));
        }
    }

    /// `None`: it is not known, and will not be.
    pub(crate) async fn hear(&self, at: usize) -> Option<ClusterFacts> {
        taken(&self.0[at].receiver)?.await.ok()
    }
}

fn taken<T>(place: &Mutex<Option<T>>) -> Option<T> {
    place.lock().unwrap_or_else(PoisonError::into_inner).take()
}
