//! What STS and EKS say of a cluster, in two rounds: everything that only needs the cluster's
//! name at once, then what its node groups and access entries are.

use std::collections::BTreeSet;

use aws_sdk_eks::types::{Addon, AuthenticationMode, Cluster, IpFamily as WireIpFamily};
use cni_plan_core::{
    BoxFuture, ClusterFacts, ClusterInspector, ClusterRef, ErrorKind, FactsWanted, IpFamily, ManagedAddon, Neighbour,
    ProviderError, Unread,
};
use futures::future::{FutureExt, OptionFuture, join, try_join};

use crate::Aws;
use crate::failure::if_there;
use crate::node_roles;
use crate::session::Session;

/// The plugin's name among EKS's add-ons.
pub(crate) const ADDON: &str = "vpc-cni";
/// The Pod Identity agent's.
const AGENT: &str = "eks-pod-identity-agent";

impl ClusterInspector for Aws {
    fn facts_telling<'a>(
        &'a self,
        cluster: &'a ClusterRef,
        wanted: FactsWanted,
        early: &'a (dyn Fn(&ClusterFacts) + Send + Sync),
    ) -> BoxFuture<'a, Result<ClusterFacts, ProviderError>> {
        Box::pin(async move {
            let session = self.session(cluster).await?;
            read(&session, cluster, wanted, early).await
        })
    }

    fn neighbours<'a>(
        &'a self,
        cluster: &'a ClusterRef,
        region: Option<&'a str>,
        known: &'a BTreeSet<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Neighbour>, ProviderError>> {
        self.neighbours_of(cluster, region, known)
    }
}

async fn read(
    session: &Session,
    cluster: &ClusterRef,
    wanted: FactsWanted,
    early: &(dyn Fn(&ClusterFacts) + Send + Sync),
) -> Result<ClusterFacts, ProviderError> {
    let name = cluster.name.as_str();
    let the_cluster = async {
        let (caller, described) = join(session.caller(), describe(session, name)).await;
        // In this order whichever answered first: a wrong account explains a cluster that is not there.
        let caller = caller?;
        caller.must_be_of(cluster)?;
        let described = described?.ok_or_else(|| no_such_cluster(session, name, &caller.account))?;
        let facts = facts_of(described, &caller.account, &session.region).map_err(|why| {
            session.intent("eks:DescribeCluster", name, format!("cannot read cluster {name}")).unreadable(why)
        })?;
        early(&facts);
        Ok(facts)
    };
    let what_it_has = join(
        join(
            OptionFuture::from(wanted.addon.then(|| managed_addon(session, name, ADDON))),
            OptionFuture::from(wanted.agent.then(|| managed_addon(session, name, AGENT))),
        ),
        join(
            OptionFuture::from(wanted.node_roles.then(|| node_roles::read(session, name))),
            OptionFuture::from(wanted.association_of.as_ref().map(|(namespace, account)| {
                let what = format!("cannot list the Pod Identity associations of cluster {name}");
                association_id(session, name, namespace, account, what)
            })),
        ),
    );
    // Without the cluster nothing else of it is waited for, nor is its failure told.
    let (mut facts, ((addon, agent), (nodes, association))) = try_join(the_cluster, what_it_has.map(Ok)).await?;
    facts.managed_addon = addon.transpose()?.flatten();
    facts.pod_identity_agent = agent.transpose()?.flatten();
    let nodes = nodes.transpose()?.unwrap_or_default();
    facts.unread = nodes.unread;
    facts.add_node_roles(nodes.roles);
    match association {
        Some(Ok(association)) => facts.association = association,
        Some(Err(error)) => facts.unread.push(Unread::unless_failed("the Pod Identity associations", error)?),
        None => {}
    }
    Ok(facts)
}

/// The id of the service account's association; there is at most one. `what` says what fails without it:
/// `cannot …`.
pub(crate) async fn association_id(
    session: &Session,
    cluster: &str,
    namespace: &str,
    account: &str,
    what: String,
) -> Result<Option<String>, ProviderError> {
    let intent = session.intent("eks:ListPodIdentityAssociations", format!("cluster {cluster}"), what);
    let call = session.eks.list_pod_identity_associations().cluster_name(cluster);
    let answer = call.namespace(namespace).service_account(account).send().await;
    let answer = if_there(answer.map_err(|error| intent.failed(&error)))?;
    Ok(answer.and_then(|answer| answer.associations?.into_iter().find_map(|it| it.association_id)))
}

async fn describe(session: &Session, name: &str) -> Result<Option<Cluster>, ProviderError> {
    let intent = session.intent(
        "eks:DescribeCluster",
        format!("cluster {name}"),
        format!("cannot read cluster {name} in {}", session.region),
    );
    let answer = session.eks.describe_cluster().name(name).send().await;
    let Some(answer) = if_there(answer.map_err(|error| intent.failed(&error)))? else { return Ok(None) };
    answer.cluster.map(Some).ok_or_else(|| intent.unreadable("the answer has no cluster"))
}

