//! Behind the detach a pod is born anew: a plugin that in truth still leans on the node's role is found out
//! while everything can still be put back.

use std::time::{Duration, Instant};

use cni_plan_sandbox::CallRecord;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use serde_json::Value;

const SPEC: &str = MY_CLUSTER;
const CONFIRM: &str = "my-cluster/confirm/kube-system/aws-node";
const DETACH: &str = "111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy";
/// Nothing that is waited for takes as long.
const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn one_pod_of_every_cluster_is_born_again_behind_the_last_detach() {
    for (scenario, spec, clusters) in
        [("ipv4", "ipv4.yaml", 1), ("ipv6", "ipv6.yaml", 1), ("two-clusters", "two-clusters.yaml", 2)]
    {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.run(&format!("apply --auto-approve examples/{spec}")).expect(0);
        let calls = rehearsal.sandbox().calls();
        let last = calls.iter().rposition(|call| call.operation == "DetachRolePolicy").unwrap();
        assert_eq!(deleted(&calls[last..]).len(), clusters, "{scenario}");
        // The three of the restart before, and the one that was the canary again.
        assert_eq!(deleted(&calls).len(), 4 * clusters, "{scenario}");
    }
}

#[test]
fn where_nothing_is_detached_no_pod_is_born_again() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}    detach: false\n"));
    let ran = rehearsal.run("apply --auto-approve spec.yaml").expect(0);
    assert!(!ran.stderr.contains("confirm"), "{ran}");
    assert_eq!(deleted(&rehearsal.sandbox().calls()).len(), 3);
}

/// The webhook leaves the plugin's own container out, and injects its neighbours: every pod looks as it
/// should, comes up, and lives by the node's role.
#[test]
fn a_plugin_that_leans_on_the_nodes_role_is_found_out_and_all_is_put_back() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.wire().leave_out("my-cluster", "aws-node");
    until_all_are_left_out(&rehearsal);
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}    restart: {{ timeout: 2s }}\n"));
    rehearsal.run("plan spec.yaml").expect(0);
    let start = rehearsal.state();
    rehearsal.sandbox().clear_calls();
    let ran = rehearsal.run("apply --verbose").expect(6);

    assert!(ran.stderr.contains("my-cluster/verify/kube-system/aws-node: verified pods"), "{ran}");
    assert!(ran.stderr.contains(&format!("{CONFIRM}: failed: ")), "{ran}");
    assert!(ran.stderr.contains("AmazonEKSNodeRole may not call ec2:"), "{ran}");
    // The node's policy first.
    let (_, back) = ran.stderr.split_once("Rolling back").unwrap();
    let first = back.lines().nth(1).unwrap();
    assert_eq!(first, format!("{DETACH}: attaching"), "{ran}");
    assert!(ran.stdout.ends_with("Nothing is left behind.\n"), "{ran}");
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn all_pods_are_watched_for_as_long_as_the_spec_says() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}    restart: {{ soak: 1s }}\n"));
    let planned = rehearsal.run("plan spec.yaml").expect(0);
    let how = "one pod deleted once more and Ready within 5m, then all, and so for 1s";
    assert!(planned.stdout.contains(how), "{planned}");
    let began = Instant::now();
    rehearsal.run("apply").expect(0);
    assert!(began.elapsed() >= Duration::from_secs(2), "before the detach and after it: {:?}", began.elapsed());
}

fn deleted(calls: &[CallRecord]) -> Vec<&str> {
    calls.iter().filter(|call| call.operation == "delete pods").map(|call| call.resource.as_str()).collect()
}

/// Waits until the DaemonSet has replaced its pods by Ready ones of the new template.
fn until_all_are_left_out(rehearsal: &Rehearsal) {
    let begun = Instant::now();
    let is_replaced = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
        let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
        !pod["metadata"]["annotations"]["eks.amazonaws.com/skip-containers"].is_null()
            && ready.any(|condition| condition["status"] == "True")
    };
    while !pods(&rehearsal.sandbox().state()).iter().all(is_replaced) {
        assert!(begun.elapsed() < LIMIT, "the pods are not replaced");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn pods(state: &Value) -> &[Value] {
    state["clusters"]["us-west-2/my-cluster"]["kubernetes"]["pods"].as_array().unwrap()
}
