//! The CNI plugin as its authors install it, and nodes for it to run on.
//!
//! `plugin.yaml` is the part of amazon-vpc-cni-k8s v1.23.1's manifest that the migration touches, as
//! published under the Apache License 2.0.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::State;
use super::write::Write;
use super::{IpFamily, NodeSeed, PluginSeed, addon, controllers, kubelet, time};

const MANIFEST: &str = include_str!("plugin.yaml");
/// Who installs: the plugin's documentation says `kubectl apply`.
const INSTALLER: &str = "kubectl-client-side-apply";
/// Who writes `aws-auth`: eksctl does, where people do not.
const MAPPER: &str = "eksctl";
/// The version that the manifest is of.
const MANIFEST_VERSION: &str = "v1.23.1";

/// Installs the plugin and its nodes, as far as they are not there, and lets its pods be Ready: the
/// cluster is one that has been running for a while.
pub(super) fn install(state: &mut State, seed: &PluginSeed, now: Timestamp) {
    for object in manifest(seed) {
        let (plural, namespace) = match object["kind"].as_str() {
            Some("DaemonSet") => ("daemonsets", seed.namespace.as_str()),
            Some("ConfigMap") => ("configmaps", seed.namespace.as_str()),
            _ => ("serviceaccounts", seed.namespace.as_str()),
        };
        if seed.by_eks {
            apply(state, plural, namespace, &object, now);
        } else {
            create(state, plural, namespace, object, INSTALLER, now);
        }
        if plural == "serviceaccounts" {
            for annotation in &seed.annotations {
                let body = json!({ "metadata": { "annotations": { &annotation.key: annotation.value } } });
                annotate(state, &seed.namespace, &seed.service_account, &body, &annotation.manager, now);
            }
        }
    }
    if let Some(map_roles) = &seed.map_roles {
        let object = json!({ "metadata": { "name": "aws-auth" }, "data": { "mapRoles": map_roles } });
        create(state, "configmaps", "kube-system", object, MAPPER, now);
    }
    for (index, node) in seed.nodes.iter().enumerate() {
        let object = new_node(state, node, index, now);
        create(state, "nodes", "", object, "kubelet", now);
    }
    controllers::settle(state, now);
    for pod in state.objects("pods", Some(&seed.namespace)) {
        if pod["metadata"]["deletionTimestamp"].is_null() {
            kubelet::make_ready(state, &pod, now);
        }
    }
    controllers::settle(state, now);
}

/// Merges metadata into a service account, as the named field manager.
pub(super) fn annotate(state: &mut State, namespace: &str, name: &str, body: &Value, manager: &str, now: Timestamp) {
    let write = Write::internal("serviceaccounts", namespace, manager, now);
    let patch = super::write::Patch { kind: super::patch::PatchKind::Merge, body, force: false };
    if let Err(refusal) = write.patch(state, name, patch) {
        tracing::warn!(?refusal, namespace, name, "a service account was not annotated");
    }
}

fn apply(state: &mut State, plural: &str, namespace: &str, object: &Value, now: Timestamp) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let write = Write::internal(plural, namespace, addon::MANAGER, now);
    let patch = super::write::Patch { kind: super::patch::PatchKind::Apply, body: object, force: true };
    if let Err(refusal) = write.patch(state, name, patch) {
        tracing::warn!(?refusal, plural, "an object of the add-on was not installed");
    }
}

fn create(state: &mut State, plural: &str, namespace: &str, object: Value, manager: &str, now: Timestamp) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    if state.object(plural, namespace, name).is_some() {
        return;
    }
    let write = Write::internal(plural, namespace, manager, now);
    if let Err(refusal) = write.create(state, object) {
        tracing::warn!(?refusal, plural, "an object of the plugin was not installed");
    }
}

