//! Policies on roles: there or not, however often it is said.

use cni_plan_core::{ErrorKind, Observation};

use super::account::Account;
use super::against_both;
use super::states::{CNI_POLICY, attachment};

against_both!(
    attaching_and_detaching_may_be_repeated,
    another_policy_on_the_role_stays,
    what_is_missing_is_absent_and_detached,
    what_is_missing_cannot_be_attached,
);

async fn attaching_and_detaching_may_be_repeated(account: &Account) {
    account.make_role("attached").await;
    let (target, state) = attachment("attached", CNI_POLICY);
    assert_eq!(account.observe(&target).await, Observation::Absent);
    for _ in 0..2 {
        account.change(&target, None, Some(&state)).await.unwrap();
        assert_eq!(account.found(&target).await, state);
    }
    for _ in 0..2 {
        account.change(&target, Some(&state), None).await.unwrap();
        assert_eq!(account.observe(&target).await, Observation::Absent);
    }
}

async fn another_policy_on_the_role_stays(account: &Account) {
    account.make_role("AmazonEKSNodeRole-1").await;
    let (theirs, present) = attachment("AmazonEKSNodeRole-1", "arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy");
    let call = account.raw.attach_role_policy().role_name("AmazonEKSNodeRole-1");
    call.policy_arn("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy").send().await.unwrap();
    let (ours, state) = attachment("AmazonEKSNodeRole-1", CNI_POLICY);
    account.change(&ours, None, Some(&state)).await.unwrap();
    account.change(&ours, Some(&state), None).await.unwrap();
    assert_eq!(account.found(&theirs).await, present);
}

async fn what_is_missing_is_absent_and_detached(account: &Account) {
    let (target, state) = attachment("no-such-role", CNI_POLICY);
    assert_eq!(account.observe(&target).await, Observation::Absent);
    account.change(&target, Some(&state), None).await.expect("nothing is attached to what is not there");
}

async fn what_is_missing_cannot_be_attached(account: &Account) {
    account.make_role("waiting").await;
    let missing = [("no-such-role", CNI_POLICY), ("waiting", "arn:aws:iam::111122223333:policy/no-such-policy")];
    for (role, policy) in missing {
        let (target, state) = attachment(role, policy);
        let error = account.change(&target, None, Some(&state)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound, "{error:?}");
        assert_eq!(account.observe(&target).await, Observation::Absent);
    }
}
