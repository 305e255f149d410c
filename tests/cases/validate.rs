//! `cni-plan validate`: what is wrong with a spec, all at once, where nobody can be asked.

use cni_plan_tests::command::Workspace;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use insta::assert_snapshot;

#[test]
fn a_spec_without_a_problem_is_told_what_was_checked_and_what_was_not() {
    let workspace = Workspace::with_examples();
    assert_snapshot!("well", workspace.run(["validate", "examples/two-clusters.yaml"]).expect(0));
    // Its kubeconfig is nowhere, and the sandbox needs none.
    workspace.run(["validate", "--sandbox", "examples/every-key.yaml"]).expect(0);
}

#[test]
fn every_example_is_valid() {
    let workspace = Workspace::with_examples();
    for entry in std::fs::read_dir(workspace.path().join("examples")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if name.ends_with(".yaml") {
            workspace.run(["validate", "--sandbox", &format!("examples/{name}")]).expect(0);
        }
    }
}

/// A region may be new: what looks mistyped is told with its place, and nothing is refused for it.
#[test]
fn a_region_that_looks_mistyped_is_told_before_anybody_is_asked() {
    let workspace = Workspace::new();
    workspace.write("spec.yaml", &MY_CLUSTER.replace("us-west-2", "us-wset-2"));
    let told = "warning: spec.yaml:4:13: us-wset-2 is no region that this version knows; did you mean us-west-2? (a new region is fine)\n";
    assert_eq!(workspace.run(["validate", "spec.yaml"]).expect(0).stderr, told);
    let planned = workspace.run(["plan", "--sandbox", "--no-save", "spec.yaml"]).expect(0);
    assert_eq!(
        planned.stderr,
        format!("{told}the sandbox has no cluster yet: made my-cluster in us-wset-2, IPv4\n"),
        "a mistyped region is one more to the sandbox"
    );
}

#[test]
fn problems_of_form_have_their_places() {
    let workspace = Workspace::new();
    workspace
        .write("spec.yaml", "version: 1\nclusters:\n  - name: my-cluster\n    regoin: us-west-2\n    detach: yes\n");
    assert_snapshot!("form", workspace.run(["validate", "spec.yaml"]).expect(1));
}

const CONTRADICTORY: &str = "\
version: 1
defaults:
  role: { name: Plugin }
  kubernetes: { kubeconfig: ./nowhere }
clusters:
  - name: blue
  - name: green
    identity: pod-identity
    stsRegionalEndpoints: true
  - name: grey
    kubernetes: { kubeconfig: ./kubeconfig, context: staging }
    role: { name: AmazonEKSNodeRole }
    nodeRoles: [AmazonEKSNodeRole]
";

#[test]
fn contradictions_and_kubeconfigs_are_told_together() {
    let workspace = Workspace::new();
    workspace.write("spec.yaml", CONTRADICTORY);
    workspace.write("kubeconfig", &Rehearsal::ipv4().sandbox().kubeconfig());
    assert_snapshot!("contradictions", workspace.run(["validate", "spec.yaml"]).expect(1));
    workspace.write("kubeconfig", "clusters: [");
    let ran = workspace.run(["validate", "spec.yaml"]).expect(1);
    assert!(ran.stderr.contains("spec.yaml:11:17: "), "{ran}");
}

/// Neither credentials nor a network are needed.
#[test]
fn nobody_is_asked() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    rehearsal.run("validate spec.yaml").expect(0);
    assert_eq!(rehearsal.sandbox().calls().len(), 0);
    let told = rehearsal.run("plan --no-save spec.yaml").expect(0);
    assert_ne!(rehearsal.sandbox().calls().len(), 0, "a plan asks, and that is seen\n{told}");
}

#[test]
fn what_a_spec_names_is_inert_where_it_is_told() {
    let workspace = Workspace::new();
    workspace.write("spec.yaml", &format!("{MY_CLUSTER}    kubernetes: {{ kubeconfig: \"./\\e[31mred\" }}\n"));
    let ran = workspace.run(["validate", "spec.yaml"]).expect(1);
    assert!(!ran.stderr.contains('\u{1b}'), "{ran}");
}
