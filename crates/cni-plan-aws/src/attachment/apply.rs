//! Attaches and detaches. Both calls may be repeated: there is no state that they could overwrite.

use cni_plan_core::{Attachment, ErrorKind, ProviderError, Target};
use tokio::time::sleep;

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
        Some(_) => attach(iam, role, policy_arn, states).await,
        None => detach(iam, role, policy_arn).await,
    }
}

/// A role or a policy that was made a moment ago may not be known yet where it is attached.
async fn attach(
    iam: &IamProvider,
    role: &str,
    policy_arn: &str,
    states: &Transition<'_, Attachment>,
) -> Result<(), ProviderError> {
    let intent = iam.intent(
        "iam:AttachRolePolicy",
        &format!("role {role}"),
        &format!("attach policy {policy_arn} to role {role}"),
    );
    let is_new = iam.recent.left(|target, state| match target {
        Target::Role { name, .. } => name == role && state.is_some(),
        Target::Policy { arn, .. } => arn == policy_arn && state.is_some(),
        _ => false,
    });
    let is_lag = |error: &ProviderError| is_new && error.kind == ErrorKind::NotFound;
    let call = iam.client().attach_role_policy().role_name(role).policy_arn(policy_arn);
    let mut delays = iam.visibility.delays();
    loop {
        states.may_write().await?;
        let attached = intent.written(call.clone().send()).await.map(drop);
        match delays.next().filter(|_| attached.as_ref().is_err_and(is_lag)) {
            Some(delay) => sleep(delay).await,
            None => return attached,
        }
    }
}

/// What is gone already, with its role or without, is detached.
async fn detach(iam: &IamProvider, role: &str, policy_arn: &str) -> Result<(), ProviderError> {
    let intent = iam.intent(
        "iam:DetachRolePolicy",
        &format!("role {role}"),
        &format!("detach policy {policy_arn} from role {role}"),
    );
    let call = iam.client().detach_role_policy().role_name(role).policy_arn(policy_arn);
    if_there(intent.written(call.send()).await)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cni_plan_core::{PolicyDocument, Resource, Role};

    use crate::recent::LastWrite;
    use crate::scripted::{ACCOUNT, Scripted, apply, change, identity, refusal, xml};

    use super::*;

    const POLICY: &str = "arn:aws:iam::aws:policy/p";

    #[tokio::test]
    async fn a_role_that_was_just_made_may_not_be_known_yet_where_a_policy_is_attached() {
        for is_ours in [true, false] {
            let asked_before = AtomicUsize::new(0);
            let aws = Scripted::start(move |asked| match asked.operation.as_str() {
                "GetCallerIdentity" => identity(),
                "AttachRolePolicy" if asked_before.fetch_add(1, Ordering::SeqCst) < 2 => refusal(404, "NoSuchEntity"),
                other => {
                    let member = format!("<member><PolicyName>p</PolicyName><PolicyArn>{POLICY}</PolicyArn></member>");
                    xml(other, &format!("<AttachedPolicies>{member}</AttachedPolicies>"))
                }
            })
            .await;
            let iam = aws.iam().await;
            if is_ours {
                let role = Role {
                    name: "r".to_owned(),
                    path: "/".to_owned(),
                    trust: PolicyDocument::new(Vec::new()),
                    description: None,
                    permissions_boundary: None,
                    tags: std::collections::BTreeMap::new(),
                    id: None,
                };
                let target = Target::Role { account: ACCOUNT.to_owned(), name: "r".to_owned() };
                iam.recent.record(&target, LastWrite::Left(Some(Resource::Role(role))));
            }
            let (role, policy_arn) = ("r".to_owned(), POLICY.to_owned());
            let after = Resource::Attachment(Attachment { role: role.clone(), policy_arn: policy_arn.clone() });
            let target = Target::Attachment { account: ACCOUNT.to_owned(), role, policy_arn };
            let attached = apply(&iam, &change(target, None, Some(after))).await;
            assert_eq!(attached.is_ok(), is_ours, "{attached:?}");
        }
    }
}
