//! `cni-plan export`: run by the real `aws` and `kubectl`, what is printed ends in the state that `apply` ends in.

mod cluster_config;
mod terraform_file;

use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::served::Served;
use insta::assert_snapshot;

const TWO: &str = "version: 1\ndefaults: { region: us-west-2 }\nclusters:\n  - name: blue\n  - name: green\n";

#[test]
fn a_plan_is_a_script_and_nothing_is_changed() {
    let rehearsal = Rehearsal::of_scenario("ipv4");
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    let before = rehearsal.state();
    assert_snapshot!("commands", rehearsal.run("export --to commands spec.yaml").expect(0));
    assert_eq!(rehearsal.state(), before);
}

/// Before the plan, eksctl and Terraform make what is missing; after it they take over what is there.
#[test]
fn eksctl_and_terraform_take_over_what_is_there() {
    for scenario in ["ipv4", "already-done", "managed-addon-with-role", "pod-identity"] {
        let rehearsal = Rehearsal::of_scenario(scenario);
        let identity = if scenario == "pod-identity" { "    identity: pod-identity\n" } else { "" };
        rehearsal.workspace().write("spec.yaml", &format!("{MY_CLUSTER}{identity}"));
        for tool in ["eksctl", "terraform"] {
            let printed = rehearsal.run(&format!("export --to {tool} spec.yaml")).expect(0).stdout;
            assert_snapshot!(format!("{tool}-{scenario}"), printed);
        }
    }
}

#[test]
fn what_is_done_is_an_empty_script_and_what_is_refused_is_none() {
    let rehearsal = Rehearsal::of_scenario("already-done");
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    let script = rehearsal.run("export --to commands spec.yaml").expect(0).stdout;
    assert!(script.ends_with("set -eu\n"), "{script}");
    let rehearsal = Rehearsal::of_scenario("shared-outside");
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    assert_eq!(rehearsal.run("export --to commands spec.yaml").expect(5).stdout, "");
}

/// A file's providers are of one account, one region and one API server.
#[test]
fn a_file_of_terraform_is_for_one_cluster() {
    let rehearsal = Rehearsal::of_scenario("two-clusters");
    rehearsal.workspace().write("spec.yaml", TWO);
    let refused = rehearsal.run("export --to terraform spec.yaml").expect(1);
    assert!(refused.stdout.is_empty() && refused.stderr.contains("--cluster"), "{refused}");
    let file = rehearsal.run("export --to terraform --cluster green spec.yaml").expect(0).stdout;
    assert!(file.contains("allowed_account_ids = [\"111122223333\"]") && !file.contains("blue"), "{file}");
    rehearsal.run("export --to terraform --cluster red spec.yaml").expect(1);
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn with_the_credentials_of_another_account_nothing_is_done() {
    let served = Served::scenario("ipv4");
    served.workspace().write("spec.yaml", MY_CLUSTER);
    let script = served.workspace().run(["export", "--to", "commands", "spec.yaml"]).expect(0).stdout;
    let other = script.replace("= 111122223333 ||", "= 222233334444 ||");
    assert_ne!(other, script);
    served.workspace().write("migrate.sh", &other);
    let start = served.state();
    let answer = served.shell().run("sh migrate.sh");
    assert!(answer.code == Some(1) && answer.stderr.contains("not the account"), "{answer:?}");
    assert_eq!(served.state(), start);
}

/// Without the annotation the pods come up as they were, and the node role is all they have.
#[test]
#[ignore = "peer: aws, kubectl"]
fn no_policy_is_taken_off_while_pods_do_not_carry_the_role() {
    let served = Served::scenario("ipv4");
    served.workspace().write("spec.yaml", MY_CLUSTER);
    let script = served.workspace().run(["export", "--to", "commands", "spec.yaml"]).expect(0).stdout;
    let forgetful: Vec<&str> = script.lines().filter(|line| !line.contains(" annotate serviceaccount ")).collect();
    assert_eq!(forgetful.len() + 1, script.lines().count());
    served.workspace().write("migrate.sh", &forgetful.join("\n"));
    let answer = served.shell().run("sh migrate.sh");
    assert!(answer.code == Some(1) && answer.stderr.contains("carries none"), "{answer:?}");
    let attached = served.shell().must("aws iam list-attached-role-policies --role-name AmazonEKSNodeRole");
    assert!(attached.contains("AmazonEKS_CNI_Policy"), "{attached}");
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn pod_identity_by_hand_is_pod_identity_applied() {
    compare("pod-identity", &format!("{MY_CLUSTER}    identity: pod-identity\n"));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn ipv4_by_hand_is_ipv4_applied() {
    let role = "    role: { tags: { team: platform, stage: production }, description: The plugin's role }\n";
    compare("ipv4", &format!("{MY_CLUSTER}{role}    stsRegionalEndpoints: true\n"));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn ipv6_with_a_policy_of_its_own() {
    compare("ipv6", &format!("{MY_CLUSTER}    policy: {{ name: MyOwn }}\n    role: {{ path: /team/ }}\n"));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn two_clusters() {
    compare("two-clusters", TWO);
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn an_addon_that_gets_another_role() {
    compare("managed-addon-with-role", &format!("{MY_CLUSTER}    role: {{ name: Another }}\n"));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn a_bad_day_is_mended() {
    compare("drifted", MY_CLUSTER);
}

fn compare(scenario: &str, spec: &str) {
    let (typed, applied) = (Served::scenario(scenario), Served::scenario(scenario));
    let start = applied.state();
    for served in [&typed, &applied] {
        served.workspace().write("spec.yaml", spec);
    }
    let script = typed.workspace().run(["export", "--to", "commands", "spec.yaml"]).expect(0).stdout;
    typed.workspace().write("migrate.sh", &script);
    typed.shell().must("sh migrate.sh");
    applied.workspace().run(["apply", "--auto-approve", "spec.yaml"]).expect(0);
    let (typed, applied) = (typed.state(), applied.state());
    assert_ne!(applied, start);
    for part in ["accounts", "clusters"] {
        let (typed, applied) = (format!("{:#}", typed[part]), format!("{:#}", applied[part]));
        let only = |these: &str, those: &str| -> Vec<String> {
            these.lines().filter(|line| !those.contains(line)).map(str::to_owned).collect()
        };
        assert!(
            typed == applied,
            "{scenario}: typed only {:#?}, applied only {:#?}\n{script}",
            only(&typed, &applied),
            only(&applied, &typed)
        );
    }
}
