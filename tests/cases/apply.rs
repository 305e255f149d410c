//! A change set is applied once, as it was reviewed, to the world it was made for; or not at all.

use cni_plan_core::ChangeSet;
use cni_plan_sandbox::ClusterSeed;
use cni_plan_tests::command::{Ran, Workspace};
use cni_plan_tests::rehearsal::Rehearsal;
use cni_plan_tests::wire::FOREIGN_TRUST;
use insta::assert_snapshot;

const SPEC: &str = "examples/quickstart.yaml";
const SAVED: &str = "plans/quickstart.plan.json";
const ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";

#[test]
fn without_a_change_set_there_is_nothing_to_apply() {
    let workspace = Workspace::new();
    assert_snapshot!("nothing-to-apply", workspace.run(["apply"]).expect(1));
    std::fs::create_dir(workspace.path().join("plans")).unwrap();
    workspace.write("plans/README.md", "not a change set");
    assert_eq!(workspace.run(["apply"]).expect(1).stderr, Workspace::new().run(["apply"]).stderr);
}

#[test]
fn of_several_none_is_chosen_until_one_is_named_or_left() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.run(&format!("plan {SPEC}")).expect(0);
    rehearsal.run(&format!("plan {SPEC} --out plans/again.plan.json")).expect(0);
    let before = rehearsal.state();
    assert_snapshot!("several-to-apply", rehearsal.run("apply").expect(1));
    assert_eq!(rehearsal.state(), before);

    rehearsal.run(&format!("apply {SAVED}")).expect(0);
    assert_snapshot!("all-applied", rehearsal.run("apply").expect(0));

    // Both are reached now, so one that is not is the one that is meant.
    let other = "version: 1\nclusters:\n  - name: my-cluster\n    region: us-west-2\n    stsRegionalEndpoints: true\n";
    rehearsal.workspace().write("regional.yaml", other);
    rehearsal.run("plan regional.yaml").expect(0);
    let ran = rehearsal.run("apply").expect(0);
    assert!(ran.stderr.starts_with("plans/regional.plan.json:\n"), "{ran}");
    assert!(ran.stdout.starts_with("Applied and verified: "), "{ran}");
}

/// Whoever believes that the stale one is applied is told first that it is not.
#[test]
fn a_stale_change_set_that_another_is_applied_instead_of_is_told_before_anything_is_done() {
    let clusters = ["blue", "green"].map(ClusterSeed::new);
    let rehearsal = Rehearsal::with_clusters(&clusters);
    for name in ["blue", "green"] {
        let spec = format!(
            "version: 1\nclusters:\n  - {{ name: {name}, region: us-west-2, detach: false, role: {{ name: Cni-{name} }} }}\n"
        );
        rehearsal.workspace().write(&format!("{name}.yaml"), &spec);
        rehearsal.run(&format!("plan {name}.yaml")).expect(0);
    }
    rehearsal.wire().iam("CreateRole", &[("RoleName", "Cni-blue"), ("AssumeRolePolicyDocument", FOREIGN_TRUST)]);
    let ran = rehearsal.run("apply").expect(0);
    let told = "warning: plans/blue.plan.json is stale and passed over: what it rests on is no longer as it was when it \
                was made. `cni-plan apply plans/blue.plan.json` shows what differs, `cni-plan plan blue.yaml` makes it anew\n\
                plans/green.plan.json:\n";
    assert!(ran.stderr.starts_with(told), "{ran}");
    assert!(ran.stdout.starts_with("Applied and verified: "), "{ran}");

    // It alone is left, and is the one that is meant: what differs is shown, and no other is applied.
    let left = rehearsal.run("apply").expect(3);
    assert!(left.stderr.starts_with("plans/blue.plan.json:\n") && !left.stderr.contains("passed over"), "{left}");
    assert!(left.stdout.contains("blue/role/Cni-blue  (was not there, and is now)"), "{left}");
}

/// Who came first is told; where no run of the folder did it, that is told too.
#[test]
fn a_change_set_is_applied_once_and_then_refused() {
    let rehearsal = planned(Rehearsal::ipv4());
    rehearsal.run(&format!("apply {SAVED}")).expect(0);
    let before = rehearsal.state();
    let twice = rehearsal.run(&format!("apply {SAVED}")).expect(3);
    let [run] = rehearsal.runs().try_into().unwrap();
    assert!(twice.stderr.contains(&format!("why: everything is as it leaves it: run {run} applied it, ")), "{twice}");
    let digest = ChangeSet::from_json(&rehearsal.workspace().read(SAVED)).unwrap().digest();
    assert_eq!(
        rehearsal.run(&format!("apply --digest {digest}")).expect(3).stdout,
        "",
        "it is the same that is asked for"
    );
    rehearsal.run("apply").expect(0);

    std::fs::remove_dir_all(rehearsal.workspace().path().join(".cni-plan/runs")).unwrap();
    assert_snapshot!("applied-already", rehearsal.run(&format!("apply {SAVED}")).expect(3));
    assert_eq!(rehearsal.state(), before);
    assert_eq!(rehearsal.runs(), Vec::<String>::new(), "nothing was begun");

    // To do nothing is no step that could be done twice.
    rehearsal.run(&format!("plan {SPEC}")).expect(0);
    let nothing = rehearsal.run(&format!("apply {SAVED}")).expect(0);
    assert!(nothing.stdout.starts_with("Nothing to do"), "{nothing}");
}

