//! The nodes a DaemonSet is meant for, by the rules of its controller. Pure.
//!
//! Source: Kubernetes, "DaemonSet: how Daemon Pods are scheduled" and the label-selector and taint
//! rules of the API reference. A node counts when a pod of the template would be put there today:
//! name, node selector, required affinity, and no NoSchedule or NoExecute taint left untolerated.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, PodSpec, Taint, Toleration};

/// Taints that the DaemonSet controller makes every pod of its own tolerate.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
/// One more for pods on the host's network.
const TOLERATED_ON_HOST_NETWORK: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// Whether a pod of this template belongs on the node.
pub(super) fn is_eligible(template: &PodSpec, node: &Node) -> bool {
    let name = node.metadata.name.as_deref().unwrap_or_default();
    let no_labels = BTreeMap::new();
    let labels = node.metadata.labels.as_ref().unwrap_or(&no_labels);

    let named = template.node_name.as_deref().filter(|wanted| !wanted.is_empty());
    named.is_none_or(|wanted| wanted == name)
        && template.node_selector.iter().flatten().all(|(key, value)| labels.get(key) == Some(value))
        && required_terms(template).is_none_or(|terms| terms.iter().any(|term| term_matches(term, name, labels)))
        && taints(node).all(|taint| is_tolerated(template, taint))
}

fn required_terms(template: &PodSpec) -> Option<&[NodeSelectorTerm]> {
    let affinity = template.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = affinity.required_during_scheduling_ignored_during_execution.as_ref()?;
    Some(&required.node_selector_terms)
}

/// A term without any requirement matches nothing.
fn term_matches(term: &NodeSelectorTerm, name: &str, labels: &BTreeMap<String, String>) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    expressions.iter().all(|wanted| holds(wanted, labels.get(&wanted.key).map(String::as_str)))
        && fields.iter().all(|wanted| wanted.key == "metadata.name" && holds(wanted, Some(name)))
}

fn holds(wanted: &NodeSelectorRequirement, found: Option<&str>) -> bool {
    let values = wanted.values.as_deref().unwrap_or_default();
    let listed = || found.is_some_and(|found| values.iter().any(|value| value == found));
    let numbers = || -> Option<(i64, i64)> { Some((found?.parse().ok()?, values.first()?.parse().ok()?)) };
    match wanted.operator.as_str() {
        "In" => listed(),
        "NotIn" => !listed(),
        "Exists" => found.is_some(),
        "DoesNotExist" => found.is_none(),
        "Gt" => numbers().is_some_and(|(found, wanted)| found > wanted),
        "Lt" => numbers().is_some_and(|(found, wanted)| found < wanted),
        _ => false,
    }
}