/// `None`: EKS does not manage it.
async fn managed_addon(session: &Session, name: &str, addon: &str) -> Result<Option<ManagedAddon>, ProviderError> {
    let what = format!("cannot tell whether EKS manages the {addon} add-on of cluster {name}");
    let described = described_addon(session, name, addon, what).await.map_err(|error| match error.kind {
        // Whatever keeps EKS from telling, the person who asks may know.
        ErrorKind::Denied | ErrorKind::Refused if addon == ADDON => {
            ProviderError { cure: format!("{}, or set `addon: self-managed`", error.cure), ..error }
        }
        _ => error,
    })?;
    Ok(described.map(|(_, state)| state))
}

/// An add-on of a cluster, and the state that it is in; `None`: it is not there. `what` says what fails
/// without it: `cannot …`.
pub(crate) async fn described_addon(
    session: &Session,
    cluster: &str,
    addon: &str,
    what: String,
) -> Result<Option<(Addon, ManagedAddon)>, ProviderError> {
    let intent = session.intent("eks:DescribeAddon", format!("cluster {cluster}"), what);
    let answer = session.eks.describe_addon().cluster_name(cluster).addon_name(addon).send().await;
    let Some(answer) = if_there(answer.map_err(|error| intent.failed(&error)))? else { return Ok(None) };
    let described = answer.addon.and_then(|addon| {
        let status = addon.status.as_ref()?.as_str().to_owned();
        let state = ManagedAddon { version: addon.addon_version.clone()?, status };
        Some((addon, state))
    });
    described.map(Some).ok_or_else(|| intent.unreadable("the answer has no add-on version or status"))
}

/// What DescribeCluster tells by itself.
fn facts_of(cluster: Cluster, account: &str, region: &str) -> Result<ClusterFacts, String> {
    let arn = cluster.arn.ok_or("the answer has no ARN")?;
    let partition = arn.split(':').nth(1).filter(|partition| partition.starts_with("aws"));
    // Left out by services older than the IPv6 family; EKS itself always says it.
    let ip_family = match cluster.kubernetes_network_config.and_then(|network| network.ip_family) {
        None | Some(WireIpFamily::Ipv4) => IpFamily::Ipv4,
        Some(WireIpFamily::Ipv6) => IpFamily::Ipv6,
        Some(other) => return Err(format!("its IP family is {}, which is neither ipv4 nor ipv6", other.as_str())),
    };
    let mode = cluster.access_config.and_then(|access| access.authentication_mode);
    let issuer = cluster.identity.and_then(|identity| identity.oidc).and_then(|oidc| oidc.issuer);
    Ok(ClusterFacts {
        account: account.to_owned(),
        partition: partition.ok_or_else(|| format!("its ARN {arn} has no partition"))?.to_owned(),
        region: region.to_owned(),
        ip_family,
        issuer: issuer.map(|issuer| issuer.strip_prefix("https://").unwrap_or(&issuer).to_owned()),
        version: cluster.version.ok_or("the answer has no Kubernetes version")?,
        managed_addon: None,
        pod_identity_agent: None,
        node_roles: Vec::new(),
        association: None,
        is_private: cluster.resources_vpc_config.is_some_and(|vpc| !vpc.endpoint_public_access),
        unread: Vec::new(),
        uses_aws_auth: mode != Some(AuthenticationMode::Api),
        endpoint: cluster.endpoint,
        certificate_authority: cluster.certificate_authority.and_then(|authority| authority.data),
    })
}

