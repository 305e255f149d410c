//! Add-ons: read, updated, created, deleted, refused.

use std::time::Duration;

use cni_plan_sandbox::{AddonSeed, ClusterSeed, Options};
use cni_plan_tests::served::Served;
use serde_json::{Value, json};

use super::{Eks, OTHER_ROLE, ROLE, eks_of, own_sandbox, sorted};

const VPC_CNI: &str = "--addon-name vpc-cni";
const ACCOUNT: &str = "serviceaccount -n kube-system aws-node";

#[test]
#[ignore = "peer: aws, kubectl"]
fn are_read() {
    let served = Served::scenario("pod-identity");
    let eks = Eks::of(&served);
    assert_eq!(eks.call("list-addons"), json!({ "addons": ["eks-pod-identity-agent"] }));
    let agent = eks.call("describe-addon --addon-name eks-pod-identity-agent")["addon"].clone();
    assert_eq!((&agent["status"], &agent["health"]), (&json!("ACTIVE"), &json!({ "issues": [] })));
    assert_eq!(agent["addonVersion"], "v1.3.8-eksbuild.2");

    // The client's own paging, over pages of one.
    let names = eks.call("describe-addon-versions --page-size 1 --query 'addons[].addonName'");
    assert_eq!(sorted(&names), json!(["coredns", "eks-pod-identity-agent", "kube-proxy", "vpc-cni"]));
    let default = "addons[].addonVersions[?compatibilities[?defaultVersion]].addonVersion";
    let default = eks.call(&format!("describe-addon-versions {VPC_CNI} --kubernetes-version 1.33 --query '{default}'"));
    assert_eq!(default, json!([["v1.23.1-eksbuild.1"]]));
    assert_eq!(eks.call("describe-addon-versions --kubernetes-version 1.20"), json!({ "addons": [] }));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn a_role_is_set_and_the_update_is_followed_to_its_end() {
    let served = Served::scenario("managed-addon");
    let eks = Eks::of(&served);
    let start = served.state();
    assert_eq!(role_of_pods(&eks), "");

    let begun = eks.call(&format!("update-addon {VPC_CNI} --service-account-role-arn {ROLE}"))["update"].clone();
    assert_eq!((&begun["status"], &begun["type"]), (&json!("InProgress"), &json!("AddonUpdate")));
    assert_eq!(begun["params"], json!([{ "type": "ServiceAccountRoleArn", "value": ROLE }]));
    eks.call(&format!("wait addon-active {VPC_CNI}"));
    let over = ended(&eks, &begun);
    assert_eq!((&over["status"], &over["errors"]), (&json!("Successful"), &json!([])));
    assert_eq!(eks.call(&format!("list-updates {VPC_CNI}")), json!({ "updateIds": [begun["id"]] }));
    assert_eq!(eks.call("list-updates"), json!({ "updateIds": [] }), "the cluster itself was not updated");

    assert_eq!(addon(&eks)["serviceAccountRoleArn"], ROLE);
    assert_eq!(role_of_pods(&eks), ROLE);
    let after = served.state();
    assert_eq!(eks_of(&after)["addons"]["vpc-cni"]["serviceAccountRoleArn"], ROLE);
    assert_eq!(after["accounts"], start["accounts"]);
    assert_eq!(
        after["clusters"]["us-west-2/my-cluster"]["kubernetes"]["pods"],
        start["clusters"]["us-west-2/my-cluster"]["kubernetes"]["pods"],
        "an update of the role restarts nothing"
    );
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn what_is_not_sent_stays_and_what_is_sent_empty_goes() {
    let served = Served::scenario("managed-addon");
    let eks = Eks::of(&served);
    let update = |options: &str| {
        let begun = eks.call(&format!("update-addon {VPC_CNI} {options}"))["update"].clone();
        assert_eq!(ended(&eks, &begun)["status"], "Successful", "{options}");
        addon(&eks)
    };
    let values = r#"{"env":{"ENABLE_PREFIX_DELEGATION":"true"}}"#;
    let set = update(&format!(
        "--addon-version v1.22.1-eksbuild.1 --service-account-role-arn {ROLE} --configuration-values '{values}' \
         --pod-identity-associations serviceAccount=aws-node,roleArn={ROLE}"
    ));
    assert_eq!(set["addonVersion"], "v1.22.1-eksbuild.1");
    assert_eq!((&set["serviceAccountRoleArn"], &set["configurationValues"]), (&json!(ROLE), &json!(values)));
    let owned = eks.call("list-pod-identity-associations --service-account aws-node")["associations"][0].clone();
    assert_eq!(set["podIdentityAssociations"], json!([owned["associationArn"]]));
    assert_eq!(owned["ownerArn"], set["addonArn"]);

    let kept = update(&format!("--service-account-role-arn {OTHER_ROLE}"));
    assert_eq!(kept["serviceAccountRoleArn"], OTHER_ROLE);
    for field in ["addonVersion", "configurationValues", "podIdentityAssociations"] {
        assert_eq!(kept[field], set[field], "{field}");
    }
    let emptied = update("--pod-identity-associations '[]' --configuration-values ''");
    assert_eq!((&emptied["podIdentityAssociations"], &emptied["configurationValues"]), (&Value::Null, &Value::Null));
    assert_eq!(emptied["serviceAccountRoleArn"], OTHER_ROLE);
    assert_eq!(eks.call("list-pod-identity-associations"), json!({ "associations": [] }));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn what_somebody_else_has_annotated_is_a_conflict_or_preserved_or_overwritten() {
    let served = Served::scenario("managed-addon");
    let eks = Eks::of(&served);
    let update = |mode: &str| {
        let options = format!("--service-account-role-arn {ROLE} --resolve-conflicts {mode}");
        let begun = eks.call(&format!("update-addon {VPC_CNI} {options}"))["update"].clone();
        ended(&eks, &begun)
    };
    eks.shell.must(&format!("kubectl annotate {ACCOUNT} eks.amazonaws.com/role-arn={OTHER_ROLE}"));

    let failed = update("NONE");
    assert_eq!(
        (&failed["status"], &failed["errors"][0]["errorCode"]),
        (&json!("Failed"), &json!("ConfigurationConflict"))
    );
    let found = addon(&eks);
    assert_eq!((&found["status"], &found["serviceAccountRoleArn"]), (&json!("UPDATE_FAILED"), &Value::Null));
    assert_eq!(found["health"]["issues"][0]["code"], "ConfigurationConflict");
    assert_eq!(role_of_pods(&eks), OTHER_ROLE);

    assert_eq!(update("PRESERVE")["status"], "Successful");
    assert_eq!(role_of_pods(&eks), OTHER_ROLE);
    assert_eq!(update("OVERWRITE")["status"], "Successful");
    assert_eq!((role_of_pods(&eks), &addon(&eks)["status"]), (ROLE.to_owned(), &json!("ACTIVE")));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn one_is_created_over_what_runs_and_deleted_with_or_without_it() {
    let served = Served::scenario("ipv4");
    let eks = Eks::of(&served);
    let create = format!("create-addon {VPC_CNI} --service-account-role-arn {ROLE} --resolve-conflicts OVERWRITE");
    let delete = format!("delete-addon {VPC_CNI}");

    let created = eks.call(&format!("{create} --tags team=platform"))["addon"].clone();
    assert_eq!((&created["status"], &created["tags"]), (&json!("CREATING"), &json!({ "team": "platform" })));
    assert_eq!(created["addonVersion"], "v1.23.1-eksbuild.1", "the default");
    eks.call(&format!("wait addon-active {VPC_CNI}"));
    assert_eq!((&addon(&eks)["status"], role_of_pods(&eks)), (&json!("ACTIVE"), ROLE.to_owned()));
    assert_eq!(eks.call("list-addons"), json!({ "addons": ["vpc-cni"] }));

    assert_eq!(eks.call(&format!("{delete} --preserve"))["addon"]["status"], "DELETING");
    eks.call(&format!("wait addon-deleted {VPC_CNI}"));
    assert_eq!(eks.call("list-addons"), json!({ "addons": [] }));
    assert_eq!(role_of_pods(&eks), ROLE, "the plugin stays");

    eks.call(&create);
    eks.call(&format!("wait addon-active {VPC_CNI}"));
    eks.call(&delete);
    eks.call(&format!("wait addon-deleted {VPC_CNI}"));
    let gone = eks.shell.run(&format!("kubectl get {ACCOUNT}"));
    assert!(gone.code == Some(1) && gone.stderr.contains("(NotFound)"), "{gone:#?}");
    assert_eq!(eks_of(&served.state())["addons"], json!({}));
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn what_will_not_do_is_refused_and_changes_nothing() {
    let served = Served::scenario("managed-addon");
    let eks = Eks::of(&served);
    let start = served.state();
    let update = format!("update-addon {VPC_CNI}");
    eks.are_refused(&[
        ("list-addons --cluster-name nowhere", "ResourceNotFoundException"),
        ("describe-addon --addon-name coredns", "ResourceNotFoundException"),
        ("update-addon --addon-name coredns", "ResourceNotFoundException"),
        ("delete-addon --addon-name coredns", "ResourceNotFoundException"),
        ("list-updates --addon-name coredns", "ResourceNotFoundException"),
        (&format!("describe-update {VPC_CNI} --update-id nothing"), "ResourceNotFoundException"),
        (&format!("create-addon {VPC_CNI}"), "ResourceInUseException"),
        ("create-addon --addon-name no-such-addon", "InvalidParameterException"),
        ("create-addon --addon-name coredns --addon-version v9.9.9-eksbuild.1", "InvalidParameterException"),
        (&format!("{update} --addon-version v9.9.9-eksbuild.1"), "InvalidParameterException"),
        (&format!("{update} --service-account-role-arn plugin"), "InvalidParameterException"),
        (
            &format!("{update} --service-account-role-arn arn:aws:iam::444455556666:role/plugin"),
            "InvalidParameterException",
        ),
        (&format!("{update} --configuration-values '['"), "InvalidParameterException"),
        (&format!("{update} --resolve-conflicts MAYBE"), "InvalidParameterException"),
        ("list-addons --max-results 101", "InvalidParameterException"),
    ]);
    assert_eq!(served.state(), start);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "peer: aws, kubectl"]
async fn while_one_changes_it_cannot_be_changed() {
    let options = Options { addon_update_takes: Duration::from_secs(3600), ..Options::default() };
    let seed = ClusterSeed { addon: Some(AddonSeed::default()), ..ClusterSeed::new("my-cluster") };
    let (_sandbox, _folder, eks) = own_sandbox(options, seed).await;
    let update = format!("update-addon {VPC_CNI} --service-account-role-arn {ROLE} --client-request-token once");
    let begun = eks.call(&update);
    assert_eq!(eks.call(&update), begun, "the same request is the same update");
    assert_eq!(addon(&eks)["status"], "UPDATING");
    eks.are_refused(&[
        (&format!("update-addon {VPC_CNI} --service-account-role-arn {OTHER_ROLE}"), "ResourceInUseException"),
        (&format!("delete-addon {VPC_CNI}"), "ResourceInUseException"),
    ]);
}

/// `addon` of DescribeAddon.
#[track_caller]
fn addon(eks: &Eks) -> Value {
    eks.call(&format!("describe-addon {VPC_CNI}"))["addon"].clone()
}

/// An update once it is no longer in progress.
#[track_caller]
fn ended(eks: &Eks, begun: &Value) -> Value {
    let describe = format!("describe-update {VPC_CNI} --update-id {}", begun["id"].as_str().unwrap());
    let mut asked = std::iter::repeat_with(|| eks.call(&describe)["update"].clone()).take(100);
    asked.find(|update| update["status"] != "InProgress").expect("a hundred answers later it is over")
}

/// The role that the service account names, as `kubectl` shows it.
#[track_caller]
fn role_of_pods(eks: &Eks) -> String {
    let key = r"{.metadata.annotations.eks\.amazonaws\.com/role-arn}";
    eks.shell.must(&format!("kubectl get {ACCOUNT} -o jsonpath='{key}'"))
}
