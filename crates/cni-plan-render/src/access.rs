//! What someone has to be allowed, in the languages of those who allow it: an IAM policy and Kubernetes' RBAC.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use cni_plan_core::{AwsAccess, KubernetesGrants, KubernetesRule, Purpose, canonical_json, yaml_scalar};

use crate::aws_call::option;
use crate::inert::inert;

/// The IAM policy as JSON in ASCII, ending in a line feed.
pub fn iam_policy(access: &AwsAccess) -> String {
    canonical_json::to_document(&access.to_policy())
}

/// Roles, a cluster role and their bindings to the group, as YAML documents.
pub fn rbac_yaml(grants: &KubernetesGrants, purpose: Purpose, group: &str) -> String {
    let name = name(purpose);
    let mut by_namespace: BTreeMap<Option<&str>, Vec<&KubernetesRule>> = BTreeMap::new();
    for rule in &grants.rules {
        by_namespace.entry(rule.namespace.as_deref()).or_default().push(rule);
    }
    let mut yaml = String::new();
    for (namespace, rules) in by_namespace {
        let (role, binding) = match namespace {
            Some(_) => ("Role", "RoleBinding"),
            None => ("ClusterRole", "ClusterRoleBinding"),
        };
        head(&mut yaml, role, name, namespace);
        yaml.push_str("rules:\n");
        for rule in rules {
            write_rule(&mut yaml, rule);
        }
        head(&mut yaml, binding, name, namespace);
        let _ = write!(
            yaml,
            "roleRef:\n  apiGroup: rbac.authorization.k8s.io\n  kind: {role}\n  name: {name}\nsubjects:\n  - apiGroup: \
             rbac.authorization.k8s.io\n    kind: Group\n    name: {}\n",
            yaml_scalar(group)
        );
    }
    yaml
}

/// What the roles of a purpose are called.
fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Plan => "cni-plan-plan",
        Purpose::Apply => "cni-plan-apply",
    }
}

fn head(yaml: &mut String, kind: &str, name: &str, namespace: Option<&str>) {
    let _ = write!(yaml, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\n");
    if let Some(namespace) = namespace {
        let _ = writeln!(yaml, "  namespace: {}", yaml_scalar(namespace));
    }
}

fn write_rule(yaml: &mut String, rule: &KubernetesRule) {
    let KubernetesRule { group, resource, name, verbs, .. } = rule;
    let verbs: Vec<&str> = verbs.iter().copied().collect();
    let _ = writeln!(yaml, "  - apiGroups: [{}]\n    resources: [{}]", yaml_scalar(group), yaml_scalar(resource));
    if let Some(name) = name {
        let _ = writeln!(yaml, "    resourceNames: [{}]", yaml_scalar(name));
    }
    let _ = writeln!(yaml, "    verbs: [{}]", verbs.join(", "));
}

/// Whose policy it is and for what, as one line of a comment.
pub fn access_heading(access: &AwsAccess, purpose: Purpose) -> String {
    let what = match purpose {
        Purpose::Plan => "to plan",
        Purpose::Apply => "to plan and apply",
    };
    let whose = match (&access.assumed, access.account.as_str()) {
        (Some(role), _) => format!("for {role}"),
        (None, "*") => "for whoever logs in".to_owned(),
        (None, account) => format!("in account {account}"),
    };
    inert(&format!("# IAM policy {what}, {whose}")).into_owned()
}

/// A cluster in which a group gets its rules.
#[derive(Debug, Clone, Copy)]
pub struct GroupIn<'a> {
    /// As the spec tells it from others.
    pub key: &'a str,
    /// EKS's name for it.
    pub name: &'a str,
    /// `None` where nobody knows it.
    pub region: Option<&'a str>,
}

/// For which clusters the rules are, and what puts a principal into the group there, as lines of comments.
///
/// AWS CLI Command Reference, `eks create-access-entry`: the groups of an entry are those that bindings name.
pub fn rbac_heading(clusters: &[GroupIn<'_>], group: &str) -> String {
    let keys: BTreeSet<&str> = clusters.iter().map(|cluster| cluster.key).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let mut lines = vec![
        format!("# Kubernetes RBAC for the group {group}, in {}", keys.join(", ")),
        "# A principal gets into the group by its access entry:".to_owned(),
    ];
    lines.extend(clusters.iter().map(|cluster| {
        let (name, group) = (option("cluster-name", cluster.name), option("kubernetes-groups", group));
        let region = cluster.region.map(|region| option("region", region)).unwrap_or_default();
        format!("#   aws eks create-access-entry{name}{region} --principal-arn ARN{group}")
    }));
    lines.iter().fold(String::new(), |text, line| text + &inert(line) + "\n")
}
