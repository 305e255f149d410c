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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;
    use crate::world::{Cluster, Quotas};

    const NODE_ROLE: &str = "AmazonEKSNodeRole";
    const PLUGIN_ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";

    fn world(scenario: &str) -> (Arc<World>, Arc<Cluster>) {
        let world = World::open(None, Quotas::default(), std::time::Duration::ZERO).unwrap();
        scenario::build(&world, scenario).unwrap();
        let cluster = world.cluster("us-west-2", "my-cluster").unwrap();
        (world, cluster)
    }

    /// Asks for every pod of the cluster; the first complaint is the answer.
    fn ask(world: &Arc<World>, cluster: &Cluster) -> Result<(), String> {
        let server = Arc::new(OnceLock::from(Arc::downgrade(&cluster.api)));
        let check = check(Arc::downgrade(world), Arc::clone(&cluster.eks), server);
        let pods = cluster.api.objects("pods");
        assert_eq!(pods.len(), 3);
        pods.iter().try_for_each(|pod| check(pod))
    }

    fn change(world: &World, role: &str, change: impl FnOnce(&mut Role)) {
        world.furnish_account("111122223333", "aws", |account| change(account.roles.get_mut(role).unwrap())).unwrap();
    }

    #[test]
    fn a_pod_on_its_nodes_role_lives_by_that_roles_policies() {
        for scenario in ["ipv4", "ipv6", "half-done"] {
            let (world, cluster) = world(scenario);
            assert_eq!(ask(&world, &cluster), Ok(()), "{scenario}");
            change(&world, NODE_ROLE, |role| role.attached.retain(|arn| !arn.contains("CNI")));
            let complaint = ask(&world, &cluster).unwrap_err();
            assert!(complaint.contains("AmazonEKSNodeRole may not call ec2:Assign"), "{complaint}");
        }
    }

    #[test]
    fn an_inline_policy_serves_as_well_as_an_attached_one() {
        let (world, cluster) = world("ipv4");
        change(&world, NODE_ROLE, |role| {
            role.attached.clear();
            let document = r#"{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}"#;
            role.inline.insert("cni".to_owned(), document.to_owned());
        });
        assert_eq!(ask(&world, &cluster), Ok(()));
    }

    #[test]
    fn a_pod_with_web_identity_lives_by_that_role_and_nothing_else() {
        let (world, cluster) = world("already-done");
        assert_eq!(ask(&world, &cluster), Ok(()));
        change(&world, NODE_ROLE, |role| {
            role.attached.insert("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy".to_owned());
        });
        change(&world, PLUGIN_ROLE, |role| {
            role.trust = role.trust.replace("kube-system:aws-node", "kube-system:other");
        });
        let complaint = ask(&world, &cluster).unwrap_err();
        assert!(complaint.ends_with("does not let in system:serviceaccount:kube-system:aws-node"), "{complaint}");
    }

    #[test]
    fn a_provider_that_is_gone_stops_web_identity() {
        let (world, cluster) = world("already-done");
        world.furnish_account("111122223333", "aws", |account| account.oidc_providers.clear()).unwrap();
        let complaint = ask(&world, &cluster).unwrap_err();
        assert!(complaint.contains("no OIDC provider for https://oidc.eks.us-west-2"), "{complaint}");
    }
}
