//! A view of the DaemonSet's nodes and pods at one moment, cut down to what decisions need. Pure.

use std::collections::{BTreeMap, BTreeSet};

use cni_plan_core::{AssociationInEffect, Plugin, PodGroup, PodIdentity, Pods};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ContainerStatus, Node, Pod, PodSpec};

use super::{eligible, identity, plugin};

/// The nodes and the DaemonSet's pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct World {
    /// By name: whether the DaemonSet is meant for it.
    pub(super) nodes: BTreeMap<String, bool>,
    /// By uid.
    pub(super) pods: BTreeMap<String, PodState>,
}

/// One pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PodState {
    pub(super) name: String,
    pub(super) uid: String,
    /// The node it runs on, or is bound for.
    pub(super) node: String,
    pub(super) identity: PodIdentity,
    pub(super) ready: bool,
    /// Being deleted, or run to an end: it does not serve its node any more.
    pub(super) leaving: bool,
    /// What keeps it from being Ready, for people.
    pub(super) state: String,
}

/// A pod that is as it is and will not change by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pod {pod} on node {node} carries {identity}")]
pub(super) struct WrongIdentity {
    pub(super) node: String,
    pub(super) pod: String,
    pub(super) identity: PodIdentity,
}

impl World {
    /// Of everything listed.
    pub(super) fn of(rules: &Rules, nodes: &[Node], pods: &[Pod]) -> World {
        World {
            nodes: nodes.iter().map(|node| rules.node(node)).collect(),
            pods: pods.iter().filter_map(|pod| rules.pod(pod)).map(|pod| (pod.uid.clone(), pod)).collect(),
        }
    }

    /// Each eligible node with the pods that serve it; by name.
    pub(super) fn served(&self) -> BTreeMap<&str, Vec<&PodState>> {
        let eligible = self.nodes.iter().filter(|(_, eligible)| **eligible);
        let mut served: BTreeMap<&str, Vec<&PodState>> =
            eligible.map(|(name, _)| (name.as_str(), Vec::new())).collect();
        for pod in self.pods.values().filter(|pod| !pod.leaving) {
            if let Some(pods) = served.get_mut(pod.node.as_str()) {
                pods.push(pod);
            }
        }
        served
    }

    /// Core's view: pods on eligible nodes counted by what they carry.
    pub(super) fn summary(&self, namespace: &str, daemon_set: &str, plugin: Plugin, nodes: &[Node]) -> Pods {
        let served = self.served();
        let mut groups: BTreeMap<&PodIdentity, u32> = BTreeMap::new();
        for pod in served.values().flatten() {
            *groups.entry(&pod.identity).or_default() += 1;
        }
        let not_ready = served.values().filter(|pods| !pods.iter().any(|pod| pod.ready)).count();
        Pods {
            namespace: namespace.to_owned(),
            daemon_set: daemon_set.to_owned(),
            carrying: groups
                .into_iter()
                .map(|(identity, pods)| PodGroup { identity: identity.clone(), pods })
                .collect(),
            not_ready: u32::try_from(not_ready).unwrap_or(u32::MAX),
            plugin,
            other_nodes: nodes.iter().filter_map(plugin::other_node).collect(),
            on_host_network: BTreeSet::new(),
            unread: Vec::new(),
        }
    }

    /// How many eligible nodes there are, and how many of them are served as wanted: by Ready pods
    /// that all carry the identity.
    pub(super) fn progress(&self, wanted: &PodIdentity) -> (usize, usize) {
        let served = self.served();
        let done = served.values().filter(|pods| is_served(pods, wanted)).count();
        (done, served.len())
    }

    /// Eligible nodes that are not served as wanted; or the first pod that never will be.
    pub(super) fn unserved(&self, wanted: &PodIdentity) -> Result<Vec<String>, WrongIdentity> {
        let served = self.served();
        for pod in served.values().flatten() {
            pod.carries(wanted)?;
        }
        let unserved = served.into_iter().filter(|(_, pods)| !is_served(pods, wanted));
        Ok(unserved.map(|(node, _)| node.to_owned()).collect())
    }
}

impl PodState {
    /// Refuses a pod with another identity.
    pub(super) fn carries(&self, wanted: &PodIdentity) -> Result<(), WrongIdentity> {
        if self.identity.satisfies(wanted) {
            return Ok(());
        }
        Err(WrongIdentity { node: self.node.clone(), pod: self.name.clone(), identity: self.identity.clone() })
    }
}

fn is_served(pods: &[&PodState], wanted: &PodIdentity) -> bool {
    pods.iter().any(|pod| pod.ready) && pods.iter().all(|pod| pod.identity.satisfies(wanted))
}

/// How one DaemonSet's nodes and pods are told from others.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    owner: String,
    template: PodSpec,
    association: Option<AssociationInEffect>,
}

