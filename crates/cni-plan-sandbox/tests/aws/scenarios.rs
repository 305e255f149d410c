//! Scenarios: each holds what its summary promises, the same each time.

use std::collections::BTreeSet;

use cni_plan_sandbox::{Options, Sandbox, scenarios};
use serde_json::Value;

const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

async fn start(name: &str) -> Sandbox {
    Sandbox::start(Options { scenario: Some(name.to_owned()), ..Options::default() }).await.unwrap()
}

/// What matters in the world of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Outline {
    node_role_has_policy: bool,
    plugin_role: bool,
    annotation: Option<String>,
    /// The roles that the pods carry; empty for pods on the node's role.
    pod_roles: BTreeSet<String>,
    ready: usize,
}

fn outline(state: &Value, cluster: &str) -> Outline {
    let roles = &state["accounts"]["111122223333"]["roles"];
    let objects = &state["clusters"][format!("us-west-2/{cluster}")]["kubernetes"];
    let accounts = objects["serviceaccounts"].as_array().unwrap();
    let plugin = accounts.iter().find(|account| account["metadata"]["name"] == "aws-node").unwrap();
    let pods = objects["pods"].as_array().unwrap();
    let variables = pods.iter().flat_map(|pod| pod["containers"][0]["env"].as_array().unwrap());
    let attached = roles["AmazonEKSNodeRole"]["attached"].as_array().cloned().unwrap_or_default();
    Outline {
        node_role_has_policy: attached.iter().any(|arn| arn.as_str().unwrap().contains("CNI")),
        plugin_role: !roles["AmazonEKSVPCCNIRole-my-cluster"].is_null(),
        annotation: plugin["metadata"]["annotations"][ROLE_ARN]
            .as_str()
            .map(|arn| arn.rsplit('/').next().unwrap().to_owned()),
        pod_roles: variables
            .filter(|variable| variable["name"] == "AWS_ROLE_ARN")
            .map(|variable| variable["value"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
            .collect(),
        ready: pods.iter().filter(|pod| pod["ready"] == true).count(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_scenario_is_what_it_says() {
    let role = || "AmazonEKSVPCCNIRole-my-cluster".to_owned();
    let before = || Outline {
        node_role_has_policy: true,
        plugin_role: false,
        annotation: None,
        pod_roles: BTreeSet::new(),
        ready: 3,
    };
    let half_done = Outline { plugin_role: true, annotation: Some(role()), ..before() };
    let already_done = Outline {
        node_role_has_policy: false,
        plugin_role: true,
        annotation: Some(role()),
        pod_roles: BTreeSet::from([role()]),
        ready: 3,
    };
    let drifted = Outline { plugin_role: true, annotation: Some("AmazonEKSVPCCNIRole-old".to_owned()), ..before() };
    let managed = Outline { annotation: Some(role()), pod_roles: BTreeSet::from([role()]), ..already_done.clone() };
    let with_role = Outline { node_role_has_policy: true, ..managed };
    let role_waiting = || Outline { plugin_role: true, ..before() };
    let expected = [
        ("ipv4", "my-cluster", before()),
        ("ipv6", "my-cluster", before()),
        ("already-done", "my-cluster", already_done.clone()),
        ("half-done", "my-cluster", half_done),
        ("drifted", "my-cluster", drifted),
        ("two-clusters", "green", before()),
        ("managed-addon", "my-cluster", before()),
        ("managed-addon-with-role", "my-cluster", with_role),
        ("pod-identity", "my-cluster", role_waiting()),
        ("irsa-with-agent", "my-cluster", already_done),
        ("shared-role", "blue", before()),
        ("shared-outside", "my-cluster", before()),
        ("stale-issuer", "my-cluster", role_waiting()),
        ("small-policy", "my-cluster", before()),
        ("windows", "my-cluster", before()),
        ("karpenter", "my-cluster", Outline { ready: 5, ..before() }),
        ("self-managed-nodes", "my-cluster", Outline { node_role_has_policy: false, ..before() }),
        ("auto-mode", "my-cluster", before()),
        ("private-sts", "my-cluster", before()),
        ("small-boundary", "my-cluster", role_waiting()),
        ("denied", "my-cluster", role_waiting()),
        ("inline-copy", "my-cluster", before()),
        ("renamed-policy", "my-cluster", Outline { node_role_has_policy: false, ..before() }),
        ("owned-node-role", "my-cluster", before()),
        ("policies-besides", "my-cluster", role_waiting()),
    ];
    assert_eq!(
        scenarios().iter().map(|scenario| scenario.name).collect::<Vec<_>>(),
        expected.each_ref().map(|row| row.0)
    );
    for (name, cluster, expected) in expected {
        let state = start(name).await.comparable_state();
        assert_eq!(outline(&state, cluster), expected, "{name}");
        assert!(!state["accounts"]["111122223333"]["roles"]["ci-deployer"].is_null(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_scenario_is_the_same_world_each_time() {
    for scenario in scenarios() {
        let (one, other) = (start(scenario.name).await, start(scenario.name).await);
        let without_ports = |sandbox: &Sandbox| sandbox.comparable_state().to_string().replace(&sandbox.url(), "");
        assert_eq!(without_ports(&one), without_ports(&other), "{}", scenario.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kubeconfig_has_a_context_for_each_cluster() {
    let sandbox = start("two-clusters").await;
    let config: Value = serde_json::from_str(&sandbox.kubeconfig()).unwrap();
    let contexts: Vec<&str> =
        config["contexts"].as_array().unwrap().iter().map(|context| context["name"].as_str().unwrap()).collect();
    assert_eq!(contexts, ["blue", "green"]);
    assert_eq!(config["clusters"][1]["cluster"]["server"], format!("{}/k8s/us-west-2/green", sandbox.url()));
}
