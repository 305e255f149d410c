//! Makes a role, changes just what differs, or takes it away.

use cni_plan_core::{ErrorKind, ProviderError, Role};

use super::convert::{same_but_for_id, to_wire_tag};
use super::inspect::{WholeRole, inspect, inspect_whole};
use crate::IamProvider;
use crate::failure::{Intent, if_there};
use crate::transition::{Standing, Transition};

pub(crate) async fn apply(iam: &IamProvider, name: &str, states: &Transition<'_, Role>) -> Result<(), ProviderError> {
    match (states.before, states.after) {
        (None, None) => Ok(()),
        (None, Some(after)) => create(iam, after, states).await,
        (Some(before), Some(after)) => update(iam, before, after, states).await,
        (Some(_), None) => delete(iam, name, states).await,
    }
}

/// One call makes the whole role, so that it is never half there.
async fn create(iam: &IamProvider, after: &Role, states: &Transition<'_, Role>) -> Result<(), ProviderError> {
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
    match call.send().await.map_err(|error| intent.failed(&error)) {
        Ok(_) => Ok(()),
        // Ours, when an answer was lost and the call repeated; otherwise someone else's.
        Err(error) if error.kind == ErrorKind::Conflict => {
            let live = inspect(iam, &after.name).await?;
            match states.standing(live.as_ref(), same_but_for_id, &intent)? {
                Standing::Done => Ok(()),
                Standing::AsPlanned => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

async fn update(
    iam: &IamProvider,
    before: &Role,
    after: &Role,
    states: &Transition<'_, Role>,
) -> Result<(), ProviderError> {
    let live = inspect_whole(iam, &after.name).await?;
    let intent = on(iam, "iam:UpdateAssumeRolePolicy", &after.name, "update");
    if let Standing::Done = states.standing(live.as_ref().map(|live| &live.role), PartialEq::eq, &intent)? {
        return Ok(());
    }
    let Some(live) = live else { return Ok(()) };
    if before.trust != after.trust {
        update_trust(iam, after).await?;
    }
    if before.description != after.description {
        update_description(iam, after, &live).await?;
    }
    if before.permissions_boundary != after.permissions_boundary {
        update_boundary(iam, after).await?;
    }
    update_tags(iam, before, after).await
}

async fn update_trust(iam: &IamProvider, after: &Role) -> Result<(), ProviderError> {
    let intent = on(iam, "iam:UpdateAssumeRolePolicy", &after.name, "update the trust of");
    let call = iam.client().update_assume_role_policy().role_name(&after.name);
    call.policy_document(after.trust.to_json()).send().await.map_err(|error| intent.failed(&error))?;
    Ok(())
}

/// UpdateRole sets both description and session duration, so the duration is repeated as found.
async fn update_description(iam: &IamProvider, after: &Role, live: &WholeRole) -> Result<(), ProviderError> {
    let intent = on(iam, "iam:UpdateRole", &after.name, "update the description of");
    let call = iam
        .client()
        .update_role()
        .role_name(&after.name)
        .description(after.description.as_deref().unwrap_or_default())
        .set_max_session_duration(live.max_session_duration);
    call.send().await.map_err(|error| intent.failed(&error))?;
    Ok(())
}

async fn update_boundary(iam: &IamProvider, after: &Role) -> Result<(), ProviderError> {
    match &after.permissions_boundary {
        Some(boundary) => {
            let intent = on(iam, "iam:PutRolePermissionsBoundary", &after.name, "set the permissions boundary of");
            let call = iam.client().put_role_permissions_boundary().role_name(&after.name);
            call.permissions_boundary(boundary).send().await.map_err(|error| intent.failed(&error))?;
        }
        None => {
            let intent =
                on(iam, "iam:DeleteRolePermissionsBoundary", &after.name, "remove the permissions boundary of");
            let call = iam.client().delete_role_permissions_boundary().role_name(&after.name);
            if_there(call.send().await.map_err(|error| intent.failed(&error)))?;
        }
    }
    Ok(())
}

async fn update_tags(iam: &IamProvider, before: &Role, after: &Role) -> Result<(), ProviderError> {
    let set: Vec<_> = after
        .tags
        .iter()
        .filter(|(key, value)| before.tags.get(*key) != Some(value))
        .map(|(key, value)| to_wire_tag(key, value))
        .collect();
    if !set.is_empty() {
        let intent = on(iam, "iam:TagRole", &after.name, "tag");
        let call = iam.client().tag_role().role_name(&after.name).set_tags(Some(set));
        call.send().await.map_err(|error| intent.failed(&error))?;
    }
    let gone: Vec<_> = before.tags.keys().filter(|key| !after.tags.contains_key(*key)).cloned().collect();
    if !gone.is_empty() {
        let intent = on(iam, "iam:UntagRole", &after.name, "untag");
        let call = iam.client().untag_role().role_name(&after.name).set_tag_keys(Some(gone));
        call.send().await.map_err(|error| intent.failed(&error))?;
    }
    Ok(())
}

/// Only the role that was planned on: one that was changed or made anew meanwhile stays.
async fn delete(iam: &IamProvider, name: &str, states: &Transition<'_, Role>) -> Result<(), ProviderError> {
    let live = inspect(iam, name).await?;
    let intent = on(iam, "iam:DeleteRole", name, "delete");
    if let Standing::Done = states.standing(live.as_ref(), PartialEq::eq, &intent)? {
        return Ok(());
    }
    let call = iam.client().delete_role().role_name(name);
    if_there(call.send().await.map_err(|error| intent.failed(&error)))?;
    Ok(())
}

fn on<'a>(iam: &'a IamProvider, action: &'static str, name: &str, verb: &str) -> Intent<'a> {
    iam.intent(action, &format!("role {name}"), &format!("{verb} role {name}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cni_plan_core::{PolicyDocument, Resource, Target};

    use crate::scripted::{ACCOUNT, Answer, Scripted, apply, change, identity, refusal, xml};

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

    fn answer(role: &Role) -> Answer {
        let trust: String = role.trust.to_json().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let parts = format!(
            "<Path>/</Path><RoleName>r</RoleName><RoleId>AROA1</RoleId><Arn>arn:aws:iam::{ACCOUNT}:role/r</Arn>\
             <CreateDate>2026-01-01T00:00:00Z</CreateDate><Description>d</Description>\
             <MaxSessionDuration>7200</MaxSessionDuration>\
             <AssumeRolePolicyDocument>{trust}</AssumeRolePolicyDocument>"
        );
        xml("GetRole", &format!("<Role>{parts}</Role>"))
    }

    async fn with_live(live: Role) -> Scripted {
        Scripted::start(move |asked| match asked.operation.as_str() {
            "GetRole" => answer(&live),
            "CreateRole" => refusal(409, "EntityAlreadyExists"),
            "GetCallerIdentity" => identity(),
            other => xml(other, ""),
        })
        .await
    }

    async fn run(aws: &Scripted, before: Option<Role>, after: Option<Role>) -> Result<(), ProviderError> {
        let target = Target::Role { account: ACCOUNT.to_owned(), name: "r".to_owned() };
        let change = change(target, before.map(Resource::Role), after.map(Resource::Role));
        apply(&*aws.iam().await, &change).await
    }

    #[tokio::test]
    async fn only_what_differs_is_written_and_the_session_duration_is_kept() {
        let aws = with_live(role("a")).await;
        let after = Role { description: Some("other".to_owned()), ..role("a") };
        run(&aws, Some(role("a")), Some(after)).await.unwrap();
        assert_eq!(aws.operations(), ["GetRole", "UpdateRole"]);
        assert!(aws.body_of("UpdateRole").contains("MaxSessionDuration=7200"));
    }

    #[tokio::test]
    async fn a_trust_that_someone_changed_meanwhile_is_not_overwritten() {
        for after in [Some(role("b")), None] {
            let aws = with_live(role("theirs")).await;
            let error = run(&aws, Some(role("a")), after).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
            assert_eq!(aws.operations(), ["GetRole"]);
        }
    }

    #[tokio::test]
    async fn a_write_that_is_there_already_is_done() {
        let aws = with_live(role("b")).await;
        run(&aws, Some(role("a")), Some(role("b"))).await.unwrap();
        assert_eq!(aws.operations(), ["GetRole"]);
    }

    #[tokio::test]
    async fn a_create_finds_its_own_role_or_someone_elses() {
        let wanted = Role { id: None, ..role("a") };
        run(&with_live(role("a")).await, None, Some(wanted.clone())).await.unwrap();
        let error = run(&with_live(role("theirs")).await, None, Some(wanted)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert_eq!(error.why, "role r has been created since it was planned");
    }
}
