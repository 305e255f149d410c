//! A plan's result as eksctl keeps it: the documented command, and its ClusterConfig.
//!
//! Source: eksctl.io, "IAM Roles for Service Accounts", "EKS Pod Identity Associations", "EKS Add-ons", and the
//! schema of `eksctl.io/v1alpha5`. A role that is there already is attached by its ARN; one that is not is
//! eksctl's to make.

use std::fmt::Write as _;

use cni_plan_core::{ChangeSet, yaml_scalar as scalar};

use crate::aws_call::quoted;
use crate::inert::inert;
use crate::settled::{SettledCluster, settled};

/// One document a cluster, each with the command that it is for.
pub fn eksctl_config(change_set: &ChangeSet) -> String {
    let mut text = String::new();
    for cluster in settled(change_set) {
        write_cluster(&mut text, &cluster);
    }
    text
}

fn write_cluster(text: &mut String, cluster: &SettledCluster<'_>) {
    let planned = cluster.planned;
    let account = cluster.account.state;
    let command = if account.association.is_some() {
        "create podidentityassociation --config-file FILE"
    } else if account.addon.is_some() {
        "update addon --config-file FILE"
    } else {
        "create iamserviceaccount --config-file FILE --override-existing-serviceaccounts --approve"
    };
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line("---".to_owned());
    line(format!("# eksctl {command}"));
    line("# eksctl restarts no pods, and takes no policy off a node role.".to_owned());
    if !cluster.detached.is_empty() {
        line("# Once all pods carry the role:".to_owned());
    }
    for (role, policy) in &cluster.detached {
        let detach = format!("aws iam detach-role-policy --role-name {} --policy-arn {}", quoted(role), quoted(policy));
        line(format!("#   {}", inert(&detach)));
    }
    line("apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata:".to_owned());
    line(format!("  name: {}\n  region: {}", scalar(&planned.cluster.name), scalar(&planned.facts.region)));
    if account.association.is_some() {
        line("iam:\n  podIdentityAssociations:".to_owned());
        line(format!("    - namespace: {}", scalar(&account.namespace)));
        line(format!("      serviceAccountName: {}", scalar(&account.name)));
        role(cluster, "roleARN", "permissionPolicyARNs", "permissionsBoundaryARN").into_iter().for_each(line);
    } else if account.addon.is_some() {
        line("addons:\n  - name: vpc-cni".to_owned());
        line(format!("    serviceAccountRoleARN: {}", scalar(&cluster.role_arn())));
        line("    resolveConflicts: preserve".to_owned());
    } else {
        line("iam:\n  withOIDC: true\n  serviceAccounts:\n    - metadata:".to_owned());
        line(format!("        namespace: {}", scalar(&account.namespace)));
        line(format!("        name: {}", scalar(&account.name)));
        role(cluster, "attachRoleARN", "attachPolicyARNs", "permissionsBoundary").into_iter().for_each(line);
    }
}

/// The role by its ARN where it is there, else what it is to be.
fn role(cluster: &SettledCluster<'_>, by_arn: &str, policies: &str, boundary: &str) -> Vec<String> {
    if cluster.role.is_there {
        return vec![format!("      {by_arn}: {}", scalar(&cluster.role_arn()))];
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
