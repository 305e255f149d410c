//! Access entries: listed, described, made, changed, deleted, refused.

use cni_plan_sandbox::{AuthenticationMode, ClusterSeed, Options};
use cni_plan_tests::served::Served;
use serde_json::json;

use super::{Eks, eks_of, own_sandbox, sorted};

const NODE_ROLE: &str = "arn:aws:iam::111122223333:role/AmazonEKSNodeRole";
const OPS: &str = "arn:aws:iam::111122223333:role/team/ops";
const KARPENTER: &str = "arn:aws:iam::111122223333:role/karpenter";

#[test]
#[ignore = "peer: aws, kubectl"]
fn are_made_changed_and_deleted() {
    let served = Served::scenario("ipv4");
    let eks = Eks::of(&served);
    let start = served.state();
    assert_eq!(eks.call("list-access-entries"), json!({ "accessEntries": [NODE_ROLE] }));
    let nodes = eks.call(&format!("describe-access-entry --principal-arn {NODE_ROLE}"))["accessEntry"].clone();
    assert_eq!(
        (&nodes["type"], &nodes["username"]),
        (&json!("EC2_LINUX"), &json!("system:node:{{EC2PrivateDNSName}}"))
    );
    assert_eq!(nodes["kubernetesGroups"], json!(["system:nodes"]));

    let made = eks.call(&format!(
        "create-access-entry --principal-arn {OPS} --kubernetes-groups viewers editors --username ops --tags team=platform"
    ));
    let entry = &made["accessEntry"];
    assert_eq!((&entry["type"], &entry["username"]), (&json!("STANDARD"), &json!("ops")));
    assert_eq!(entry["kubernetesGroups"], json!(["viewers", "editors"]));
    assert_eq!(entry["tags"], json!({ "team": "platform" }));
    assert_eq!(eks.call(&format!("describe-access-entry --principal-arn {OPS}")), made);
    eks.call(&format!("create-access-entry --principal-arn {KARPENTER} --type EC2_LINUX"));

    // The client's own paging, over pages of one.
    let all = eks.call("list-access-entries --page-size 1")["accessEntries"].clone();
    assert_eq!(sorted(&all), json!([NODE_ROLE, KARPENTER, OPS]));
    let policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy";
    let with_policy = eks.call(&format!("list-access-entries --associated-policy-arn {policy}"));
    assert_eq!(with_policy, json!({ "accessEntries": [] }), "no policies are associated here");

    let changed = eks.call(&format!("update-access-entry --principal-arn {OPS} --kubernetes-groups viewers"));
    assert_eq!(changed["accessEntry"]["kubernetesGroups"], json!(["viewers"]));
    assert_eq!(changed["accessEntry"]["username"], "ops", "it was not sent");
    let kept = &eks_of(&served.state())["accessEntries"][OPS].clone();
    assert_eq!((&kept["kubernetesGroups"], &kept["tags"]), (&json!(["viewers"]), &json!({ "team": "platform" })));

    for principal in [OPS, KARPENTER] {
        eks.call(&format!("delete-access-entry --principal-arn {principal}"));
    }
    assert_eq!(served.state(), start);
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn what_will_not_do_is_refused_and_changes_nothing() {
    let served = Served::scenario("ipv4");
    let eks = Eks::of(&served);
    eks.call(&format!("create-access-entry --principal-arn {OPS}"));
    let start = served.state();
    let nobody = "--principal-arn arn:aws:iam::111122223333:role/nobody";
    eks.are_refused(&[
        ("list-access-entries --cluster-name nowhere", "ResourceNotFoundException"),
        (&format!("describe-access-entry {nobody}"), "ResourceNotFoundException"),
        (&format!("update-access-entry {nobody} --username nobody"), "ResourceNotFoundException"),
        (&format!("delete-access-entry {nobody}"), "ResourceNotFoundException"),
        (&format!("create-access-entry --principal-arn {OPS}"), "ResourceInUseException"),
        (&format!("create-access-entry --principal-arn {NODE_ROLE}"), "ResourceInUseException"),
        ("create-access-entry --principal-arn nobody", "InvalidParameterException"),
        (&format!("create-access-entry {nobody} --type NOTHING"), "InvalidParameterException"),
        (&format!("create-access-entry {nobody} --type EC2_LINUX --kubernetes-groups a"), "InvalidParameterException"),
        (&format!("update-access-entry --principal-arn {NODE_ROLE} --username me"), "InvalidParameterException"),
    ]);
    assert_eq!(served.state(), start);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: aws, kubectl"]
async fn a_cluster_of_the_config_map_alone_has_none() {
    let authentication_mode = AuthenticationMode::ConfigMap;
    let seed = ClusterSeed { authentication_mode, ..ClusterSeed::new("my-cluster") };
    let (_sandbox, _folder, eks) = own_sandbox(Options::default(), seed).await;
    eks.are_refused(&[
        ("list-access-entries", "InvalidRequestException"),
        (&format!("describe-access-entry --principal-arn {NODE_ROLE}"), "InvalidRequestException"),
        (&format!("create-access-entry --principal-arn {OPS}"), "InvalidRequestException"),
        (&format!("update-access-entry --principal-arn {OPS}"), "InvalidRequestException"),
        (&format!("delete-access-entry --principal-arn {OPS}"), "InvalidRequestException"),
    ]);
}
