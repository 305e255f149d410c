//! What an EKS add-on that owns the plugin's service account has against being given a role.

use super::{Cluster, known};
use crate::{Finding, ServiceAccount, annotation_keys};

/// The field manager by which EKS writes (EKS User Guide, "Determine fields you can customize for Amazon EKS
/// add-ons").
const EKS: &str = "eks";

pub(super) fn findings(cluster: &Cluster<'_>) -> Vec<Finding> {
    let (Some(addon), Some((step, [found, after]))) = (&cluster.planned.facts.managed_addon, cluster.service_account())
    else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if found.addon == after.addon && found.annotations == after.annotations {
        return findings;
    }
    if found.gets_first_role_of_addon(after) && found.association.is_some() {
        let message = "the add-on would get its first role, which EKS cannot take off again, in the step that deletes \
                       the association which pods use: it could not be undone as a whole";
        findings.push(known::ADDON_WITH_ASSOCIATION.at(&step.address, message.to_owned()));
    }
    if addon.is_changing() {
        let message =
            format!("the add-on vpc-cni {} is {}, and takes no change meanwhile", addon.version, addon.status);
        findings.push(known::ADDON_BUSY.at(&step.address, message));
    } else if !addon.is_active() {
        let message =
            format!("the add-on vpc-cni {} is {}: EKS may fail to change it again", addon.version, addon.status);
        findings.push(known::ADDON_UNHEALTHY.at(&step.address, message));
    }
    let Some(annotation) = found.annotations.get(annotation_keys::ROLE_ARN) else { return findings };
    let (value, manager) = (&annotation.value, annotation.manager.as_deref().unwrap_or("someone"));
    if is_role_of(found, value) || manager == EKS {
        return findings;
    }
    findings.push(if is_role_of(after, value) {
        let message = format!(
            "annotation {} belongs to {manager}, and EKS would take it off when it next updates the add-on; the plan \
             has EKS write it",
            annotation_keys::ROLE_ARN
        );
        known::ADDON_MERELY_ANNOTATED.at(&step.address, message)
    } else {
        let message = format!(
            "annotation {} is {value} and belongs to {manager}: EKS leaves it when it updates the add-on, and pods \
             would not get the role",
            annotation_keys::ROLE_ARN
        );
        known::ADDON_ANNOTATION_OF_OTHERS.at(&step.address, message)
    });
    findings
}

/// Whether the add-on has this role.
fn is_role_of(account: &ServiceAccount, role_arn: &str) -> bool {
    account.addon.as_ref().and_then(|addon| addon.role_arn.as_deref()) == Some(role_arn)
}
