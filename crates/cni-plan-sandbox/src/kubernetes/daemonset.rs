//! The DaemonSet controller: one pod on each node that the template fits, born again when deleted,
//! replaced when the template changes.
//!
//! Source: k8s.io/kubernetes `pkg/controller/daemon`, v1.33. `maxSurge` other than 0 is not acted on,
//! and no ControllerRevisions are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::delete::{DeleteOptions, uid_of};
use super::scheduling::{self, Fit};
use super::state::State;
use super::write::Write;
use super::{admission, events};

const MANAGER: &str = "kube-controller-manager";
const HASH_LABEL: &str = "controller-revision-hash";
const GENERATION_LABEL: &str = "pod-template-generation";

/// The taints of troubled nodes that daemon pods bear: key and effect.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];

/// Takes every DaemonSet a step towards what it asks for. Steps until nothing changes are the caller's.
pub(super) fn reconcile(state: &mut State, now: Timestamp) {
    let nodes = state.objects("nodes", None);
    for set in state.objects("daemonsets", None) {
        if set["metadata"]["deletionTimestamp"].is_null() {
            DaemonSet::new(state, set, &nodes).reconcile(state, &nodes, now);
        }
    }
    remove_orphans(state, &nodes, now);
}

/// One DaemonSet and its pods.
struct DaemonSet {
    object: Arc<Value>,
    namespace: String,
    /// A short name for the template: pods that carry another are outdated.
    hash: String,
    /// What a pod of this template would be, for the scheduling rules.
    template: Value,
    /// The pods by the node that they are on or meant for.
    pods: BTreeMap<String, Vec<Arc<Value>>>,
    fits: BTreeMap<String, Fit>,
}

