//! What the API server fills in where a writer says nothing.
//!
//! Source: k8s.io/kubernetes `pkg/apis/core/v1/defaults.go` and `pkg/apis/apps/v1/defaults.go`, v1.33.

use serde_json::{Value, json};

use super::resources::Resource;

/// Completes an object that is being created; a status is the server's to give.
pub(super) fn on_create(resource: &Resource, object: &mut Value) {
    on_update(resource, object);
    match resource.plural {
        "pods" => object["status"] = json!({ "phase": "Pending", "qosClass": quality_of_service(&object["spec"]) }),
        "daemonsets" => {
            object["status"] = json!({
                "currentNumberScheduled": 0,
                "desiredNumberScheduled": 0,
                "numberMisscheduled": 0,
                "numberReady": 0,
            });
        }
        "namespaces" => {
            let name = object["metadata"]["name"].clone();
            object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            object["spec"]["finalizers"] = json!(["kubernetes"]);
            object["status"] = json!({ "phase": "Active" });
        }
        _ => {}
    }
}

/// Completes an object that is being changed.
pub(super) fn on_update(resource: &Resource, object: &mut Value) {
    match resource.plural {
        "pods" => {
            pod_spec(&mut object["spec"]);
            let spec = &mut object["spec"];
            fill(spec, "enableServiceLinks", json!(true));
            fill(spec, "serviceAccountName", json!("default"));
            let account = spec["serviceAccountName"].clone();
            spec["serviceAccount"] = account;
        }
        "daemonsets" => daemon_set(&mut object["spec"]),
        "secrets" => fill(object, "type", json!("Opaque")),
        _ => {}
    }
}

fn daemon_set(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    pod_spec(&mut spec["template"]["spec"]);
    fill(spec, "revisionHistoryLimit", json!(10));
    fill(&mut spec["updateStrategy"], "type", json!("RollingUpdate"));
    if spec["updateStrategy"]["type"] == "RollingUpdate" {
        let rolling = &mut spec["updateStrategy"]["rollingUpdate"];
        fill(rolling, "maxUnavailable", json!(1));
        fill(rolling, "maxSurge", json!(0));
    }
}

fn pod_spec(spec: &mut Value) {
    if !spec.is_object() {
        return;
    }
    fill(spec, "restartPolicy", json!("Always"));
    fill(spec, "terminationGracePeriodSeconds", json!(30));
    fill(spec, "dnsPolicy", json!("ClusterFirst"));
    fill(spec, "schedulerName", json!("default-scheduler"));
    fill(spec, "securityContext", json!({}));
    if let Some(account) = spec["serviceAccountName"].as_str().map(str::to_owned) {
        fill(spec, "serviceAccount", json!(account));
    }
    let host_network = spec["hostNetwork"] == true;
    for list in ["initContainers", "containers"] {
        for one in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            if one.is_object() {
                container(one, host_network);
            }
        }
    }
}

fn container(container: &mut Value, host_network: bool) {
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let policy = if matches!(tag, None | Some("latest")) { "Always" } else { "IfNotPresent" };
    fill(container, "imagePullPolicy", json!(policy));
    fill(container, "resources", json!({}));
    fill(container, "terminationMessagePath", json!("/dev/termination-log"));
    fill(container, "terminationMessagePolicy", json!("File"));
    for port in container.get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        fill(port, "protocol", json!("TCP"));
        if host_network {
            let number = port["containerPort"].clone();
            fill(port, "hostPort", number);
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
            fill(probe, "timeoutSeconds", json!(1));
            fill(probe, "periodSeconds", json!(10));
            fill(probe, "successThreshold", json!(1));
            fill(probe, "failureThreshold", json!(3));
        }
    }
    for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(reference) = variable.pointer_mut("/valueFrom/fieldRef") {
            fill(reference, "apiVersion", json!("v1"));
        }
    }
}

/// Guaranteed is left out: nothing here sets limits equal to requests.
fn quality_of_service(spec: &Value) -> &'static str {
    let asks = |container: &Value| {
        ["requests", "limits"]
            .iter()
            .any(|kind| container["resources"][*kind].as_object().is_some_and(|m| !m.is_empty()))
    };
    let asks_for_something = spec["containers"].as_array().is_some_and(|list| list.iter().any(asks));
    if asks_for_something { "Burstable" } else { "BestEffort" }
}

fn fill(object: &mut Value, field: &str, value: Value) {
    if object.get(field).is_none_or(Value::is_null) {
        object[field] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_completed_once() {
        let pods = Resource::named("pods").unwrap();
        let mut pod = json!({ "metadata": { "name": "x" }, "spec": {
            "hostNetwork": true, "terminationGracePeriodSeconds": 10,
            "containers": [{ "name": "c", "image": "registry:5000/x:v1", "ports": [{ "containerPort": 80 }] }],
        } });
        on_create(pods, &mut pod);
        let spec = &pod["spec"];
        assert_eq!(
            (&spec["terminationGracePeriodSeconds"], &spec["serviceAccountName"]),
            (&json!(10), &json!("default"))
        );
        assert_eq!(spec["containers"][0]["imagePullPolicy"], "IfNotPresent");
        assert_eq!(
            spec["containers"][0]["ports"][0],
            json!({ "containerPort": 80, "hostPort": 80, "protocol": "TCP" })
        );
        let once = pod.clone();
        on_update(pods, &mut pod);
        assert_eq!(pod, once);
    }
}