/// The manifest's objects, in its order, named and set as the seed says.
fn manifest(seed: &PluginSeed) -> Vec<Value> {
    let tag = if seed.by_eks { format!(":{}-eksbuild.1", seed.version) } else { format!(":{}", seed.version) };
    let mut text = MANIFEST.replace(&format!(":{MANIFEST_VERSION}"), &tag);
    if seed.version != MANIFEST_VERSION {
        text = text.replace(MANIFEST_VERSION, &seed.version);
    }
    if seed.nodes.iter().any(|node| node.labels.get("kubernetes.io/os").is_some_and(|os| os == "windows")) {
        text = text.replace("enable-windows-ipam: \"false\"", "enable-windows-ipam: \"true\"");
    }
    let mut objects: Vec<Value> = serde_yaml::from_multiple(&text).expect("the manifest is part of this crate");
    for object in &mut objects {
        object["metadata"]["namespace"] = json!(seed.namespace);
        match object["kind"].as_str() {
            Some("ServiceAccount") => {
                object["metadata"]["name"] = json!(seed.service_account);
                if let Some(role) = &seed.addon_role {
                    object["metadata"]["annotations"] = json!({ addon::ROLE_ANNOTATION: role });
                }
            }
            Some("DaemonSet") => {
                object["metadata"]["name"] = json!(seed.daemon_set);
                set_up(&mut object["spec"]["template"]["spec"], seed);
            }
            _ => {}
        }
    }
    objects
}

/// IPv6 is set in both the installer's and the plugin's environment, and in the agent's arguments.
fn set_up(spec: &mut Value, seed: &PluginSeed) {
    spec["serviceAccountName"] = json!(seed.service_account);
    if seed.ip_family == IpFamily::Ipv4 {
        return;
    }
    for list in ["initContainers", "containers"] {
        for container in spec[list].as_array_mut().into_iter().flatten() {
            for variable in container.get_mut("env").and_then(Value::as_array_mut).into_iter().flatten() {
                match variable["name"].as_str() {
                    Some("ENABLE_IPv6" | "ENABLE_PREFIX_DELEGATION") => variable["value"] = json!("true"),
                    Some("ENABLE_IPv4") => variable["value"] = json!("false"),
                    _ => {}
                }
            }
            for argument in container.get_mut("args").and_then(Value::as_array_mut).into_iter().flatten() {
                if argument == "--enable-ipv6=false" {
                    *argument = json!("--enable-ipv6=true");
                }
            }
        }
    }
}

fn new_node(state: &mut State, node: &NodeSeed, index: usize, now: Timestamp) -> Value {
    let config = state.config.clone();
    let zone = format!("{}{}", config.region, ["a", "b", "c"][index % 3]);
    let instance: String = state.new_uid().chars().filter(char::is_ascii_hexdigit).take(17).collect();
    let mut labels = json!({
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": node.name,
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": "m5.large",
        "topology.kubernetes.io/region": config.region,
        "topology.kubernetes.io/zone": zone,
    });
    if !node.nodegroup.is_empty() {
        labels["eks.amazonaws.com/capacityType"] = json!("ON_DEMAND");
        labels["eks.amazonaws.com/nodegroup"] = json!(node.nodegroup);
    }
    for (key, value) in &node.labels {
        labels[key] = json!(value);
    }
    let mut spec = json!({ "providerID": format!("aws:///{zone}/i-{instance}") });
    if let Some((key, value)) = node.taint {
        spec["taints"] = json!([{ "key": key, "value": value, "effect": "NoSchedule" }]);
    }
    let os = labels["kubernetes.io/os"].clone();
    let (image, kernel) = if os == "windows" {
        ("Windows Server 2022 Datacenter", "10.0.20348.3695")
    } else {
        ("Amazon Linux 2023", "6.1.134-150.224.amzn2023.x86_64")
    };
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({ "type": kind, "status": status, "reason": reason, "message": message,
                "lastHeartbeatTime": time::seconds(now), "lastTransitionTime": time::seconds(now) })
    };
    let capacity = json!({ "cpu": "2", "memory": "7910Mi", "pods": "29" });
    json!({
        "metadata": { "name": node.name, "labels": labels },
        "spec": spec,
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "addresses": [
                { "type": "InternalIP", "address": kubelet::address_of(&node.name) },
                { "type": "Hostname", "address": node.name },
                { "type": "InternalDNS", "address": node.name },
            ],
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "containerd://1.7.27",
                "kernelVersion": kernel,
                "kubeProxyVersion": format!("v{}.0-eks-sandbox", config.version),
                "kubeletVersion": format!("v{}.0-eks-sandbox", config.version),
                "machineID": "",
                "operatingSystem": os,
                "osImage": image,
                "systemUUID": "",
            },
        },
    })
}
