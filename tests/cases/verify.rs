//! `cni-plan verify`: how live clusters stand, told without changing anything and by no other calls than a plan's.

use std::collections::BTreeMap;

use cni_plan_sandbox::scenarios;
use cni_plan_tests::command::Workspace;
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use insta::assert_snapshot;

const TWO: &str = "version: 1\ndefaults: { region: us-west-2 }\nclusters:\n  - name: blue\n  - name: green\n";

#[test]
fn a_cluster_before_halfway_and_after() {
    for (scenario, code) in [("ipv4", 2), ("half-done", 2), ("already-done", 0), ("shared-outside", 5)] {
        let rehearsal = Rehearsal::of_scenario(scenario);
        rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
        assert_snapshot!(scenario, rehearsal.run("verify spec.yaml").expect(code));
    }
}

/// A role that pods use lets them in, though an association's would be asked for otherwise.
#[test]
fn a_role_that_works_in_another_way_than_asked_is_not_said_to_let_nobody_in() {
    let rehearsal = Rehearsal::of_scenario("already-done");
    rehearsal.workspace().write("spec.yaml", &format!("{MY_CLUSTER}    identity: pod-identity\n"));
    let ran = rehearsal.run("verify spec.yaml");
    assert!(ran.stdout.contains("  not as asked  ") && !ran.stdout.contains("lets nobody in"), "{ran}");
    assert!(ran.stdout.contains("is not as the spec asks"), "{ran}");
}

#[test]
fn clusters_are_a_table() {
    let rehearsal = Rehearsal::of_scenario("two-clusters");
    rehearsal.workspace().write("spec.yaml", TWO);
    assert_snapshot!("two-clusters", rehearsal.run("verify spec.yaml").expect(2));
    let json: serde_json::Value =
        serde_json::from_str(&rehearsal.run("verify --json spec.yaml").expect(2).stdout).unwrap();
    assert_eq!(json["formatVersion"], 1);
    assert_eq!(json["clusters"][1]["cluster"], "green");
    assert_eq!(json["clusters"][1]["state"], "changes");
    assert_eq!(json["clusters"][1]["asWanted"], 0);
    assert_eq!(json["clusters"][1]["role"]["exists"], false);
}

/// What a plan reads, call by call, and nothing more; and nothing is different afterwards.
#[test]
fn it_calls_what_a_plan_calls() {
    let rehearsal = Rehearsal::of_scenario("half-done");
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    let before = rehearsal.state();
    let calls = |command: &str| {
        rehearsal.sandbox().clear_calls();
        rehearsal.run(command);
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for call in rehearsal.sandbox().calls() {
            *times.entry(format!("{:?} {} {:?}", call.service, call.operation, call.resource)).or_default() += 1;
        }
        times
    };
    let planned = calls("plan --no-save spec.yaml");
    assert!(!planned.is_empty());
    assert_eq!(calls("verify spec.yaml"), planned);
    assert_eq!(rehearsal.state(), before);
}

/// Nothing is well of which a plan would be refused, or would do something.
#[test]
fn it_agrees_with_a_plan_in_every_scenario() {
    for scenario in scenarios() {
        let workspace = Workspace::new().with_env("CNI_PLAN_SANDBOX", "1");
        let spec = if ["two-clusters", "shared-role"].contains(&scenario.name) { TWO } else { MY_CLUSTER };
        workspace.write("spec.yaml", spec);
        workspace.run(["sandbox", "reset", scenario.name]).expect(0);
        let planned = workspace.run(["plan", "spec.yaml", "--detailed-exitcode", "--no-save"]);
        let verified = workspace.run(["verify", "spec.yaml"]);
        assert_eq!(planned.code, verified.code, "{}:\n{planned}\n{verified}", scenario.name);
    }
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let rehearsal = Rehearsal::of_scenario("already-done");
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    rehearsal.fail("kubernetes:list pods=AccessDenied");
    let ran = rehearsal.run("verify spec.yaml").expect(1);
    assert!(ran.stdout.is_empty() && ran.stderr.starts_with("error: "), "{ran}");
}

/// What is told can be typed, also where a path is more than a word to a shell.
#[test]
fn the_command_that_it_tells_names_the_spec() {
    let rehearsal = Rehearsal::of_scenario("ipv4");
    rehearsal.workspace().write("my clusters/it's.yaml", MY_CLUSTER);
    let ran = rehearsal.workspace().run(["verify", "my clusters/it's.yaml"]).expect(2);
    assert!(ran.stdout.contains(r"`cni-plan plan 'my clusters/it'\''s.yaml'` shows them"), "{ran}");
}