/// The taints that keep pods away.
fn taints(node: &Node) -> impl Iterator<Item = &Taint> {
    let all = node.spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    all.filter(|taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute"))
}

fn is_tolerated(template: &PodSpec, taint: &Taint) -> bool {
    let by_controller = |(key, effect): &(&str, &str)| taint.key == *key && taint.effect == *effect;
    TOLERATED.iter().any(by_controller)
        || template.host_network == Some(true) && by_controller(&TOLERATED_ON_HOST_NETWORK)
        || template.tolerations.iter().flatten().any(|toleration| tolerates(toleration, taint))
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let key = toleration.key.as_deref().unwrap_or_default();
    let effect = toleration.effect.as_deref().unwrap_or_default();
    if !effect.is_empty() && effect != taint.effect || !key.is_empty() && key != taint.key {
        return false;
    }
    match toleration.operator.as_deref().unwrap_or_default() {
        "Exists" => true,
        "" | "Equal" => {
            !key.is_empty()
                && toleration.value.as_deref().unwrap_or_default() == taint.value.as_deref().unwrap_or_default()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn node(labels: &Value, taints: &Value) -> Node {
        serde_json::from_value(json!({"metadata": {"name": "n1", "labels": labels}, "spec": {"taints": taints}}))
            .unwrap()
    }

    fn template(mut spec: Value) -> PodSpec {
        spec["containers"] = json!([]);
        serde_json::from_value(spec).unwrap()
    }

    fn requiring(terms: &Value) -> PodSpec {
        template(json!({"affinity": {"nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms},
        }}}))
    }

    #[test]
    fn labels_and_names_select() {
        let node = node(&json!({"os": "linux", "cores": "8", "odd": "x"}), &json!([]));
        let expression = |key: &str, operator: &str, values: &[&str]| json!([{"matchExpressions": [{"key": key, "operator": operator, "values": values}]}]);
        let table = [
            (expression("os", "In", &["linux", "windows"]), true),
            (expression("os", "In", &["windows"]), false),
            (expression("os", "NotIn", &["linux"]), false),
            (expression("absent", "NotIn", &["linux"]), true),
            (expression("absent", "In", &["linux"]), false),
            (expression("os", "Exists", &[]), true),
            (expression("absent", "Exists", &[]), false),
            (expression("absent", "DoesNotExist", &[]), true),
            (expression("os", "DoesNotExist", &[]), false),
            (expression("cores", "Gt", &["7"]), true),
            (expression("cores", "Gt", &["8"]), false),
            (expression("cores", "Lt", &["9"]), true),
            (expression("odd", "Lt", &["9"]), false),
            (expression("absent", "Gt", &["0"]), false),
            (expression("os", "Near", &["linux"]), false),
            (json!([]), false),
            (json!([{}]), false),
            (json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]), true),
            (json!([{"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n1"]}]}]), false),
            (json!([{"matchFields": [{"key": "spec.x", "operator": "Exists"}]}]), false),
        ];
        for (terms, expected) in table {
            assert_eq!(is_eligible(&requiring(&terms), &node), expected, "{terms}");
        }
    }

    #[test]
    fn terms_are_alternatives_and_requirements_are_not() {
        let node = node(&json!({"os": "linux"}), &json!([]));
        let yes = json!({"key": "os", "operator": "Exists"});
        let no = json!({"key": "gpu", "operator": "Exists"});
        assert!(is_eligible(&requiring(&json!([{"matchExpressions": [no]}, {"matchExpressions": [yes]}])), &node));
        assert!(!is_eligible(&requiring(&json!([{"matchExpressions": [yes, no]}])), &node));
    }

    #[test]
    fn selector_and_node_name_have_to_agree_too() {
        let node = node(&json!({"os": "linux"}), &json!([]));
        assert!(is_eligible(&template(json!({"nodeSelector": {"os": "linux"}})), &node));
        assert!(!is_eligible(&template(json!({"nodeSelector": {"os": "linux", "gpu": "1"}})), &node));
        assert!(is_eligible(&template(json!({"nodeName": "n1"})), &node));
        assert!(!is_eligible(&template(json!({"nodeName": "n2"})), &node));
    }

    #[test]
    fn an_untolerated_taint_keeps_pods_away() {
        let gpu = |effect: &str| json!([{"key": "gpu", "value": "a100", "effect": effect}]);
        let builtin =
            |name: &str, effect: &str| json!([{"key": format!("node.kubernetes.io/{name}"), "effect": effect}]);
        let with = |tolerations: Value| json!({"tolerations": tolerations});
        let table = [
            (json!({}), gpu("NoSchedule"), false),
            (json!({}), gpu("NoExecute"), false),
            (json!({}), gpu("PreferNoSchedule"), true),
            (with(json!([{"operator": "Exists"}])), gpu("NoExecute"), true),
            (with(json!([{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}])), gpu("NoExecute"), false),
            (with(json!([{"key": "gpu", "value": "a100"}])), gpu("NoSchedule"), true),
            (with(json!([{"key": "gpu", "operator": "Equal", "value": "t4"}])), gpu("NoSchedule"), false),
            (with(json!([{"key": "cpu", "operator": "Exists"}])), gpu("NoSchedule"), false),
            (json!({}), builtin("unschedulable", "NoSchedule"), true),
            (json!({}), builtin("not-ready", "NoExecute"), true),
            (json!({}), builtin("not-ready", "NoSchedule"), false),
            (json!({}), builtin("network-unavailable", "NoSchedule"), false),
            (json!({"hostNetwork": true}), builtin("network-unavailable", "NoSchedule"), true),
        ];
        for (spec, taints, expected) in table {
            let found = is_eligible(&template(spec.clone()), &node(&json!({}), &taints));
            assert_eq!(found, expected, "{spec} on {taints}");
        }
    }

    #[test]
    fn the_plugins_own_manifest_leaves_fargate_alone() {
        let plugin = requiring(&json!([{"matchExpressions": [
            {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
            {"key": "kubernetes.io/arch", "operator": "In", "values": ["amd64", "arm64"]},
            {"key": "eks.amazonaws.com/compute-type", "operator": "NotIn", "values": ["fargate", "hybrid", "auto"]},
        ]}]));
        let labels = |mut more: Value| {
            let mut labels = json!({"kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64"});
            labels.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
            labels
        };
        assert!(is_eligible(&plugin, &node(&labels(json!({})), &json!([]))));
        assert!(!is_eligible(
            &plugin,
            &node(&labels(json!({"eks.amazonaws.com/compute-type": "fargate"})), &json!([]))
        ));
    }
}
