//! Reads one policy in two rounds: the policy and its versions at once, then the one in force.

use aws_sdk_iam::types::PolicyVersion;
use cni_plan_core::{Policy, PolicyDocument, ProviderError, Target};
use futures::future::join;
use tokio::time::sleep;

use super::convert;
use crate::IamProvider;
use crate::failure::if_there;

/// What three calls say together.
enum Reading {
    /// They speak of one state.
    Whole(Option<Policy>),
    /// Some knew of a write, and others not.
    Torn,
}

/// The policy in a state that it has had: calls that contradict one another are made again.
///
/// # Errors
/// When it cannot be read, and when the calls never agree.
pub(crate) async fn inspect(iam: &IamProvider, target: &Target, arn: &str) -> Result<Option<Policy>, ProviderError> {
    let mut delays = iam.visibility.delays();
    loop {
        if let Reading::Whole(policy) = read(iam, arn).await? {
            return Ok(policy);
        }
        match delays.next() {
            Some(delay) => sleep(delay).await,
            None => return Err(iam.restless(target)),
        }
    }
}

async fn read(iam: &IamProvider, arn: &str) -> Result<Reading, ProviderError> {
    let reading = format!("read policy {arn}");
    let get = iam.intent("iam:GetPolicy", arn, &reading);
    let list = iam.intent("iam:ListPolicyVersions", arn, &reading);
    let (policy, versions) = join(
        iam.client().get_policy().policy_arn(arn).send(),
        iam.client()
            .list_policy_versions()
            .policy_arn(arn)
            .into_paginator()
            .items()
            .send()
            .collect::<Result<Vec<_>, _>>(),
    )
    .await;
    let policy = if_there(policy.map_err(|error| get.failed(&error)))?;
    let versions = if_there(versions.map_err(|error| list.failed(&error)))?;
    let (policy, versions) = match (policy, versions) {
        (None, None) => return Ok(Reading::Whole(None)),
        (Some(policy), Some(versions)) => (policy, versions),
        _ => return Ok(Reading::Torn),
    };
    let policy = policy.policy.ok_or_else(|| get.unreadable("the answer has no policy"))?;
    let default = policy.default_version_id.clone();
    let default = default.ok_or_else(|| get.unreadable("the answer names no default version"))?;
    let is_in_force = |version: &PolicyVersion| version.version_id.as_deref() == Some(&default);
    if !versions.iter().any(is_in_force) || versions.iter().any(|it| it.is_default_version && !is_in_force(it)) {
        return Ok(Reading::Torn);
    }
    let Some(default) = version(iam, arn, &default).await? else { return Ok(Reading::Torn) };
    let policy = convert::from_wire(policy, versions, &default).map_err(|why| get.unreadable(why))?;
    Ok(Reading::Whole(Some(policy)))
}

/// What a policy says, by its version in force: all that is of interest of one that no step is about. `None`:
/// there is no such policy.
pub(crate) async fn document(iam: &IamProvider, arn: &str) -> Result<Option<PolicyDocument>, ProviderError> {
    let get = iam.intent("iam:GetPolicy", arn, &format!("read policy {arn}"));
    let answer = iam.client().get_policy().policy_arn(arn).send().await;
    let Some(answer) = if_there(answer.map_err(|error| get.failed(&error)))? else { return Ok(None) };
    let default = answer.policy.and_then(|policy| policy.default_version_id);
    let default = default.ok_or_else(|| get.unreadable("the answer names no default version"))?;
    // A version goes only where another has come into force: whoever asks again is told of that.
    let version = version(iam, arn, &default).await?;
    let version = version.ok_or_else(|| get.unreadable(format!("its version {default} is gone")))?;
    convert::document_of(&version).map(Some).map_err(|why| get.unreadable(why))
}

/// One version with its document.
pub(super) async fn version(
    iam: &IamProvider,
    arn: &str,
    version: &str,
) -> Result<Option<PolicyVersion>, ProviderError> {
    let intent = iam.intent("iam:GetPolicyVersion", arn, &format!("read version {version} of policy {arn}"));
    let answer = iam.client().get_policy_version().policy_arn(arn).version_id(version).send().await;
    let Some(answer) = if_there(answer.map_err(|error| intent.failed(&error)))? else { return Ok(None) };
    answer.policy_version.map(Some).ok_or_else(|| intent.unreadable("the answer has no version"))
}
