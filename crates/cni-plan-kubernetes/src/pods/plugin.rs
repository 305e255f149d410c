//! The plugin's version and settings, read from its DaemonSet's template; and the nodes it is not for. Pure.

use cni_plan_core::{OtherNode, Plugin, settings};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Container, Node};

/// Containers of the plugin's own manifest (aws/amazon-vpc-cni-k8s, config/master/aws-k8s-cni.yaml).
const PLUGIN: &str = "aws-node";
const NODE_AGENT: &str = "aws-eks-nodeagent";
/// The node agent's argument for logs of network policies.
const LOGS: &str = "--enable-cloudwatch-logs=true";

/// Variables by which an SDK is given credentials before any role's, or a role of its own
/// (AWS SDKs and Tools Reference Guide, "Settings reference").
const CREDENTIALS: [&str; 8] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// What the template says.
pub(super) fn of(daemon_set: &DaemonSet) -> Plugin {
    let template = daemon_set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let containers = || template.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
    let named = |name: &str| containers().find(|container| container.name == name);
    let of_plugin = named(PLUGIN);
    let variables = |container: &'_ Container| {
        let all = container.env.iter().flatten();
        all.filter_map(|env| Some((env.name.clone(), env.value.clone()?))).collect::<Vec<_>>()
    };
    let names = containers().flat_map(|container| container.env.iter().flatten().map(|env| env.name.as_str()));
    Plugin {
        version: of_plugin.and_then(|container| tag(container.image.as_deref()?)).map(str::to_owned),
        settings: of_plugin
            .into_iter()
            .flat_map(variables)
            .filter(|(name, _)| settings::ALL.contains(&name.as_str()))
            .collect(),
        own_credentials: names.filter(|name| CREDENTIALS.contains(name)).map(str::to_owned).collect(),
        network_policy_logs: named(NODE_AGENT)
            .is_some_and(|agent| agent.args.iter().flatten().any(|argument| argument == LOGS)),
    }
}

/// `registry:port/repository:TAG@digest`.
fn tag(image: &str) -> Option<&str> {
    let without_digest = image.split('@').next()?;
    let last = without_digest.rsplit('/').next()?;
    last.split_once(':').map(|(_, tag)| tag)
}

/// Of which sort a node is that the plugin does not run on; none of one that it may run on.
pub(super) fn other_node(node: &Node) -> Option<OtherNode> {
    let label = |key: &str| node.metadata.labels.as_ref().and_then(|labels| labels.get(key)).map(String::as_str);
    match (label("eks.amazonaws.com/compute-type"), label("kubernetes.io/os")) {
        (Some("auto"), _) => Some(OtherNode::Auto),
        (Some("fargate"), _) => Some(OtherNode::Fargate),
        (Some("hybrid"), _) => Some(OtherNode::Hybrid),
        (_, Some("windows")) => Some(OtherNode::Windows),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn plugin(containers: &Value) -> Plugin {
        let spec = json!({"selector": {}, "template": {"spec": {"containers": containers}}});
        of(&serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap())
    }

    #[test]
    fn version_and_settings_are_those_of_the_plugins_own_container() {
        let found = plugin(&json!([
            {
                "name": "aws-node",
                "image": "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.20.0-eksbuild.1",
                "env": [{"name": "ENABLE_IPv6", "value": "true"}, {"name": "WARM_ENI_TARGET", "value": "1"}],
            },
            {
                "name": "aws-eks-nodeagent",
                "image": "agent:v1",
                "args": ["--enable-ipv6=true", "--enable-cloudwatch-logs=true"],
                "env": [{"name": "ENABLE_IPv4", "value": "true"}],
            },
        ]));
        assert_eq!(found.version.as_deref(), Some("v1.20.0-eksbuild.1"));
        assert_eq!(found.settings.keys().collect::<Vec<_>>(), ["ENABLE_IPv6"]);
        assert_eq!(found.flag(settings::IPV6), Some(true));
        assert!(found.network_policy_logs && found.own_credentials.is_empty());
    }

    #[test]
    fn credentials_are_told_by_their_names_alone() {
        let env = json!([{"name": "AWS_ACCESS_KEY_ID", "value": "AKIASECRET"}, {"name": "AWS_REGION", "value": "r"}]);
        let found = plugin(&json!([{"name": "aws-node", "env": env}]));
        assert_eq!(found.own_credentials.iter().collect::<Vec<_>>(), ["AWS_ACCESS_KEY_ID"]);
        assert!(!format!("{found:?}").contains("AKIASECRET"));
    }

    #[test]
    fn a_tag_is_found_behind_ports_and_before_digests() {
        assert_eq!(tag("host:5000/cni:v1.2.3@sha256:00"), Some("v1.2.3"));
        assert_eq!(tag("host:5000/cni@sha256:00"), None);
        assert_eq!(tag("cni"), None);
    }

    #[test]
    fn nodes_of_other_sorts_are_known_by_their_labels() {
        let node =
            |labels: Value| other_node(&serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap());
        assert_eq!(node(json!({"kubernetes.io/os": "windows"})), Some(OtherNode::Windows));
        assert_eq!(
            node(json!({"kubernetes.io/os": "linux", "eks.amazonaws.com/compute-type": "auto"})),
            Some(OtherNode::Auto)
        );
        assert_eq!(node(json!({"kubernetes.io/os": "linux", "eks.amazonaws.com/compute-type": "ec2"})), None);
    }
}
