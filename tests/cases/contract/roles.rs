//! Roles: made whole, changed in each part, taken away; never over someone else's change.

use std::collections::BTreeMap;

use cni_plan_core::{ErrorKind, Observation, Resource, Role};

use super::account::Account;
use super::against_both;
use super::states::{CNI_POLICY, attachment, role, role_target, trust_of_plugin};

against_both!(
    a_role_is_made_whole_and_taken_away,
    every_part_is_changed_and_changed_back,
    a_change_of_the_description_keeps_the_session_duration,
    a_role_that_is_not_there_is_absent,
    a_role_of_someone_else_is_not_taken_over,
    a_role_that_someone_changed_is_not_overwritten,
    a_role_made_anew_is_another,
    a_role_in_use_is_not_deleted,
);

const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/AAAA0000";

fn full(name: &str) -> Role {
    Role {
        path: "/eks/cni/".to_owned(),
        trust: trust_of_plugin(ISSUER),
        description: Some("the plugin's own".to_owned()),
        permissions_boundary: Some(CNI_POLICY.to_owned()),
        tags: tags(&[("team", "platform"), ("cost centre", "42 / a=b")]),
        ..role(name)
    }
}

fn tags(tags: &[(&str, &str)]) -> BTreeMap<String, String> {
    tags.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[track_caller]
fn as_role(resource: Resource) -> Role {
    match resource {
        Resource::Role(role) => role,
        other => panic!("not a role: {other:?}"),
    }
}

async fn a_role_is_made_whole_and_taken_away(account: &Account) {
    let (target, wanted) = (role_target("whole"), full("whole"));
    account.change(&target, None, Some(&Resource::Role(wanted.clone()))).await.unwrap();
    let found = as_role(account.found(&target).await);
    assert!(found.id.as_deref().is_some_and(|id| id.starts_with("ARO")), "{:?}", found.id);
    assert_eq!(Role { id: None, ..found.clone() }, wanted);

    let again = Resource::Role(wanted);
    account.change(&target, None, Some(&again)).await.expect("what is there just so is made");
    let found = Resource::Role(found);
    account.change(&target, Some(&found), None).await.unwrap();
    assert_eq!(account.observe(&target).await, Observation::Absent);
    account.change(&target, Some(&found), None).await.expect("what is gone is deleted");
}

async fn every_part_is_changed_and_changed_back(account: &Account) {
    let target = role_target("parts");
    let (_, start) = account.bring(&target, &Resource::Role(full("parts"))).await;
    let base = as_role(start.clone());
    let other = trust_of_plugin("oidc.eks.us-west-2.amazonaws.com/id/BBBB0000");
    let changed = [
        Role { trust: other.clone(), ..base.clone() },
        Role { description: Some("another; with a ü".to_owned()), ..base.clone() },
        Role { description: None, ..base.clone() },
        Role {
            permissions_boundary: Some("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy".to_owned()),
            ..base.clone()
        },
        Role { permissions_boundary: None, ..base.clone() },
        Role { tags: tags(&[("team", "network"), ("new", "")]), ..base.clone() },
        Role { tags: BTreeMap::new(), ..base.clone() },
        Role { trust: other, description: None, permissions_boundary: None, tags: BTreeMap::new(), ..base },
    ];
    for changed in changed.map(Resource::Role) {
        account.change(&target, Some(&start), Some(&changed)).await.unwrap();
        assert_eq!(account.found(&target).await, changed);
        account.change(&target, Some(&changed), Some(&start)).await.unwrap();
        assert_eq!(account.found(&target).await, start);
    }
}

async fn a_change_of_the_description_keeps_the_session_duration(account: &Account) {
    let create = account.raw.create_role().role_name("long-sessions").max_session_duration(7200);
    create.assume_role_policy_document(trust_of_plugin(ISSUER).to_json()).send().await.unwrap();
    let described = Role { description: Some("d".to_owned()), trust: trust_of_plugin(ISSUER), ..role("long-sessions") };
    account.bring(&role_target("long-sessions"), &Resource::Role(described)).await;
    let found = account.raw.get_role().role_name("long-sessions").send().await.unwrap().role.unwrap();
    assert_eq!((found.description.as_deref(), found.max_session_duration), (Some("d"), Some(7200)));
}

async fn a_role_that_is_not_there_is_absent(account: &Account) {
    assert_eq!(account.observe(&role_target("nobody")).await, Observation::Absent);
    let (before, after) = (Resource::Role(role("nobody")), Resource::Role(full("nobody")));
    let error = account.change(&role_target("nobody"), Some(&before), Some(&after)).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
}

async fn a_role_of_someone_else_is_not_taken_over(account: &Account) {
    account.make_role("theirs").await;
    let target = role_target("theirs");
    let found = account.found(&target).await;
    let error = account.change(&target, None, Some(&Resource::Role(full("theirs")))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
    assert_eq!(account.found(&target).await, found);
}

async fn a_role_that_someone_changed_is_not_overwritten(account: &Account) {
    let target = role_target("moved");
    let (_, seen) = account.bring(&target, &Resource::Role(full("moved"))).await;
    account.raw.update_role().role_name("moved").description("theirs").send().await.unwrap();
    let theirs = account.found(&target).await;
    let ours = Resource::Role(Role { description: Some("ours".to_owned()), ..as_role(seen.clone()) });
    for after in [Some(&ours), None] {
        let error = account.change(&target, Some(&seen), after).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
        assert_eq!(account.found(&target).await, theirs);
    }
}

async fn a_role_made_anew_is_another(account: &Account) {
    let target = role_target("again");
    let (_, first) = account.bring(&target, &Resource::Role(full("again"))).await;
    account.raw.delete_role_permissions_boundary().role_name("again").send().await.unwrap();
    account.raw.delete_role().role_name("again").send().await.unwrap();
    let (_, second) = account.bring(&target, &Resource::Role(full("again"))).await;
    assert_ne!(as_role(first.clone()).id, as_role(second).id);
    let error = account.change(&target, Some(&first), None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
}

async fn a_role_in_use_is_not_deleted(account: &Account) {
    let target = role_target("in-use");
    let (_, found) = account.bring(&target, &Resource::Role(full("in-use"))).await;
    let (policy, attached) = attachment("in-use", CNI_POLICY);
    account.bring(&policy, &attached).await;
    let error = account.change(&target, Some(&found), None).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused, "{error:?}");
    assert!(error.why.contains("DeleteConflict"), "{error:?}");
    assert_eq!(account.found(&target).await, found);
}
