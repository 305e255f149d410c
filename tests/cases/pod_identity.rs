//! Pods that get the plugin's role by a Pod Identity association: from the node role, from an annotation,
//! and back to one.

use cni_plan_core::ChangeSet;
use cni_plan_sandbox::{AddonSeed, ClusterSeed};
use cni_plan_tests::command::Workspace;
use cni_plan_tests::course::Call;
use cni_plan_tests::ending::differences;
use cni_plan_tests::killed::Instant;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use insta::assert_snapshot;
use serde_json::{Value, json};

const BY_ANNOTATION: &str = MY_CLUSTER;
const BY_ASSOCIATION: &str =
    "version: 1\nclusters:\n  - name: my-cluster\n    region: us-west-2\n    identity: pod-identity\n";
const AGENT: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const WEB_IDENTITY: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

#[test]
fn from_the_node_role_there_and_back() {
    let rehearsal = before();
    let start = rehearsal.state();
    rehearsal.workspace().write("spec.yaml", BY_ASSOCIATION);
    assert_snapshot!("from-the-node-role", rehearsal.run("plan spec.yaml").expect(0));
    assert!(saved(&rehearsal).safety.is_safe());
    rehearsal.run("apply").expect(0);
    assert!(pods(&rehearsal).iter().all(|pod| has(pod, AGENT) && !has(pod, WEB_IDENTITY)));
    nothing_is_left_to_do(&rehearsal);
    rehearsal.run(&rehearsal.rollback()).expect(0);
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn from_an_annotation_and_to_one_again_are_ordinary_plans() {
    let rehearsal = before();
    for (spec, carried, not_carried) in [
        (BY_ANNOTATION, WEB_IDENTITY, AGENT),
        (BY_ASSOCIATION, AGENT, WEB_IDENTITY),
        (BY_ANNOTATION, WEB_IDENTITY, AGENT),
    ] {
        let start = rehearsal.state();
        rehearsal.workspace().write("spec.yaml", spec);
        rehearsal.run("plan spec.yaml").expect(0);
        assert!(saved(&rehearsal).safety.is_safe());
        let earlier = rehearsal.runs();
        let applied = rehearsal.run("apply").expect(0);
        assert!(pods(&rehearsal).iter().all(|pod| has(pod, carried) && !has(pod, not_carried)), "{applied}");
        nothing_is_left_to_do(&rehearsal);
        // There and back once more, so that each step is seen undone before the next is taken.
        let there = rehearsal.state();
        rehearsal.run(&format!("rollback {} --auto-approve", run_since(&rehearsal, &earlier))).expect(0);
        assert_same(&start, &rehearsal.state());
        rehearsal.run("plan spec.yaml").expect(0);
        rehearsal.run("apply").expect(0);
        assert_same(&there, &rehearsal.state());
    }
}

/// As anyone can rehearse it: the embedded sandbox, a scenario, and the two specs in turn.
#[test]
fn a_scenario_goes_to_an_association_and_back_to_the_annotation() {
    let workspace = Workspace::new().with_env("CNI_PLAN_SANDBOX", "1");
    workspace.run(["sandbox", "reset", "irsa-with-agent"]).expect(0);
    workspace.write("irsa.yaml", BY_ANNOTATION);
    workspace.write("pod-identity.yaml", BY_ASSOCIATION);
    workspace.run(["verify", "irsa.yaml"]).expect(0);
    for (from, to) in [("irsa.yaml", "pod-identity.yaml"), ("pod-identity.yaml", "irsa.yaml")] {
        workspace.run(["verify", to]).expect(2);
        workspace.run(["apply", "--auto-approve", to]).expect(0);
        workspace.run(["verify", to]).expect(0);
        workspace.run(["verify", from]).expect(2);
        workspace.run(["plan", "--no-save", "--detailed-exitcode", to]).expect(0);
    }
}

#[test]
fn the_plan_that_takes_an_association_away_says_what_pods_have_meanwhile() {
    let rehearsal = before();
    for spec in [BY_ASSOCIATION, BY_ANNOTATION] {
        rehearsal.workspace().write("spec.yaml", spec);
        let plan = rehearsal.run("plan spec.yaml").expect(0);
        if spec == BY_ANNOTATION {
            assert_snapshot!("to-an-annotation", plan);
        }
        rehearsal.run("apply").expect(0);
    }
}

#[test]
fn a_managed_plugin_is_given_an_association_and_its_addon_is_left_alone() {
    let seed = ClusterSeed { addon: Some(AddonSeed::default()), ..seed() };
    let rehearsal = Rehearsal::with_clusters(&[seed]);
    let start = rehearsal.state();
    rehearsal.workspace().write("spec.yaml", BY_ASSOCIATION);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.run("apply").expect(0);
    assert!(!rehearsal.sandbox().calls().iter().any(|call| call.operation == "UpdateAddon"));
    rehearsal.run(&rehearsal.rollback()).expect(0);
    assert_eq!(rehearsal.state(), start);
}

#[test]
fn an_association_of_someone_elses_is_neither_changed_nor_taken_away() {
    let rehearsal = Rehearsal::of_scenario("pod-identity");
    let other = "    role: { name: Another }\n";
    for spec in [BY_ANNOTATION.to_owned(), format!("{BY_ASSOCIATION}{other}")] {
        rehearsal.workspace().write("spec.yaml", &spec);
        let refused = rehearsal.run("plan spec.yaml").expect(5);
        assert!(refused.stdout.contains("[pod-identity-association]"), "{refused}");
    }
    rehearsal.workspace().write("spec.yaml", BY_ASSOCIATION);
    let plan = rehearsal.run("plan spec.yaml").expect(0);
    assert!(plan.stdout.contains("Plan: 0 to add, 0 to change, 1 to destroy."), "what is as wanted stays: {plan}");
}

#[test]
fn an_association_that_no_pod_uses_yet_is_given_another_role() {
    let rehearsal = before();
    let wire = rehearsal.wire();
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
    }]});
    wire.iam("CreateRole", &[("RoleName", "Earlier"), ("AssumeRolePolicyDocument", &trust.to_string())]);
    let policy = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
    wire.iam("AttachRolePolicy", &[("RoleName", "Earlier"), ("PolicyArn", policy)]);
    let association = json!({
        "namespace": "kube-system",
        "serviceAccount": "aws-node",
        "roleArn": "arn:aws:iam::111122223333:role/Earlier",
        "tags": {"managed-by": "cni-plan"},
    });
    wire.eks("POST", "/clusters/my-cluster/pod-identity-associations", &association);
    rehearsal.workspace().write("spec.yaml", BY_ASSOCIATION);
    assert_snapshot!("another-role", rehearsal.run("plan spec.yaml").expect(0));
    rehearsal.run("apply").expect(0);
    assert!(rehearsal.sandbox().calls().iter().any(|call| call.operation == "UpdatePodIdentityAssociation"));
    assert!(pods(&rehearsal).iter().all(|pod| has(pod, AGENT)));
    nothing_is_left_to_do(&rehearsal);
    // A pod born anew would not come back without an association, as the plan has said beforehand.
    let back = rehearsal.run(&rehearsal.rollback()).expect(7);
    assert!(back.stdout.contains("= 111122223333/detach/AmazonEKSNodeRole/AmazonEKS_CNI_Policy"), "{back}");
    let by_hand = "update-pod-identity-association --cluster-name my-cluster --region us-west-2 \
                   --role-arn arn:aws:iam::111122223333:role/Earlier";
    assert!(back.stdout.contains(by_hand), "{back}");
}

