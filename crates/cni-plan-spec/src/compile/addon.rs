//! What a spec can ask of a plugin that EKS manages.

use cni_plan_core::ClusterFacts;

use crate::{Addon, ClusterSpec, Identity};

/// The service account of the add-on `vpc-cni`, in every cluster (facts: The DaemonSet).
const SERVICE_ACCOUNT: (&str, &str) = ("kube-system", "aws-node");

/// Tells `problem` of everything that the spec asks for and an add-on, or its absence, does not allow: the
/// key, what, why and the cure.
pub(super) fn check(wanted: &ClusterSpec, facts: &ClusterFacts, problem: &mut impl FnMut(&str, String, String, &str)) {
    let Some(addon) = &facts.managed_addon else {
        if wanted.addon == Addon::Managed {
            problem(
                "addon",
                format!("cluster `{}` does not have the plugin as an EKS add-on", wanted.name),
                "DescribeAddon knows no vpc-cni there".to_owned(),
                "leave `addon` out to have EKS asked, or install the add-on first",
            );
        }
        return;
    };
    let account = &wanted.service_account;
    if (account.namespace.as_str(), account.name.as_str()) != SERVICE_ACCOUNT {
        problem(
            "serviceAccount",
            format!("the plugin of cluster `{}` does not run as {}/{}", wanted.name, account.namespace, account.name),
            format!("EKS manages vpc-cni {addon}, which runs as kube-system/aws-node"),
            "leave `serviceAccount` out, or set `addon: self-managed` if the plugin is another one",
        );
    }
    if wanted.sts_regional_endpoints.is_some() && wanted.identity == Identity::Irsa {
        problem(
            "stsRegionalEndpoints",
            format!("the STS endpoint of cluster `{}` cannot be chosen", wanted.name),
            format!("EKS manages vpc-cni {addon}, and an add-on has no setting for it"),
            "leave `stsRegionalEndpoints` out: the webhook's own configuration decides then",
        );
    }
}
