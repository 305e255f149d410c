//! What to say when pods do not come up: which node, which pod, in what state, and the plugin's
//! own complaint where it left one.

use std::time::Duration;

use cni_plan_core::{ErrorKind, PodIdentity, ProviderError};
use k8s_openapi::api::core::v1::Event;
use kube::Api;
use kube::api::ListParams;

use super::world::{PodState, World, WrongIdentity};
use crate::client::Connection;
use crate::error::one_line;

/// The plugin's event on a pod whose role lacks a permission (aws/amazon-vpc-cni-k8s).
const MISSING_PERMISSIONS: &str = "MissingIAMPermissions";

/// For the last question before giving up.
const EVENTS_TIMEOUT: Duration = Duration::from_secs(5);

/// A pod came up with an identity that it will keep.
pub(super) fn wrong_identity(connection: &Connection, wanted: &PodIdentity, wrong: &WrongIdentity) -> ProviderError {
    let cure = match (wanted, &wrong.identity) {
        (PodIdentity::WebIdentity { .. }, PodIdentity::NodeRole) => {
            "the pod identity webhook did not inject: check that it runs and answers (with failurePolicy Ignore a pod \
             comes up without it)"
        }
        _ => "check the service account's annotations, Pod Identity associations and the DaemonSet's own environment",
    };
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("pod {} on node {} in cluster {} is not as wanted", wrong.pod, wrong.node, connection.key()),
        why: format!("it carries {}, not {wanted}", wrong.identity),
        cure: cure.to_owned(),
    }
}

/// The time for these nodes is over.
pub(super) async fn time_over(
    connection: &Connection,
    namespace: &str,
    world: &World,
    interruption: Option<&ProviderError>,
    waited_for: &[String],
    timeout: Duration,
) -> ProviderError {
    let node = waited_for.first().map(String::as_str).unwrap_or_default();
    let pod = pod_on(world, node);
    let mut why = match pod {
        None => format!("node {node} has no pod"),
        Some(pod) => format!("pod {} on node {node}: {}", pod.name, pod.state),
    };
    if waited_for.len() > 1 {
        why.push_str(&format!(" (and {} more nodes)", waited_for.len() - 1));
    }
    if let Some(pod) = pod
        && let Some(complaint) = complaint(connection, namespace, pod).await
    {
        why.push_str(&format!("; {MISSING_PERMISSIONS}: {complaint}"));
    }
    if let Some(interruption) = interruption {
        why.push_str(&format!("; the watch was interrupted: {}", interruption.why));
    }
    ProviderError {
        kind: ErrorKind::Timeout,
        what: format!("pods in cluster {} were not Ready within {} s", connection.key(), timeout.as_secs()),
        why,
        cure: format!(
            "`kubectl -n {namespace} describe pod` and the pod's log say more; `restart.timeout` allows more time"
        ),
    }
}

/// The pod to talk about: one that serves the node, else one that is leaving it.
fn pod_on<'a>(world: &'a World, node: &str) -> Option<&'a PodState> {
    world.pods.values().filter(|pod| pod.node == node).min_by_key(|pod| (pod.leaving, pod.ready))
}

/// The last event about missing permissions; nothing where events cannot be listed.
async fn complaint(connection: &Connection, namespace: &str, pod: &PodState) -> Option<String> {
    let api: Api<Event> = Api::namespaced(connection.client().await.ok()?, namespace);
    let of_pod = ListParams::default().fields(&format!("involvedObject.uid={}", pod.uid));
    let events = tokio::time::timeout(EVENTS_TIMEOUT, api.list(&of_pod)).await.ok()?.ok()?;
    let complaints = events.items.into_iter().filter(|event| {
        event.reason.as_deref() == Some(MISSING_PERMISSIONS) && event.involved_object.uid.as_deref() == Some(&pod.uid)
    });
    let last = complaints.max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0))?;
    Some(one_line(last.message.as_deref().unwrap_or("no message")))
}
