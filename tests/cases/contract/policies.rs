//! Managed policies: new versions, the limit of five, and the way back.

use aws_sdk_iam::error::ProvideErrorMetadata;
use cni_plan_core::{ErrorKind, Observation, Policy, Resource};

use super::account::{ACCOUNT, Account};
use super::against_both;
use super::states::{CNI_POLICY, allow, policy, policy_target};

against_both!(
    a_policy_is_made_and_taken_away,
    a_document_becomes_a_version_and_the_way_back_takes_it_away,
    a_sixth_version_evicts_the_oldest,
    five_versions_are_the_limit,
    a_policy_of_amazons_is_read,
    a_policy_that_is_not_there_is_absent,
    a_policy_of_someone_else_is_not_taken_over,
    a_document_that_is_no_policy_is_refused,
);

fn arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

#[track_caller]
fn as_policy(resource: Resource) -> Policy {
    match resource {
        Resource::Policy(policy) => policy,
        other => panic!("not a policy: {other:?}"),
    }
}

/// The default version and all versions.
#[track_caller]
fn versions(resource: &Resource) -> (String, Vec<String>) {
    let history = as_policy(resource.clone()).history.expect("a policy that was found has versions");
    (history.default_version, history.versions)
}

async fn a_policy_is_made_and_taken_away(account: &Account) {
    let arn = arn("team/cni/made");
    let target = policy_target(&arn);
    let wanted = Policy { description: Some("for pods".to_owned()), ..policy(&arn, "ec2:DescribeTags") };
    account.change(&target, None, Some(&Resource::Policy(wanted.clone()))).await.unwrap();
    let found = account.found(&target).await;
    assert_eq!(versions(&found), ("v1".to_owned(), vec!["v1".to_owned()]));
    assert_eq!(Policy { history: None, ..as_policy(found.clone()) }, wanted);

    account.change(&target, Some(&found), None).await.unwrap();
    assert_eq!(account.observe(&target).await, Observation::Absent);
    account.change(&target, Some(&found), None).await.expect("what is gone is deleted");
}

async fn a_document_becomes_a_version_and_the_way_back_takes_it_away(account: &Account) {
    let arn = arn("versioned");
    let target = policy_target(&arn);
    let (_, first) = account.bring(&target, &Resource::Policy(policy(&arn, "ec2:DescribeTags"))).await;
    let (_, second) = account.bring(&target, &Resource::Policy(policy(&arn, "ec2:CreateTags"))).await;
    assert_eq!(versions(&second), ("v2".to_owned(), vec!["v1".to_owned(), "v2".to_owned()]));
    assert_eq!(as_policy(second.clone()).document, allow("ec2:CreateTags"));

    account.change(&target, Some(&second), Some(&first)).await.unwrap();
    assert_eq!(account.found(&target).await, first);

    let (_, third) = account.bring(&target, &Resource::Policy(policy(&arn, "ec2:AssignIpv6Addresses"))).await;
    assert_eq!(versions(&third).0, "v3", "numbers never return");
    account.change(&target, Some(&third), None).await.expect("a policy goes with all its versions");
    assert_eq!(account.observe(&target).await, Observation::Absent);
}

async fn a_sixth_version_evicts_the_oldest(account: &Account) {
    let arn = arn("busy");
    let target = policy_target(&arn);
    for number in 1..=5 {
        account.bring(&target, &Resource::Policy(policy(&arn, &format!("ec2:Number{number}")))).await;
    }
    let (before, after) = account.bring(&target, &Resource::Policy(policy(&arn, "ec2:Number6"))).await;
    let expected = ["v2", "v3", "v4", "v5", "v6"].map(str::to_owned);
    assert_eq!(versions(&after), ("v6".to_owned(), expected.to_vec()));
    assert_eq!(as_policy(after.clone()).document, allow("ec2:Number6"));

    account.change(&target, Some(&after), before.as_ref()).await.unwrap();
    let back = account.found(&target).await;
    assert_eq!(as_policy(back.clone()).document, allow("ec2:Number5"));
    assert_eq!(versions(&back), ("v5".to_owned(), expected[..4].to_vec()), "what was evicted does not return");
}

async fn five_versions_are_the_limit(account: &Account) {
    let arn = account.make_policy("full").await;
    let another = async || {
        let call = account.raw.create_policy_version().policy_arn(&arn).set_as_default(false);
        call.policy_document(allow("ec2:CreateTags").to_json()).send().await
    };
    for _ in 0..4 {
        another().await.unwrap();
    }
    let error = another().await.unwrap_err();
    assert_eq!(error.code(), Some("LimitExceeded"), "{error:?}");

    let in_force = account.raw.delete_policy_version().policy_arn(&arn).version_id("v1").send().await.unwrap_err();
    assert_eq!(in_force.code(), Some("DeleteConflict"), "{in_force:?}");
}

async fn a_policy_of_amazons_is_read(account: &Account) {
    let found = as_policy(account.found(&policy_target(CNI_POLICY)).await);
    assert_eq!(found.name, "AmazonEKS_CNI_Policy");
    let document = found.document.to_json();
    assert!(document.contains("ec2:AssignPrivateIpAddresses"), "{document}");
}

async fn a_policy_that_is_not_there_is_absent(account: &Account) {
    assert_eq!(account.observe(&policy_target(&arn("nothing"))).await, Observation::Absent);
    let missing = policy_target("arn:aws:iam::aws:policy/AmazonNothing");
    assert_eq!(account.observe(&missing).await, Observation::Absent);
}

async fn a_policy_of_someone_else_is_not_taken_over(account: &Account) {
    let arn = account.make_policy("theirs").await;
    let target = policy_target(&arn);
    let found = account.found(&target).await;
    let ours = Resource::Policy(policy(&arn, "ec2:CreateTags"));
    let error = account.change(&target, None, Some(&ours)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
    assert_eq!(account.found(&target).await, found);
}

async fn a_document_that_is_no_policy_is_refused(account: &Account) {
    let arn = arn("nonsense");
    let wanted = Resource::Policy(policy(&arn, "an action without a service"));
    let error = account.change(&policy_target(&arn), None, Some(&wanted)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error:?}");
    assert!(error.why.contains("MalformedPolicyDocument"), "{error:?}");
    assert_eq!(account.observe(&policy_target(&arn)).await, Observation::Absent);
}
