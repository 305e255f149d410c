//! Makes a policy, gives it a new version or its former one back, or takes it away.

use cni_plan_core::{ErrorKind, Observation, Policy, PolicyHistory, ProviderError, Resource};

use super::convert::{document_of, number_of, path_of};
use super::inspect::version;
use crate::IamProvider;
use crate::failure::{Intent, if_there};
use crate::known::Known;
use crate::transition::{Standing, Transition};

/// Returns the policy as it is left.
pub(crate) async fn apply(
    iam: &IamProvider,
    arn: &str,
    states: &Transition<'_, Policy>,
) -> Result<Option<Policy>, ProviderError> {
    match (states.before, states.after) {
        (None, None) => Ok(None),
        (None, Some(after)) => create(iam, after, states).await.map(Some),
        (Some(before), Some(after)) => update(iam, before, after, states).await.map(Some),
        (Some(_), None) => delete(iam, arn, states).await.map(|()| None),
    }
}

async fn create(iam: &IamProvider, after: &Policy, states: &Transition<'_, Policy>) -> Result<Policy, ProviderError> {
    let intent = on(iam, "iam:CreatePolicy", &after.arn, "create");
    let call = iam
        .client()
        .create_policy()
        .policy_name(&after.name)
        .path(path_of(&after.arn))
        .set_description(after.description.clone())
        .policy_document(after.document.to_json());
    match intent.written(call.send()).await {
        Ok(answer) => {
            let first = answer.policy.and_then(|policy| policy.default_version_id);
            let history = first.map(|first| PolicyHistory { versions: vec![first.clone()], default_version: first });
            Ok(Policy { history, ..after.clone() })
        }
        Err(error) if error.kind == ErrorKind::Conflict => states.met(iam, error, &intent).await,
        Err(error) => Err(error),
    }
}

/// Where the version to go back to still exists, it is put in force again and what came after it
/// goes; otherwise the document becomes a new version.
async fn update(
    iam: &IamProvider,
    before: &Policy,
    after: &Policy,
    states: &Transition<'_, Policy>,
) -> Result<Policy, ProviderError> {
    let intent = on(iam, "iam:CreatePolicyVersion", &after.arn, "update");
    let (live, _) = states.look(iam, &intent).await?;
    let left = |history| Policy { history, ..after.clone() };
    let Some((live, mut history)) = live.and_then(|live| live.history.clone().map(|history| (live, history))) else {
        return Ok(left(None));
    };
    if !after.is_reached_by(&live) {
        match former_version(iam, after, &history).await? {
            Some(former) => {
                set_default(iam, &after.arn, &former.default_version).await?;
                history.default_version.clone_from(&former.default_version);
            }
            None => return create_version(iam, after, history, states).await.map(left),
        }
    }
    delete_later_versions(iam, before, after, &mut history, states).await?;
    Ok(left(Some(history)))
}

/// What `after` knows of the versions it was in force with, if its own is still there unchanged.
async fn former_version<'a>(
    iam: &IamProvider,
    after: &'a Policy,
    live: &PolicyHistory,
) -> Result<Option<&'a PolicyHistory>, ProviderError> {
    let Some(former) = &after.history else { return Ok(None) };
    if former.default_version == live.default_version || !live.versions.contains(&former.default_version) {
        return Ok(None);
    }
    let found = version(iam, &after.arn, &former.default_version).await?;
    let same = found.is_some_and(|found| document_of(&found).is_ok_and(|document| document == after.document));
    Ok(same.then_some(former))
}

