//! What speaks against one node's step.

use super::step::Step;
use crate::{Action, Address, Finding, Node, Pods, Resource, Role, Run, ServiceAccount, Severity, Wanted};

/// IAM's default quota for a trust document, in characters (IAM quotas: role trust policy length).
const TRUST_LIMIT: usize = 2048;

/// Field managers that put their own value back, and what people call them.
/// EKS add-ons: "eks" (EKS User Guide, "Determine fields you can customize for Amazon EKS add-ons");
/// Argo CD: its server-side apply manager; Flux: its controllers' names.
const REVERTING_MANAGERS: &[(&str, &str)] = &[
    ("eks", "the EKS add-on manager"),
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
];

/// The hazards of one step.
pub(super) fn of(node: &Node, found: Option<&Resource>, step: &Step) -> Vec<Finding> {
    let address = &node.address;
    match (&node.wanted, found, &step.after) {
        (Wanted::Referred(wanted), None, _) => vec![missing(address, wanted)],
        (Wanted::Referred(Resource::OidcProvider(wanted)), Some(Resource::OidcProvider(found)), _) => wanted
            .client_ids
            .difference(&found.client_ids)
            .map(|audience| {
                refuse(
                    address,
                    "oidc-provider-audience",
                    format!("the OIDC provider of this issuer does not accept the audience {audience}"),
                    "set `oidcProvider: create` to have the audience added, or add it yourself",
                )
            })
            .collect(),
        (Wanted::Present(Resource::ServiceAccount(wanted)), None, _) => vec![refuse(
            address,
            "service-account-missing",
            format!("service account {}/{} does not exist", wanted.namespace, wanted.name),
            "install the plugin first, or name its service account under `serviceAccount`",
        )],
        (
            Wanted::Present(Resource::ServiceAccount(_)),
            Some(Resource::ServiceAccount(found)),
            Some(Resource::ServiceAccount(after)),
        ) => set_back(address, found, after),
        (Wanted::Present(Resource::Role(wanted)), Some(Resource::Role(found)), Some(Resource::Role(after))) => {
            let mut findings = role_path(address, wanted, found);
            findings.extend(trust_length(address, after, step.action));
            findings
        }
        (Wanted::Present(Resource::Role(after)), None, _) => trust_length(address, after, step.action),
        (Wanted::Run(_), None, _) => vec![refuse(
            address,
            "daemonset-missing",
            "no DaemonSet runs under the plugin's service account".to_owned(),
            "install the plugin first, or name its service account under `serviceAccount`",
        )],
        (Wanted::Run(Run::Verify { .. }), Some(Resource::Pods(found)), _)
            if found.count() == 0 && found.not_ready == 0 =>
        {
            vec![no_node(address, found)]
        }
        _ => Vec::new(),
    }
}

/// Nothing forbids it, but then nothing proves the role before the node's policy goes.
fn no_node(address: &Address, found: &Pods) -> Finding {
    Finding {
        severity: Severity::Warn,
        code: "no-eligible-node".to_owned(),
        address: address.clone(),
        message: format!(
            "no node is eligible for DaemonSet {}/{}: there is no pod to restart and none to verify",
            found.namespace, found.daemon_set
        ),
        cure: "if the cluster has nodes, compare their labels and taints with the DaemonSet's affinity, selector and tolerations"
            .to_owned(),
    }
}

fn refuse(address: &Address, code: &str, message: String, cure: &str) -> Finding {
    Finding {
        severity: Severity::Refuse,
        code: code.to_owned(),
        address: address.clone(),
        message,
        cure: cure.to_owned(),
    }
}

fn missing(address: &Address, wanted: &Resource) -> Finding {
    match wanted {
        Resource::OidcProvider(provider) => refuse(
            address,
            "oidc-provider-missing",
            format!("the account has no OIDC provider for the cluster's issuer {}", provider.url),
            "set `oidcProvider: create`, or run `eksctl utils associate-iam-oidc-provider --cluster NAME --approve`",
        ),
        Resource::Policy(policy) => refuse(
            address,
            "policy-missing",
            format!("policy {} does not exist", policy.arn),
            "create it, or leave `policy.arn` out to use the family's own policy",
        ),
        _ => refuse(
            address,
            "resource-missing",
            "it does not exist, and the spec only refers to it".to_owned(),
            "create it first",
        ),
    }
}

fn set_back(address: &Address, found: &ServiceAccount, after: &ServiceAccount) -> Vec<Finding> {
    let taken = found.annotations.iter().filter(|&(key, annotation)| after.annotations.get(key) != Some(annotation));
    taken
        .filter_map(|(key, annotation)| {
            let manager = annotation.manager.as_deref()?;
            let (_, product) = REVERTING_MANAGERS.iter().find(|(name, _)| *name == manager)?;
            Some(refuse(
                address,
                "owner-would-set-it-back",
                format!(
                    "annotation {key} is {} and belongs to {product} (field manager {manager}), which would set it back",
                    annotation.value
                ),
                "change it where that owner takes it from, then plan again",
            ))
        })
        .collect()
}

fn role_path(address: &Address, wanted: &Role, found: &Role) -> Vec<Finding> {
    if wanted.path == found.path {
        return Vec::new();
    }
    vec![refuse(
        address,
        "role-path",
        format!("role {} exists with path {}, not {}; a path cannot be changed", found.name, found.path, wanted.path),
        "set `role.path` to the existing path, or give the role another name",
    )]
}

fn trust_length(address: &Address, after: &Role, action: Action) -> Vec<Finding> {
    if action == Action::None {
        return Vec::new();
    }
    let length = after.trust.to_json().bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    if length <= TRUST_LIMIT {
        return Vec::new();
    }
    vec![refuse(
        address,
        "trust-too-long",
        format!("the trust document would be {length} characters, and IAM takes {TRUST_LIMIT}"),
        "give the cluster a role of its own: put `{cluster}` into `role.name`",
    )]
}
