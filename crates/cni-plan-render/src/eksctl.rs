//! A plan's result as eksctl keeps it: its ClusterConfig, with the commands that take it.
//!
//! Source: eksctl's user guide, "IAM Roles for Service Accounts", "EKS Pod Identity Associations", "Addons"; the schema
//! of `eksctl.io/v1alpha5` (eksctl-io/eksctl, pkg/apis/eksctl.io/v1alpha5/assets/schema.json); EKS User Guide, "Configure
//! Amazon VPC CNI plugin to use IRSA", for the command. A role that is there already is attached by its ARN, and is
//! then left as it is; one that is not is eksctl's to make. What the plan still has to do and eksctl does not is told.

use std::fmt::Write as _;

use cni_plan_core::{ChangeSet, annotation_keys, yaml_scalar as scalar};

use crate::aws_call::{Service, quoted, with_options};
use crate::inert::inert;
use crate::settled::{SettledCluster, settled};

/// Makes or takes a role, and annotates the service account with it.
const CREATE_SERVICE_ACCOUNT: &str =
    "create iamserviceaccount --config-file FILE --override-existing-serviceaccounts --approve";

/// One document a cluster, each with the commands that it is for.
pub fn eksctl_config(change_set: &ChangeSet) -> String {
    settled(change_set).iter().map(document).collect()
}

fn document(cluster: &SettledCluster<'_>) -> String {
    let mut lines = vec!["---".to_owned()];
    lines.extend(commands(cluster).into_iter().map(|command| format!("# eksctl {command}")));
    lines.extend(remarks(cluster).into_iter().map(|remark| format!("# {remark}")));
    let planned = cluster.planned;
    lines.push("apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata:".to_owned());
    lines.push(format!("  name: {}\n  region: {}", scalar(&planned.cluster.name), scalar(&planned.facts.region)));
    match Way::of(cluster) {
        Way::Association => lines.extend(association(cluster)),
        Way::Addon => {
            if !cluster.role.is_there {
                lines.extend(service_account(cluster));
                lines.push("      roleOnly: true".to_owned());
            }
            lines.push("addons:\n  - name: vpc-cni".to_owned());
            lines.push(format!("    serviceAccountRoleARN: {}", scalar(&cluster.role_arn())));
            lines.push("    resolveConflicts: preserve".to_owned());
        }
        Way::Annotation => lines.extend(service_account(cluster)),
    }
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

/// What tells pods their role.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Association,
    Addon,
    Annotation,
}

impl Way {
    fn of(cluster: &SettledCluster<'_>) -> Way {
        match cluster.account {
            account if account.association.is_some() => Way::Association,
            account if account.addon.is_some() => Way::Addon,
            _ => Way::Annotation,
        }
    }
}

/// Whether there is an association already, which `create` would refuse and `update` gives a role.
fn has_association(cluster: &SettledCluster<'_>) -> bool {
    cluster.planned.facts.association.is_some()
}

