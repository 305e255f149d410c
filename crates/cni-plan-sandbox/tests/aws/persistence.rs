//! The world on disk: what was acknowledged is there when the next process looks.

use cni_plan_sandbox::{ClusterSeed, Options, Sandbox, SandboxError, reset};

use crate::client::Client;

const TRUST: &str =
    r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}"#;

fn options(folder: &std::path::Path) -> Options {
    Options { store: Some(folder.to_owned()), ..Options::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_outlives_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = Sandbox::start(options(folder.path())).await.unwrap();
    first.ensure_cluster(&ClusterSeed::new("c")).unwrap();
    Client::of(&first).iam("CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)]).expect_ok();
    let before = first.comparable_state();
    drop(first);
    let second = Sandbox::start(options(folder.path())).await.unwrap();
    assert_eq!(second.comparable_state(), before);
    assert!(!before["accounts"]["111122223333"]["roles"]["r"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_cluster_s_file_is_as_older_versions_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(options(folder.path())).await.unwrap();
    sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap();
    let file = std::fs::read_to_string(folder.path().join("clusters/us-west-2/c.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    let eks: Vec<&String> = file["content"]["eks"].as_object().unwrap().keys().collect();
    let known = ["account", "addons", "createdAt", "ipFamily", "issuer", "name", "nodegroups", "partition", "region"];
    assert_eq!(eks, [&known[..], &["version"]].concat());
    let kubernetes: Vec<&String> = file["content"]["kubernetes"].as_object().unwrap().keys().collect();
    assert_eq!(kubernetes, ["objects", "revision", "serial", "timers"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_is_already_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(options(folder.path())).await.unwrap();
    sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap();
    let client = Client::of(&sandbox);
    let account = || std::fs::read_to_string(folder.path().join("accounts/111122223333.json")).unwrap();
    let cluster = || std::fs::read_to_string(folder.path().join("clusters/us-west-2/c.json")).unwrap();
    for number in 0..10 {
        let name = format!("role-{number}");
        client.iam("CreateRole", &[("RoleName", &name), ("AssumeRolePolicyDocument", TRUST)]).expect_ok();
        assert!(account().contains(&name));
        let patch = format!(r#"{{"metadata":{{"annotations":{{"n":"value-{number}"}}}}}}"#);
        let path = "/k8s/us-west-2/c/api/v1/namespaces/kube-system/serviceaccounts/aws-node";
        client.send("PATCH", path, "", "application/merge-patch+json", &patch).unwrap().expect_ok();
        assert!(cluster().contains(&format!("value-{number}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_built_once_and_for_one_account() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    let seed = ClusterSeed::new("c");
    sandbox.ensure_cluster(&seed).unwrap();
    let detach = [("RoleName", "AmazonEKSNodeRole"), ("PolicyArn", "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy")];
    Client::of(&sandbox).iam("DetachRolePolicy", &detach).expect_ok();
    let changed = sandbox.comparable_state();
    sandbox.ensure_cluster(&seed).unwrap();
    assert_eq!(sandbox.comparable_state(), changed);
    let other = ClusterSeed { account: "444455556666".to_owned(), ..seed };
    let error = sandbox.ensure_cluster(&other).unwrap_err();
    assert!(matches!(error, SandboxError::OtherAccount { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_replaces_the_world_unless_the_scenario_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    reset(folder.path(), Some("two-clusters")).unwrap();
    let error = reset(folder.path(), Some("three-clusters")).unwrap_err();
    assert!(error.to_string().contains("choose one of ipv4, ipv6"), "{error}");
    let names = || async {
        let sandbox = Sandbox::start(options(folder.path())).await.unwrap();
        let state = sandbox.state();
        state["clusters"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["us-west-2/blue", "us-west-2/green"]);
    reset(folder.path(), Some("ipv4")).unwrap();
    assert_eq!(names().await, ["us-west-2/my-cluster"]);
    reset(folder.path(), None).unwrap();
    assert!(names().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_said_plainly() {
    let first = Sandbox::start(Options::default()).await.unwrap();
    let port = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Sandbox::start(Options { port, ..Options::default() }).await.unwrap_err();
    assert!(matches!(error, SandboxError::Listen { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_world_knows_the_scenario_that_it_is_made_of() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = async || {
        let sandbox = Sandbox::start(options(folder.path())).await.unwrap();
        sandbox.scenario().map(str::to_owned)
    };
    assert_eq!(scenario().await, None);
    reset(folder.path(), Some("half-done")).unwrap();
    assert_eq!(scenario().await.as_deref(), Some("half-done"));
    reset(folder.path(), None).unwrap();
    assert_eq!(scenario().await, None);
    let named = Options { scenario: Some("ipv4".to_owned()), ..options(folder.path()) };
    assert_eq!(Sandbox::start(named).await.unwrap().scenario(), Some("ipv4"));
    assert_eq!(scenario().await.as_deref(), Some("ipv4"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_was_put_in_makes_no_scenario_of_the_world() {
    let sandbox = Sandbox::start(Options::default()).await.unwrap();
    assert!(sandbox.has_no_cluster());
    assert!(sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap());
    assert!(!sandbox.ensure_cluster(&ClusterSeed::new("c")).unwrap());
    assert!(sandbox.has_cluster("us-west-2", "c") && !sandbox.has_cluster("eu-west-1", "c"));
    assert_eq!(sandbox.scenario(), None);
}
