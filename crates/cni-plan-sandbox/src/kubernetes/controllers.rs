//! Everything that moves by itself in a cluster, run to a standstill.

use jiff::Timestamp;
use serde_json::json;

use super::state::State;
use super::write::Write;
use super::{daemonset, kubelet, scheduling};

/// How many rounds a cluster gets to come to rest. It takes a handful; the bound is there so that
/// controllers at odds with each other cannot hang the server.
const ROUNDS: usize = 100;

/// Runs every controller until none has anything to do before the next timer.
pub(super) fn settle(state: &mut State, now: Timestamp) {
    let due = kubelet::next_due(state).is_some_and(|due| due <= now);
    if state.settled == state.store.revision() && !due {
        return;
    }
    for _ in 0..ROUNDS {
        let before = state.store.revision();
        kubelet::remove_stopped(state, now);
        furnish_namespaces(state, now);
        daemonset::reconcile(state, now);
        scheduling::bind_pods(state, now);
        kubelet::start_new(state, now);
        if state.store.revision() == before {
            state.settled = before;
            return;
        }
    }
    tracing::warn!(cluster = state.config.name, "the controllers did not come to rest");
}

/// Gives each namespace what every namespace has.
fn furnish_namespaces(state: &mut State, now: Timestamp) {
    for namespace in state.objects("namespaces", None) {
        let Some(name) = namespace["metadata"]["name"].as_str() else { continue };
        if state.object("serviceaccounts", name, "default").is_none() {
            create(state, "serviceaccounts", name, json!({ "metadata": { "name": "default" } }), now);
        }
        if state.object("configmaps", name, "kube-root-ca.crt").is_none() {
            let map = json!({ "metadata": { "name": "kube-root-ca.crt" }, "data": { "ca.crt": "" } });
            create(state, "configmaps", name, map, now);
        }
    }
}

fn create(state: &mut State, plural: &str, namespace: &str, object: serde_json::Value, now: Timestamp) {
    let write = Write::internal(plural, namespace, "kube-controller-manager", now);
    if let Err(refusal) = write.create(state, object) {
        tracing::debug!(?refusal, namespace, "a namespace was not furnished");
    }
}
