//! Whether the CNI plugin in a pod would find working credentials: what decides if the pod gets Ready.
//!
//! facts.md: a pod with the web identity variables uses that role and nothing else, and so does one
//! that is sent to the Pod Identity agent; any other pod uses the role of its node. Working means that
//! the role allows all that the plugin needs ([`needs`]).

use std::sync::{Arc, OnceLock, Weak};

use serde_json::Value;

use super::account::{Account, Role};
use super::cluster::{EksCluster, EksRecord};
use super::needs::{self, Plugin};
use super::oidc::{WebIdentity, WebIdentityRefused, may_assume};
use super::{World, node_role, pod_identity};
use crate::kubernetes::{ApiServer, CredentialCheck};
use crate::options::StsAccess;

/// Where SDKs look for STS unless told to stay in the region.
const GLOBAL_STS: &str = "sts.amazonaws.com";

/// The check for the pods of one cluster. The server's cell is filled once the server is made.
pub(super) fn check(
    world: Weak<World>,
    record: Arc<EksRecord>,
    server: Arc<OnceLock<Weak<ApiServer>>>,
) -> CredentialCheck {
    Arc::new(move |pod| {
        let world = world.upgrade().ok_or("the sandbox is stopping")?;
        let server = server.get().and_then(Weak::upgrade).ok_or("the sandbox is stopping")?;
        let cluster = record.get();
        let asked = Asked { world: &world, cluster: &cluster, server: &server, pod };
        let web_identities = role_arns(pod);
        if !web_identities.is_empty() {
            web_identities.iter().try_for_each(|role_arn| asked.by_web_identity(role_arn))?;
            // The webhook leaves out containers that an annotation names: those live as before.
            return if is_left_out(pod) { asked.by_node() } else { Ok(()) };
        }
        if pod_identity::is_asked_by(pod) { asked.by_agent() } else { asked.by_node() }
    })
}

/// A pod that looks for credentials, and where it looks.
struct Asked<'a> {
    world: &'a World,
    cluster: &'a EksCluster,
    server: &'a ApiServer,
    pod: &'a Value,
}

impl Asked<'_> {
    fn by_web_identity(&self, role_arn: &str) -> Result<(), String> {
        self.reaches_sts()?;
        let token = token_of(self.pod, self.cluster);
        in_account(self.world, role_arn, |account| {
            let role = may_assume(account, role_name(role_arn), &token)
                .map_err(|refused| format!("cannot assume {role_arn}: {}", reason(&refused, &token)))?;
            self.has_permissions(account, role)
        })
    }

    /// Whether the endpoint that the SDK is told to use can be reached from the cluster.
    fn reaches_sts(&self) -> Result<(), String> {
        let regional = has_variable(self.pod, "AWS_STS_REGIONAL_ENDPOINTS", "regional");
        let suffix = if self.cluster.partition == "aws-cn" { ".cn" } else { "" };
        let host = match regional {
            true => format!("sts.{}.amazonaws.com{suffix}", self.cluster.region),
            false => GLOBAL_STS.to_owned(),
        };
        match self.cluster.sts_access {
            StsAccess::All => Ok(()),
            StsAccess::Regional if regional => Ok(()),
            StsAccess::Regional | StsAccess::Unreachable => Err(format!("cannot reach https://{host}: i/o timeout")),
        }
    }

    fn by_agent(&self) -> Result<(), String> {
        if Plugin::of(self.pod, self.cluster.ip_family).version < pod_identity::UNDERSTOOD_FROM {
            return Err("this version of the plugin does not know the Pod Identity agent".to_owned());
        }
        let node = self.node()?;
        if !node_role::has_agent(&node) {
            return Err("no Pod Identity agent runs on the pod's node: it is no Linux instance of EC2".to_owned());
        }
        let role_arn = pod_identity::role_of(self.cluster, self.pod)?;
        let node_role = self.role_of_node(&node)?;
        in_account(self.world, &node_role, |account| {
            let role = account.roles.get(role_name(&node_role)).ok_or(format!("no role {node_role}"))?;
            pod_identity::agent_may_ask(account, role)
        })?;
        in_account(self.world, &role_arn, |account| {
            let role = pod_identity::assumed(account, &role_arn, self.cluster, self.pod)?;
            self.has_permissions(account, role)
        })
    }

    fn by_node(&self) -> Result<(), String> {
        let role_arn = self.role_of_node(&*self.node()?)?;
        in_account(self.world, &role_arn, |account| {
            let role = account.roles.get(role_name(&role_arn)).ok_or(format!("no role {role_arn}"))?;
            self.has_permissions(account, role)
        })
    }

    fn node(&self) -> Result<Arc<Value>, String> {
        let name = self.pod["spec"]["nodeName"].as_str().ok_or("the pod is not on a node yet")?;
        self.server.object("nodes", "", name).ok_or_else(|| "the pod's node is gone".to_owned())
    }

    fn role_of_node(&self, node: &Value) -> Result<String, String> {
        let aws_auth = self.server.object("configmaps", "kube-system", "aws-auth");
        node_role::node_role(self.cluster, node, aws_auth.as_deref())
    }

    fn has_permissions(&self, account: &Account, role: &Role) -> Result<(), String> {
        let plugin = Plugin::of(self.pod, self.cluster.ip_family);
        match needs::lacking(account, role, plugin, self.cluster) {
            Some(action) => Err(format!("{} may not call {action}", role.arn)),
            None => Ok(()),
        }
    }
}

