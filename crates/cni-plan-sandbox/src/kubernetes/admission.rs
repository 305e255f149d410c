//! What happens to a new object between its writer and the store: the service account's part in a pod,
//! the priority class, and the pod identity webhook.
//!
//! Source: k8s.io/kubernetes `plugin/pkg/admission/serviceaccount`, v1.33.

use serde_json::{Value, json};

use super::resources::Resource;
use super::state::State;
use super::status::ApiError;
use super::webhook;

/// Where a pod finds the token with which it speaks to the API server.
const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Admits a new object, completed, or refuses it.
pub(super) fn admit_new(state: &mut State, resource: &Resource, object: &mut Value) -> Result<(), ApiError> {
    if resource.plural != "pods" {
        return Ok(());
    }
    priority(&mut object["spec"]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (namespace, name) = (text(&object["metadata"]["namespace"]), text(&object["spec"]["serviceAccountName"]));
    let Some(account) = state.object("serviceaccounts", &namespace, &name) else {
        // A name is generated after admission in the real server, which speaks of the prefix here.
        let metadata = &object["metadata"];
        let pod = metadata["generateName"].as_str().or(metadata["name"].as_str()).unwrap_or_default();
        let cause = format!("error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found");
        return Err(ApiError::forbidden(resource, pod, &cause));
    };
    let automount = [&object["spec"], &*account].iter().find_map(|o| o["automountServiceAccountToken"].as_bool());
    if automount != Some(false) {
        let volume = format!("kube-api-access-{}", state.new_suffix());
        mount_api_token(&mut object["spec"], &volume);
    }
    if state.config.webhook {
        let has_association = state.pod_identities.contains(&(namespace, name));
        webhook::inject(&state.config, &account, has_association, object);
    }
    Ok(())
}

fn priority(spec: &mut Value) {
    let priority = match spec["priorityClassName"].as_str() {
        Some("system-node-critical") => 2_000_001_000,
        Some("system-cluster-critical") => 2_000_000_000,
        _ => 0,
    };
    spec["priority"] = json!(priority);
    spec["preemptionPolicy"] = json!("PreemptLowerPriority");
}

fn mount_api_token(spec: &mut Value, volume: &str) {
    push(
        spec,
        "volumes",
        json!({ "name": volume, "projected": { "defaultMode": 420, "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [
                { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } },
            ] } },
        ] } }),
    );
    for list in ["initContainers", "containers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            push(container, "volumeMounts", json!({ "name": volume, "readOnly": true, "mountPath": TOKEN_PATH }));
        }
    }
}

/// Appends to a list in an object, which may not be there yet.
pub(super) fn push(object: &mut Value, list: &str, item: Value) {
    match object.get_mut(list).and_then(Value::as_array_mut) {
        Some(items) => items.push(item),
        None => object[list] = json!([item]),
    }
}