fn no_such_cluster(session: &Session, name: &str, account: &str) -> ProviderError {
    ProviderError {
        kind: ErrorKind::NotFound,
        what: format!("cluster {name} does not exist"),
        why: format!("EKS knows no cluster of that name in region {} of account {account}", session.region),
        cure: "correct the cluster's `name`, `region`, `profile` or `assumeRole`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::{ACCOUNT, Scripted, cluster as cluster_ref, identity};
    use aws_sdk_eks::types::{Identity, KubernetesNetworkConfigResponse, Oidc};

    fn cluster() -> aws_sdk_eks::types::builders::ClusterBuilder {
        Cluster::builder().arn("arn:aws-cn:eks:cn-north-1:111122223333:cluster/c").version("1.33")
    }

    fn facts(cluster: Cluster) -> Result<ClusterFacts, String> {
        facts_of(cluster, "111122223333", "cn-north-1")
    }

    #[test]
    fn partition_issuer_and_family_are_taken_as_the_cluster_has_them() {
        let oidc = Oidc::builder().issuer("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/1").build();
        let network = KubernetesNetworkConfigResponse::builder().ip_family(WireIpFamily::Ipv6).build();
        let cluster =
            cluster().identity(Identity::builder().oidc(oidc).build()).kubernetes_network_config(network).build();
        let facts = facts(cluster).unwrap();
        assert_eq!(facts.partition, "aws-cn");
        assert_eq!(facts.issuer.as_deref(), Some("oidc.eks.cn-north-1.amazonaws.com.cn/id/1"));
        assert_eq!(facts.ip_family, IpFamily::Ipv6);
    }

    #[test]
    fn a_cluster_without_a_family_is_ipv4_and_one_of_another_is_refused() {
        assert_eq!(facts(cluster().build()).unwrap().ip_family, IpFamily::Ipv4);
        let network = KubernetesNetworkConfigResponse::builder().ip_family(WireIpFamily::from("ipv9")).build();
        assert!(facts(cluster().kubernetes_network_config(network).build()).unwrap_err().contains("ipv9"));
    }

    const ALL: FactsWanted = FactsWanted {
        node_roles: true,
        addon: true,
        agent: false,
        association_of: None,
        neighbours: false,
        other_regions: Vec::new(),
    };

    async fn eks() -> Scripted {
        Scripted::start(|asked| match asked.operation.as_str() {
            "GET /clusters/c" => {
                (200, r#"{"cluster":{"arn":"arn:aws:eks:us-west-2:1:cluster/c","version":"1.33"}}"#.to_owned())
            }
            "GET /clusters/c/node-groups" => (200, r#"{"nodegroups":["a"],"nextToken":"more"}"#.to_owned()),
            "GET /clusters/c/node-groups?nextToken=more" => (200, r#"{"nodegroups":["b"]}"#.to_owned()),
            path if path.starts_with("GET /clusters/c/node-groups/") => {
                (200, r#"{"nodegroup":{"nodeRole":"arn:aws:iam::1:role/nodes"}}"#.to_owned())
            }
            path if path.starts_with("GET ") => (404, r#"{"__type":"ResourceNotFoundException"}"#.to_owned()),
            _ => identity(),
        })
        .await
    }

    #[tokio::test]
    async fn two_rounds_tell_everything() {
        let eks = eks().await;
        let facts = eks.aws().facts(&cluster_ref(), ALL).await.unwrap();
        assert_eq!(facts.account, ACCOUNT);
        assert_eq!(facts.managed_addon, None, "an add-on that EKS does not know is not there");
        assert_eq!(facts.node_roles[0].found_in, ["nodegroup a", "nodegroup b"]);
        let calls = eks.calls();
        let end_of = |name: &str| calls.iter().find(|call| call.operation == name).unwrap().ended;
        let first_round = ["GetCallerIdentity", "DescribeCluster", "DescribeAddon"].map(end_of);
        let began = |name: &str| calls.iter().filter(|call| call.operation == name).map(|call| call.began).min();
        for name in ["GetCallerIdentity", "DescribeCluster", "DescribeAddon", "ListNodegroups"] {
            assert!(first_round.iter().all(|ended| began(name).unwrap() < *ended), "{name} waits for nothing");
        }
    }

    #[tokio::test]
    async fn a_missing_cluster_says_where_it_was_looked_for() {
        let cluster = ClusterRef { name: "nope".to_owned(), ..cluster_ref() };
        let error = eks().await.aws().facts(&cluster, ALL).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert_eq!(error.why, "EKS knows no cluster of that name in region us-west-2 of account 111122223333");
    }

    #[tokio::test]
    async fn another_account_is_refused_before_a_missing_cluster_is_told() {
        let account = Some("999999999999".to_owned());
        let cluster = ClusterRef { name: "nope".to_owned(), account, ..cluster_ref() };
        let error = eks().await.aws().facts(&cluster, ALL).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Refused);
        assert_eq!(error.what, "cluster nope: the credentials belong to account 111122223333");
    }

    #[tokio::test]
    async fn an_eks_without_addons_says_what_the_spec_can_say_instead() {
        let eks = Scripted::start(|asked| match asked.operation.as_str() {
            "GET /clusters/c" => {
                (200, r#"{"cluster":{"arn":"arn:aws:eks:us-west-2:1:cluster/c","version":"1.33"}}"#.to_owned())
            }
            path if path.starts_with("GET ") => (404, "<!doctype html>".to_owned()),
            _ => identity(),
        })
        .await;
        let wanted = FactsWanted { node_roles: false, ..ALL };
        let error = eks.aws().facts(&cluster_ref(), wanted).await.unwrap_err();
        assert_eq!(error.what, "cannot tell whether EKS manages the vpc-cni add-on of cluster c");
        assert!(error.cure.ends_with("or set `addon: self-managed`"), "{}", error.cure);
    }
}
