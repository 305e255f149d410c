//! One list a role answers for all of its attachments.

use std::collections::{BTreeSet, HashMap, HashSet};

use cni_plan_core::{Attachment, ProviderError};

use crate::IamProvider;
use crate::failure::if_there;
use crate::role_permissions::RoleAnswers;
use crate::transport::at_most;

/// The policies on each of some roles, or why they cannot be seen.
#[derive(Default)]
pub(crate) struct AttachedPolicies(HashMap<String, Result<HashSet<String>, ProviderError>>);

impl AttachedPolicies {
    /// Lists the policies of each role, `at_once` roles at a time.
    pub(crate) async fn read(
        iam: &IamProvider,
        roles: BTreeSet<&str>,
        answers: &RoleAnswers,
        at_once: usize,
    ) -> AttachedPolicies {
        let lists = at_most(at_once, roles.iter().map(|role| answers.attached(iam, role)).collect()).await;
        AttachedPolicies(roles.into_iter().map(str::to_owned).zip(lists).collect())
    }

    /// The attachment, if it is there. Of a role that has not been read, nothing is attached.
    pub(crate) fn find(&self, role: &str, policy_arn: &str) -> Result<Option<Attachment>, ProviderError> {
        match self.0.get(role) {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(policies)) if policies.contains(policy_arn) => {
                Ok(Some(Attachment { role: role.to_owned(), policy_arn: policy_arn.to_owned() }))
            }
            Some(Ok(_)) | None => Ok(None),
        }
    }
}

/// The ARNs of the policies on a role; one that does not exist has none.
pub(crate) async fn list(iam: &IamProvider, role: &str) -> Result<HashSet<String>, ProviderError> {
    let intent = iam.intent(
        "iam:ListAttachedRolePolicies",
        &format!("role {role}"),
        &format!("list the policies attached to role {role}"),
    );
    let pages = iam.client().list_attached_role_policies().role_name(role).into_paginator().items().send();
    let attached = pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| intent.failed(&error));
    let attached = if_there(attached)?.unwrap_or_default();
    Ok(attached.into_iter().filter_map(|policy| policy.policy_arn).collect())
}
