//! What goes wrong at run time is told in three lines (what, why, what to do), and nothing is changed.
//!
//! Specs that are wrong in themselves have their table in `crates/cni-plan-spec/tests/bad`.

use std::time::Duration;

use cni_plan_sandbox::{ClusterSeed, IpFamily};
use cni_plan_tests::command::{Ran, Workspace};
use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use insta::assert_snapshot;

const SPEC: &str = MY_CLUSTER;
const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";

#[test]
fn a_cluster_that_does_not_exist() {
    let spec = SPEC.replace("my-cluster", "my-clutser");
    assert_snapshot!(refused(&Rehearsal::ipv4(), &spec, 1));
}

#[test]
fn no_credentials() {
    let workspace = Workspace::new();
    workspace.write("spec.yaml", SPEC);
    assert_snapshot!(workspace.run(["plan", "spec.yaml"]).expect(1));

    // Without the word that there is no metadata service, one is looked for, but not for long.
    let began = std::time::Instant::now();
    let mut command = workspace.command(["plan", "spec.yaml"]);
    command.env_remove("AWS_EC2_METADATA_DISABLED");
    let ran = workspace.finish(command).expect(1);
    assert!(began.elapsed() < Duration::from_secs(20), "took {:?}", began.elapsed());
    assert!(ran.stderr.starts_with("error: cannot tell whose the credentials"), "{ran}");
    assert!(ran.stderr.contains("\n  hint: run `aws sso login`"), "{ran}");
}

#[test]
fn expired_credentials() {
    assert_snapshot!(refused(&Rehearsal::ipv4().with_env("AWS_ACCESS_KEY_ID", "SANDBOXEXPIRED"), SPEC, 1));
}

#[test]
fn invalid_credentials() {
    assert_snapshot!(refused(&Rehearsal::ipv4().with_env("AWS_ACCESS_KEY_ID", "SANDBOXINVALID"), SPEC, 1));
}

#[test]
fn an_endpoint_that_nobody_serves() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_snapshot!(refused(&Rehearsal::ipv4().with_env("AWS_ENDPOINT_URL", &format!("http://{nobody}")), SPEC, 1));
}

#[test]
fn a_forbidden_call() {
    for (name, fault) in [
        ("get-role", "iam:GetRole=AccessDenied"),
        ("describe-cluster", "eks:DescribeCluster=AccessDenied"),
        ("list-pods", "kubernetes:list pods=AccessDenied"),
    ] {
        let rehearsal = Rehearsal::ipv4();
        rehearsal.fail(fault);
        assert_snapshot!(format!("forbidden-{name}"), refused(&rehearsal, SPEC, 1));
    }
}

#[test]
fn another_account() {
    assert_snapshot!(refused(&Rehearsal::ipv4(), &format!("{SPEC}    account: \"444455556666\"\n"), 1));
}

#[test]
fn another_family() {
    assert_snapshot!(refused(&Rehearsal::ipv4(), &format!("{SPEC}    ipFamily: ipv6\n"), 1));
}

#[test]
fn a_spec_that_is_none() {
    let workspace = Workspace::new();
    assert_snapshot!("spec-missing", workspace.run(["plan", "spec.yaml"]).expect(1));
    std::fs::create_dir(workspace.path().join("specs")).unwrap();
    assert_snapshot!("spec-a-folder", workspace.run(["plan", "specs"]).expect(1));
    std::fs::write(workspace.path().join("latin1.yaml"), b"version: 1 # caf\xe9\n").unwrap();
    assert_snapshot!("spec-not-utf8", workspace.run(["plan", "latin1.yaml"]).expect(1));
    workspace.write("two-problems.yaml", "version: 1\nclusters:\n  - nme: my-cluster\n    region: 7\n");
    assert_snapshot!("spec-of-problems", workspace.run(["plan", "two-problems.yaml"]).expect(1));
}

#[test]
fn a_kubeconfig_that_is_missing_or_has_no_such_context() {
    let spec = format!("{SPEC}    kubernetes: {{ kubeconfig: ./kubeconfig, context: staging }}\n");
    assert_snapshot!("kubeconfig-missing", refused(&Rehearsal::ipv4(), &spec, 1));
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("kubeconfig", &rehearsal.sandbox().kubeconfig());
    assert_snapshot!("context-missing", refused(&rehearsal, &spec, 1));
    rehearsal.workspace().write("kubeconfig", "clusters: [");
    assert_snapshot!("kubeconfig-malformed", refused(&rehearsal, &spec, 1));
}

