//! Each of the sandbox's scenarios, planned, the plan compared whole; those of the procedure applied too,
//! after which nothing is left to do.

use cni_plan_sandbox::scenarios;
use cni_plan_tests::command::{Ran, Workspace};
use cni_plan_tests::rehearsal::MY_CLUSTER;
use insta::assert_snapshot;

use crate::change_sets::schema::assert_valid;

const ONE: &str = MY_CLUSTER;
const TWO: &str = "version: 1\ndefaults: { region: us-west-2 }\nclusters:\n  - name: blue\n  - name: green\n";

/// A scenario that is new is in it by itself, and has to have its plan seen and kept.
#[test]
fn every_scenario_has_its_plan_or_is_refused() {
    for scenario in scenarios() {
        let spec = if ["two-clusters", "shared-role"].contains(&scenario.name) { TWO } else { ONE };
        let workspace = in_scenario(scenario.name, spec);
        let ran = workspace.run(["plan", "spec.yaml", "--detailed-exitcode"]);
        assert_snapshot!(format!("{}-plan", scenario.name), ran);
        if ran.code != Some(5) {
            check_forms(scenario.name, &workspace);
        }
    }
}

/// What was saved, in the forms besides the terminal's; made again offline, it is the same.
fn check_forms(scenario: &str, workspace: &Workspace) {
    let saved = workspace.read("plans/spec.plan.json");
    assert_valid(&saved);
    assert_snapshot!(format!("{scenario}-json"), saved);
    workspace.run(["check"]).expect(0);
    for form in ["markdown", "mermaid", "dot"] {
        let shown = workspace.run(["show", &format!("--{form}")]).expect(0).stdout;
        assert_snapshot!(format!("{scenario}-{form}"), shown);
    }
}

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