fn commands(cluster: &SettledCluster<'_>) -> Vec<&'static str> {
    let provider = cluster.provider.as_ref().filter(|provider| !provider.is_there);
    let associate = provider.map(|_| "utils associate-iam-oidc-provider --config-file FILE --approve");
    let own = match Way::of(cluster) {
        Way::Association if has_association(cluster) => vec!["update podidentityassociation --config-file FILE"],
        Way::Association => vec!["create podidentityassociation --config-file FILE"],
        Way::Addon if cluster.role.is_there => vec!["update addon --config-file FILE"],
        Way::Addon => vec![CREATE_SERVICE_ACCOUNT, "update addon --config-file FILE"],
        Way::Annotation => vec![CREATE_SERVICE_ACCOUNT],
    };
    associate.into_iter().chain(own).collect()
}

/// What the commands do not do, and what they do besides.
fn remarks(cluster: &SettledCluster<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    for policy in cluster.owned.iter().filter(|policy| policy.is_pending) {
        let (name, document) = (&policy.state.name, policy.state.document.to_json());
        if policy.is_there {
            remarks
                .push(format!("eksctl changes no policy, and the plan still changes {}. Apply it first.", inert(name)));
        } else {
            let texts = [("policy-name", name.as_str()), ("policy-document", document.as_str())];
            let line = with_options("aws iam create-policy".to_owned(), Service::Iam, &texts, &[]);
            remarks.push("eksctl makes no policy. Before it:".to_owned());
            remarks.push(format!("  {}", inert(&line)));
        }
    }
    let is_left = cluster.role.is_pending || cluster.policies.iter().any(|policy| policy.is_pending);
    if cluster.role.is_there && is_left {
        remarks.push("eksctl takes the role as it is, and the plan still changes it. Apply the plan first.".to_owned());
    } else if !cluster.role.is_there && has_association(cluster) {
        remarks.push("The role is not there, and `update` makes none. Apply the plan first.".to_owned());
    }
    remarks.push("eksctl restarts no pods, and takes no policy off a node role.".to_owned());
    if !cluster.detached.is_empty() {
        remarks.push("Once all pods carry the role:".to_owned());
    }
    for (role, policy) in &cluster.detached {
        let detach = format!("aws iam detach-role-policy --role-name {} --policy-arn {}", quoted(role), quoted(policy));
        remarks.push(format!("  {}", inert(&detach)));
    }
    if Way::of(cluster) == Way::Annotation {
        remarks.push("`eksctl delete iamserviceaccount` would delete the plugin's service account itself.".to_owned());
    }
    remarks
}

fn association(cluster: &SettledCluster<'_>) -> Vec<String> {
    let account = cluster.account;
    let mut lines = vec!["iam:\n  podIdentityAssociations:".to_owned()];
    lines.push(format!("    - namespace: {}", scalar(&account.namespace)));
    lines.push(format!("      serviceAccountName: {}", scalar(&account.name)));
    // `update` takes nothing but the ARN.
    let by_arn = cluster.role.is_there || has_association(cluster);
    lines.extend(role(cluster, by_arn, ["roleARN", "permissionPolicyARNs", "permissionsBoundaryARN"]));
    lines
}

fn service_account(cluster: &SettledCluster<'_>) -> Vec<String> {
    let account = cluster.account;
    let mut lines = vec!["iam:\n  withOIDC: true\n  serviceAccounts:\n    - metadata:".to_owned()];
    lines.push(format!("        namespace: {}", scalar(&account.namespace)));
    lines.push(format!("        name: {}", scalar(&account.name)));
    if let Some(regional) = account.annotations.get(annotation_keys::STS_REGIONAL_ENDPOINTS) {
        let key = scalar(annotation_keys::STS_REGIONAL_ENDPOINTS);
        lines.push(format!("        annotations:\n          {key}: {}", scalar(&regional.value)));
    }
    lines.extend(role(cluster, cluster.role.is_there, ["attachRoleARN", "attachPolicyARNs", "permissionsBoundary"]));
    lines
}

/// The role by its ARN, with which nothing else may be said of it, or what it is to be.
fn role(cluster: &SettledCluster<'_>, by_arn: bool, [arn, policies, boundary]: [&str; 3]) -> Vec<String> {
    if by_arn {
        return vec![format!("      {arn}: {}", scalar(&cluster.role_arn()))];
    }
    let role = cluster.role.state;
    let mut lines = Vec::new();
    if role.path != "/" || role.description.is_some() {
        lines.push(
            "      # eksctl gives a role that it makes no path and no description, which the spec asks for:".to_owned(),
        );
        lines.push(format!(
            "      #   path {}, description {}",
            scalar(&role.path),
            role.description.as_deref().map_or_else(|| "none".to_owned(), scalar)
        ));
        lines.push("      # apply the plan first, or make the role by other means, and export again.".to_owned());
    }
    lines.push(format!("      roleName: {}", scalar(&role.name)));
    lines.push(format!("      {policies}:"));
    lines.extend(cluster.policies.iter().map(|policy| format!("        - {}", scalar(policy.state))));
    if let Some(arn) = &role.permissions_boundary {
        lines.push(format!("      {boundary}: {}", scalar(arn)));
    }
    if !role.tags.is_empty() {
        let mut tags = "      tags:".to_owned();
        for (key, value) in &role.tags {
            let _ = write!(tags, "\n        {}: {}", scalar(key), scalar(value));
        }
        lines.push(tags);
    }
    lines
}