/// Of the versions that were made since `after`'s time those that are ours, on the way back: the one in
/// force before it and whatever says the same, since a call whose answer is lost is repeated. Where that
/// one is gone from force already, the first that was made. What others have made stays.
async fn delete_later_versions(
    iam: &IamProvider,
    before: &Policy,
    after: &Policy,
    live: &mut PolicyHistory,
    states: &Transition<'_, Policy>,
) -> Result<(), ProviderError> {
    let (Some(later), Some(former)) = (&before.history, &after.history) else { return Ok(()) };
    let mut ours = (before.document != after.document).then(|| before.document.clone());
    for id in later.versions.iter().filter(|id| !former.versions.contains(id)) {
        let Some(found) = version(iam, &after.arn, id).await? else { continue };
        let Ok(document) = document_of(&found) else { continue };
        if *ours.get_or_insert_with(|| document.clone()) == document {
            states.may_write().await?;
            delete_version(iam, &after.arn, id).await?;
            live.versions.retain(|it| it != id);
        }
    }
    Ok(())
}

async fn set_default(iam: &IamProvider, arn: &str, version: &str) -> Result<(), ProviderError> {
    let intent = on(iam, "iam:SetDefaultPolicyVersion", arn, "set the default version of");
    let call = iam.client().set_default_policy_version().policy_arn(arn).version_id(version);
    intent.written(call.send()).await?;
    Ok(())
}

/// Makes room and makes the version. Returns the history that this leaves, if IAM says.
async fn create_version(
    iam: &IamProvider,
    after: &Policy,
    mut history: PolicyHistory,
    states: &Transition<'_, Policy>,
) -> Result<Option<PolicyHistory>, ProviderError> {
    if let Some(oldest) = history.to_evict().map(str::to_owned) {
        delete_version(iam, &after.arn, &oldest).await?;
        history.versions.retain(|version| *version != oldest);
    }
    let intent = on(iam, "iam:CreatePolicyVersion", &after.arn, "create a version of");
    let call = iam.client().create_policy_version().policy_arn(&after.arn).set_as_default(true);
    let call = call.policy_document(after.document.to_json());
    states.may_write().await?;
    let answer = intent.written(call.send()).await?;
    let Some(created) = answer.policy_version.and_then(|version| version.version_id) else { return Ok(None) };
    let newest = history.versions.iter().map(|version| number_of(version)).max().unwrap_or_default();
    if number_of(&created) != newest + 1 {
        return delete_repeated(iam, after, &history, &created, states).await;
    }
    history.versions.push(created.clone());
    history.default_version = created;
    Ok(Some(history))
}

/// A call whose answer is lost is repeated, and each repetition makes one more of the few versions:
/// those that say the same and are not in force go again.
async fn delete_repeated(
    iam: &IamProvider,
    after: &Policy,
    known: &PolicyHistory,
    created: &str,
    states: &Transition<'_, Policy>,
) -> Result<Option<PolicyHistory>, ProviderError> {
    // A reader that knows of the last one knows of those before.
    let knows = |seen: &Observation| match seen {
        Observation::Present(Resource::Policy(seen)) => {
            seen.history.as_ref().is_some_and(|history| history.default_version == created)
        }
        _ => false,
    };
    let seen = iam.shown(states.target, knows).await;
    let Observation::Present(Resource::Policy(Policy { history: Some(mut live), .. })) = seen else { return Ok(None) };
    if live.default_version != created {
        return Ok(None);
    }
    let is_ours = |id: &&String| !known.versions.contains(*id) && id.as_str() != created;
    for id in live.versions.clone().iter().filter(is_ours) {
        let found = version(iam, &after.arn, id).await?;
        if found.is_some_and(|found| document_of(&found).is_ok_and(|document| document == after.document)) {
            states.may_write().await?;
            delete_version(iam, &after.arn, id).await?;
            live.versions.retain(|version| version != id);
        }
    }
    Ok(Some(live))
}

/// Only the policy that was planned on; its versions first, as IAM asks for.
async fn delete(iam: &IamProvider, arn: &str, states: &Transition<'_, Policy>) -> Result<(), ProviderError> {
    let intent = on(iam, "iam:DeletePolicy", arn, "delete");
    let (live, Standing::AsPlanned) = states.look(iam, &intent).await? else { return Ok(()) };
    if let Some(history) = live.and_then(|live| live.history) {
        for version in history.versions.iter().filter(|version| **version != history.default_version) {
            delete_version(iam, arn, version).await?;
        }
    }
    states.may_write().await?;
    if_there(intent.written(iam.client().delete_policy().policy_arn(arn).send()).await)?;
    Ok(())
}

