//! Attaches and detaches. Both calls may be repeated: there is no state that they could overwrite.

use cni_plan_core::{Attachment, ProviderError};

use crate::IamProvider;
use crate::failure::if_there;
use crate::transition::Transition;

pub(crate) async fn apply(
    iam: &IamProvider,
    role: &str,
    policy_arn: &str,
    states: &Transition<'_, Attachment>,
) -> Result<(), ProviderError> {
    match states.after {
        Some(_) => attach(iam, role, policy_arn).await,
        None => detach(iam, role, policy_arn).await,
    }
}

async fn attach(iam: &IamProvider, role: &str, policy_arn: &str) -> Result<(), ProviderError> {
    let intent = iam.intent(
        "iam:AttachRolePolicy",
        &format!("role {role}"),
        &format!("attach policy {policy_arn} to role {role}"),
    );
    let call = iam.client().attach_role_policy().role_name(role).policy_arn(policy_arn);
    call.send().await.map_err(|error| intent.failed(&error))?;
    Ok(())
}

/// What is gone already, with its role or without, is detached.
async fn detach(iam: &IamProvider, role: &str, policy_arn: &str) -> Result<(), ProviderError> {
    let intent = iam.intent(
        "iam:DetachRolePolicy",
        &format!("role {role}"),
        &format!("detach policy {policy_arn} from role {role}"),
    );
    let call = iam.client().detach_role_policy().role_name(role).policy_arn(policy_arn);
    if_there(call.send().await.map_err(|error| intent.failed(&error)))?;
    Ok(())
}
