//! Makes a role, changes just what differs, or takes it away.

use cni_plan_core::{ErrorKind, ProviderError, Role, Target};
use tokio::time::sleep;

use super::convert::to_wire_tag;
use super::inspect::session_duration;
use crate::IamProvider;
use crate::failure::{Intent, if_there};
use crate::transition::{Standing, Transition};

/// How an error begins of a role that still has policies or instance profiles (IAM API, DeleteRole).
const DELETE_CONFLICT: &str = "DeleteConflict:";

/// Returns the role as it is left.
pub(crate) async fn apply(
    iam: &IamProvider,
    name: &str,
    states: &Transition<'_, Role>,
) -> Result<Option<Role>, ProviderError> {
    match (states.before, states.after) {
        (None, None) => Ok(None),
        (None, Some(after)) => create(iam, after, states).await.map(Some),
        (Some(before), Some(after)) => update(iam, before, after, states).await.map(Some),
        (Some(_), None) => delete(iam, name, states).await.map(|()| None),
    }
}

/// One call makes the whole role, so that it is never half there.
async fn create(iam: &IamProvider, after: &Role, states: &Transition<'_, Role>) -> Result<Role, ProviderError> {
    let intent = on(iam, "iam:CreateRole", &after.name, "create");
    let tags: Vec<_> = after.tags.iter().map(|(key, value)| to_wire_tag(key, value)).collect();
    let call = iam
        .client()
        .create_role()
        .role_name(&after.name)
        .path(&after.path)
        .assume_role_policy_document(after.trust.to_json())
        .set_description(after.description.clone())
        .set_permissions_boundary(after.permissions_boundary.clone())
        .set_tags((!tags.is_empty()).then_some(tags));
    match intent.written(call.send()).await {
        Ok(answer) => Ok(Role { id: answer.role.map(|role| role.role_id), ..after.clone() }),
        Err(error) if error.kind == ErrorKind::Conflict => states.met(iam, error, &intent).await,
        Err(error) => Err(error),
    }
}

async fn update(
    iam: &IamProvider,
    before: &Role,
    after: &Role,
    states: &Transition<'_, Role>,
) -> Result<Role, ProviderError> {
    let intent = on(iam, "iam:UpdateAssumeRolePolicy", &after.name, "update");
    if let (_, Standing::Done) = states.look(iam, &intent).await? {
        return Ok(after.clone());
    }
    if before.trust != after.trust {
        update_trust(iam, after).await?;
    }
    if before.description != after.description {
        update_description(iam, after, states).await?;
    }
    if before.permissions_boundary != after.permissions_boundary {
        states.may_write().await?;
        update_boundary(iam, after).await?;
    }
    update_tags(iam, before, after, states).await?;
    Ok(after.clone())
}

async fn update_trust(iam: &IamProvider, after: &Role) -> Result<(), ProviderError> {
    let intent = on(iam, "iam:UpdateAssumeRolePolicy", &after.name, "update the trust of");
    let call = iam.client().update_assume_role_policy().role_name(&after.name);
    intent.written(call.policy_document(after.trust.to_json()).send()).await?;
    Ok(())
}

/// UpdateRole sets both description and session duration, so the duration is repeated as found.
async fn update_description(
    iam: &IamProvider,
    after: &Role,
    states: &Transition<'_, Role>,
) -> Result<(), ProviderError> {
    let duration = session_duration(iam, &after.name).await?;
    let intent = on(iam, "iam:UpdateRole", &after.name, "update the description of");
    let call = iam
        .client()
        .update_role()
        .role_name(&after.name)
        .description(after.description.as_deref().unwrap_or_default())
        .set_max_session_duration(duration);
    states.may_write().await?;
    intent.written(call.send()).await?;
    Ok(())
}

