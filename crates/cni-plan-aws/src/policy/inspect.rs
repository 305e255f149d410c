//! Reads one policy in two rounds: the policy and its versions at once, then the one in force.

use aws_sdk_iam::types::PolicyVersion;
use cni_plan_core::{Policy, ProviderError};
use futures::future::join;

use super::convert;
use crate::IamProvider;
use crate::failure::if_there;

pub(crate) async fn inspect(iam: &IamProvider, arn: &str) -> Result<Option<Policy>, ProviderError> {
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
    let Some(policy) = if_there(policy.map_err(|error| get.failed(&error)))? else { return Ok(None) };
    let Some(versions) = if_there(versions.map_err(|error| list.failed(&error)))? else { return Ok(None) };
    let policy = policy.policy.ok_or_else(|| get.unreadable("the answer has no policy"))?;
    let default = policy.default_version_id.as_deref();
    let default = default.ok_or_else(|| get.unreadable("the answer names no default version"))?;
    let Some(default) = version(iam, arn, default).await? else { return Ok(None) };
    convert::from_wire(policy, versions, &default).map(Some).map_err(|why| get.unreadable(why))
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