#[test]
fn an_association_that_pods_use_is_given_another_role_there_and_back() {
    let rehearsal = in_use();
    let (start, earlier) = (rehearsal.state(), rehearsal.runs());
    assert_snapshot!("another-role-in-use", rehearsal.run("plan another.yaml").expect(0));
    rehearsal.sandbox().clear_calls();
    rehearsal.run("apply plans/another.plan.json").expect(0);
    assert_eq!(calls(&rehearsal, "UpdatePodIdentityAssociation"), 1);
    assert_eq!(calls(&rehearsal, "delete pods"), pods(&rehearsal).len(), "each is born under the other role");
    nothing_is_left_to_do_of(&rehearsal, "another.yaml");
    rehearsal.sandbox().clear_calls();
    rehearsal.run(&format!("rollback {} --auto-approve", run_since(&rehearsal, &earlier))).expect(0);
    assert_same(&start, &rehearsal.state());
    assert_eq!(calls(&rehearsal, "delete pods"), pods(&rehearsal).len(), "and again under the first one");
    nothing_is_left_to_do(&rehearsal);
}

#[test]
fn pods_that_someone_elses_change_to_the_association_has_left_behind_are_restarted() {
    let rehearsal = in_use();
    changed_there_and_back(&rehearsal);
    assert_snapshot!("changed-by-someone-else", rehearsal.run("plan spec.yaml").expect(0));
    rehearsal.sandbox().clear_calls();
    rehearsal.run("apply plans/spec.plan.json").expect(0);
    // A canary that is born in the second of the change is born once more.
    assert!(calls(&rehearsal, "delete pods") >= pods(&rehearsal).len());
    nothing_is_left_to_do(&rehearsal);
}

