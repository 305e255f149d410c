//! The plugin as an EKS add-on: its role is EKS's to set, by an update that is accepted at once and over
//! later, and that can be changed but not taken off again.

use cni_plan_sandbox::{AddonSeed, ClusterSeed};
use cni_plan_tests::command::Ran;
use cni_plan_tests::ending::differences;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::served::Served;
use insta::assert_snapshot;
use serde_json::{Value, json};

const SPEC: &str = MY_CLUSTER;
/// Another role than the one that the add-on of scenario `managed-addon-with-role` has.
const OTHER_ROLE: &str =
    "version: 1\nclusters:\n  - name: my-cluster\n    region: us-west-2\n    role: { name: AnotherRole }\n";
const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

#[test]
fn an_addon_without_a_role_is_given_one_through_eks() {
    let rehearsal = planned("managed-addon", SPEC);
    let plan = rehearsal.run("plan spec.yaml").expect(0);
    assert_snapshot!("addon-plan", plan);
    rehearsal.run("apply").expect(0);
    let arn = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster";
    assert_eq!(addon(&rehearsal)["serviceAccountRoleArn"], arn);
    assert_eq!(annotated(&rehearsal), json!(arn));
    let again = rehearsal.run("plan spec.yaml --no-save --detailed-exitcode").expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{again}");
}

#[test]
fn what_a_rollback_leaves_of_a_first_role_is_named_with_what_to_type() {
    let rehearsal = planned("managed-addon", SPEC);
    rehearsal.run("apply").expect(0);
    let ran = rehearsal.run(&rehearsal.rollback()).expect(7);
    assert_snapshot!("addon-rolled-back", told(&ran));
    // The pods go on with the plugin's own role, and the node role has its policy again.
    let state = rehearsal.state();
    let node_role = &state["accounts"]["111122223333"]["roles"]["AmazonEKSNodeRole"]["attached"];
    assert!(node_role.to_string().contains("AmazonEKS_CNI_Policy"), "{node_role}");
    assert!(are_ready(&state), "{state}");
}

#[test]
fn an_addon_with_another_role_is_given_that_of_the_spec_and_gets_its_own_back() {
    let rehearsal = planned("managed-addon-with-role", OTHER_ROLE);
    let start = rehearsal.state();
    rehearsal.run("apply").expect(0);
    assert_eq!(annotated(&rehearsal), json!("arn:aws:iam::111122223333:role/AnotherRole"));
    rehearsal.run(&rehearsal.rollback()).expect(0);
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn version_and_configuration_of_the_addon_are_sent_as_they_are_found() {
    let rehearsal = planned("managed-addon", SPEC);
    rehearsal.run("apply").expect(0);
    let before = addon(&planned("managed-addon", SPEC));
    let after = addon(&rehearsal);
    for key in ["addonVersion", "configurationValues"] {
        assert_eq!(after[key], before[key], "{key}");
    }
}

#[test]
fn an_update_that_eks_refuses_changes_nothing_and_is_rolled_back() {
    let rehearsal = planned("managed-addon", SPEC);
    let start = rehearsal.state();
    rehearsal.fail("eks:UpdateAddon=AccessDenied");
    let ran = rehearsal.run("apply").expect(6);
    assert!(ran.stderr.contains("grant eks:UpdateAddon on cluster my-cluster"), "{ran}");
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn an_update_that_fails_later_is_told_with_the_words_of_eks_and_rolled_back() {
    let rehearsal = planned("managed-addon", SPEC);
    rehearsal.fail("eks:UpdateAddon=FailLaterx1");
    let ran = rehearsal.run("apply").expect(6);
    assert!(ran.stderr.contains("cannot update the add-on vpc-cni of cluster my-cluster"), "{ran}");
    assert!(ran.stderr.contains("AdmissionRequestDenied: The sandbox was told to have this change fail"), "{ran}");
    assert_eq!(annotated(&rehearsal), Value::Null);
    let warned = rehearsal.run("plan spec.yaml --no-save").expect(0);
    assert!(warned.stdout.contains("[addon-unhealthy]") && warned.stdout.contains("UPDATE_FAILED"), "{warned}");
}

#[test]
fn an_update_whose_answer_is_lost_is_waited_for_before_anything_is_put_back() {
    let rehearsal = planned("managed-addon-with-role", OTHER_ROLE).with_env("AWS_MAX_ATTEMPTS", "1");
    let start = rehearsal.state();
    rehearsal.fail("eks:UpdateAddon=ConnectionResetAfterx1");
    rehearsal.run("apply").expect(6);
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn an_annotation_by_hand_alone_is_noted_and_the_role_given_to_the_addon() {
    let rehearsal = planned("managed-addon", SPEC);
    annotate(&rehearsal, "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster");
    let plan = rehearsal.run("plan spec.yaml").expect(0);
    assert!(plan.stdout.contains("[addon-merely-annotated]"), "{plan}");
    rehearsal.run("apply").expect(0);
    let arn = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster";
    assert_eq!(addon(&rehearsal)["serviceAccountRoleArn"], arn);
}

#[test]
fn an_annotation_of_others_that_eks_would_leave_refuses_the_plan() {
    let rehearsal = planned("managed-addon", SPEC);
    annotate(&rehearsal, "arn:aws:iam::111122223333:role/theirs");
    let plan = rehearsal.run("plan spec.yaml").expect(5);
    assert!(plan.stdout.contains("[addon-annotation-of-others]"), "{plan}");
}

#[test]
fn an_addon_that_changes_between_plan_and_apply_makes_the_change_set_stale() {
    let rehearsal = planned("managed-addon", SPEC);
    annotate(&rehearsal, "arn:aws:iam::111122223333:role/theirs");
    rehearsal.run("apply").expect(3);
}

#[test]
fn a_spec_that_asks_for_an_addon_where_there_is_none_is_told_so() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}    addon: managed\n"));
    assert_snapshot!("addon-not-there", rehearsal.run("plan spec.yaml").expect(1));
}

#[test]
fn what_an_addon_has_no_setting_for_is_told_all_at_once() {
    let rehearsal = Rehearsal::of_scenario("managed-addon");
    let more = "    stsRegionalEndpoints: true\n    serviceAccount: { name: cni }\n";
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}{more}"));
    assert_snapshot!("addon-cannot", rehearsal.run("plan spec.yaml").expect(1));
}