/// Whether some container of a pod has a variable set to this value.
fn has_variable(pod: &Value, name: &str, value: &str) -> bool {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut variables = containers.flat_map(|container| container["env"].as_array().into_iter().flatten());
    variables.any(|variable| variable["name"] == name && variable["value"] == value)
}

/// Whether the plugin itself, container `aws-node`, has no role of its own.
fn is_left_out(pod: &Value) -> bool {
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let mut plugins = containers.filter(|container| container["name"] == "aws-node");
    plugins.any(|plugin| !plugin["env"].as_array().is_some_and(|env| env.iter().any(|it| it["name"] == "AWS_ROLE_ARN")))
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

fn in_account(world: &World, role_arn: &str, check: impl FnOnce(&Account) -> Result<(), String>) -> Result<(), String> {
    let account = role_arn.split(':').nth(4).unwrap_or_default();
    world.look_into_account(account, check).unwrap_or_else(|| Err(format!("{role_arn} is in no known account")))
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
    use crate::world::{Cluster, Pace, Quotas};

    const NODE_ROLE: &str = "AmazonEKSNodeRole";
    const PLUGIN_ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";

    fn world(scenario: &str) -> (Arc<World>, Arc<Cluster>) {
        let world = World::open(None, Quotas::default(), Pace::default()).unwrap();
        scenario::build(&world, scenario).unwrap();
        let cluster = world.cluster("us-west-2", "my-cluster").unwrap();
        (world, cluster)
    }

    /// Asks for every pod of the cluster; the first complaint is the answer.
    fn ask(world: &Arc<World>, cluster: &Cluster) -> Result<(), String> {
        let server = Arc::new(OnceLock::from(Arc::downgrade(&cluster.api)));
        let check = check(Arc::downgrade(world), Arc::clone(&cluster.record), server);
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
    fn a_plugin_that_the_webhook_leaves_out_lives_by_the_nodes_role_whatever_its_neighbours_have() {
        let (world, cluster) = world("already-done");
        let server = Arc::new(OnceLock::from(Arc::downgrade(&cluster.api)));
        let check = check(Arc::downgrade(&world), Arc::clone(&cluster.record), server);
        let mut pod = Value::clone(&cluster.api.objects("pods")[0]);
        assert_eq!(check(&pod), Ok(()));
        let containers = pod["spec"]["containers"].as_array_mut().unwrap();
        let plugin = containers.iter_mut().find(|container| container["name"] == "aws-node").unwrap();
        plugin["env"].as_array_mut().unwrap().retain(|it| it["name"] != "AWS_ROLE_ARN");
        assert!(check(&pod).unwrap_err().contains("AmazonEKSNodeRole may not call ec2:Assign"));
        change(&world, NODE_ROLE, |role| {
            role.attached.insert("arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy".to_owned());
        });
        assert_eq!(check(&pod), Ok(()));
    }

    #[test]
    fn a_provider_that_is_gone_stops_web_identity() {
        let (world, cluster) = world("already-done");
        world.furnish_account("111122223333", "aws", |account| account.oidc_providers.clear()).unwrap();
        let complaint = ask(&world, &cluster).unwrap_err();
        assert!(complaint.contains("no OIDC provider for https://oidc.eks.us-west-2"), "{complaint}");
    }

    #[test]
    fn every_action_counts_and_a_deny_or_a_boundary_takes_it_away() {
        let (world, cluster) = world("already-done");
        let inline = |document: Option<&str>| {
            change(&world, PLUGIN_ROLE, |role| {
                role.inline.clear();
                role.inline.extend(document.map(|document| ("more".to_owned(), document.to_owned())));
            });
            ask(&world, &cluster).err()
        };
        let deny = |what: &str| format!(r#"{{"Statement":{{"Effect":"Deny",{what}}}}}"#);
        assert_eq!(inline(None), None);
        let complaint = inline(Some(&deny(r#""Action":"ec2:DescribeSubnets","Resource":"*""#))).unwrap();
        assert!(complaint.ends_with("may not call ec2:DescribeSubnets"), "{complaint}");
        let elsewhere = deny(r#""Action":"ec2:CreateTags","NotResource":"arn:aws:ec2:*:*:network-interface/*""#);
        assert_eq!(inline(Some(&elsewhere)), None);
        let here = deny(r#""NotAction":["ec2:D*","ec2:A*","ec2:U*","ec2:M*","ec2:CreateN*"],"Resource":"*""#);
        assert!(inline(Some(&here)).unwrap().ends_with("may not call ec2:CreateTags"));
        inline(None);
        change(&world, PLUGIN_ROLE, |role| {
            role.boundary = Some("arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy".to_owned());
        });
        assert!(ask(&world, &cluster).unwrap_err().ends_with("may not call ec2:AssignPrivateIpAddresses"));
    }

    #[test]
    fn a_pod_by_web_identity_needs_an_endpoint_of_sts_that_it_reaches() {
        let (world, cluster) = world("already-done");
        let with = |sts_access: StsAccess| {
            cluster.record.set(EksCluster { sts_access, ..EksCluster::clone(&cluster.eks()) });
            ask(&world, &cluster)
        };
        assert_eq!(with(StsAccess::Regional), Ok(()), "the webhook has them stay in the region");
        let unreachable = with(StsAccess::Unreachable).unwrap_err();
        assert_eq!(unreachable, "cannot reach https://sts.us-west-2.amazonaws.com: i/o timeout");
        with(StsAccess::Regional).unwrap();
        let server = Arc::new(OnceLock::from(Arc::downgrade(&cluster.api)));
        let check = check(Arc::downgrade(&world), Arc::clone(&cluster.record), server);
        let global = cluster.api.objects("pods")[0].to_string().replace("AWS_STS_REGIONAL_ENDPOINTS", "OTHER");
        let complaint = check(&serde_json::from_str(&global).unwrap()).unwrap_err();
        assert_eq!(complaint, "cannot reach https://sts.amazonaws.com: i/o timeout");
    }

    #[test]
    fn an_old_plugin_does_not_know_the_agent() {
        let (world, cluster) = world("pod-identity");
        assert_eq!(ask(&world, &cluster), Ok(()));
        let server = Arc::new(OnceLock::from(Arc::downgrade(&cluster.api)));
        let check = check(Arc::downgrade(&world), Arc::clone(&cluster.record), server);
        let old =
            cluster.api.objects("pods")[0].to_string().replace("amazon-k8s-cni:v1.23.1", "amazon-k8s-cni:v1.15.4");
        assert!(check(&serde_json::from_str(&old).unwrap()).unwrap_err().contains("does not know"));
    }
}
