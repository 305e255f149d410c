//! What is in the sandbox's world: whoever has chosen a scenario has said it; in any other world the clusters of a spec
//! are made up, and that is told.

use cni_plan_tests::command::{Ran, Workspace};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use insta::assert_snapshot;

const MISTYPED: &str = "version: 1\nclusters:\n  - name: my-clutser\n    region: us-west-2\n";
const ELSEWHERE: &str = "version: 1\nclusters:\n  - name: my-cluster\n    region: us-west-1\n";

fn sandboxed() -> Workspace {
    let workspace = Workspace::new().with_env("CNI_PLAN_SANDBOX", "1");
    for (name, text) in [("spec.yaml", MY_CLUSTER), ("mistyped.yaml", MISTYPED), ("elsewhere.yaml", ELSEWHERE)] {
        workspace.write(name, text);
    }
    workspace
}

/// The clusters that there are, as `init` finds them in us-west-2.
fn clusters(workspace: &Workspace) -> Vec<String> {
    let written = workspace.path().join("found.yaml");
    if written.exists() {
        std::fs::remove_file(&written).unwrap();
    }
    workspace.run(["init", "--all", "--out", "found.yaml"]).expect(0);
    let spec = workspace.read("found.yaml");
    spec.lines().filter_map(|line| line.trim().strip_prefix("- name: ")).map(str::to_owned).collect()
}

#[test]
fn what_a_scenario_does_not_have_does_not_exist() {
    let workspace = sandboxed();
    workspace.run(["sandbox", "reset", "ipv4"]).expect(0);
    assert_snapshot!("not-in-the-scenario", workspace.run(["plan", "mistyped.yaml"]).expect(1));
    for spec in ["mistyped.yaml", "elsewhere.yaml"] {
        for command in [&["verify"][..], &["plan"], &["apply", "--auto-approve"], &["export", "--to", "eksctl"]] {
            let ran = workspace.run([command, &[spec]].concat()).expect(1);
            assert!(ran.stderr.contains(" does not exist\n"), "{ran}");
        }
    }
    assert_eq!(clusters(&workspace), ["my-cluster"]);
    let made = std::fs::read_dir(workspace.path().join(".cni-plan/sandbox/clusters")).unwrap().count();
    assert_eq!(made, 1, "us-west-2 and no other region");
}

/// A change set of a cluster that is not there, as it may come from another folder.
#[test]
fn a_change_set_makes_no_cluster_in_a_scenario_either() {
    let workspace = sandboxed();
    workspace.run(["plan", "mistyped.yaml"]).expect(0);
    workspace.run(["sandbox", "reset", "ipv4"]).expect(0);
    for command in [&["apply"][..], &["check", "--online"]] {
        let ran = workspace.run(command).expect(1);
        assert!(ran.stderr.contains("cluster my-clutser does not exist"), "{ran}");
    }
}

#[test]
fn in_a_world_of_nobody_s_clusters_are_made_and_told_once() {
    let workspace = sandboxed();
    let told = |ran: &Ran| ran.stderr.lines().filter(|line| line.contains("cluster yet")).map(str::to_owned).collect();
    let verified = |spec: &str| -> Vec<String> { told(&workspace.run(["verify", spec])) };
    assert_eq!(verified("spec.yaml"), ["the sandbox has no cluster yet: made my-cluster in us-west-2, IPv4"]);
    assert!(verified("spec.yaml").is_empty());
    assert_eq!(verified("mistyped.yaml"), ["the sandbox has no such cluster yet: made my-clutser in us-west-2, IPv4"]);
    assert_eq!(clusters(&workspace), ["my-cluster", "my-clutser"]);

    // A scenario, and then none again.
    workspace.run(["sandbox", "reset", "already-done"]).expect(0);
    let done: Vec<String> = told(&workspace.run(["verify", "spec.yaml"]).expect(0));
    assert!(done.is_empty());
    workspace.run(["sandbox", "reset"]).expect(0);
    assert_eq!(verified("mistyped.yaml").len(), 1);
    assert_eq!(clusters(&workspace), ["my-clutser"]);
}

#[test]
fn of_many_clusters_the_first_are_told() {
    let workspace = sandboxed();
    let clusters: String = (1..=7).map(|number| format!("  - name: c{number}\n")).collect();
    workspace.write("fleet.yaml", &format!("version: 1\ndefaults: {{ region: us-west-2 }}\nclusters:\n{clusters}"));
    let ran = workspace.run(["verify", "fleet.yaml"]).expect(2);
    assert!(ran.stderr.contains("c4 in us-west-2, IPv4; 3 more\n"), "{ran}");
}

/// Whoever has rehearsed here and leaves out the flag is sent to no login that nobody needs.
#[test]
fn without_credentials_the_sandbox_of_this_folder_is_told_of() {
    let workspace = Workspace::new();
    workspace.write("spec.yaml", MY_CLUSTER);
    let told = "; or add `--sandbox`, which rehearses on the world in .cni-plan/sandbox/\n";
    let ran = workspace.run(["plan", "spec.yaml"]).expect(1);
    assert!(!ran.stderr.contains("--sandbox"), "there is none: {ran}");
    workspace.run(["sandbox", "reset", "ipv4"]).expect(0);
    for arguments in [
        &["plan", "spec.yaml"][..],
        &["verify", "spec.yaml"],
        &["init", "--all", "--region", "us-west-2", "--out", "found.yaml"],
    ] {
        let ran = workspace.run(arguments).expect(1);
        assert_eq!(ran.stderr.matches(told).count(), 1, "{ran}");
    }
    // What is wrong with the spec is not cured by it.
    workspace.write("spec.yaml", "version: 1\n");
    assert!(!workspace.run(["plan", "spec.yaml"]).expect(1).stderr.contains("--sandbox"));
}

/// Whichever command makes the folder, and never again.
#[test]
fn what_is_kept_in_this_folder_is_left_out_of_a_commit() {
    let spec = ("spec.yaml", MY_CLUSTER);
    for commands in [&[&["sandbox", "reset"][..]][..], &[&["verify", "--sandbox", "spec.yaml"]]] {
        let workspace = Workspace::new();
        workspace.write(spec.0, spec.1);
        commands.iter().for_each(|command| drop(workspace.run(*command)));
        assert_eq!(workspace.read(".cni-plan/.gitignore"), "*\n");
        workspace.write(".cni-plan/.gitignore", "sandbox/\n");
        commands.iter().for_each(|command| drop(workspace.run(*command)));
        assert_eq!(workspace.read(".cni-plan/.gitignore"), "sandbox/\n");
    }
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write(spec.0, spec.1);
    rehearsal.run("apply --auto-approve spec.yaml").expect(0);
    assert_eq!(rehearsal.workspace().read(".cni-plan/.gitignore"), "*\n");
}
