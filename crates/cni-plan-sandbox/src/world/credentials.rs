//! Whether the CNI plugin in a pod would find working credentials: what decides if the pod gets Ready.
//!
//! facts.md: a pod with the web identity variables uses that role and nothing else; any other pod
//! uses the role of its node.

use std::sync::{Arc, OnceLock, Weak};

use serde_json::Value;

use super::World;
use super::account::{Account, Role};
use super::cluster::EksCluster;
use super::oidc::{WebIdentity, WebIdentityRefused, may_assume};
use crate::kubernetes::{ApiServer, CredentialCheck};
use crate::options::IpFamily;
use crate::policy;

const NODEGROUP_LABEL: &str = "eks.amazonaws.com/nodegroup";

/// The check for the pods of one cluster. The server's cell is filled once the server is made.
pub(super) fn check(
    world: Weak<World>,
    cluster: Arc<EksCluster>,
    server: Arc<OnceLock<Weak<ApiServer>>>,
) -> CredentialCheck {
    Arc::new(move |pod| {
        let world = world.upgrade().ok_or("the sandbox is stopping")?;
        let web_identities = role_arns(pod);
        if web_identities.is_empty() {
            let node = pod["spec"]["nodeName"].as_str().ok_or("the pod is not on a node yet")?;
            let node = server.get().and_then(Weak::upgrade).and_then(|server| server.object("nodes", "", node));
            let role_arn = node_role(&cluster, node.as_deref())?;
            return in_account(&world, &role_arn, |account| {
                let role = account.roles.get(role_name(&role_arn)).ok_or(format!("no role {role_arn}"))?;
                has_permissions(account, role, cluster.ip_family)
            });
        }
        let token = token_of(pod, &cluster);
        web_identities.iter().try_for_each(|role_arn| {
            in_account(&world, role_arn, |account| {
                let role = may_assume(account, role_name(role_arn), &token)
                    .map_err(|refused| format!("cannot assume {role_arn}: {}", reason(&refused, &token)))?;
                has_permissions(account, role, cluster.ip_family)
            })
        })
    })
}

/// Every role that the pod's containers name, once each.
fn role_arns(pod: &Value) -> Vec<String> {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
    let mut arns: Vec<String> = variables
        .filter(|variable| variable["name"] == "AWS_ROLE_ARN")
        .filter_map(|variable| variable["value"].as_str().map(str::to_owned))
        .collect();
    arns.sort();
    arns.dedup();
    arns
}

/// The token the kubelet would mint for the pod's injected volume.
fn token_of(pod: &Value, cluster: &EksCluster) -> WebIdentity {
    let text = |value: &Value, default: &str| value.as_str().unwrap_or(default).to_owned();
    let namespace = text(&pod["metadata"]["namespace"], "default");
    let service_account = text(&pod["spec"]["serviceAccountName"], "default");
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let audience = volumes
        .filter(|volume| volume["name"] == "aws-iam-token")
        .flat_map(|volume| volume["projected"]["sources"].as_array().into_iter().flatten())
        .find_map(|source| source["serviceAccountToken"]["audience"].as_str())
        .unwrap_or("sts.amazonaws.com");
    WebIdentity {
        issuer: cluster.issuer.clone(),
        audience: audience.to_owned(),
        subject: format!("system:serviceaccount:{namespace}:{service_account}"),
    }
}

fn node_role(cluster: &EksCluster, node: Option<&Value>) -> Result<String, String> {
    let node = node.ok_or("the pod's node is gone")?;
    let nodegroup = node["metadata"]["labels"][NODEGROUP_LABEL].as_str().unwrap_or_default();
    match cluster.nodegroups.get(nodegroup) {
        Some(nodegroup) => Ok(nodegroup.node_role.clone()),
        None => Err(format!("the node is in no node group (its label says {nodegroup:?}), so it has no role")),
    }
}

fn in_account(world: &World, role_arn: &str, check: impl FnOnce(&Account) -> Result<(), String>) -> Result<(), String> {
    let account = role_arn.split(':').nth(4).unwrap_or_default();
    world.look_into_account(account, check).unwrap_or_else(|| Err(format!("{role_arn} is in no known account")))
}

fn has_permissions(account: &Account, role: &Role, ip_family: IpFamily) -> Result<(), String> {
    // One action that the plugin cannot do without, of each family, stands for its policy.
    let action = match ip_family {
        IpFamily::Ipv4 => "ec2:AssignPrivateIpAddresses",
        IpFamily::Ipv6 => "ec2:AssignIpv6Addresses",
    };
    if policy::allows_action(account.permissions_of(role), action) {
        Ok(())
    } else {
        Err(format!("{} may not call {action}", role.arn))
    }
}

fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn reason(refused: &WebIdentityRefused, token: &WebIdentity) -> String {
    match refused {
        WebIdentityRefused::NoProvider => format!("the account has no OIDC provider for {}", token.issuer),
        WebIdentityRefused::WrongAudience => format!("the OIDC provider does not take {}", token.audience),
        WebIdentityRefused::NoRole => "there is no such role".to_owned(),
        WebIdentityRefused::NotTrusted => format!("its trust policy does not let in {}", token.subject),
    }
}