/// What pods had that nobody can tell they have no more once they are put back: each is born again under the
/// association as it was, before the role goes that the run has made.
#[test]
fn pods_of_a_role_that_nobody_can_tell_are_born_again_on_the_way_back() {
    let rehearsal = in_use();
    changed_there_and_back(&rehearsal);
    let (start, earlier) = (rehearsal.state(), rehearsal.runs());
    rehearsal.run("plan another.yaml").expect(0);
    let updated = Call {
        operation: "eks:UpdatePodIdentityAssociation".to_owned(),
        nth: 0,
        changes_something: true,
        is_before_any_change: false,
    };
    let killed = rehearsal.run_until(&Instant::AfterEffect(updated.clone()), "apply plans/another.plan.json");
    assert_eq!(killed.map(|ran| ran.code), None, "it is killed");
    rehearsal.sandbox().clear_faults();
    // Once more on the way back, when the association is as it was and no pod has been born under it yet.
    let back = format!("rollback {} --auto-approve", run_since(&rehearsal, &earlier));
    let killed = rehearsal.run_until(&Instant::AfterEffect(updated), &back);
    assert_eq!(killed.map(|ran| ran.code), None, "it is killed");
    rehearsal.sandbox().clear_faults();
    rehearsal.sandbox().clear_calls();
    rehearsal.run(&back).expect(0);
    assert!(calls(&rehearsal, "delete pods") >= pods(&rehearsal).len());
    assert_same(&start, &rehearsal.state());
    nothing_is_left_to_do(&rehearsal);
}

/// Killed behind each call of the run that gives the association another role, taken up, or put back.
#[test]
fn a_run_that_gives_an_association_another_role_is_taken_up_or_put_back_wherever_it_is_killed() {
    let steps = [
        ("eks:UpdatePodIdentityAssociation", 0),
        ("kubernetes:delete pods", 0),
        ("kubernetes:delete pods", 2),
        ("iam:AttachRolePolicy", 0),
    ];
    for (operation, nth) in steps {
        for command in ["resume", "rollback"] {
            let rehearsal = in_use();
            let (start, earlier) = (rehearsal.state(), rehearsal.runs());
            rehearsal.run("plan another.yaml").expect(0);
            let call =
                Call { operation: operation.to_owned(), nth, changes_something: true, is_before_any_change: false };
            let killed = rehearsal.run_until(&Instant::AfterEffect(call), "apply plans/another.plan.json");
            assert_eq!(killed.map(|ran| ran.code), None, "it is killed behind {operation}");
            rehearsal.sandbox().clear_faults();
            let last = run_since(&rehearsal, &earlier);
            match command {
                "resume" => {
                    rehearsal.run(&format!("resume {last}")).expect(0);
                    nothing_is_left_to_do_of(&rehearsal, "another.yaml");
                }
                _ => {
                    rehearsal.run(&format!("rollback {last} --auto-approve")).expect(0);
                    assert_same(&start, &rehearsal.state());
                    nothing_is_left_to_do(&rehearsal);
                }
            }
        }
    }
}

#[test]
fn a_run_that_has_made_or_deleted_an_association_is_taken_up() {
    let rehearsal = before();
    for spec in [BY_ASSOCIATION, BY_ANNOTATION] {
        rehearsal.workspace().write("spec.yaml", spec);
        rehearsal.run("plan spec.yaml").expect(0);
        let operation = "kubernetes:delete pods".to_owned();
        let first = Call { operation, nth: 0, changes_something: true, is_before_any_change: false };
        assert_eq!(
            rehearsal.run_until(&Instant::AfterEffect(first), "apply").map(|ran| ran.code),
            None,
            "it is killed"
        );
        rehearsal.sandbox().clear_faults();
        rehearsal.run("resume").expect(0);
        nothing_is_left_to_do(&rehearsal);
    }
}

#[test]
fn what_pod_identity_needs_and_is_not_there_refuses_the_plan() {
    let agentless = ClusterSeed { pod_identity_agent: false, ..seed() };
    let old = ClusterSeed { plugin_version: "v1.15.4".to_owned(), ..seed() };
    let needed = ClusterSeed { plugin_version: "v1.15.5".to_owned(), ..seed() };
    for (seed, code) in
        [(agentless, Some("[pod-identity-agent]")), (old, Some("[plugin-without-pod-identity]")), (needed, None)]
    {
        let rehearsal = Rehearsal::with_clusters(&[seed]);
        rehearsal.workspace().write("spec.yaml", BY_ASSOCIATION);
        let ran = rehearsal.run("plan spec.yaml").expect(if code.is_some() { 5 } else { 0 });
        assert_eq!(code.map(|code| ran.stdout.contains(code)), code.map(|_| true), "{ran}");
    }
}

