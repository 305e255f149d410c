//! What speaks against one node's step.

use super::step::Step;
use crate::hazards::known;
use crate::{Action, Address, Finding, Node, Pods, Resource, Role, Run, ServiceAccount, Wanted};

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
                let message = format!("the OIDC provider of this issuer does not accept the audience {audience}");
                known::OIDC_PROVIDER_AUDIENCE.at(address, message)
            })
            .collect(),
        (Wanted::Present(Resource::ServiceAccount(wanted)), None, _) => {
            let message = format!("service account {}/{} does not exist", wanted.namespace, wanted.name);
            vec![known::SERVICE_ACCOUNT_MISSING.at(address, message)]
        }
        (
            Wanted::Present(Resource::ServiceAccount(_)),
            Some(Resource::ServiceAccount(found)),
            Some(Resource::ServiceAccount(after)),
        ) if after.addon.is_none() => set_back(address, found, after),
        (Wanted::Present(Resource::Role(wanted)), Some(Resource::Role(found)), Some(Resource::Role(after))) => {
            let mut findings = role_path(address, wanted, found);
            findings.extend(trust_length(address, after, step.action));
            findings
        }
        (Wanted::Present(Resource::Role(after)), None, _) => trust_length(address, after, step.action),
        // The restart and the verification tell of it.
        (Wanted::Run(Run::Probe { .. } | Run::Confirm { .. }), None, _) => Vec::new(),
        (Wanted::Run(_), None, _) => {
            vec![
                known::DAEMONSET_MISSING.at(address, "no DaemonSet runs under the plugin's service account".to_owned()),
            ]
        }
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
    let message = format!(
        "no node is eligible for DaemonSet {}/{}: there is no pod to restart and none to verify",
        found.namespace, found.daemon_set
    );
    known::NO_ELIGIBLE_NODE.at(address, message)
}

fn missing(address: &Address, wanted: &Resource) -> Finding {
    match wanted {
        Resource::OidcProvider(provider) => {
            let message = format!("the account has no OIDC provider for the cluster's issuer {}", provider.url);
            known::OIDC_PROVIDER_MISSING.at(address, message)
        }
        Resource::Policy(policy) => known::POLICY_MISSING.at(address, format!("policy {} does not exist", policy.arn)),
        _ => known::RESOURCE_MISSING.at(address, "it does not exist, and the spec only refers to it".to_owned()),
    }
}

fn set_back(address: &Address, found: &ServiceAccount, after: &ServiceAccount) -> Vec<Finding> {
    let taken = found.annotations.iter().filter(|&(key, annotation)| after.annotations.get(key) != Some(annotation));
    taken
        .filter_map(|(key, annotation)| {
            let manager = annotation.manager.as_deref()?;
            let (_, product) = REVERTING_MANAGERS.iter().find(|(name, _)| *name == manager)?;
            let message = format!(
                "annotation {key} is {} and belongs to {product} (field manager {manager}), which would set it back",
                annotation.value
            );
            Some(known::OWNER_WOULD_SET_IT_BACK.at(address, message))
        })
        .collect()
}

fn role_path(address: &Address, wanted: &Role, found: &Role) -> Vec<Finding> {
    if wanted.path == found.path {
        return Vec::new();
    }
    let message =
        format!("role {} exists with path {}, not {}; a path cannot be changed", found.name, found.path, wanted.path);
    vec![known::ROLE_PATH.at(address, message)]
}

fn trust_length(address: &Address, after: &Role, action: Action) -> Vec<Finding> {
    if action == Action::None {
        return Vec::new();
    }
    let length = after.trust.to_json().bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    if length <= TRUST_LIMIT {
        return Vec::new();
    }
    let message = format!("the trust document would be {length} characters, and IAM takes {TRUST_LIMIT}");
    vec![known::TRUST_TOO_LONG.at(address, message)]
}
