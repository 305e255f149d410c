//! OpenID Connect providers: made, given an audience, taken away.

use cni_plan_core::{ErrorKind, Observation};

use super::account::Account;
use super::against_both;
use super::states::oidc_provider;

against_both!(a_provider_is_made_and_taken_away, a_provider_of_someone_else_is_not_taken_over,);

async fn a_provider_is_made_and_taken_away(account: &Account) {
    let (target, wanted) = oidc_provider("oidc.eks.us-west-2.amazonaws.com/id/DDDD0000", &["sts.amazonaws.com"]);
    assert_eq!(account.observe(&target).await, Observation::Absent);
    for _ in 0..2 {
        account.change(&target, None, Some(&wanted)).await.unwrap();
        assert_eq!(account.found(&target).await, wanted);
    }
    for _ in 0..2 {
        account.change(&target, Some(&wanted), None).await.unwrap();
        assert_eq!(account.observe(&target).await, Observation::Absent);
    }
}

/// Against the sandbox alone: moto 5.2.1 has no call that changes a provider's audiences.
#[tokio::test]
async fn an_audience_joins_those_of_others_and_leaves_again() {
    let account = Account::of_sandbox().await;
    const URL: &str = "oidc.eks.us-west-2.amazonaws.com/id/EEEE0000";
    let (target, theirs) = oidc_provider(URL, &["theirs"]);
    let call = account.raw.create_open_id_connect_provider().url(format!("https://{URL}")).client_id_list("theirs");
    call.send().await.unwrap();
    assert_eq!(account.found(&target).await, theirs);

    let (_, wanted) = oidc_provider(URL, &["sts.amazonaws.com"]);
    let (_, both) = oidc_provider(URL, &["sts.amazonaws.com", "theirs"]);
    let (before, after) = account.bring(&target, &wanted).await;
    assert_eq!(after, both);
    account.change(&target, Some(&after), before.as_ref()).await.unwrap();
    assert_eq!(account.found(&target).await, theirs);
}

async fn a_provider_of_someone_else_is_not_taken_over(account: &Account) {
    const URL: &str = "oidc.eks.us-west-2.amazonaws.com/id/FFFF0000";
    let (target, theirs) = oidc_provider(URL, &["theirs"]);
    account.change(&target, None, Some(&theirs)).await.unwrap();
    let (_, ours) = oidc_provider(URL, &["sts.amazonaws.com"]);
    let error = account.change(&target, None, Some(&ours)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
    assert_eq!(account.found(&target).await, theirs);
}