#[test]
fn an_association_made_by_someone_between_plan_and_apply_makes_the_change_set_stale() {
    let rehearsal = before();
    rehearsal.workspace().write("spec.yaml", BY_ANNOTATION);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.wire().eks(
        "POST",
        "/clusters/my-cluster/pod-identity-associations",
        &json!({"namespace": "kube-system", "serviceAccount": "aws-node",
            "roleArn": "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole-my-cluster"}),
    );
    rehearsal.run("apply").expect(3);
}

#[test]
fn an_association_that_eks_refuses_is_told_and_everything_put_back() {
    let rehearsal = before();
    let start = rehearsal.state();
    rehearsal.workspace().write("spec.yaml", BY_ASSOCIATION);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.fail("eks:CreatePodIdentityAssociation=AccessDenied");
    let ran = rehearsal.run("apply").expect(6);
    assert!(ran.stderr.contains("grant eks:CreatePodIdentityAssociation on cluster my-cluster"), "{ran}");
    assert_eq!(rehearsal.state(), start);
}

fn seed() -> ClusterSeed {
    ClusterSeed { pod_identity_agent: true, ..ClusterSeed::new("my-cluster") }
}

fn before() -> Rehearsal {
    Rehearsal::with_clusters(&[seed()])
}

/// A cluster whose pods have their role by an association that a plan has made, and another role asked for in
/// another spec.
fn in_use() -> Rehearsal {
    let rehearsal = before();
    rehearsal.workspace().write("spec.yaml", BY_ASSOCIATION);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal.run("apply").expect(0);
    rehearsal.workspace().write("another.yaml", &format!("{BY_ASSOCIATION}    role: {{ name: Another }}\n"));
    rehearsal
}

/// The run that is not among `earlier`.
fn run_since(rehearsal: &Rehearsal, earlier: &[String]) -> String {
    rehearsal.runs().into_iter().find(|run| !earlier.contains(run)).expect("there is one")
}

/// How often the sandbox was called so.
fn calls(rehearsal: &Rehearsal, operation: &str) -> usize {
    rehearsal.sandbox().calls().iter().filter(|call| call.operation == operation).count()
}

/// Someone else gives the association another role, and the one from before again: no pod shows which it has.
fn changed_there_and_back(rehearsal: &Rehearsal) {
    let wire = rehearsal.wire();
    let answer = wire.eks("GET", "/clusters/my-cluster/pod-identity-associations", &json!({}));
    let associations: Value = serde_json::from_str(&answer).unwrap();
    let id = associations["associations"][0]["associationId"].as_str().unwrap();
    let path = format!("/clusters/my-cluster/pod-identity-associations/{id}");
    for role in ["Another", "AmazonEKSVPCCNIRole-my-cluster"] {
        wire.eks("POST", &path, &json!({"roleArn": format!("arn:aws:iam::111122223333:role/{role}")}));
    }
}

fn saved(rehearsal: &Rehearsal) -> ChangeSet {
    ChangeSet::from_json(&rehearsal.workspace().read("plans/spec.plan.json")).unwrap()
}

#[track_caller]
fn nothing_is_left_to_do(rehearsal: &Rehearsal) {
    nothing_is_left_to_do_of(rehearsal, "spec.yaml");
}

#[track_caller]
fn nothing_is_left_to_do_of(rehearsal: &Rehearsal, spec: &str) {
    let again = rehearsal.run(&format!("plan {spec} --no-save --detailed-exitcode")).expect(0);
    assert!(again.stdout.contains("Nothing to do"), "{again}");
}

#[track_caller]
fn assert_same(one: &Value, other: &Value) {
    let all: Vec<String> = differences(one, other).iter().map(ToString::to_string).collect();
    assert!(all.is_empty(), "{}", all.join("\n"));
}

/// The plugin's pods.
fn pods(rehearsal: &Rehearsal) -> Vec<Value> {
    let state = rehearsal.state();
    let pods = state["clusters"]["us-west-2/my-cluster"]["kubernetes"]["pods"].as_array().unwrap().clone();
    let pods: Vec<Value> = pods.into_iter().filter(|pod| pod["labels"]["k8s-app"] == "aws-node").collect();
    assert!(!pods.is_empty());
    pods
}

fn has(pod: &Value, variable: &str) -> bool {
    let containers = pod["containers"].as_array().unwrap();
    containers.iter().all(|container| container["env"].as_array().unwrap().iter().any(|it| it["name"] == variable))
}