#[test]
fn a_cluster_whose_addon_is_said_to_be_self_managed_is_annotated_and_warned_of_nothing() {
    let seed = ClusterSeed { addon: Some(AddonSeed::default()), ..ClusterSeed::new("my-cluster") };
    let rehearsal = Rehearsal::with_clusters(&[seed]);
    rehearsal.workspace().write("spec.yaml", &format!("{SPEC}    addon: self-managed\n"));
    let plan = rehearsal.run("plan spec.yaml").expect(0);
    assert!(plan.stdout.contains("by annotation, as for a plugin that EKS does not manage"), "{plan}");
    assert!(!rehearsal.sandbox().calls().iter().any(|call| call.operation == "DescribeAddon"));
}

fn planned(scenario: &str, spec: &str) -> Rehearsal {
    let rehearsal = Rehearsal::of_scenario(scenario);
    rehearsal.workspace().write("spec.yaml", spec);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal
}

fn addon(rehearsal: &Rehearsal) -> Value {
    cluster(rehearsal)["eks"]["addons"]["vpc-cni"].clone()
}

fn cluster(rehearsal: &Rehearsal) -> Value {
    rehearsal.state()["clusters"]["us-west-2/my-cluster"].take()
}

fn annotated(rehearsal: &Rehearsal) -> Value {
    let cluster = cluster(rehearsal);
    let mut accounts = cluster["kubernetes"]["serviceaccounts"].as_array().unwrap().iter();
    let account = accounts.find(|it| it["metadata"]["name"] == "aws-node").unwrap();
    account["metadata"]["annotations"][ROLE_ARN].clone()
}

fn annotate(rehearsal: &Rehearsal, role_arn: &str) {
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", ROLE_ARN, role_arn);
}

fn are_ready(state: &Value) -> bool {
    let pods = state["clusters"]["us-west-2/my-cluster"]["kubernetes"]["pods"].as_array().unwrap();
    !pods.is_empty() && pods.iter().all(|pod| pod["ready"] == true)
}

/// What was printed, without what differs from run to run.
fn told(ran: &Ran) -> String {
    ran.stdout.lines().filter(|line| !line.starts_with("Undoing run ")).collect::<Vec<_>>().join("\n")
}

/// Typed in the order in which they free the role: what tells pods their identity, the pods, what they used.
#[test]
#[ignore = "peer: aws, kubectl"]
fn what_is_printed_to_type_takes_an_addons_first_role_off_again() {
    const ORDER: [&str; 4] = ["/annotate/", "/restart/", "/attach/", "/role/"];
    let served = Served::scenario("managed-addon");
    served.workspace().write("spec.yaml", SPEC);
    let start = served.state();
    served.workspace().run(["plan", "spec.yaml"]).expect(0);
    served.workspace().run(["apply"]).expect(0);
    let runs = served.workspace().run(["runs", "--json"]).expect(0).stdout;
    let runs: Value = serde_json::from_str(&runs).unwrap();
    let run = runs["runs"][0]["name"].as_str().unwrap();
    let rolled_back = served.workspace().run(["rollback", run, "--auto-approve"]).expect(7).stdout;
    let shell = served.shell();
    for kind in ORDER {
        for line in lines_to_type(&rolled_back, kind) {
            shell.must(&line);
        }
        if kind == "/restart/" {
            shell.must("kubectl rollout status --namespace kube-system daemonset/aws-node --timeout 60s");
        }
    }
    // A restart by hand leaves its mark on the DaemonSet's template and on its pods.
    let is_mark = |line: &String| {
        ["restartedAt", "pod-template-generation", "controller-revision-hash"].iter().any(|mark| line.contains(mark))
    };
    let unlike: Vec<String> = differences(&start, &served.state()).iter().map(ToString::to_string).collect();
    let unlike: Vec<String> = unlike.into_iter().filter(|line| !is_mark(line)).collect();
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}

/// The `aws` and `kubectl` lines below the residue whose address has `kind` in it.
fn lines_to_type(rolled_back: &str, kind: &str) -> Vec<String> {
    let of_kind = rolled_back.split("  ! ").skip(1).filter(|residue| residue.lines().next().unwrap().contains(kind));
    let words = of_kind.flat_map(str::lines).map(|line| line.trim_start().trim_start_matches("by hand: "));
    let is_typed = |line: &&str| ["aws ", "kubectl ", "version="].iter().any(|start| line.starts_with(start));
    let typed: Vec<&str> = words.filter(is_typed).collect();
    // One shell, since the lines of one resource may rest on each other.
    if typed.is_empty() { Vec::new() } else { vec![typed.join("\n")] }
}
