//! `check` as a gate: what may be merged passes, and each thing that may not be is told, with its exit code.

use cni_plan_core::{ChangeSet, KubernetesAccess, SafetyVerdict, digest_of};
use cni_plan_tests::command::{Ran, Workspace, repository};
use cni_plan_tests::course::Call;
use cni_plan_tests::killed::Instant;
use cni_plan_tests::rehearsal::Rehearsal;
use insta::assert_snapshot;

const SPEC: &str = "examples/quickstart.yaml";
const SAVED: &str = "plans/quickstart.plan.json";
const CHECK: &str = "check --spec examples/quickstart.yaml";

fn planned() -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.run(&format!("plan {SPEC}")).expect(0);
    rehearsal
}

/// Offline: there is no world at all here.
fn committed() -> Workspace {
    let workspace = Workspace::with_examples();
    workspace.write(SAVED, &std::fs::read_to_string(repository().join(SAVED)).unwrap());
    workspace
}

fn check(workspace: &Workspace) -> Ran {
    workspace.run(CHECK.split(' '))
}

#[test]
fn what_the_spec_makes_passes_without_a_world() {
    assert_snapshot!("fine", check(&committed()).expect(0));
    for name in ["every-key", "ipv4", "ipv6", "two-clusters"] {
        let workspace = Workspace::with_examples();
        let path = format!("plans/{name}.plan.json");
        workspace.write(&path, &std::fs::read_to_string(repository().join(&path)).unwrap());
        workspace.run(["check", "--spec", &format!("examples/{name}.yaml")]).expect(0);
    }
}

#[test]
fn an_edit_of_one_byte_is_refused() {
    let workspace = committed();
    let saved = workspace.read(SAVED);
    workspace.write(SAVED, &saved.replacen("\"canary\": 1", "\"canary\": 2", 1));
    assert_snapshot!("edited", check(&workspace).expect(1));
}

/// What people read in a pull request is not the document.
#[test]
fn a_page_that_says_something_else_is_refused() {
    let workspace = committed();
    let page = std::fs::read_to_string(repository().join("plans/quickstart.plan.md")).unwrap();
    workspace.write("plans/quickstart.plan.md", &page);
    assert_snapshot!("fine-with-its-page", check(&workspace).expect(0));
    workspace.write("plans/quickstart.plan.md", &page.replace("1 to destroy", "0 to destroy"));
    assert_snapshot!("another-page", check(&workspace).expect(1));
}

/// With a digest made anew: what it holds is not what the spec comes to.
#[test]
fn an_edit_with_a_digest_of_its_own_is_refused() {
    let refuse = |what: &str, edit: fn(&mut ChangeSet)| {
        let workspace = committed();
        let mut change_set = ChangeSet::from_json(&workspace.read(SAVED)).unwrap();
        edit(&mut change_set);
        workspace.write(SAVED, &change_set.to_json());
        assert_snapshot!(format!("forged-{what}"), check(&workspace).expect(3));
    };
    refuse("verdict", |change_set| {
        change_set.safety = SafetyVerdict::Safe { forward_states: 1, back_states: 1, exempt: Vec::new() };
    });
    refuse("step", |change_set| {
        let detach = change_set.changes.iter_mut().find(|change| change.address.as_str().contains("/detach/")).unwrap();
        detach.depends_on.clear();
    });
    refuse("steps", |change_set| change_set.changes.truncate(2));
    refuse("kubeconfig", |change_set| {
        let access = KubernetesAccess { kubeconfig: Some("theirs".to_owned()), context: Some("c".to_owned()) };
        change_set.header.clusters[0].cluster.kubernetes = Some(access);
    });
    refuse("cluster", |change_set| change_set.header.clusters[0].cluster.region = Some("eu-west-1".to_owned()));
}

#[test]
fn another_spec_is_told() {
    let workspace = committed();
    let spec = workspace.read(SPEC);
    workspace.write(SPEC, &format!("{spec}# a comment\n"));
    assert_snapshot!("another-spec", check(&workspace).expect(3));
    // The digest of the spec alone makes no change set of it.
    workspace.write(SPEC, &spec.replace("region: us-west-2", "region: us-west-2\n    detach: false"));
    let mut change_set = ChangeSet::from_json(&workspace.read(SAVED)).unwrap();
    change_set.header.spec_digest = digest_of(workspace.read(SPEC).as_bytes());
    workspace.write(SAVED, &change_set.to_json());
    assert_snapshot!("made-of-another-spec", check(&workspace).expect(3));
}

#[test]
fn the_spec_is_the_one_that_is_named_there_unless_told() {
    let workspace = committed();
    workspace.run(["check"]).expect(0);
    workspace.write("elsewhere/quickstart.yaml", &workspace.read(SPEC));
    let ran = workspace.run(["check", "--spec", "elsewhere/quickstart.yaml"]).expect(3);
    assert!(ran.stderr.contains("it says that it is of examples/quickstart.yaml, which is another file"), "{ran}");
    std::fs::remove_file(workspace.path().join(SPEC)).unwrap();
    assert_snapshot!("no-spec-here", workspace.run(["check"]).expect(1));
}

