//! The add-on `vpc-cni`: which role its service account has, and giving it another.
//!
//! An update is accepted at once and over later. It is sent with the version and the configuration as they
//! are found, and so that what others have set in the cluster stays (facts: EKS).

use std::ops::ControlFlow;

use aws_sdk_eks::types::{Addon, ResolveConflicts, Update, UpdateStatus};
use cni_plan_core::{AddonRole, ErrorKind, ManagedAddon, Overseer, Progress, ProviderError};

use super::wait;
use crate::facts::{ADDON, described_addon};
use crate::failure::Intent;
use crate::session::Session;

/// `None`: EKS does not manage the plugin.
pub(super) async fn role(session: &Session, cluster: &str) -> Result<Option<AddonRole>, ProviderError> {
    let described = described(session, cluster).await?;
    Ok(described.map(|(addon, _)| AddonRole { role_arn: addon.service_account_role_arn }))
}

/// The add-on once EKS is at nothing with it; `waits` is called where it is at something.
///
/// # Errors
/// When it cannot be seen, and when EKS is not done with it in a quarter of an hour.
pub(super) async fn at_rest(
    session: &Session,
    cluster: &str,
    waits: impl FnOnce(),
) -> Result<Option<Addon>, ProviderError> {
    let at_rest = wait::until(wait::FOR_AN_UPDATE, waits, || async {
        Ok(match described(session, cluster).await? {
            Some((_, state)) if state.is_changing() => ControlFlow::Continue(()),
            described => ControlFlow::Break(described.map(|(addon, _)| addon)),
        })
    });
    match at_rest.await? {
        ControlFlow::Break(addon) => Ok(addon),
        ControlFlow::Continue(()) => Err(not_over(session, cluster, "EKS is still changing it")),
    }
}

/// Gives the add-on the role of `wanted` in place of that of `found`, and waits until it has it. One that has
/// it is updated all the same where EKS `is_to_write` the annotation again.
///
/// # Errors
/// When it has another role than `found` by now, when EKS refuses or fails to update it, and when that takes
/// more than a quarter of an hour.
pub(super) async fn set_role(
    session: &Session,
    cluster: &str,
    found: &AddonRole,
    wanted: &AddonRole,
    is_to_write: bool,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let intent = updating(session, cluster);
    let others = || tell(overseer, &format!("waiting for EKS to finish what it is doing with the add-on {ADDON}"));
    let Some(addon) = at_rest(session, cluster, others).await? else {
        return Err(intent.conflict("the cluster does not have the add-on any more"));
    };
    let now = AddonRole { role_arn: addon.service_account_role_arn.clone() };
    if now == *wanted && !is_to_write {
        return Ok(());
    }
    if now != *found && now != *wanted {
        let named = |role: &AddonRole| role.role_arn.clone().unwrap_or_else(|| "none".to_owned());
        return Err(intent.conflict(format!("its role is {}, and was {}", named(&now), named(found))));
    }
    let Some(role_arn) = &wanted.role_arn else {
        return Err(intent.conflict("EKS takes no role off an add-on again"));
    };
    overseer.holds_locks().await?;
    let update = session
        .eks
        .update_addon()
        .cluster_name(cluster)
        .addon_name(ADDON)
        .set_addon_version(addon.addon_version)
        .set_configuration_values(addon.configuration_values)
        .service_account_role_arn(role_arn)
        .resolve_conflicts(ResolveConflicts::Preserve);
    let begun = intent.written(update.send()).await?;
    let id = begun.update.and_then(|update| update.id);
    let id = id.ok_or_else(|| intent.unreadable("the answer has no id of an update"))?;
    until_over(session, cluster, &id, overseer).await
}

async fn until_over(session: &Session, cluster: &str, id: &str, overseer: &dyn Overseer) -> Result<(), ProviderError> {
    let waits = || tell(overseer, &format!("waiting for EKS to update the add-on {ADDON}, update {id}"));
    let over = wait::until(wait::FOR_AN_UPDATE, waits, || async {
        let update = described_update(session, cluster, id).await?;
        match update.status {
            Some(UpdateStatus::Successful) => Ok(ControlFlow::Break(())),
            Some(UpdateStatus::Failed | UpdateStatus::Cancelled) => Err(not_updated(session, cluster, &told(&update))),
            _ => Ok(ControlFlow::Continue(())),
        }
    });
    match over.await? {
        ControlFlow::Break(()) => Ok(()),
        ControlFlow::Continue(()) => Err(not_over(session, cluster, &format!("update {id} is not over"))),
    }
}

pub(super) fn tell(overseer: &dyn Overseer, what: &str) {
    overseer.tell(Progress::Told(what.to_owned()));
}

/// What takes longer than an update is waited for.
fn not_over(session: &Session, cluster: &str, what: &str) -> ProviderError {
    let why = format!("{what} after {} minutes", wait::FOR_AN_UPDATE.as_secs() / 60);
    ProviderError { kind: ErrorKind::Timeout, ..not_updated(session, cluster, &why) }
}

/// EKS says that it is done, and the service account does not show it.
pub(super) fn not_annotated(session: &Session, cluster: &str, why: &str) -> ProviderError {
    not_updated(session, cluster, &format!("EKS has updated it, and {why}"))
}

fn not_updated(session: &Session, cluster: &str, why: &str) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        cure: format!(
            "look at `aws eks describe-addon --cluster-name {cluster} --addon-name {ADDON}`, then plan again"
        ),
        ..updating(session, cluster).conflict(why)
    }
}

/// What EKS says of an update that failed.
fn told(update: &Update) -> String {
    let error = |error: &aws_sdk_eks::types::ErrorDetail| {
        let code = error.error_code.as_ref().map_or("Unknown", |code| code.as_str());
        format!("{code}: {}", error.error_message.as_deref().unwrap_or("no more is said"))
    };
    let errors: Vec<String> = update.errors.iter().flatten().map(error).collect();
    if errors.is_empty() { "EKS does not say why".to_owned() } else { errors.join("; ") }
}

async fn described(session: &Session, cluster: &str) -> Result<Option<(Addon, ManagedAddon)>, ProviderError> {
    described_addon(session, cluster, ADDON, doing("read", cluster)).await
}

async fn described_update(session: &Session, cluster: &str, id: &str) -> Result<Update, ProviderError> {
    let intent = intent(session, "eks:DescribeUpdate", cluster, "follow the update of");
    let call = session.eks.describe_update().name(cluster).addon_name(ADDON).update_id(id);
    let answer = call.send().await.map_err(|error| intent.failed(&error))?;
    answer.update.ok_or_else(|| intent.unreadable("the answer has no update"))
}

fn updating<'a>(session: &'a Session, cluster: &str) -> Intent<'a> {
    intent(session, "eks:UpdateAddon", cluster, "update")
}

fn intent<'a>(session: &'a Session, action: &'static str, cluster: &str, verb: &str) -> Intent<'a> {
    session.intent(action, format!("cluster {cluster}"), doing(verb, cluster))
}

fn doing(verb: &str, cluster: &str) -> String {
    format!("cannot {verb} the add-on {ADDON} of cluster {cluster}")
}
