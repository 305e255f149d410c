//! Which nodes a pod may run on: node selector, required node affinity, taints and tolerations; and
//! the scheduler, which brings pods to nodes.
//!
//! Source: k8s.io/component-helpers `scheduling/corev1`, v0.33. Preferences and resources are not
//! weighed: the first node that fits, by name, gets the pod.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::kubelet;
use super::state::State;
use super::store::Key;
use super::write::Write;

/// How well a pod fits a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    /// The pod may be brought to the node.
    pub(super) may_start: bool,
    /// The pod may stay if it is there already.
    pub(super) may_stay: bool,
}

/// Compares a pod's spec with a node, as taken by itself: resources are not counted.
pub(super) fn fit(spec: &Value, node: &Value) -> Fit {
    let wanted = selected(spec, node) && in_affinity(spec, node);
    let tolerated = |effects: &[&str]| {
        node["spec"]["taints"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|taint| taint["effect"].as_str().is_some_and(|effect| effects.contains(&effect)))
            .all(|taint| tolerations(spec).any(|toleration| tolerates(toleration, taint)))
    };
    Fit { may_start: wanted && tolerated(&["NoSchedule", "NoExecute"]), may_stay: wanted && tolerated(&["NoExecute"]) }
}

/// Brings every pod that has no node to the first one that it fits.
pub(super) fn bind_pods(state: &mut State, now: Timestamp) {
    let waiting: Vec<Arc<Value>> = state
        .objects("pods", None)
        .into_iter()
        .filter(|pod| pod["spec"]["nodeName"].as_str().is_none_or(str::is_empty))
        .collect();
    if waiting.is_empty() {
        return;
    }
    let nodes = state.objects("nodes", None);
    for pod in waiting {
        let node = nodes.iter().find(|node| fit(&pod["spec"], node).may_start);
        match node {
            Some(node) => bind(state, &pod, node["metadata"]["name"].as_str().unwrap_or_default(), now),
            None => report_unschedulable(state, &pod, nodes.len(), now),
        }
    }
}

fn bind(state: &mut State, pod: &Arc<Value>, node: &str, now: Timestamp) {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or_default();
    let mut bound = Value::clone(pod);
    bound["spec"]["nodeName"] = json!(node);
    let write = Write::internal("pods", text("namespace"), "kube-scheduler", now);
    state.store.put(Key::new(write.resource, text("namespace"), text("name")), bound);
}

fn report_unschedulable(state: &mut State, pod: &Arc<Value>, nodes: usize, now: Timestamp) {
    let message = format!("0/{nodes} nodes are available.");
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        "lastProbeTime": null, "lastTransitionTime": super::time::seconds(now),
    });
    let conditions = pod["status"]["conditions"].as_array();
    let known = conditions.into_iter().flatten().any(|c| c["type"] == "PodScheduled" && c["message"] == message);
    if !known {
        let mut status = pod["status"].clone();
        status["conditions"] = json!([condition]);
        kubelet::write_status(state, pod, status, "kube-scheduler", now);
    }
}

fn selected(spec: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    spec["nodeSelector"].as_object().is_none_or(|wanted| wanted.iter().all(|(key, value)| labels[key] == *value))
}

fn in_affinity(spec: &Value, node: &Value) -> bool {
    let required = &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let Some(terms) = required["nodeSelectorTerms"].as_array() else { return true };
    terms.iter().any(|term| term_matches(term, node))
}

/// A term holds if all its expressions do; one without any holds for no node.
fn term_matches(term: &Value, node: &Value) -> bool {
    let list = |field: &str| term[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let (expressions, fields) = (list("matchExpressions"), list("matchFields"));
    let labels = &node["metadata"]["labels"];
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(|e| expression_matches(e, labels[e["key"].as_str().unwrap_or_default()].as_str()))
        && fields
            .iter()
            .all(|e| e["key"] == "metadata.name" && expression_matches(e, node["metadata"]["name"].as_str()))
}

fn expression_matches(expression: &Value, value: Option<&str>) -> bool {
    let values = expression["values"].as_array().map(Vec::as_slice).unwrap_or_default();
    let listed = || value.is_some_and(|value| values.iter().any(|v| v == value));
    let numbers = || {
        let bound = values.first()?.as_str()?.parse::<i64>().ok()?;
        Some((value?.parse::<i64>().ok()?, bound))
    };
    match expression["operator"].as_str().unwrap_or_default() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => numbers().is_some_and(|(value, bound)| value > bound),
        "Lt" => numbers().is_some_and(|(value, bound)| value < bound),
        _ => false,
    }
}

