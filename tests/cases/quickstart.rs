//! The first minutes with the command, as the README has them, on the embedded sandbox.

use cni_plan_tests::command::Workspace;
use insta::assert_snapshot;

const QUICKSTART: &str = "examples/quickstart.yaml";

#[test]
fn one_command_plans_applies_and_verifies_and_then_has_nothing_to_do() {
    let workspace = Workspace::with_examples();
    let apply = ["apply", "--sandbox", "--auto-approve", QUICKSTART];
    assert_snapshot!("apply-a-spec", workspace.run(apply).expect(0));
    assert_snapshot!("apply-a-spec-again", workspace.run(apply).expect(0));
    assert!(!workspace.path().join("plans").exists(), "what is applied at once leaves nothing to be reviewed");
}

#[test]
fn a_saved_plan_is_applied_without_naming_it_and_only_once() {
    let workspace = Workspace::with_examples().with_env("CNI_PLAN_SANDBOX", "1");
    assert_snapshot!("plan", workspace.run(["plan", QUICKSTART]).expect(0));
    assert_snapshot!("plan-json", workspace.read("plans/quickstart.plan.json"));
    assert_snapshot!("plan-markdown", workspace.read("plans/quickstart.plan.md"));
    assert_snapshot!("apply", workspace.run(["apply"]).expect(0));
    assert_snapshot!("apply-again", workspace.run(["apply"]).expect(0));
    assert_snapshot!("plan-again", workspace.run(["plan", QUICKSTART]).expect(0));
    assert_snapshot!("apply-a-plan-of-nothing", workspace.run(["apply"]).expect(0));
}

/// Whoever rehearses by the flag and types what is told stays on the sandbox; with the variable there is nothing to add.
#[test]
fn a_command_that_is_told_to_type_stays_on_the_sandbox() {
    let workspace = Workspace::with_examples();
    workspace.run(["plan", "--sandbox", QUICKSTART]).expect(0);
    workspace.run(["apply", "--sandbox"]).expect(0);
    let saved = "plans/quickstart.plan.json";
    let told = "  hint: `cni-plan --sandbox plan examples/quickstart.yaml` shows whether anything is left to do; ";
    let twice = workspace.run(["apply", "--sandbox", saved]).expect(3);
    assert!(twice.stderr.contains(told), "{twice}");
    let json = workspace.run(["apply", "--sandbox", "--json", saved]).expect(3);
    assert!(json.stdout.contains("`cni-plan --sandbox plan examples/quickstart.yaml`"), "{json}");
    let workspace = workspace.with_env("CNI_PLAN_SANDBOX", "1");
    let twice = workspace.run(["apply", saved]).expect(3);
    assert!(twice.stderr.contains("`cni-plan plan examples/quickstart.yaml`"), "{twice}");
}

#[test]
fn the_detailed_exit_code_tells_changes_from_none() {
    let workspace = Workspace::with_examples();
    let plan = ["plan", "--sandbox", "--detailed-exitcode", "--no-save", QUICKSTART];
    workspace.run(plan).expect(2);
    workspace.run(["apply", "--sandbox", "--auto-approve", QUICKSTART]).expect(0);
    workspace.run(plan).expect(0);
}

#[test]
fn a_plan_to_look_at_saves_nothing_and_out_saves_elsewhere() {
    let workspace = Workspace::with_examples();
    let looked = workspace.run(["plan", "--sandbox", "--no-save", QUICKSTART]).expect(0);
    assert_eq!(looked.stderr, "the sandbox has no cluster yet: made my-cluster in us-west-2, IPv4\n");
    assert!(!workspace.path().join("plans").exists());

    let saved = workspace.run(["plan", "--sandbox", "--out", "review/monday.plan.json", QUICKSTART]).expect(0);
    let told = "saved review/monday.plan.json and review/monday.plan.md; `cni-plan --sandbox apply \
                review/monday.plan.json` carries it out\n";
    assert_eq!(saved.stderr, told);
    assert_eq!(saved.stdout, looked.stdout);
    assert!(!workspace.path().join("plans").exists());
    workspace.run(["apply", "--sandbox", "review/monday.plan.json"]).expect(0);
}
