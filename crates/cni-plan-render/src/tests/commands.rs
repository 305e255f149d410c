//! A plan as commands: every step is told, and what is done is typed in order.

use super::fixture::World;
use crate::commands_script;

#[test]
fn what_is_done_is_typed_in_an_order_in_which_it_can_be_done() {
    let script = commands_script(&World::new("spec.yaml").with_ipv4("my-cluster", "Plugin").planned());
    let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("no {text} in\n{script}"));
    let order = [
        "aws iam create-role --role-name Plugin",
        "aws iam attach-role-policy --role-name Plugin",
        "kubectl --context my-cluster annotate serviceaccount",
        "kubectl --context my-cluster delete pods --namespace kube-system --selector k8s-app=aws-node",
        "kubectl --context my-cluster rollout status --namespace kube-system daemonset/aws-node",
        "aws iam detach-role-policy",
    ];
    let places: Vec<usize> = order.iter().map(|text| at(text)).collect();
    assert!(places.is_sorted(), "{script}");
    assert!(script.starts_with("#!/bin/sh\n") && script.contains("\nset -eu\n"), "{script}");
}