impl DaemonSet {
    fn new(state: &mut State, object: Arc<Value>, nodes: &[Arc<Value>]) -> DaemonSet {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
        let mut template = object["spec"]["template"].clone();
        for (key, effect) in TOLERATED {
            tolerate(&mut template["spec"], key, effect);
        }
        if template["spec"]["hostNetwork"] == true {
            tolerate(&mut template["spec"], "node.kubernetes.io/network-unavailable", "NoSchedule");
        }
        let mut pods: BTreeMap<String, Vec<Arc<Value>>> = BTreeMap::new();
        for pod in state.objects("pods", Some(&namespace)) {
            if controller_uid(&pod) == Some(&uid_of(&object)) {
                pods.entry(target_node(&pod)).or_default().push(pod);
            }
        }
        let name = |node: &Value| node["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let fits = nodes.iter().map(|node| (name(node), scheduling::fit(&template["spec"], node))).collect();
        let hash = state.template_hash(&object);
        DaemonSet { object, namespace, hash, template, pods, fits }
    }

    fn reconcile(&self, state: &mut State, nodes: &[Arc<Value>], now: Timestamp) {
        for node in nodes {
            let name = node["metadata"]["name"].as_str().unwrap_or_default();
            let fit = self.fits[name];
            let here = self.pods.get(name).map(Vec::as_slice).unwrap_or_default();
            if here.is_empty() && fit.may_start {
                self.create_pod(state, name, now);
            } else if !fit.may_stay {
                self.delete(state, here, now);
            } else {
                let living: Vec<Arc<Value>> = here.iter().filter(|pod| !is_going(pod)).cloned().collect();
                self.delete(state, living.get(1..).unwrap_or_default(), now);
            }
        }
        self.replace_outdated(state, now);
        self.write_status(state, now);
    }

    fn create_pod(&self, state: &mut State, node: &str, now: Timestamp) {
        let mut pod = self.template.clone();
        let name = self.object["metadata"]["name"].as_str().unwrap_or_default();
        let metadata = &mut pod["metadata"];
        metadata["generateName"] = json!(format!("{name}-"));
        metadata["namespace"] = json!(self.namespace);
        metadata["labels"][HASH_LABEL] = json!(self.hash);
        metadata["labels"][GENERATION_LABEL] = json!(self.object["metadata"]["generation"].to_string());
        metadata["ownerReferences"] = json!([{
            "apiVersion": "apps/v1", "kind": "DaemonSet", "name": name, "uid": uid_of(&self.object),
            "controller": true, "blockOwnerDeletion": true,
        }]);
        let field = json!({ "key": "metadata.name", "operator": "In", "values": [node] });
        pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
            json!({ "nodeSelectorTerms": [{ "matchFields": [field] }] });
        let write = Write::internal("pods", &self.namespace, MANAGER, now);
        if let Err(refusal) = write.create(state, pod) {
            let message = format!("Error creating: {}", refusal.to_value()["message"].as_str().unwrap_or_default());
            if !events::is_known(state, &self.object, "FailedCreate", &message) {
                events::record(state, &self.object, "Warning", "FailedCreate", &message, "daemonset-controller", now);
            }
        }
    }

    fn delete(&self, state: &mut State, pods: &[Arc<Value>], now: Timestamp) {
        let write = Write::internal("pods", &self.namespace, MANAGER, now);
        for pod in pods.iter().filter(|pod| !is_going(pod)) {
            let name = pod["metadata"]["name"].as_str().unwrap_or_default();
            // It may be gone already, which is what was wanted.
            let _ = write.delete(state, name, &DeleteOptions::default());
        }
    }

    /// Deletes pods of an older template, those that are of no use first, and no more of the others
    /// than `maxUnavailable` leaves room for.
    fn replace_outdated(&self, state: &mut State, now: Timestamp) {
        if self.object["spec"]["updateStrategy"]["type"] != "RollingUpdate" {
            return;
        }
        let wanted = self.fits.iter().filter(|(_, fit)| fit.may_start).map(|(name, _)| name);
        let (mut unavailable, mut useless, mut useful) = (0, Vec::new(), Vec::new());
        for node in wanted {
            let living = self.pods.get(node).into_iter().flatten().find(|pod| !is_going(pod));
            let available = living.is_some_and(|pod| is_ready(pod));
            unavailable += usize::from(!available);
            if let Some(pod) = living.filter(|pod| !self.is_current(pod)) {
                if available { useful.push(pod.clone()) } else { useless.push(pod.clone()) }
            }
        }
        let room = self.max_unavailable().saturating_sub(unavailable);
        useful.truncate(room);
        useless.append(&mut useful);
        self.delete(state, &useless, now);
    }

    fn is_current(&self, pod: &Value) -> bool {
        pod["metadata"]["labels"][HASH_LABEL] == self.hash
    }

    fn desired(&self) -> usize {
        self.fits.values().filter(|fit| fit.may_start).count()
    }

    fn max_unavailable(&self) -> usize {
        let limit = &self.object["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"];
        let share = limit.as_str().and_then(|text| text.strip_suffix('%')?.parse::<usize>().ok());
        let count = limit.as_u64().and_then(|n| usize::try_from(n).ok());
        share.map(|percent| (self.desired() * percent).div_ceil(100)).or(count).unwrap_or(1)
    }

    fn write_status(&self, state: &mut State, now: Timestamp) {
        let on_wanted = |test: &dyn Fn(&Value) -> bool| {
            let wanted = self.fits.iter().filter(|(_, fit)| fit.may_start);
            wanted.filter(|(name, _)| self.pods.get(*name).is_some_and(|pods| pods.iter().any(|pod| test(pod)))).count()
        };
        let (desired, ready) = (self.desired(), on_wanted(&|pod| is_ready(pod)));
        let unwanted = self.fits.iter().filter(|(name, fit)| !fit.may_start && self.pods.contains_key(*name)).count();
        let mut status = json!({
            "currentNumberScheduled": on_wanted(&|_| true),
            "desiredNumberScheduled": desired,
            "numberMisscheduled": unwanted,
            "numberReady": ready,
            "observedGeneration": self.object["metadata"]["generation"],
            "updatedNumberScheduled": on_wanted(&|pod| self.is_current(pod)),
        });
        // As the real status does, counts that are zero are left out where the type says so.
        for (field, count) in [("numberAvailable", ready), ("numberUnavailable", desired - ready)] {
            if count > 0 {
                status[field] = json!(count);
            }
        }
        if status["updatedNumberScheduled"] == 0
            && let Some(map) = status.as_object_mut()
        {
            map.remove("updatedNumberScheduled");
        }
        if status != self.object["status"] {
            let mut object = Value::clone(&self.object);
            object["status"] = status;
            let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
            let write = Write::internal("daemonsets", &self.namespace, MANAGER, now).to_status();
            if let Err(refusal) = write.update(state, &name, object) {
                tracing::debug!(?refusal, name, "a DaemonSet's status was not written");
            }
        }
    }
}

/// Removes pods whose node or whose DaemonSet is gone.
fn remove_orphans(state: &mut State, nodes: &[Arc<Value>], now: Timestamp) {
    let sets: BTreeSet<String> = state.objects("daemonsets", None).iter().map(|set| uid_of(set)).collect();
    let nodes: BTreeSet<&str> = nodes.iter().filter_map(|node| node["metadata"]["name"].as_str()).collect();
    for pod in state.objects("pods", None) {
        let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
        let write = Write::internal("pods", text("namespace"), MANAGER, now);
        let node_gone = pod["spec"]["nodeName"].as_str().is_some_and(|node| !nodes.contains(node));
        let owner_gone = controller_uid(&pod).is_some_and(|uid| !sets.contains(uid));
        // It may be gone already, which is what is wanted.
        if node_gone {
            let _ = write.delete(state, text("name"), &DeleteOptions::now());
        } else if owner_gone && !is_going(&pod) {
            let _ = write.delete(state, text("name"), &DeleteOptions::default());
        }
    }
}

fn tolerate(spec: &mut Value, key: &str, effect: &str) {
    let toleration = json!({ "key": key, "operator": "Exists", "effect": effect });
    if !spec["tolerations"].as_array().is_some_and(|list| list.contains(&toleration)) {
        admission::push(spec, "tolerations", toleration);
    }
}

/// The uid of the DaemonSet that controls a pod.
fn controller_uid(pod: &Value) -> Option<&str> {
    let references = pod["metadata"]["ownerReferences"].as_array()?;
    references.iter().find(|r| r["controller"] == true && r["kind"] == "DaemonSet")?["uid"].as_str()
}

/// The node a pod is on, or else the one that its affinity pins it to.
fn target_node(pod: &Value) -> String {
    let pinned = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms/0/\
                  matchFields/0/values/0";
    let node = pod["spec"]["nodeName"].as_str().or_else(|| pod.pointer(pinned).and_then(Value::as_str));
    node.unwrap_or_default().to_owned()
}

fn is_going(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_string()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True") && !is_going(pod)
}
