//! The Pod Identity association of a service account: read, made, given another role, taken away.

use std::time::Duration;

use aws_sdk_eks::primitives::DateTime;
use cni_plan_core::{Association, Overseer, ProviderError, ServiceAccount};

use crate::facts::association_id;
use crate::failure::{Intent, if_there};
use crate::session::Session;

/// An association as EKS has it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    id: String,
    pub(super) state: Association,
    /// Since 1970; zero where EKS does not say it.
    pub(super) created: Duration,
    /// The same; as created where it was never changed.
    pub(super) modified: Duration,
}

/// The one of a service account; there is at most one.
pub(super) async fn of(
    session: &Session,
    cluster: &str,
    namespace: &str,
    account: &str,
) -> Result<Option<Found>, ProviderError> {
    let describing = intent(session, "eks:DescribePodIdentityAssociation", cluster, namespace, account, "read");
    let id = association_id(session, cluster, namespace, account, describing.what.clone()).await?;
    let Some(id) = id else { return Ok(None) };
    let call = session.eks.describe_pod_identity_association().cluster_name(cluster).association_id(&id);
    // It may go between the two calls.
    let Some(answer) = if_there(call.send().await.map_err(|error| describing.failed(&error)))? else { return Ok(None) };
    let described = answer.association.and_then(|it| Some((it.role_arn.clone()?, it)));
    let (role_arn, described) =
        described.ok_or_else(|| describing.unreadable("the answer has no association with a role"))?;
    let besides = [
        ("targetRoleArn", described.target_role_arn.is_some()),
        ("policy", described.policy.is_some()),
        ("disableSessionTags", described.disable_session_tags == Some(true)),
    ];
    let besides = besides.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| name.to_owned()).collect();
    let tags = described.tags.unwrap_or_default().into_iter().collect();
    let [created, modified] = [described.created_at, described.modified_at].map(since_1970);
    let state = Association { role_arn, owner_arn: described.owner_arn, besides, tags };
    Ok(Some(Found { id, state, created, modified: modified.max(created) }))
}

fn since_1970(time: Option<DateTime>) -> Duration {
    time.and_then(|time| Duration::try_from_secs_f64(time.as_secs_f64()).ok()).unwrap_or_default()
}

/// Brings the association from where `before` has it to where `after` has it.
///
/// # Errors
/// When it is neither the one nor the other by now, and when EKS refuses.
pub(super) async fn set(
    session: &Session,
    cluster: &str,
    before: &ServiceAccount,
    after: &ServiceAccount,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let (namespace, account) = (before.namespace.as_str(), before.name.as_str());
    let writing = |action, doing| intent(session, action, cluster, namespace, account, doing);
    let found = of(session, cluster, namespace, account).await?;
    let now = found.as_ref().map(|found| &found.state);
    if now == after.association.as_ref() {
        return Ok(());
    }
    if now != before.association.as_ref() {
        let named = |it: Option<&Association>| it.map_or("not there", |it| it.role_arn.as_str()).to_owned();
        let why = format!("it is {}, and was {}", named(now), named(before.association.as_ref()));
        return Err(writing("eks:UpdatePodIdentityAssociation", "change").conflict(why));
    }
    overseer.holds_locks().await?;
    match (found, &after.association) {
        (None, Some(wanted)) => {
            let intent = writing("eks:CreatePodIdentityAssociation", "create");
            let call = session.eks.create_pod_identity_association().cluster_name(cluster).namespace(namespace);
            let call = call.service_account(account).role_arn(&wanted.role_arn);
            let tags = wanted.tags.clone().into_iter().collect();
            intent.written(call.set_tags(Some(tags)).send()).await.map(drop)
        }
        (Some(found), Some(wanted)) => {
            let intent = writing("eks:UpdatePodIdentityAssociation", "change");
            let call = session.eks.update_pod_identity_association().cluster_name(cluster).association_id(found.id);
            intent.written(call.role_arn(&wanted.role_arn).send()).await.map(drop)
        }
        (Some(found), None) => {
            let intent = writing("eks:DeletePodIdentityAssociation", "delete");
            let call = session.eks.delete_pod_identity_association().cluster_name(cluster).association_id(found.id);
            if_there(intent.written(call.send()).await).map(drop)
        }
        (None, None) => Ok(()),
    }
}

fn intent<'a>(
    session: &'a Session,
    action: &'static str,
    cluster: &str,
    namespace: &str,
    account: &str,
    doing: &str,
) -> Intent<'a> {
    let what = format!("cannot {doing} the Pod Identity association of {namespace}/{account} in cluster {cluster}");
    session.intent(action, format!("cluster {cluster}"), what)
}