fn tolerations(spec: &Value) -> impl Iterator<Item = &Value> {
    spec["tolerations"].as_array().into_iter().flatten()
}

fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
    let (key, effect) = (text(toleration, "key"), text(toleration, "effect"));
    let effect_fits = effect.is_empty() || effect == text(taint, "effect");
    let exists = toleration["operator"] == "Exists";
    let key_fits = key == text(taint, "key") || (key.is_empty() && exists);
    effect_fits && key_fits && (exists || text(toleration, "value") == text(taint, "value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(labels: &Value, taints: &Value) -> Value {
        json!({ "metadata": { "name": "n1", "labels": labels }, "spec": { "taints": taints } })
    }

    fn affinity(key: &str, operator: &str, values: &Value) -> Value {
        let expression = json!({ "key": key, "operator": operator, "values": values });
        let terms = json!([{ "matchExpressions": [expression] }]);
        json!({ "affinity": { "nodeAffinity":
            { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } } } })
    }

    #[test]
    fn affinity_operators() {
        let node = node(&json!({ "os": "linux", "cpus": "8" }), &json!([]));
        for (key, operator, values, fits) in [
            ("os", "In", json!(["linux", "x"]), true),
            ("os", "In", json!(["x"]), false),
            ("missing", "In", json!(["x"]), false),
            ("os", "NotIn", json!(["linux"]), false),
            ("missing", "NotIn", json!(["x"]), true),
            ("os", "Exists", json!([]), true),
            ("missing", "DoesNotExist", json!([]), true),
            ("os", "DoesNotExist", json!([]), false),
            ("cpus", "Gt", json!(["4"]), true),
            ("cpus", "Lt", json!(["4"]), false),
            ("os", "Gt", json!(["4"]), false),
        ] {
            assert_eq!(fit(&affinity(key, operator, &values), &node).may_start, fits, "{key} {operator} {values}");
        }
    }

    #[test]
    fn a_node_selector_and_a_field() {
        let node = node(&json!({ "os": "linux" }), &json!([]));
        assert!(fit(&json!({ "nodeSelector": { "os": "linux" } }), &node).may_start);
        assert!(!fit(&json!({ "nodeSelector": { "os": "windows" } }), &node).may_start);
        let named = |name: &str| {
            let terms = json!([{ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [name] }] }]);
            json!({ "affinity": { "nodeAffinity":
                { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": terms } } } })
        };
        assert!(fit(&named("n1"), &node).may_start);
        assert!(!fit(&named("n2"), &node).may_start);
    }

    #[test]
    fn taints_and_tolerations() {
        let cordoned = node(&json!({}), &json!([{ "key": "k", "value": "v", "effect": "NoSchedule" }]));
        let fits = |toleration: &Value, node: &Value| fit(&json!({ "tolerations": [toleration] }), node);
        let stays_only = Fit { may_start: false, may_stay: true };
        assert_eq!(fit(&json!({}), &cordoned), stays_only);
        assert_eq!(fits(&json!({ "key": "k", "value": "other" }), &cordoned), stays_only);
        assert_eq!(fits(&json!({ "key": "k", "operator": "Exists", "effect": "NoExecute" }), &cordoned), stays_only);
        for good in [
            json!({ "operator": "Exists" }),
            json!({ "key": "k", "operator": "Exists" }),
            json!({ "key": "k", "value": "v", "effect": "NoSchedule" }),
        ] {
            assert!(fits(&good, &cordoned).may_start, "{good}");
        }
        let drained = node(&json!({}), &json!([{ "key": "k", "effect": "NoExecute" }]));
        assert!(!fit(&json!({}), &drained).may_stay);
        let preferred = node(&json!({}), &json!([{ "key": "k", "effect": "PreferNoSchedule" }]));
        assert!(fit(&json!({}), &preferred).may_start);
    }
}
