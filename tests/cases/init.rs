//! `cni-plan init`: a spec of what is live, which parses, whose plan runs and changes as little as can be.

use cni_plan_sandbox::scenarios;
use cni_plan_tests::command::Workspace;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use insta::assert_snapshot;

#[test]
fn what_is_there_is_in_the_spec_and_why() {
    for scenario in ["ipv4", "ipv6", "managed-addon-with-role", "pod-identity", "drifted", "shared-outside"] {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.run("init --cluster my-cluster --region us-west-2").expect(0);
        assert_snapshot!(scenario, rehearsal.workspace().read("spec.yaml"));
    }
}

#[test]
fn a_plan_of_what_is_done_is_empty() {
    let rehearsal = Rehearsal::of_scenario("already-done");
    let before = rehearsal.state();
    let ran = rehearsal.run("init --cluster my-cluster --region us-west-2 --out specs.yaml").expect(0);
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr, "wrote specs.yaml: 1 cluster; `cni-plan plan specs.yaml` shows what it would change\n");
    assert_eq!(rehearsal.state(), before);
    rehearsal.run("plan --no-save --detailed-exitcode specs.yaml").expect(0);
}

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Sid":"Plugin","Effect":"Allow","Action":"ec2:*","Resource":"*"}]}"#;

/// Names, paths and policies that are not the default ones are taken over, so that nothing is left to do.
#[test]
fn a_role_and_a_policy_of_other_names_are_taken_over() {
    let rehearsal = Rehearsal::ipv4();
    let workspace = rehearsal.workspace();
    workspace.write("policy.json", POLICY);
    let role = "    role: { name: Plugin, path: /team/net/ }\n    policy: { name: Own, document: ./policy.json }\n";
    workspace.write("first.yaml", &format!("{MY_CLUSTER}{role}"));
    rehearsal.run("apply --auto-approve first.yaml").expect(0);
    rehearsal.run("init --cluster my-cluster").expect(0);
    assert_snapshot!("taken-over", workspace.read("spec.yaml"));
    rehearsal.run("plan --no-save --detailed-exitcode spec.yaml").expect(0);
}

#[test]
fn all_clusters_of_the_region_are_written() {
    let rehearsal = Rehearsal::of_scenario("two-clusters");
    rehearsal.run("init --all").expect(0);
    assert_snapshot!("all", rehearsal.workspace().read("spec.yaml"));
    rehearsal.run("plan --no-save --detailed-exitcode spec.yaml").expect(2);
}

#[test]
fn a_cluster_that_cannot_be_read_hides_no_other() {
    let rehearsal = Rehearsal::of_scenario("two-clusters");
    rehearsal.fail("kubernetes:list nodes=AccessDenied@0x1");
    let ran = rehearsal.run("init --all").expect(0);
    assert!(ran.stderr.contains("warning: left out "), "{ran}");
    let spec = rehearsal.workspace().read("spec.yaml");
    assert_eq!(spec.matches("  - name: ").count(), 1, "{spec}");
    assert!(spec.contains("could not be read, and is left out"), "{spec}");
    rehearsal.run("plan --no-save spec.yaml");
    // One that was asked for by name is an error.
    rehearsal.fail("kubernetes:list nodes=AccessDenied@0x1");
    rehearsal.run("init --cluster blue --out blue.yaml").expect(1);
    assert!(!rehearsal.workspace().path().join("blue.yaml").exists());
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", "mine\n");
    assert_snapshot!("in-the-way", rehearsal.run("init --cluster my-cluster").expect(1));
    assert_eq!(rehearsal.workspace().read("spec.yaml"), "mine\n");
    assert_eq!(rehearsal.sandbox().calls(), [], "nobody was asked for nothing");
}

#[test]
fn what_cannot_be_found_is_an_error_and_no_file() {
    let rehearsal = Rehearsal::ipv4();
    let ran = rehearsal.run("init --cluster nowhere").expect(1);
    assert!(ran.stderr.contains("cluster nowhere"), "{ran}");
    rehearsal.run("init --all --region eu-west-1").expect(1);
    for mistyped in ["init --all --region us-wset-2", "init --cluster my-cluster --region us-wset-2"] {
        let ran = rehearsal.run(mistyped).expect(1);
        let told =
            "warning: us-wset-2 is no region that this version knows; did you mean us-west-2? (a new region is fine)\n";
        assert!(ran.stderr.starts_with(told) && ran.stderr.matches("us-west-2").count() == 1, "{ran}");
    }
    let workspace = Workspace::new();
    let ran = workspace.run(["init", "--all"]).expect(1);
    assert!(ran.stderr.starts_with("error: cannot tell which region to look into\n"), "{ran}");
    assert!(ran.stderr.contains("(`init`: with `--region`)"), "{ran}");
    let neither = rehearsal.run("init").expect(1);
    assert!(neither.stderr.contains("--cluster <NAME>|--all"), "{neither}");
    assert!(!rehearsal.workspace().path().join("spec.yaml").exists());
}

/// There is no spec yet: what can be corrected are flags, and the one that was meant is told where it is seen.
#[test]
fn a_mistyped_name_is_corrected_by_flags() {
    let rehearsal = Rehearsal::of_scenario("two-clusters");
    let hint = |arguments: &str| {
        let ran = rehearsal.run(arguments).expect(1);
        ran.stderr.split_once("  hint: ").map(|(_, hint)| hint.trim_end().to_owned()).unwrap()
    };
    let flags = "name another --cluster, --region or --profile; --all writes a spec of all that there are";
    assert_eq!(hint("init --cluster blu"), "did you mean blue? Or name another --region or --profile");
    assert_eq!(hint("init --cluster orange"), flags);
    assert_eq!(hint("init --cluster blue --region eu-west-1"), flags);
    rehearsal.fail("eks:ListClusters=AccessDenied");
    assert_eq!(hint("init --cluster blu"), flags);
}

#[test]
fn an_empty_sandbox_says_how_it_is_filled() {
    let workspace = Workspace::new();
    let ran = workspace.run(["init", "--sandbox", "--all"]).expect(1);
    assert!(ran.stderr.contains("  hint: `cni-plan sandbox reset ipv4` puts one into the sandbox"), "{ran}");
    workspace.run(["sandbox", "reset", "ipv4"]).expect(0);
    workspace.run(["init", "--sandbox", "--all"]).expect(0);
}

/// Refused or not, it is a spec, and a plan of it comes to its end.
#[test]
fn every_scenario_has_its_spec() {
    for scenario in scenarios() {
        let workspace = Workspace::new().with_env("CNI_PLAN_SANDBOX", "1");
        workspace.run(["sandbox", "reset", scenario.name]).expect(0);
        let ran = workspace.run(["init", "--all"]).expect(0);
        workspace.run(["validate", "spec.yaml"]).expect(0);
        let planned = workspace.run(["plan", "--no-save", "spec.yaml"]);
        let told = if ran.stderr.contains("is refused") { 5 } else { 0 };
        assert_eq!(planned.code, Some(told), "{}:\n{ran}\n{planned}", scenario.name);
    }
}