async fn update_boundary(iam: &IamProvider, after: &Role) -> Result<(), ProviderError> {
    match &after.permissions_boundary {
        Some(boundary) => {
            let intent = on(iam, "iam:PutRolePermissionsBoundary", &after.name, "set the permissions boundary of");
            let call = iam.client().put_role_permissions_boundary().role_name(&after.name);
            intent.written(call.permissions_boundary(boundary).send()).await?;
        }
        None => {
            let intent =
                on(iam, "iam:DeleteRolePermissionsBoundary", &after.name, "remove the permissions boundary of");
            let call = iam.client().delete_role_permissions_boundary().role_name(&after.name);
            if_there(intent.written(call.send()).await)?;
        }
    }
    Ok(())
}

async fn update_tags(
    iam: &IamProvider,
    before: &Role,
    after: &Role,
    states: &Transition<'_, Role>,
) -> Result<(), ProviderError> {
    let set: Vec<_> = after
        .tags
        .iter()
        .filter(|(key, value)| before.tags.get(*key) != Some(value))
        .map(|(key, value)| to_wire_tag(key, value))
        .collect();
    if !set.is_empty() {
        let intent = on(iam, "iam:TagRole", &after.name, "tag");
        let call = iam.client().tag_role().role_name(&after.name).set_tags(Some(set));
        states.may_write().await?;
        intent.written(call.send()).await?;
    }
    let gone: Vec<_> = before.tags.keys().filter(|key| !after.tags.contains_key(*key)).cloned().collect();
    if !gone.is_empty() {
        let intent = on(iam, "iam:UntagRole", &after.name, "untag");
        let call = iam.client().untag_role().role_name(&after.name).set_tag_keys(Some(gone));
        states.may_write().await?;
        intent.written(call.send()).await?;
    }
    Ok(())
}

/// Only the role that was planned on: one that was changed or made anew meanwhile stays.
async fn delete(iam: &IamProvider, name: &str, states: &Transition<'_, Role>) -> Result<(), ProviderError> {
    let intent = on(iam, "iam:DeleteRole", name, "delete");
    if let (_, Standing::Done) = states.look(iam, &intent).await? {
        return Ok(());
    }
    // What was taken off a moment ago may still be seen on it.
    let is_bare = iam.recent.left(|target, state| match target {
        Target::Attachment { role, .. } => role == name && state.is_none(),
        _ => false,
    });
    let is_lag = |error: &ProviderError| is_bare && error.why.starts_with(DELETE_CONFLICT);
    let call = iam.client().delete_role().role_name(name);
    let mut delays = iam.visibility.delays();
    loop {
        let deleted = if_there(intent.written(call.clone().send()).await).map(drop);
        match delays.next().filter(|_| deleted.as_ref().is_err_and(is_lag)) {
            Some(delay) => sleep(delay).await,
            None => return deleted,
        }
        states.may_write().await?;
    }
}

