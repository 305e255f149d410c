//! Events about objects, counted rather than repeated.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::delete::uid_of;
use super::state::{State, content_hash};
use super::time;
use super::write::Write;

/// Records that something happened to an object; the same thing again is counted.
pub(super) fn record(
    state: &mut State,
    about: &Arc<Value>,
    kind: &str,
    reason: &str,
    message: &str,
    component: &str,
    now: Timestamp,
) {
    let name = name_of(about, reason, message);
    let namespace = about["metadata"]["namespace"].as_str().unwrap_or("default");
    let write = Write::internal("events", namespace, component, now);
    let written = match state.object("events", namespace, &name) {
        Some(before) => {
            let mut again = Value::clone(&before);
            again["count"] = json!(before["count"].as_u64().unwrap_or(1) + 1);
            again["lastTimestamp"] = json!(time::seconds(now));
            write.update(state, &name, again)
        }
        None => {
            let event = json!({
                "metadata": { "name": name },
                "involvedObject": {
                    "apiVersion": about["apiVersion"],
                    "kind": about["kind"],
                    "name": about["metadata"]["name"],
                    "namespace": about["metadata"]["namespace"],
                    "uid": uid_of(about),
                    "resourceVersion": about["metadata"]["resourceVersion"],
                },
                "type": kind,
                "reason": reason,
                "message": message,
                "source": { "component": component, "host": about["spec"]["nodeName"] },
                "reportingComponent": component,
                "reportingInstance": "",
                "eventTime": null,
                "count": 1,
                "firstTimestamp": time::seconds(now),
                "lastTimestamp": time::seconds(now),
            });
            write.create(state, event)
        }
    };
    if let Err(refusal) = written {
        tracing::debug!(?refusal, reason, "an event was not kept");
    }
}

/// Whether this has been recorded about the object.
pub(super) fn is_known(state: &State, about: &Value, reason: &str, message: &str) -> bool {
    let namespace = about["metadata"]["namespace"].as_str().unwrap_or("default");
    state.object("events", namespace, &name_of(about, reason, message)).is_some()
}

fn name_of(about: &Value, reason: &str, message: &str) -> String {
    let object = about["metadata"]["name"].as_str().unwrap_or_default();
    format!("{object}.{}", content_hash(&json!([uid_of(about), reason, message])))
}