async fn delete_version(iam: &IamProvider, arn: &str, version: &str) -> Result<(), ProviderError> {
    let intent = on(iam, "iam:DeletePolicyVersion", arn, &format!("delete version {version} of"));
    let call = iam.client().delete_policy_version().policy_arn(arn).version_id(version);
    if_there(intent.written(call.send()).await)?;
    Ok(())
}

fn on<'a>(iam: &'a IamProvider, action: &'static str, arn: &str, verb: &str) -> Intent<'a> {
    iam.intent(action, arn, &format!("{verb} policy {arn}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use cni_plan_core::{PolicyDocument, Resource, Target};

    use crate::scripted::{ACCOUNT, Answer, Asked, Scripted, apply, change, identity, refusal, xml};

    use super::*;

    const ARN: &str = "arn:aws:iam::111122223333:policy/p";

    /// Version `vN` allows `ec2:N`.
    fn policy(version: &str, versions: &[&str]) -> Policy {
        Policy {
            arn: ARN.to_owned(),
            name: "p".to_owned(),
            description: None,
            document: document(version),
            history: Some(PolicyHistory {
                default_version: version.to_owned(),
                versions: versions.iter().map(|&version| version.to_owned()).collect(),
            }),
        }
    }

    fn document(version: &str) -> PolicyDocument {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"ec2:{version}","Resource":"*"}}]}}"#
        );
        PolicyDocument::parse(&text).unwrap()
    }

    /// Answers out of the history, and keeps it: a version made here is `v9`, and says `ec2:new`.
    fn answer(live: &mut PolicyHistory, asked: &Asked) -> Answer {
        let operation = asked.operation.as_str();
        let version = asked.body.rsplit_once("VersionId=").map(|(_, version)| version.to_owned());
        match operation {
            "CreatePolicyVersion" => {
                live.default_version = "v9".to_owned();
                live.versions.push("v9".to_owned());
                xml(operation, "<PolicyVersion><VersionId>v9</VersionId></PolicyVersion>")
            }
            "SetDefaultPolicyVersion" => {
                live.default_version = version.unwrap();
                xml(operation, "")
            }
            "DeletePolicyVersion" => {
                live.versions.retain(|known| Some(known) != version.as_ref());
                xml(operation, "")
            }
            "GetPolicy" => {
                let default = &live.default_version;
                let parts =
                    format!("<PolicyName>p</PolicyName><Arn>{ARN}</Arn><DefaultVersionId>{default}</DefaultVersionId>");
                xml(operation, &format!("<Policy>{parts}</Policy>"))
            }
            "ListPolicyVersions" => {
                let member = |version: &String| format!("<member><VersionId>{version}</VersionId></member>");
                let members: String = live.versions.iter().rev().map(member).collect();
                xml(operation, &format!("<IsTruncated>false</IsTruncated><Versions>{members}</Versions>"))
            }
            "GetPolicyVersion" => {
                let version = version.unwrap();
                let text = document(if version == "v9" { "new" } else { &version }).to_json();
                let parts = format!("<VersionId>{version}</VersionId><Document>{text}</Document>");
                xml(operation, &format!("<PolicyVersion>{parts}</PolicyVersion>"))
            }
            "GetCallerIdentity" => identity(),
            other => xml(other, ""),
        }
    }

    /// The writes that lead from the live policy to `after`.
    async fn writes(live: Policy, after: Policy) -> Vec<String> {
        let history = Mutex::new(live.history.clone().unwrap());
        let aws = Scripted::start(move |asked| answer(&mut history.lock().unwrap(), asked)).await;
        let target = Target::Policy { account: ACCOUNT.to_owned(), arn: ARN.to_owned() };
        let change = change(target, Some(Resource::Policy(live)), Some(Resource::Policy(after)));
        apply(&*aws.iam().await, &change).await.unwrap();
        aws.operations().into_iter().filter(|it| !it.starts_with("Get") && !it.starts_with("List")).collect()
    }

    #[tokio::test]
    async fn a_document_becomes_a_version_and_the_sixth_evicts_the_oldest() {
        let wanted = |live: &Policy| Policy { document: document("new"), ..live.clone() };
        let two = policy("v2", &["v1", "v2"]);
        assert_eq!(writes(two.clone(), wanted(&two)).await, ["CreatePolicyVersion"]);
        let five = policy("v5", &["v1", "v2", "v3", "v4", "v5"]);
        assert_eq!(writes(five.clone(), wanted(&five)).await, ["DeletePolicyVersion", "CreatePolicyVersion"]);
    }

    #[tokio::test]
    async fn the_way_back_is_to_the_former_version_and_takes_ours_away() {
        let back = writes(policy("v3", &["v1", "v2", "v3"]), policy("v2", &["v1", "v2"])).await;
        assert_eq!(back, ["SetDefaultPolicyVersion", "DeletePolicyVersion"]);
    }

    #[tokio::test]
    async fn the_way_back_leaves_the_versions_that_others_have_made() {
        // v3 is ours and in force; v9 says something else.
        let back = writes(policy("v3", &["v1", "v3", "v9"]), policy("v1", &["v1"])).await;
        assert_eq!(back, ["SetDefaultPolicyVersion", "DeletePolicyVersion"]);
        // Ours is out of force already: it is the first that was made.
        let back = writes(policy("v1", &["v1", "v3", "v9"]), policy("v1", &["v1"])).await;
        assert_eq!(back, ["DeletePolicyVersion"]);
    }

    #[tokio::test]
    async fn an_eviction_alone_is_not_answered_with_another_version() {
        let evicted = policy("v5", &["v2", "v3", "v4", "v5"]);
        assert!(writes(evicted, policy("v5", &["v1", "v2", "v3", "v4", "v5"])).await.is_empty());
    }

    /// What comes of a change where IAM has `live`, and what was written.
    async fn met(live: Policy, before: Option<Policy>, after: Option<Policy>) -> (ErrorKind, Vec<String>) {
        let history = Mutex::new(live.history.clone().unwrap());
        let aws = Scripted::start(move |asked| match asked.operation.as_str() {
            "CreatePolicy" => refusal(409, "EntityAlreadyExists"),
            _ => answer(&mut history.lock().unwrap(), asked),
        })
        .await;
        let target = Target::Policy { account: ACCOUNT.to_owned(), arn: ARN.to_owned() };
        let change = change(target, before.map(Resource::Policy), after.map(Resource::Policy));
        let error = apply(&*aws.iam().await, &change).await.unwrap_err();
        let reads = |it: &String| it.starts_with("Get") || it.starts_with("List");
        (error.kind, aws.operations().into_iter().filter(|it| !reads(it)).collect())
    }

    #[tokio::test]
    async fn a_policy_that_someone_changed_meanwhile_is_neither_updated_nor_deleted() {
        let (theirs, planned) = (policy("v3", &["v1", "v2", "v3"]), policy("v2", &["v1", "v2"]));
        let wanted = Policy { document: document("new"), ..planned.clone() };
        for after in [Some(wanted.clone()), None] {
            let (kind, writes) = met(theirs.clone(), Some(planned.clone()), after).await;
            assert_eq!((kind, writes.as_slice()), (ErrorKind::Conflict, [].as_slice()));
        }
        let (kind, writes) = met(theirs, None, Some(Policy { history: None, ..wanted })).await;
        assert_eq!((kind, writes), (ErrorKind::Conflict, vec!["CreatePolicy".to_owned()]), "nor taken for one's own");
    }
}