/// A spec in a folder of its own, as in examples/pull-requests: named by no one, and however it is named.
#[test]
fn a_spec_in_a_folder_is_found_from_where_it_was_planned() {
    let rehearsal = Rehearsal::ipv4();
    let workspace = rehearsal.workspace();
    workspace.write("clusters/production.yaml", &workspace.read(SPEC));
    for path in ["clusters/production.yaml", "./clusters/production.yaml"] {
        rehearsal.run(&format!("plan {path}")).expect(0);
        rehearsal.run("check --online").expect(0);
    }
    let digest = ChangeSet::digest_in(&workspace.read("plans/production.plan.json"));
    assert!(rehearsal.run("show --markdown").expect(0).stdout.contains(&digest));
    let absolute = workspace.path().join("clusters/production.yaml").display().to_string();
    for path in ["clusters/production.yaml", "./clusters/production.yaml", &absolute] {
        workspace.run(["check", "--spec", path]).expect(0);
    }
    // What the README has a CI do after the merge.
    rehearsal.run(&format!("apply --no-input --digest {digest} plans/production.plan.json")).expect(0);
    rehearsal.run(&format!("plan {absolute}")).expect(0);
    let saved = workspace.read("plans/production.plan.json");
    assert_eq!(ChangeSet::from_json(&saved).unwrap().header.spec, "production.yaml", "no folder of the machine's");
    workspace.run(["check", "--spec", "clusters/production.yaml"]).expect(0);
}

/// Whoever writes a change set does not choose what is read.
#[test]
fn a_change_set_leads_out_of_no_folder() {
    let workspace = committed();
    for path in [workspace.path().join(SPEC).display().to_string(), "examples/../examples/quickstart.yaml".to_owned()] {
        let mut change_set = ChangeSet::from_json(&workspace.read(SAVED)).unwrap();
        change_set.header.spec = path;
        workspace.write(SAVED, &change_set.to_json());
        let ran = workspace.run(["check"]).expect(1);
        assert!(ran.stderr.contains("it is not clear which spec the change set has to be of"), "{ran}");
    }
}

#[test]
fn another_version_is_told() {
    let workspace = committed();
    let mut change_set = ChangeSet::from_json(&workspace.read(SAVED)).unwrap();
    change_set.header.tool_version = "0.0.9".to_owned();
    workspace.write(SAVED, &change_set.to_json());
    assert_snapshot!("another-version", check(&workspace).expect(3));
    let earlier = repository().join("tests/frozen/change-sets/v1/quickstart.plan.json");
    workspace.write(SAVED, &std::fs::read_to_string(earlier).unwrap());
    assert_snapshot!("earlier-form", check(&workspace).expect(3));
}

/// Here the runs know; where they are not, the world does.
#[test]
fn what_is_applied_is_told_offline_and_online() {
    let rehearsal = planned();
    rehearsal.run("apply").expect(0);
    rehearsal.sandbox().clear_calls();
    assert!(rehearsal.run(CHECK).expect(3).stderr.contains(" has applied it\n"));
    assert_eq!(rehearsal.sandbox().calls().len(), 0, "offline is without a call");
    std::fs::remove_dir_all(rehearsal.workspace().path().join(".cni-plan")).unwrap();
    rehearsal.run(CHECK).expect(0);
    assert_snapshot!("applied", rehearsal.run(&format!("{CHECK} --online")).expect(3));
}

#[test]
fn what_was_undone_may_be_applied_again() {
    let rehearsal = planned();
    rehearsal.run("apply").expect(0);
    rehearsal.run(&rehearsal.rollback()).expect(0);
    rehearsal.run(&format!("{CHECK} --online")).expect(0);
}

#[test]
fn what_is_current_passes_online_and_nothing_is_changed() {
    let rehearsal = planned();
    let before = rehearsal.state();
    assert_snapshot!("current", rehearsal.run(&format!("{CHECK} --online")).expect(0));
    assert_eq!(rehearsal.state(), before);
    assert!(!rehearsal.workspace().path().join(".cni-plan").exists(), "a check begins no run");
}

#[test]
fn what_has_drifted_is_told_with_the_difference() {
    let rehearsal = planned();
    let role = "arn:aws:iam::111122223333:role/theirs";
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", "eks.amazonaws.com/role-arn", role);
    rehearsal.run(CHECK).expect(0);
    assert_snapshot!("drifted", rehearsal.run(&format!("{CHECK} --online")).expect(3));
}

/// A change set that does nothing is as good as its world.
#[test]
fn nothing_to_do_is_current() {
    let rehearsal = planned();
    rehearsal.run("apply").expect(0);
    rehearsal.run(&format!("plan {SPEC}")).expect(0);
    rehearsal.run(&format!("{CHECK} --online")).expect(0);
}

/// To plan anew, or to break the lock, would leave what the run has begun to nobody.
#[test]
fn whoever_comes_by_a_run_that_is_not_finished_is_told_of_it() {
    let rehearsal = planned();
    let operation = "kubernetes:delete pods".to_owned();
    let first = Call { operation, nth: 0, changes_something: true, is_before_any_change: false };
    assert_eq!(rehearsal.run_until(&Instant::AfterEffect(first), "apply").map(|ran| ran.code), None, "it is killed");
    rehearsal.sandbox().clear_faults();
    let run = rehearsal.runs().pop().unwrap();
    let way_on = format!("`cni-plan resume {run}` finishes it, `cni-plan rollback {run}` puts everything back");
    for (arguments, code) in [(CHECK, 3), ("apply", 4), ("plan --no-save examples/quickstart.yaml", 0)] {
        let ran = rehearsal.run(arguments).expect(code);
        assert!(ran.stderr.contains(&way_on), "{ran}");
        assert!(!ran.stderr.contains("lock break"), "{ran}");
    }
    rehearsal.run("resume").expect(0);
    let ran = rehearsal.run("plan --no-save examples/quickstart.yaml").expect(0);
    assert!(!ran.stderr.contains("resume"), "{ran}");
}
