//! Who else looks after a role that the plan changes: a tool that keeps it as its own code says would put back
//! what the plan takes off, or report it as drift.

use std::collections::{BTreeMap, HashMap};

use super::{Cluster, known};
use crate::{Change, Finding, Kind, RoleRecord, Target};

/// CloudFormation writes it on what a stack makes (facts: What goes wrong); so does CDK, whose stacks they are.
const STACK: &str = "aws:cloudformation:stack-name";
/// eksctl writes them on what its stacks make.
const EKSCTL: &str = "alpha.eksctl.io/";
/// See there.
const EKSCTL_CLUSTER: &str = "alpha.eksctl.io/cluster-name";
/// Terraform and OpenTofu write none of their own; people have them written, by `default_tags` most often, under
/// such keys (terraform-aws-modules' examples have `Terraform = "true"`, others `ManagedBy = "terraform"`).
/// Compared in lower case and without `-`, `_`, `:` and spaces.
const MANAGED_BY: &[&str] = &["managedby", "createdby", "provisionedby", "provisioner", "deployedby", "iac", "iactool"];

/// Whether it says who owns a role: what a change set keeps of a role's tags.
pub(crate) fn is_owners(key: &str, value: &str) -> bool {
    key == STACK || key.starts_with(EKSCTL) || conventional(key, value).is_some()
}

/// The tool that people's own tags name.
fn conventional(key: &str, value: &str) -> Option<&'static str> {
    let plain = |text: &str| text.chars().filter(|it| !matches!(it, '-' | '_' | ':' | ' ')).collect::<String>();
    let (key, value) = (plain(key).to_ascii_lowercase(), value.trim().to_ascii_lowercase());
    [("terraform", "Terraform"), ("opentofu", "OpenTofu"), ("pulumi", "Pulumi")].into_iter().find_map(|(tool, name)| {
        let is_flag = key == tool && value == "true";
        let is_named = MANAGED_BY.contains(&key.as_str()) && value == tool;
        (is_flag || is_named).then_some(name)
    })
}

/// Whoever the tags name, as a clause: the stack, the cluster, the tag that says so.
fn owner(tags: &BTreeMap<String, String>) -> Option<String> {
    let stack = tags.get(STACK).map(|stack| format!("CloudFormation's stack {stack}"));
    let is_eksctls = tags.keys().any(|key| key.starts_with(EKSCTL));
    if is_eksctls {
        let cluster = tags.get(EKSCTL_CLUSTER).map(|cluster| format!(" for cluster {cluster}")).unwrap_or_default();
        let by = stack.map(|stack| format!(", by {stack}")).unwrap_or_default();
        return Some(format!("eksctl{cluster}{by}"));
    }
    stack.or_else(|| {
        let (key, value, tool) = tags.iter().find_map(|(key, value)| Some((key, value, conventional(key, value)?)))?;
        Some(format!("{tool}, says its tag {key}={value}"))
    })
}

/// Of the plugin's role, where it is there and the plan changes it or what is on it.
pub(super) fn of_role(cluster: &Cluster<'_>) -> Option<Finding> {
    let (step, found) = cluster.role()?;
    let found = found?;
    let attaches = cluster.steps.iter().any(|it| {
        let is_on_it = matches!(&it.target, Target::Attachment { role, .. } if *role == found.name);
        is_on_it && it.is_effective()
    });
    if !step.is_effective() && !attaches {
        return None;
    }
    let message = format!("role {} is looked after by {}", found.name, owner(&found.tags)?);
    Some(known::ROLE_OWNED.at(&step.address, message))
}

/// Of each node role that loses a policy.
pub(super) fn of_node_roles(changes: &[Change], records: &HashMap<(&str, &str), &RoleRecord>) -> Vec<Finding> {
    let detaches = changes.iter().filter(|it| it.address.kind() == Kind::Detach && it.is_effective());
    detaches
        .filter_map(|change| {
            let Target::Attachment { account, role, policy_arn } = &change.target else { return None };
            let owner = owner(&records.get(&(account.as_str(), role.as_str()))?.owner_tags)?;
            let message = format!("role {role} is looked after by {owner}, which may attach {policy_arn} again");
            Some(known::NODE_ROLE_OWNED.at(&change.address, message))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner_of(tags: &[(&str, &str)]) -> Option<String> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let kept = tags.iter().map(own).filter(|(key, value)| is_owners(key, value)).collect();
        owner(&kept)
    }

    #[test]
    fn each_tool_is_known_by_its_tags() {
        let told = |tags: &[(&str, &str)]| owner_of(tags).unwrap();
        assert_eq!(told(&[("aws:cloudformation:stack-name", "nodes")]), "CloudFormation's stack nodes");
        let eksctl = [
            ("alpha.eksctl.io/cluster-name", "c"),
            ("alpha.eksctl.io/nodegroup-name", "ng"),
            ("aws:cloudformation:stack-name", "eksctl-c-nodegroup-ng"),
        ];
        assert_eq!(told(&eksctl), "eksctl for cluster c, by CloudFormation's stack eksctl-c-nodegroup-ng");
        for (key, value, tool) in [
            ("Terraform", "true", "Terraform"),
            ("managed-by", "terraform", "Terraform"),
            ("ManagedBy", "Terraform", "Terraform"),
            ("Managed_By", "OpenTofu", "OpenTofu"),
            ("iac", "pulumi", "Pulumi"),
        ] {
            assert_eq!(told(&[(key, value)]), format!("{tool}, says its tag {key}={value}"));
        }
    }

    #[test]
    fn other_tags_name_nobody() {
        for (key, value) in [
            ("team", "terraform"),
            ("Terraform", "false"),
            ("ManagedBy", "platform"),
            ("aws:servicecatalog:productArn", "x"),
            ("eks:cluster-name", "c"),
        ] {
            assert_eq!(owner_of(&[(key, value)]), None, "{key}={value}");
        }
    }
}