impl Rules {
    /// Of a DaemonSet as the server has it, and the association of its service account.
    pub(super) fn of(daemon_set: &DaemonSet, association: Option<&AssociationInEffect>) -> Rules {
        let template = daemon_set.spec.as_ref().and_then(|spec| spec.template.spec.clone());
        Rules {
            owner: daemon_set.metadata.uid.clone().unwrap_or_default(),
            template: template.unwrap_or_default(),
            association: association.cloned(),
        }
    }

    /// A node's name, and whether it is eligible.
    pub(super) fn node(&self, node: &Node) -> (String, bool) {
        let name = node.metadata.name.clone().unwrap_or_default();
        (name, eligible::is_eligible(&self.template, node))
    }

    /// A pod of the DaemonSet; `None`: it is someone else's.
    pub(super) fn pod(&self, pod: &Pod) -> Option<PodState> {
        let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
        if !owners.iter().any(|owner| owner.controller == Some(true) && owner.uid == self.owner) {
            return None;
        }
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref()).unwrap_or_default();
        Some(PodState {
            name: pod.metadata.name.clone()?,
            uid: pod.metadata.uid.clone()?,
            node: node_of(pod)?.to_owned(),
            identity: self.identity(pod),
            ready: condition(pod, "Ready").is_some_and(|(status, _)| status == "True"),
            leaving: pod.metadata.deletion_timestamp.is_some() || matches!(phase, "Failed" | "Succeeded"),
            state: state(pod, phase),
        })
    }

    fn identity(&self, pod: &Pod) -> PodIdentity {
        let identity = identity::of(pod);
        let born = pod.metadata.creation_timestamp.as_ref().map(|born| born.0.as_second());
        match (&self.association, born) {
            (Some(association), Some(born)) if identity.is_by_association() => association.of_pod_born(born),
            _ => identity,
        }
    }
}

/// Where the pod runs; before it is bound, the node that its controller pinned it to.
fn node_of(pod: &Pod) -> Option<&str> {
    let spec = pod.spec.as_ref()?;
    if let Some(name) = spec.node_name.as_deref().filter(|name| !name.is_empty()) {
        return Some(name);
    }
    let affinity = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    let mut fields = required.node_selector_terms.iter().flat_map(|term| term.match_fields.iter().flatten());
    let pinned = fields.find(|field| field.key == "metadata.name" && field.operator == "In")?;
    pinned.values.as_ref()?.first().map(String::as_str)
}

fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<(&'a str, &'a str)> {
    let conditions = pod.status.as_ref()?.conditions.as_deref()?;
    let found = conditions.iter().find(|condition| condition.type_ == kind)?;
    Some((&found.status, found.message.as_deref().unwrap_or_default()))
}

/// Why a pod is not Ready: the first container that waits, has ended or is not ready.
fn state(pod: &Pod, phase: &str) -> String {
    if pod.metadata.deletion_timestamp.is_some() {
        return "being deleted".to_owned();
    }
    let status = pod.status.as_ref();
    let init = status.and_then(|status| status.init_container_statuses.as_deref()).unwrap_or_default();
    let main = status.and_then(|status| status.container_statuses.as_deref()).unwrap_or_default();
    let unfinished = init.iter().filter(|status| !has_succeeded(status));
    if let Some(status) = unfinished.chain(main).find(|status| !status.ready) {
        return container_state(status);
    }
    match condition(pod, "PodScheduled") {
        Some(("False", message)) if !message.is_empty() => crate::error::one_line(message),
        _ if phase.is_empty() => "not started".to_owned(),
        _ => phase.to_owned(),
    }
}

fn has_succeeded(status: &ContainerStatus) -> bool {
    let ended = status.state.as_ref().and_then(|state| state.terminated.as_ref());
    ended.is_some_and(|ended| ended.exit_code == 0)
}

