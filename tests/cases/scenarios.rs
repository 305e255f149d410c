//! The sandbox's scenarios of the procedure, applied: after it nothing is left to do. What the plan of every scenario
//! looks like is in `forms`.

use cni_plan_tests::command::{Ran, Workspace};
use cni_plan_tests::rehearsal::MY_CLUSTER;
use insta::assert_snapshot;

use crate::forms::TWO;

const ONE: &str = MY_CLUSTER;

#[test]
fn ipv4() {
    check("ipv4", ONE);
}

#[test]
fn ipv6() {
    check("ipv6", ONE);
}

#[test]
fn already_done() {
    let workspace = in_scenario("already-done", ONE);
    workspace.run(["plan", "spec.yaml", "--detailed-exitcode"]).expect(0);
    assert_snapshot!("already-done-apply", workspace.run(["apply"]).expect(0));
}

#[test]
fn half_done() {
    check("half-done", ONE);
}

#[test]
fn drifted() {
    check("drifted", ONE);
}

#[test]
fn two_clusters() {
    check("two-clusters", TWO);
}

/// What cannot be put back is marked before anyone agrees to it, and is listed where it comes to that.
#[test]
fn what_cannot_be_undone_is_marked_and_listed_when_it_is_not() {
    let workspace =
        in_scenario("drifted", ONE).with_env("CNI_PLAN_SANDBOX_FAULTS", "iam:DetachRolePolicy=AccessDenied");
    let plan = workspace.run(["plan", "spec.yaml"]).expect(0);
    assert!(plan.stdout.contains("\nCannot be undone:\n"), "{plan}");
    assert_snapshot!("drifted-not-undone", workspace.run(["apply"]).expect(7));
}

#[test]
fn an_unknown_scenario_is_refused_and_the_world_is_kept() {
    let workspace = in_scenario("already-done", ONE);
    assert_snapshot!("unknown", workspace.run(["sandbox", "reset", "half-don"]).expect(1));
    workspace.run(["plan", "spec.yaml", "--detailed-exitcode"]).expect(0);
    assert_snapshot!("list", workspace.run(["sandbox", "list"]).expect(0));
}

fn check(scenario: &str, spec: &str) {
    let workspace = in_scenario(scenario, spec);
    workspace.run(["plan", "spec.yaml", "--detailed-exitcode"]).expect(2);
    let applied = workspace.run(["apply"]).expect(0);
    // Two clusters go on at the same time: which line comes first is their affair.
    let applied = if scenario == "two-clusters" { sorted(applied) } else { applied };
    assert_snapshot!(format!("{scenario}-apply"), applied);
    let again = workspace.run(["plan", "spec.yaml", "--detailed-exitcode", "--no-save"]).expect(0);
    assert_snapshot!(format!("{scenario}-again"), again);
}

fn in_scenario(name: &str, spec: &str) -> Workspace {
    let workspace = Workspace::new().with_env("CNI_PLAN_SANDBOX", "1");
    workspace.write("spec.yaml", spec);
    workspace.run(["sandbox", "reset", name]).expect(0);
    workspace
}

fn sorted(mut ran: Ran) -> Ran {
    let mut lines: Vec<&str> = ran.stderr.lines().collect();
    lines.sort_unstable();
    ran.stderr = lines.join("\n");
    ran
}
