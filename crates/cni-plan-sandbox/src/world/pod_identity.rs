//! What a pod finds that asks the Pod Identity agent for credentials: the role of its service
//! account's association as it is then.
//!
//! facts.md: the trust must let `pods.eks.amazonaws.com` call both `sts:AssumeRole` and
//! `sts:TagSession`; the agent is an add-on and runs on Linux instances of EC2. The agent asks with the
//! node's role, which needs `eks-auth:AssumeRoleForPodIdentity`.

use serde_json::Value;

use super::account::{Account, Role};
use super::cluster::EksCluster;
use super::needs::Version;
use crate::policy::{self, Context, Question};

/// The add-on that brings the agent.
const AGENT: &str = "eks-pod-identity-agent";
const SERVICE: &str = "pods.eks.amazonaws.com";
/// What the node's role must allow for the agent.
const AGENTS_ACTION: &str = "eks-auth:AssumeRoleForPodIdentity";

/// The first version of the plugin whose SDK takes the agent's address (facts.md).
pub(super) const UNDERSTOOD_FROM: Version = (1, 15, 5);

/// Whether a pod is set to ask the agent.
pub(super) fn is_asked_by(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
    variables.any(|variable| variable["name"] == "AWS_CONTAINER_CREDENTIALS_FULL_URI")
}

/// The ARN of the role that the agent would ask for on behalf of a pod.
pub(super) fn role_of(cluster: &EksCluster, pod: &Value) -> Result<String, String> {
    match cluster.addons.get(AGENT).map(|agent| agent.status.as_str()) {
        // An agent that is being updated, or whose update failed, keeps running.
        Some("ACTIVE" | "UPDATING" | "UPDATE_FAILED") => {}
        Some(status) => return Err(format!("the add-on {AGENT} is {status}: no agent answers at 169.254.170.23")),
        None => return Err(format!("there is no add-on {AGENT}: no agent answers at 169.254.170.23")),
    }
    let (namespace, account) = (&pod["metadata"]["namespace"], &pod["spec"]["serviceAccountName"]);
    let association = cluster
        .pod_identity_associations
        .values()
        .find(|one| *namespace == one.namespace && *account == one.service_account)
        .ok_or("no Pod Identity association is there for the pod's service account")?;
    Ok(association.role_arn.clone())
}

/// Whether the agent on a node with this role may ask at all.
pub(super) fn agent_may_ask(account: &Account, node_role: &Role) -> Result<(), String> {
    let context = Context::new();
    if account.grants_of(node_role).allow(&Question { action: AGENTS_ACTION, resource: "*", context: &context }) {
        Ok(())
    } else {
        Err(format!("{} may not call {AGENTS_ACTION}", node_role.arn))
    }
}

/// The role, if it is there and lets the service in.
pub(super) fn assumed<'a>(
    account: &'a Account,
    arn: &str,
    cluster: &EksCluster,
    pod: &Value,
) -> Result<&'a Role, String> {
    let name = arn.rsplit('/').next().unwrap_or(arn);
    let role = account.roles.get(name).filter(|role| role.arn == arn).ok_or_else(|| format!("no role {arn}"))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let context = Context::from([
        ("aws:sourceaccount".to_owned(), cluster.account.clone()),
        ("aws:sourcearn".to_owned(), cluster.arn()),
        ("aws:requesttag/eks-cluster-arn".to_owned(), cluster.arn()),
        ("aws:requesttag/eks-cluster-name".to_owned(), cluster.name.clone()),
        ("aws:requesttag/kubernetes-namespace".to_owned(), text(&pod["metadata"]["namespace"])),
        ("aws:requesttag/kubernetes-service-account".to_owned(), text(&pod["spec"]["serviceAccountName"])),
        ("aws:requesttag/kubernetes-pod-name".to_owned(), text(&pod["metadata"]["name"])),
    ]);
    let service = [SERVICE.to_owned()];
    let refused = ["sts:AssumeRole", "sts:TagSession"]
        .into_iter()
        .find(|action| !policy::trusts(&role.trust, "Service", &service, action, &context));
    match refused {
        Some(action) => Err(format!("cannot assume {arn}: its trust policy does not let {SERVICE} call {action}")),
        None => Ok(role),
    }
}