/// What was undone is applied again, and what was done twice is told with the later run.
#[test]
fn what_was_rolled_back_is_not_applied_already() {
    let rehearsal = planned(Rehearsal::ipv4());
    rehearsal.run(&format!("apply {SAVED}")).expect(0);
    rehearsal.run(&rehearsal.rollback()).expect(0);
    rehearsal.run(&format!("apply {SAVED}")).expect(0);
    let twice = rehearsal.run(&format!("apply {SAVED}")).expect(3);
    let [_, later] = rehearsal.runs().try_into().unwrap();
    assert!(twice.stderr.contains(&later), "{twice}");
}

#[test]
fn a_change_set_edited_by_one_byte_is_refused() {
    let rehearsal = planned(Rehearsal::ipv4());
    let saved = rehearsal.workspace().read(SAVED);
    let before = rehearsal.state();
    let edited = saved.replacen("\"canary\": 1", "\"canary\": 2", 1);
    assert_ne!(saved, edited);
    rehearsal.workspace().write(SAVED, &edited);
    assert_snapshot!("edited", rehearsal.run("apply").expect(1));
    // A space more says nothing else, and is not what was reviewed either.
    rehearsal.workspace().write(SAVED, &format!("{saved} "));
    rehearsal.run("apply").expect(1);
    assert_eq!(rehearsal.state(), before);
    rehearsal.workspace().write(SAVED, &saved);
    rehearsal.run("apply").expect(0);
}

#[test]
fn stale_because_the_role_has_appeared() {
    let rehearsal = planned(Rehearsal::ipv4());
    rehearsal.wire().iam("CreateRole", &[("RoleName", ROLE), ("AssumeRolePolicyDocument", FOREIGN_TRUST)]);
    assert_snapshot!(stale(&rehearsal));
}

#[test]
fn stale_because_someone_else_has_annotated() {
    let rehearsal = planned(Rehearsal::ipv4());
    let role = "arn:aws:iam::111122223333:role/theirs";
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", "eks.amazonaws.com/role-arn", role);
    assert_snapshot!(stale(&rehearsal));
}

/// The value stays and its owner changes: what was reviewed said from whom it would be taken.
#[test]
fn stale_because_an_annotation_has_another_owner() {
    let rehearsal = Rehearsal::ipv4();
    let (key, role) = ("eks.amazonaws.com/role-arn", "arn:aws:iam::111122223333:role/theirs");
    rehearsal.wire().annotate("my-cluster", "eksctl", key, role);
    let rehearsal = planned(rehearsal);
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", key, role);
    assert_snapshot!(stale(&rehearsal));
}

#[test]
fn stale_because_the_policy_is_off_the_node_role() {
    let rehearsal = planned(Rehearsal::ipv4());
    let policy = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";
    rehearsal.wire().iam("DetachRolePolicy", &[("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", policy)]);
    assert_snapshot!(stale(&rehearsal));
}

/// The same cluster in another world, where a node group has a role of its own.
#[test]
fn stale_because_there_is_a_new_node_group() {
    let planned = planned(Rehearsal::ipv4());
    let node_roles = ["AmazonEKSNodeRole", "GpuNodeRole"].map(str::to_owned).to_vec();
    let grown = Rehearsal::with_clusters(&[ClusterSeed { node_roles, ..ClusterSeed::new("my-cluster") }]);
    grown.workspace().write(SAVED, &planned.workspace().read(SAVED));
    assert_snapshot!(stale(&grown));
}

#[test]
fn nobody_is_asked_where_nobody_can_answer() {
    let rehearsal = Rehearsal::ipv4();
    let before = rehearsal.state();
    let asked = rehearsal.run(&format!("apply {SPEC}")).expect(1);
    assert_snapshot!("cannot-ask", asked.stderr);
    assert_snapshot!("may-not-ask", rehearsal.run(&format!("apply --no-input {SPEC}")).expect(1).stderr);
    assert_eq!(rehearsal.state(), before);
}

#[test]
fn one_step_at_a_time_comes_to_the_same() {
    let [one, many] = ["1", "10"].map(|parallelism| {
        let rehearsal = Rehearsal::of_scenario("two-clusters");
        rehearsal
            .run(&format!("apply --auto-approve --parallelism {parallelism} examples/two-clusters.yaml"))
            .expect(0);
        rehearsal.state()
    });
    assert_eq!(one, many);
}

fn planned(rehearsal: Rehearsal) -> Rehearsal {
    rehearsal.run(&format!("plan {SPEC}")).expect(0);
    rehearsal
}

/// Refused with what differs, twice, and nothing is changed.
fn stale(rehearsal: &Rehearsal) -> Ran {
    let before = rehearsal.state();
    rehearsal.sandbox().clear_calls();
    let ran = rehearsal.run("apply").expect(3);
    assert_eq!(rehearsal.state(), before, "{ran}");
    assert_eq!(rehearsal.run("apply").expect(3).stdout, ran.stdout);
    ran
}
