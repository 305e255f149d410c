//! A saved change set is shown offline, whatever has become of the world that it was made for. What the forms look like is
//! in `forms`.

use cni_plan_tests::command::{Workspace, repository};
use cni_plan_tests::rehearsal::Rehearsal;
use insta::assert_snapshot;

const SAVED: &str = "plans/quickstart.plan.json";

/// What is shown is what `plan` printed, also after the change set was applied and after it went stale.
#[test]
fn what_is_applied_or_stale_is_shown_as_it_was_planned() {
    let rehearsal = Rehearsal::ipv4();
    let planned = rehearsal.run("plan examples/quickstart.yaml").expect(0).stdout;
    rehearsal.run("apply").expect(0);
    rehearsal.sandbox().clear_calls();
    assert_eq!(rehearsal.run("show").expect(0).stdout, planned);
    let role = "arn:aws:iam::111122223333:role/theirs";
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", "eks.amazonaws.com/role-arn", role);
    rehearsal.sandbox().clear_calls();
    assert_eq!(rehearsal.run("show").expect(0).stdout, planned);
    assert_eq!(rehearsal.sandbox().calls().len(), 0, "a saved change set is shown without a call");
}

/// Why a step is there and what it waits for, by its address or the part of it that one has seen.
#[test]
fn one_step_is_told_with_what_it_waits_for_and_how_it_is_undone() {
    let workspace = Workspace::new();
    workspace.write(SAVED, &std::fs::read_to_string(repository().join(SAVED)).unwrap());
    for step in ["role/", "oidc", "annotate", "restart", "detach", "confirm"] {
        let shown = workspace.run(["show", "--step", step]).expect(0);
        assert_snapshot!(format!("step-{}", step.trim_end_matches('/')), shown);
    }
    let whole = workspace.run(["show", "--step", "my-cluster/restart/kube-system/aws-node"]).expect(0).stdout;
    assert_eq!(whole, workspace.run(["show", "--step", "restart"]).expect(0).stdout);
    assert_snapshot!("step-several", workspace.run(["show", "--step", "my-cluster/"]).expect(1));
    assert_snapshot!("step-none", workspace.run(["show", "--step", "reboot"]).expect(1));
    assert_snapshot!("step-and-form", workspace.run(["show", "--step", "detach", "--html"]).expect(1));
}

#[test]
fn what_cannot_be_shown_is_told() {
    let workspace = Workspace::new();
    assert_snapshot!("nothing-to-show", workspace.run(["show"]).expect(1));
    let saved = std::fs::read_to_string(repository().join(SAVED)).unwrap();
    workspace.write("plans/one.plan.json", &saved);
    workspace.write("plans/two.plan.json", &saved);
    assert_snapshot!("several-to-show", workspace.run(["show"]).expect(1));
    workspace.write("plans/two.plan.json", &saved.replacen("\"canary\": 1", "\"canary\": 2", 1));
    assert_snapshot!("edited", workspace.run(["show", "plans/two.plan.json"]).expect(1));
    assert_snapshot!("two-forms", workspace.run(["show", "--json", "--dot"]).expect(1));
}

/// A page for a pull request is as long as its forge takes, at most; the file beside the change set too.
#[test]
fn a_page_keeps_the_limit_of_its_forge() {
    let clusters: String = (0..24).map(|number| format!("  - name: cluster-{number}\n")).collect();
    let workspace = Workspace::new();
    workspace.write("fleet.yaml", &format!("version: 1\ndefaults: {{ region: us-west-2 }}\nclusters:\n{clusters}"));
    workspace.run(["plan", "--sandbox", "fleet.yaml"]).expect(0);
    let page = |forge: &str| workspace.run(["show", "--markdown", "--for", forge]).expect(0).stdout;
    let lengths = ["bitbucket", "github", "gitlab"].map(|forge| page(forge).len());
    assert!(lengths[0] <= 32_768 && lengths[1] <= 65_536 && lengths[2] > 65_536, "{lengths:?}");
    assert_eq!(workspace.run(["show", "--markdown"]).expect(0).stdout, page("github"));
    assert_eq!(workspace.read("plans/fleet.plan.md"), page("github"));
    assert_snapshot!("a-forge-for-text", workspace.run(["show", "--for", "gitlab"]).expect(1));
}

#[test]
fn a_graph_is_of_a_change_set_or_of_a_spec() {
    let workspace = Workspace::with_examples();
    let spec = "examples/two-clusters.yaml";
    let graph = workspace.run(["graph", "--sandbox", spec]).expect(0).stdout;
    assert!(!workspace.path().join("plans").exists(), "a graph saves nothing");
    workspace.run(["plan", "--sandbox", spec]).expect(0);
    assert_eq!(workspace.run(["graph"]).expect(0).stdout, graph);
    assert_eq!(workspace.run(["show", "--mermaid"]).expect(0).stdout, graph);
    let dot = workspace.run(["graph", "--dot", "plans/two-clusters.plan.json"]).expect(0).stdout;
    assert_eq!(workspace.run(["show", "--dot"]).expect(0).stdout, dot);
    assert_snapshot!("nothing-to-draw", Workspace::new().run(["graph"]).expect(1));
}