#[test]
fn no_oidc_provider() {
    let seed = ClusterSeed { oidc_provider: false, ..ClusterSeed::new("my-cluster") };
    assert_snapshot!(refused(&Rehearsal::with_clusters(&[seed]), SPEC, 5));
}

#[test]
fn a_policy_that_does_not_exist() {
    let seed = ClusterSeed { ip_family: IpFamily::Ipv6, ..ClusterSeed::new("my-cluster") };
    let spec = format!("{SPEC}    policy: {{ arn: \"arn:aws:iam::111122223333:policy/Gone\" }}\n");
    assert_snapshot!(refused(&Rehearsal::with_clusters(&[seed]), &spec, 5));
}

#[test]
fn no_such_service_account() {
    let spec = format!("{SPEC}    serviceAccount: {{ namespace: kube-system, name: aws-nodes }}\n");
    assert_snapshot!(refused(&Rehearsal::ipv4(), &spec, 5));
}

#[test]
fn an_annotation_that_its_owner_would_set_back() {
    for owner in ["eks", "argocd-controller"] {
        let rehearsal = Rehearsal::ipv4();
        rehearsal.wire().annotate("my-cluster", owner, ROLE_ARN, "arn:aws:iam::111122223333:role/theirs");
        assert_snapshot!(format!("annotation-of-{owner}"), refused(&rehearsal, SPEC, 5));
    }
}

#[test]
fn an_annotation_of_kubectl_is_shown_and_taken_over() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.wire().annotate("my-cluster", "kubectl-annotate", ROLE_ARN, "arn:aws:iam::111122223333:role/theirs");
    rehearsal.workspace().write("spec.yaml", SPEC);
    assert_snapshot!("taken-over-plan", rehearsal.run("plan spec.yaml").expect(0));
    rehearsal.run("apply").expect(0);
    rehearsal.run("plan spec.yaml --detailed-exitcode --no-save").expect(0);
}

/// Root may write anywhere, so the place is one that nobody can write to: below a file.
#[test]
fn a_folder_that_cannot_be_written() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", SPEC);
    rehearsal.workspace().write("file", "");
    assert_snapshot!(rehearsal.run("plan spec.yaml --out file/x.plan.json").expect(1));
}

#[test]
fn a_change_set_that_is_none() {
    let workspace = Workspace::new();
    workspace.write("empty.plan.json", "");
    assert_snapshot!("change-set-empty", workspace.run(["apply", "empty.plan.json"]).expect(1));
    workspace.write("newer.plan.json", "{\n  \"digest\": \"sha256:0\",\n  \"formatVersion\": 99,\n  \"laws\": []\n}\n");
    assert_snapshot!("change-set-newer", workspace.run(["apply", "newer.plan.json"]).expect(1));
    assert_snapshot!("change-set-missing", workspace.run(["apply", "plans/gone.plan.json"]).expect(1));
    workspace.write("spec.json", "{\"version\": 1, \"clusters\": []}");
    assert_snapshot!("change-set-of-another-form", workspace.run(["apply", "spec.json"]).expect(1));
}

/// The page lies beside the change set, and a shell completes both alike.
#[test]
fn the_page_of_a_change_set_is_not_what_is_applied() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.run("plan examples/ipv4.yaml").expect(0);
    let before = rehearsal.state();
    let applied = rehearsal.run("apply plans/ipv4.plan.md").expect(1);
    assert_snapshot!("page-of-a-change-set", applied);
    for command in ["show", "check", "plan", "validate", "lock show", "graph"] {
        let ran = rehearsal.run(&format!("{command} plans/ipv4.plan.md")).expect(1);
        assert_eq!(ran.stderr, applied.stderr, "{command}");
    }
    assert_eq!(rehearsal.state(), before);
}

/// `plan` and `apply` of the same spec: both end with the code, neither changes anything.
fn refused(rehearsal: &Rehearsal, spec: &str, code: i32) -> Ran {
    let before = rehearsal.state();
    rehearsal.workspace().write("spec.yaml", spec);
    let planned = rehearsal.run("plan spec.yaml").expect(code);
    let applied = rehearsal.run("apply --auto-approve spec.yaml").expect(code);
    assert_eq!(planned.stdout, applied.stdout);
    assert!(!rehearsal.workspace().path().join("plans").exists(), "a change set was saved: {planned}");
    assert_eq!(rehearsal.state(), before, "the world was changed: {applied}");
    planned
}