fn on<'a>(iam: &'a IamProvider, action: &'static str, name: &str, verb: &str) -> Intent<'a> {
    iam.intent(action, &format!("role {name}"), &format!("{verb} role {name}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use cni_plan_core::{Attachment, Observation, PolicyDocument, Resource};

    use crate::recent::LastWrite;
    use crate::scripted::{ACCOUNT, Answer, LosesItsLock, Scripted, apply, change, identity, refusal, xml};

    use super::*;

    fn role(service: &str) -> Role {
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        Role {
            name: "r".to_owned(),
            path: "/".to_owned(),
            trust: PolicyDocument::parse(&trust).unwrap(),
            description: Some("d".to_owned()),
            permissions_boundary: None,
            tags: BTreeMap::new(),
            id: Some("AROA1".to_owned()),
        }
    }

    fn answer(operation: &str, role: Option<&Role>) -> Answer {
        let Some(role) = role else { return refusal(404, "NoSuchEntity") };
        let trust: String = role.trust.to_json().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let description = role.description.as_deref().unwrap_or_default();
        let parts = format!(
            "<Path>/</Path><RoleName>r</RoleName><RoleId>AROA1</RoleId><Arn>arn:aws:iam::{ACCOUNT}:role/r</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate><Description>{description}</Description>\
             <MaxSessionDuration>7200</MaxSessionDuration>\
             <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>"
        );
        xml(operation, &format!("<Role>{parts}</Role>"))
    }

    /// A role that reads as `before` until it is written to, and then as `after`.
    async fn live(before: Option<Role>, after: Option<Role>) -> Scripted {
        lagging(before, after, |_| true).await
    }

    /// The same, with readers that know of the write where `knows` says so of their count since it.
    async fn lagging(
        before: Option<Role>,
        after: Option<Role>,
        knows: impl Fn(usize) -> bool + Send + Sync + 'static,
    ) -> Scripted {
        let (is_written, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
        Scripted::start(move |asked| {
            let is_there = if is_written.load(Ordering::SeqCst) { &after } else { &before };
            match asked.operation.as_str() {
                "GetCallerIdentity" => identity(),
                "GetRole" if !is_written.load(Ordering::SeqCst) => answer("GetRole", before.as_ref()),
                "GetRole" if knows(reads.fetch_add(1, Ordering::SeqCst)) => answer("GetRole", after.as_ref()),
                "GetRole" => answer("GetRole", before.as_ref()),
                "CreateRole" if is_there.is_some() => refusal(409, "EntityAlreadyExists"),
                other => {
                    is_written.store(true, Ordering::SeqCst);
                    answer(other, after.as_ref().or(before.as_ref()))
                }
            }
        })
        .await
    }

    fn target() -> Target {
        Target::Role { account: ACCOUNT.to_owned(), name: "r".to_owned() }
    }

    async fn run(aws: &Scripted, before: Option<Role>, after: Option<Role>) -> Result<(), ProviderError> {
        let change = change(target(), before.map(Resource::Role), after.map(Resource::Role));
        apply(&*aws.iam().await, &change).await
    }

    fn writes(aws: &Scripted) -> Vec<String> {
        aws.operations().into_iter().filter(|operation| operation != "GetRole").collect()
    }

    #[tokio::test]
    async fn only_what_differs_is_written_and_the_session_duration_is_kept() {
        let after = Role { description: Some("other".to_owned()), ..role("a") };
        let aws = live(Some(role("a")), Some(after.clone())).await;
        run(&aws, Some(role("a")), Some(after)).await.unwrap();
        // Before the write: what is there, and the session duration. After it: two that agree.
        assert_eq!(aws.operations(), ["GetRole", "GetRole", "UpdateRole", "GetRole", "GetRole"]);
        assert!(aws.body_of("UpdateRole").contains("MaxSessionDuration=7200"));
    }

    #[tokio::test]
    async fn a_lock_that_is_lost_between_two_writes_keeps_the_second_from_being_made() {
        let after = Role { description: Some("other".to_owned()), ..role("b") };
        for held in 0..3 {
            let aws = live(Some(role("a")), Some(after.clone())).await;
            let change = change(target(), Some(Resource::Role(role("a"))), Some(Resource::Role(after.clone())));
            let overseer = LosesItsLock { after: held.into() };
            let applied = cni_plan_core::Provider::apply(&*aws.iam().await, &change, &overseer).await;
            // The look is followed by one write, the second has a question of its own.
            assert_eq!(applied.is_ok(), held == 2, "{applied:?}");
            assert_eq!(writes(&aws), ["UpdateAssumeRolePolicy", "UpdateRole"][..held]);
        }
    }

    #[tokio::test]
    async fn a_refusal_of_what_was_sent_twice_leaves_doubt() {
        for (first, is_in_doubt) in [(500, true), (403, false)] {
            let asked_before = AtomicBool::new(false);
            let aws = Scripted::start(move |asked| match asked.operation.as_str() {
                "GetCallerIdentity" => identity(),
                "CreateRole" if !asked_before.swap(true, Ordering::SeqCst) => refusal(first, "AccessDenied"),
                "CreateRole" => refusal(403, "AccessDenied"),
                _ => answer("GetRole", None),
            })
            .await;
            let iam = aws.iam().await;
            let change = change(target(), None, Some(Resource::Role(role("a"))));
            assert_eq!(apply(&iam, &change).await.unwrap_err().kind, ErrorKind::Denied);
            let expected = if is_in_doubt { LastWrite::InDoubt } else { LastWrite::Refused };
            assert_eq!(iam.recent.of(&target()), Some(expected));
        }
    }

    #[tokio::test]
    async fn a_role_that_is_there_and_not_shown_leaves_doubt() {
        let aws = Scripted::start(|asked| match asked.operation.as_str() {
            "GetCallerIdentity" => identity(),
            "CreateRole" => refusal(409, "EntityAlreadyExists"),
            _ => answer("GetRole", None),
        })
        .await;
        let iam = aws.iam().await;
        let change = change(target(), None, Some(Resource::Role(role("a"))));
        assert_eq!(apply(&iam, &change).await.unwrap_err().kind, ErrorKind::Timeout);
        assert_eq!(iam.recent.of(&target()), Some(LastWrite::InDoubt));
    }

    #[tokio::test]
    async fn what_was_just_taken_off_a_role_may_still_be_seen_on_it_when_it_is_deleted() {
        for is_ours in [true, false] {
            let (asked_before, gone) = (AtomicUsize::new(0), AtomicBool::new(false));
            let aws = Scripted::start(move |asked| match asked.operation.as_str() {
                "GetCallerIdentity" => identity(),
                "DeleteRole" if asked_before.fetch_add(1, Ordering::SeqCst) < 2 => refusal(409, "DeleteConflict"),
                "DeleteRole" => {
                    gone.store(true, Ordering::SeqCst);
                    xml("DeleteRole", "")
                }
                "GetRole" if gone.load(Ordering::SeqCst) => answer("GetRole", None),
                "GetRole" => answer("GetRole", Some(&role("a"))),
                other => xml(other, ""),
            })
            .await;
            let iam = aws.iam().await;
            if is_ours {
                let policy_arn = "arn:aws:iam::aws:policy/p".to_owned();
                let attachment = Attachment { role: "r".to_owned(), policy_arn: policy_arn.clone() };
                let target = Target::Attachment { account: ACCOUNT.to_owned(), role: "r".to_owned(), policy_arn };
                apply(&iam, &change(target, Some(Resource::Attachment(attachment)), None)).await.unwrap();
            }
            let deleted = apply(&iam, &change(target(), Some(Resource::Role(role("a"))), None)).await;
            assert_eq!(deleted.is_ok(), is_ours, "{deleted:?}");
        }
    }

    #[tokio::test]
    async fn a_trust_that_someone_changed_meanwhile_is_not_overwritten() {
        for after in [Some(role("b")), None] {
            let aws = live(Some(role("theirs")), None).await;
            let error = run(&aws, Some(role("a")), after).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
            assert!(writes(&aws).is_empty());
        }
    }

    #[tokio::test]
    async fn a_write_that_is_there_already_is_done() {
        let aws = live(Some(role("b")), None).await;
        run(&aws, Some(role("a")), Some(role("b"))).await.unwrap();
        assert!(writes(&aws).is_empty());
    }

    #[tokio::test]
    async fn a_create_finds_its_own_role_or_someone_elses() {
        let wanted = Role { id: None, ..role("a") };
        run(&live(Some(role("a")), None).await, None, Some(wanted.clone())).await.unwrap();
        let error = run(&live(Some(role("theirs")), None).await, None, Some(wanted)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert_eq!(error.why, "role r has been created since it was planned");
    }

    #[tokio::test]
    async fn a_role_is_made_once_readers_show_it_several_times_in_a_row() {
        let wanted = Role { id: None, ..role("a") };
        let aws = lagging(None, Some(role("a")), |read| read != 1 && read != 3).await;
        run(&aws, None, Some(wanted)).await.unwrap();
        assert_eq!(writes(&aws), ["CreateRole"]);
        assert_eq!(aws.operations().len(), 1 + 8, "one that knows is not enough, nor are two after doubt");
    }

    #[tokio::test]
    async fn a_write_that_no_reader_shows_is_told_as_made() {
        let aws = lagging(Some(role("a")), Some(role("b")), |_| false).await;
        let error = run(&aws, Some(role("a")), Some(role("b"))).await.unwrap_err();
        assert_eq!((error.kind, writes(&aws).len()), (ErrorKind::Timeout, 1));
        assert_eq!(error.what, "cannot see the change of role r in account 111122223333");
        assert!(error.why.contains("was made"), "{}", error.why);
    }

    #[tokio::test]
    async fn what_was_written_is_not_read_as_it_was_before() {
        // Two agree right after the write; those that come later lag.
        let aws = lagging(Some(role("a")), Some(role("b")), |read| !(2..5).contains(&read)).await;
        let iam = aws.iam().await;
        let there = change(target(), Some(Resource::Role(role("a"))), Some(Resource::Role(role("b"))));
        apply(&iam, &there).await.unwrap();
        let seen = cni_plan_core::Provider::observe(&*iam, &[&target()]).await;
        assert_eq!(seen, [Observation::Present(Resource::Role(role("b")))]);
    }

    #[tokio::test]
    async fn the_way_back_is_written_though_a_reader_shows_the_start() {
        let aws = lagging(Some(role("a")), Some(role("b")), |read| !(2..4).contains(&read)).await;
        let iam = aws.iam().await;
        let (a, b) = (Some(Resource::Role(role("a"))), Some(Resource::Role(role("b"))));
        apply(&iam, &change(target(), a.clone(), b.clone())).await.unwrap();
        // The first reads say that it is back already. The script knows no way back, so that ends in doubt.
        let back = apply(&iam, &change(target(), b, a)).await;
        assert_eq!(writes(&aws).len(), 2, "{back:?}");
    }

    #[tokio::test]
    async fn a_role_of_ours_that_no_reader_shows_yet_is_deleted() {
        let ours = Role { id: None, ..role("a") };
        let gone = AtomicBool::new(false);
        let reads = AtomicUsize::new(0);
        let aws = Scripted::start(move |asked| match asked.operation.as_str() {
            "GetCallerIdentity" => identity(),
            "GetRole" if gone.load(Ordering::SeqCst) || reads.fetch_add(1, Ordering::SeqCst) < 4 => {
                answer("GetRole", None)
            }
            "DeleteRole" => {
                gone.store(true, Ordering::SeqCst);
                xml("DeleteRole", "")
            }
            other => answer(other, Some(&role("a"))),
        })
        .await;
        run(&aws, Some(ours), None).await.unwrap();
        assert_eq!(writes(&aws), ["DeleteRole"]);
    }

    #[tokio::test]
    async fn a_role_made_anew_by_someone_else_is_not_deleted() {
        let aws = live(Some(role("a")), None).await;
        let other = Role { id: Some("AROA2".to_owned()), ..role("a") };
        let error = run(&aws, Some(other), None).await.unwrap_err();
        assert_eq!((error.kind, writes(&aws).len()), (ErrorKind::Conflict, 0));
    }

    #[tokio::test]
    async fn a_write_in_doubt_settles_when_it_has_been_the_same_for_long_enough() {
        let reads = AtomicUsize::new(0);
        let aws = Scripted::start(move |asked| match asked.operation.as_str() {
            "GetCallerIdentity" => identity(),
            "GetRole" if reads.fetch_add(1, Ordering::SeqCst) < 3 => answer("GetRole", None),
            other => answer(other, Some(&role("a"))),
        })
        .await;
        let iam = aws.iam().await;
        let seen = cni_plan_core::Provider::settle(&*iam, &[&target()]).await;
        assert_eq!(seen, [Observation::Present(Resource::Role(role("a")))]);
        // How many fit into the time depends on the machine; one look is never enough.
        assert!(aws.operations().len() >= 3 + 2, "{:?}", aws.operations());
    }
}
