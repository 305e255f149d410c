//! Trust documents: compared by meaning, and merged with what others wrote.

use cni_plan_core::{PolicyDocument, Resource, Role};
use serde_json::{Value, json};

use super::account::{ACCOUNT, Account};
use super::against_both;
use super::states::{allow, role, role_target, trust_of_ec2, trust_of_plugin};

against_both!(
    another_way_of_writing_it_is_the_same_trust,
    foreign_statements_and_tags_stay_there_and_back,
    a_document_that_is_no_trust_is_refused,
);

const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/CCCC0000";

fn ours(name: &str) -> Role {
    Role { trust: trust_of_plugin(ISSUER), ..role(name) }
}

async fn another_way_of_writing_it_is_the_same_trust(account: &Account) {
    let written = json!({
        "Statement": {
            "Condition": { "stringequals": {
                (format!("{ISSUER}:sub")): ["system:serviceaccount:kube-system:aws-node"],
                (format!("{ISSUER}:aud")): ["sts.amazonaws.com"],
            } },
            "Action": ["sts:AssumeRoleWithWebIdentity"],
            "Principal": { "Federated": [format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}")] },
            "Effect": "Allow",
        },
        "Version": "2012-10-17",
    });
    make(account, "other-words", &written).await;
    let found = account.found(&role_target("other-words")).await;
    let wanted = Resource::Role(ours("other-words"));
    assert_eq!(wanted.merged_into(&found), found, "nothing is to be done");
}

async fn foreign_statements_and_tags_stay_there_and_back(account: &Account) {
    let theirs = json!({ "Version": "2012-10-17", "Statement": [{
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": { "Service": "ec2.amazonaws.com" },
        "Action": "sts:AssumeRole",
        "Condition": { "Bool": { "aws:SecureTransport": "true" } },
    }] });
    make(account, "shared", &theirs).await;
    let tag = aws_sdk_iam::types::Tag::builder().key("owner").value("them").build().unwrap();
    account.raw.tag_role().role_name("shared").tags(tag).send().await.unwrap();

    let target = role_target("shared");
    let mut wanted = ours("shared");
    wanted.tags.insert("team".to_owned(), "platform".to_owned());
    let (before, after) = account.bring(&target, &Resource::Role(wanted.clone())).await;
    let Resource::Role(merged) = &after else { panic!("{after:?}") };
    assert_eq!(merged.trust.statements().len(), 2);
    assert_eq!(merged.trust.statements()[0].as_written(), &theirs["Statement"][0], "as they wrote it");
    assert!(merged.trust.contains(&wanted.trust.statements()[0]));
    assert_eq!((merged.tags["owner"].as_str(), merged.tags["team"].as_str()), ("them", "platform"));

    account.change(&target, Some(&after), before.as_ref()).await.unwrap();
    assert_eq!(Some(account.found(&target).await), before);
}

async fn a_document_that_is_no_trust_is_refused(account: &Account) {
    account.make_role("well-formed").await;
    let target = role_target("well-formed");
    let Resource::Role(before) = account.found(&target).await else { unreachable!("a role was asked for") };
    // A trust has principals, and a statement about a resource has no place in it.
    let no_trust = allow("sts:AssumeRole");
    let after = Role { trust: no_trust, ..before.clone() };
    let error = account.change(&target, Some(&Resource::Role(before)), Some(&Resource::Role(after))).await.unwrap_err();
    assert!(error.why.contains("MalformedPolicyDocument"), "{error:?}");
    let Resource::Role(found) = account.found(&target).await else { unreachable!("a role was asked for") };
    assert_eq!(found.trust, trust_of_ec2());
}

async fn make(account: &Account, name: &str, trust: &Value) {
    PolicyDocument::try_from(trust.clone()).expect("the case writes a trust document");
    let call = account.raw.create_role().role_name(name).assume_role_policy_document(trust.to_string());
    call.send().await.unwrap();
}
