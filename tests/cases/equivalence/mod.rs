//! Equivalence: the documented procedure, typed by hand with the real `aws` and `kubectl`, and
//! `plan` + `apply` end in the same world, compared whole: IAM, service account, pods.

mod by_hand;

use by_hand::Procedure;
use cni_plan_tests::served::Served;

#[test]
#[ignore = "peer: aws, kubectl"]
fn ipv4() {
    let spec = "
version: 1
clusters:
  - name: my-cluster
    region: us-west-2
    role: { name: AmazonEKSVPCCNIRole }
    stsRegionalEndpoints: true
";
    let policy_arn = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
    compare(&Procedure { scenario: "ipv4", ip_family: "ipv4", policy_arn, sts_regional_endpoints: Some(true) }, spec);
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn ipv6() {
    let spec = "
version: 1
clusters:
  - name: my-cluster
    ipFamily: ipv6
    role: { name: AmazonEKSVPCCNIRole }
";
    let policy_arn = "arn:aws:iam::111122223333:policy/AmazonEKS_CNI_IPv6_Policy";
    compare(&Procedure { scenario: "ipv6", ip_family: "ipv6", policy_arn, sts_regional_endpoints: None }, spec);
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn by_a_kubeconfig_instead_of_the_clusters_endpoint() {
    let spec = "
version: 1
clusters:
  - name: my-cluster
    kubernetes: { kubeconfig: .cni-plan/sandbox/kubeconfig, context: my-cluster }
    role: { name: AmazonEKSVPCCNIRole }
    stsRegionalEndpoints: false
";
    let policy_arn = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
    compare(&Procedure { scenario: "ipv4", ip_family: "ipv4", policy_arn, sts_regional_endpoints: Some(false) }, spec);
}

fn compare(procedure: &Procedure, spec: &str) {
    let by_hand = Served::scenario(procedure.scenario);
    let by_plan = Served::scenario(procedure.scenario);
    let start = by_plan.state();
    assert_eq!(by_hand.state(), start, "two worlds of one scenario differ");

    by_plan.workspace().write("spec.yaml", spec);
    by_plan.workspace().run(["plan", "spec.yaml"]).expect(0);
    assert_eq!(by_plan.state(), start, "a plan only reads");
    by_plan.workspace().run(["apply"]).expect(0);
    procedure.follow(&by_hand);

    let (planned, typed) = (by_plan.state(), by_hand.state());
    assert_ne!(planned, start);
    for part in ["accounts", "clusters"] {
        pretty_eq(&planned[part], &typed[part]);
    }
}

/// Worlds are long: only the lines that differ are shown.
#[track_caller]
fn pretty_eq(planned: &serde_json::Value, typed: &serde_json::Value) {
    let lines =
        |world: &serde_json::Value| -> Vec<String> { format!("{world:#}").lines().map(str::to_owned).collect() };
    let (planned, typed) = (lines(planned), lines(typed));
    let only = |these: &[String], those: &[String]| -> String {
        these.iter().filter(|line| !those.contains(line)).map(|line| format!("  {line}\n")).collect()
    };
    assert!(
        planned == typed,
        "planned and applied only:\n{}by hand only:\n{}",
        only(&planned, &typed),
        only(&typed, &planned)
    );
}
