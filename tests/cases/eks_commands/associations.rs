//! Pod Identity associations: listed, described, made, changed, deleted, refused.

use cni_plan_tests::served::Served;
use serde_json::{Value, json};

use super::{Eks, OTHER_ROLE, ROLE, eks_of};

#[test]
#[ignore = "peer: aws, kubectl"]
fn are_made_changed_and_deleted() {
    let served = Served::scenario("pod-identity");
    let eks = Eks::of(&served);
    let start = served.state();
    let plugins = eks.call("list-pod-identity-associations")["associations"].clone();
    assert_eq!((plugins.as_array().unwrap().len(), &plugins[0]["serviceAccount"]), (1, &json!("aws-node")));

    let options = format!("--namespace shop --service-account web --role-arn {ROLE} --tags team=platform");
    let create = format!("create-pod-identity-association {options} --client-request-token once");
    let made = eks.call(&create);
    let association = &made["association"];
    assert_eq!((&association["namespace"], &association["serviceAccount"]), (&json!("shop"), &json!("web")));
    assert_eq!((&association["roleArn"], &association["tags"]), (&json!(ROLE), &json!({ "team": "platform" })));
    assert_eq!(eks.call(&create), made, "the same request is the same association");
    let id = association["associationId"].as_str().unwrap();
    assert_eq!(eks.call(&format!("describe-pod-identity-association --association-id {id}")), made);

    // The client's own paging, over pages of one.
    let all = eks.call("list-pod-identity-associations --page-size 1")["associations"].clone();
    assert_eq!(all.as_array().unwrap().len(), 2);
    for filter in ["--namespace shop", "--service-account web", "--namespace shop --service-account web"] {
        let found = eks.call(&format!("list-pod-identity-associations {filter}"))["associations"].clone();
        assert_eq!((found.as_array().unwrap().len(), &found[0]["associationId"]), (1, &json!(id)), "{filter}");
    }
    let none = eks.call("list-pod-identity-associations --namespace shop --service-account aws-node");
    assert_eq!(none, json!({ "associations": [] }));

    let update = format!("update-pod-identity-association --association-id {id} --role-arn {OTHER_ROLE}");
    assert_eq!(eks.call(&update)["association"]["roleArn"], OTHER_ROLE);
    assert_eq!(role_in(&served.state(), "shop"), OTHER_ROLE);

    let deleted = eks.call(&format!("delete-pod-identity-association --association-id {id}"));
    assert_eq!(deleted["association"]["associationId"], id);
    assert_eq!(served.state(), start);
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn what_will_not_do_is_refused_and_changes_nothing() {
    let served = Served::scenario("pod-identity");
    let eks = Eks::of(&served);
    let start = served.state();
    let of_plugin = "--namespace kube-system --service-account aws-node";
    let of_web = "--namespace shop --service-account web";
    eks.are_refused(&[
        ("list-pod-identity-associations --cluster-name nowhere", "ResourceNotFoundException"),
        ("describe-pod-identity-association --association-id a-nothing", "ResourceNotFoundException"),
        ("delete-pod-identity-association --association-id a-nothing", "ResourceNotFoundException"),
        (
            &format!("update-pod-identity-association --association-id a-nothing --role-arn {ROLE}"),
            "ResourceNotFoundException",
        ),
        (&format!("create-pod-identity-association {of_plugin} --role-arn {ROLE}"), "ResourceInUseException"),
        (&format!("create-pod-identity-association {of_web} --role-arn web"), "InvalidParameterException"),
        (
            &format!("create-pod-identity-association {of_web} --role-arn arn:aws:iam::444455556666:role/web"),
            "InvalidParameterException",
        ),
    ]);
    assert_eq!(served.state(), start);
}

#[test]
#[ignore = "peer: aws, kubectl"]
fn an_add_ons_own_is_changed_through_the_add_on_only() {
    let served = Served::scenario("managed-addon");
    let eks = Eks::of(&served);
    eks.call(&format!(
        "update-addon --addon-name vpc-cni --pod-identity-associations serviceAccount=aws-node,roleArn={ROLE}"
    ));
    eks.call("wait addon-active --addon-name vpc-cni");
    let listed = eks.call("list-pod-identity-associations")["associations"].clone();
    let id = listed[0]["associationId"].as_str().unwrap();
    eks.are_refused(&[
        (
            &format!("update-pod-identity-association --association-id {id} --role-arn {OTHER_ROLE}"),
            "InvalidRequestException",
        ),
        (&format!("delete-pod-identity-association --association-id {id}"), "InvalidRequestException"),
    ]);
    assert_eq!(role_in(&served.state(), "kube-system"), ROLE);
}

/// The role of the one association of a namespace.
fn role_in(state: &Value, namespace: &str) -> Value {
    let associations = eks_of(state)["podIdentityAssociations"].as_array().unwrap();
    associations.iter().find(|one| one["namespace"] == namespace).unwrap()["roleArn"].clone()
}