fn container_state(status: &ContainerStatus) -> String {
    let name = &status.name;
    let state = status.state.as_ref();
    let restarts = match status.restart_count {
        0 => String::new(),
        count => format!(", restarted {count} times"),
    };
    if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
        let reason = waiting.reason.as_deref().unwrap_or("no reason given");
        return format!("container {name} is waiting: {reason}{restarts}");
    }
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        return format!("container {name} ended with {}{restarts}", ended.exit_code);
    }
    format!("container {name} is not ready{restarts}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use serde_json::{Value, json};

    fn rules() -> Rules {
        let daemon_set = json!({
            "metadata": {"uid": "ds"},
            "spec": {"selector": {}, "template": {"spec": {"containers": [], "nodeSelector": {"os": "linux"}}}},
        });
        Rules::of(&serde_json::from_value(daemon_set).unwrap(), None)
    }

    fn node(name: &str, os: &str) -> Node {
        serde_json::from_value(json!({"metadata": {"name": name, "labels": {"os": os}}})).unwrap()
    }

    fn pod(name: &str, node: &str, ready: bool, more: &Value) -> Pod {
        let mut pod = json!({
            "metadata": {
                "name": name, "uid": name,
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "ds", "controller": true}
                ],
            },
            "spec": {"nodeName": node, "containers": [{"name": "aws-node"}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            },
        });
        for (key, value) in more.as_object().unwrap() {
            let (outer, inner) = key.split_once('.').unwrap();
            pod[outer][inner] = value.clone();
        }
        serde_json::from_value(pod).unwrap()
    }

    #[test]
    fn only_pods_that_serve_an_eligible_node_are_counted() {
        let nodes = [node("a", "linux"), node("b", "linux"), node("c", "linux"), node("w", "windows")];
        let pods = [
            pod("p-a", "a", true, &json!({})),
            pod("p-b", "b", true, &json!({"metadata.deletionTimestamp": "2026-11-23T10:00:00Z"})),
            pod("p-b2", "b", false, &json!({})),
            pod("p-c", "c", false, &json!({"status.phase": "Failed"})),
            pod("p-w", "w", true, &json!({})),
            pod("stranger", "a", true, &json!({"metadata.ownerReferences": []})),
        ];
        let summary = World::of(&rules(), &nodes, &pods).summary("kube-system", "aws-node", Plugin::default(), &nodes);
        assert_eq!(summary.carrying, [PodGroup { identity: PodIdentity::NodeRole, pods: 2 }]);
        assert_eq!(summary.not_ready, 2);
    }

    #[test]
    fn a_pod_not_yet_bound_belongs_to_the_node_it_is_pinned_to() {
        let pinned = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["b"]}]},
        ]}}});
        let pod = pod("p", "", false, &json!({"spec.affinity": pinned}));
        assert_eq!(rules().pod(&pod).unwrap().node, "b");
    }

    #[test]
    fn the_state_names_what_is_waited_for() {
        let statuses = |state: Value| {
            json!({"status.containerStatuses": [
                {"name": "aws-node", "ready": false, "restartCount": 3, "image": "i", "imageID": "i", "state": state},
            ]})
        };
        let table = [
            (
                statuses(json!({"waiting": {"reason": "CrashLoopBackOff"}})),
                "container aws-node is waiting: CrashLoopBackOff, restarted 3 times",
            ),
            (statuses(json!({"running": {}})), "container aws-node is not ready, restarted 3 times"),
            (statuses(json!({"terminated": {"exitCode": 1}})), "container aws-node ended with 1, restarted 3 times"),
            (json!({"metadata.deletionTimestamp": "2026-11-23T10:00:00Z"}), "being deleted"),
            (
                json!({"status.conditions": [{"type": "PodScheduled", "status": "False", "message": "no\nroom"}]}),
                "no room",
            ),
        ];
        for (more, expected) in table {
            assert_eq!(rules().pod(&pod("p", "a", false, &more)).unwrap().state, expected);
        }
    }

    #[test]
    fn a_node_is_served_by_a_ready_pod_that_carries_what_is_wanted() {
        let nodes = [node("a", "linux"), node("b", "linux")];
        let world = World::of(&rules(), &nodes, &[pod("p", "a", true, &json!({}))]);
        assert_eq!(world.unserved(&PodIdentity::NodeRole), Ok(vec!["b".to_owned()]));
        assert_eq!(world.progress(&PodIdentity::NodeRole), (1, 2));
        let wanted = PodIdentity::WebIdentity { role_arn: "r".to_owned(), sts_regional: None };
        assert_eq!(world.unserved(&wanted).unwrap_err().pod, "p");
    }

    #[test]
    fn a_pod_by_an_association_has_its_role_unless_it_was_born_before_that() {
        let at = Duration::from_secs;
        let association = AssociationInEffect::new("r".to_owned(), at(0), at(1_000), at(10));
        let rules = Rules { association: Some(association), ..rules() };
        let containers = json!([{"name": "aws-node", "env": [
            {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": PodIdentity::AGENT[0]},
            {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": PodIdentity::AGENT_TOKEN_FILE},
        ]}]);
        let of_pod = |born: &str, containers: &Value| {
            let more = json!({"metadata.creationTimestamp": born, "spec.containers": containers});
            rules.pod(&pod("p", "a", true, &more)).unwrap().identity
        };
        let (early, late) = ("1970-01-01T00:16:50Z", "1970-01-01T00:16:51Z");
        assert_eq!(of_pod(early, &containers), PodIdentity::UNKNOWN_ROLE);
        assert_eq!(of_pod(late, &containers), PodIdentity::associated("r"));
        assert_eq!(of_pod(late, &json!([{"name": "aws-node"}])), PodIdentity::NodeRole, "it has not come by it");
    }
}
