//! One cluster's nodes and their edges.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use cni_plan_core::{
    AddonRole, Address, Annotation, Association, Attachment, DependencyGraph, IpFamily, Kind, Node, OidcProvider,
    PlannedCluster, PodIdentity, Policy, PolicyDocument, Resource, Role, Run, ServiceAccount, Target, Wanted,
    annotation_keys,
};

use super::names::{ClusterNames, IPV4_POLICY, PolicyOrigin};
use super::{CompileProblem, documents};
use crate::{ClusterSpec, Identity, OidcProvider as OidcProviderWanted};

/// The field manager that annotations get.
const FIELD_MANAGER: &str = "cni-plan";
/// The one by which EKS writes those of an add-on's service account.
const FIELD_MANAGER_OF_EKS: &str = "eks";

pub(super) type Graph = DependencyGraph<Node>;

/// Everything of one cluster but the detaches.
pub(super) fn add(
    graph: &mut Graph,
    wanted: &ClusterSpec,
    planned: &PlannedCluster,
    names: &ClusterNames,
) -> Result<(), CompileProblem> {
    let key = &planned.cluster.key;
    let account = &planned.facts.account;
    let service_account = &wanted.service_account;
    let in_cluster = |kind| Address::new(key, kind, &[&service_account.namespace, &service_account.name]);

    let role = Address::new(key, Kind::Role, &[&names.role_name]);
    let target = Target::Role { account: account.clone(), name: names.role_name.clone() };
    put(graph, key, &role, target, Wanted::Present(Resource::Role(role_state(wanted, names))));
    if wanted.identity == Identity::Irsa {
        let provider = Address::new(key, Kind::OidcProvider, &[]);
        let target = Target::OidcProvider { account: account.clone(), arn: names.provider_arn.clone() };
        put(graph, key, &provider, target, oidc_provider(wanted, names));
        graph.depend(&role, &provider);
    }

    let attach = Address::new(account, Kind::Attach, &[&names.role_name, &policy_label(&names.policy_arn)]);
    put(
        graph,
        key,
        &attach,
        attachment_target(account, &names.role_name, &names.policy_arn),
        Wanted::Present(Resource::Attachment(Attachment {
            role: names.role_name.clone(),
            policy_arn: names.policy_arn.clone(),
        })),
    );
    graph.depend(&attach, &role);
    if let Some(policy) = add_policy(graph, wanted, planned, names)? {
        graph.depend(&attach, &policy);
    }

    let annotate = in_cluster(Kind::Annotate);
    let target = Target::ServiceAccount {
        cluster: key.clone(),
        namespace: service_account.namespace.clone(),
        name: service_account.name.clone(),
        addon: is_given_to_addon(wanted, planned),
        association: planned.looks_at_association(),
    };
    put(graph, key, &annotate, target, Wanted::Present(service_account_state(wanted, planned, names)));

    let pods = pods_target(wanted, planned);
    let identity = identity(wanted, names);
    if is_probed(wanted) {
        let probe = in_cluster(Kind::Probe);
        put(graph, key, &probe, pods.clone(), Wanted::Run(probe_of(planned, identity.clone())));
        graph.depend(&probe, &attach);
        graph.depend(&annotate, &probe);
    } else {
        graph.depend(&annotate, &attach);
    }
    let restart = in_cluster(Kind::Restart);
    put(graph, key, &restart, pods.clone(), Wanted::Run(restart_of(wanted, identity.clone())));
    graph.depend(&restart, &annotate);
    let verify = Run::Verify { identity, timeout: wanted.restart.timeout, soak: wanted.restart.soak };
    put(graph, key, &names.verify, pods, Wanted::Run(verify));
    graph.depend(&names.verify, &restart);
    Ok(())
}

/// The family's policy off each of the cluster's node roles.
pub(super) fn add_detaches(graph: &mut Graph, planned: &PlannedCluster, names: &ClusterNames) {
    let account = &planned.facts.account;
    for role in &names.node_roles {
        for policy in &names.node_policies {
            let detach = Address::new(account, Kind::Detach, &[role, &policy_label(policy)]);
            put(graph, &planned.cluster.key, &detach, attachment_target(account, role, policy), Wanted::Absent);
        }
    }
}

/// A detach waits for the verification of every cluster whose nodes have the role.
pub(super) fn connect_detaches(graph: &mut Graph, verified_on: &HashMap<(&str, &str), Vec<&Address>>) {
    let detaches: Vec<(Address, String, String)> = graph
        .iter()
        .filter_map(|(address, node)| match &node.target {
            Target::Attachment { account, role, .. } if address.kind() == Kind::Detach => {
                Some((address.clone(), account.clone(), role.clone()))
            }
            _ => None,
        })
        .collect();
    for (detach, account, role) in detaches {
        for verify in verified_on.get(&(account.as_str(), role.as_str())).into_iter().flatten() {
            graph.depend(&detach, verify);
            let clusters: &mut Vec<String> = &mut graph.get_mut(&detach).expect("it was just found").clusters;
            clusters.push(verify.scope().to_owned());
        }
        let node = graph.get_mut(&detach).expect("it was just found");
        node.clusters.sort();
        node.clusters.dedup();
    }
}

/// Adds a node, or the cluster to one that is there.
pub(super) fn put(graph: &mut Graph, key: &str, address: &Address, target: Target, wanted: Wanted) {
    let node =
        graph.entry(address, || Node { address: address.clone(), target, wanted, clusters: Vec::with_capacity(1) });
    node.clusters.push(key.to_owned());
}

fn oidc_provider(wanted: &ClusterSpec, names: &ClusterNames) -> Wanted {
    let provider = Resource::OidcProvider(OidcProvider {
        url: names.issuer.clone(),
        client_ids: BTreeSet::from([documents::AUDIENCE.to_owned()]),
    });
    match wanted.oidc_provider {
        OidcProviderWanted::Require => Wanted::Referred(provider),
        OidcProviderWanted::Create => Wanted::Present(provider),
    }
}

fn role_state(wanted: &ClusterSpec, names: &ClusterNames) -> Role {
    let service_account = &wanted.service_account;
    let trust = match wanted.identity {
        Identity::PodIdentity => documents::pod_identity_trust(),
        Identity::Irsa => {
            documents::trust(&names.provider_arn, &names.issuer, &service_account.namespace, &service_account.name)
        }
    };
    Role {
        name: names.role_name.clone(),
        path: wanted.role.path.clone(),
        trust,
        description: wanted.role.description.clone(),
        permissions_boundary: wanted.role.permissions_boundary.clone(),
        tags: wanted.role.tags.clone(),
        id: None,
    }
}

/// The account's policy, where it is not Amazon's: several clusters may share it, if they agree.
fn add_policy(
    graph: &mut Graph,
    wanted: &ClusterSpec,
    planned: &PlannedCluster,
    names: &ClusterNames,
) -> Result<Option<Address>, CompileProblem> {
    if names.policy == PolicyOrigin::Managed {
        return Ok(None);
    }
    let account = &planned.facts.account;
    let name = policy_name(&names.policy_arn);
    let address = Address::new(account, Kind::Policy, &[name]);
    let state = Resource::Policy(Policy {
        arn: names.policy_arn.clone(),
        name: name.to_owned(),
        description: None,
        document: policy_document(wanted, planned),
        history: None,
    });
    let state = match names.policy {
        PolicyOrigin::Existing => Wanted::Referred(state),
        PolicyOrigin::Owned | PolicyOrigin::Managed => Wanted::Present(state),
    };
    if graph.get(&address).is_some_and(|other| other.wanted != state) {
        return Err(CompileProblem {
            position: wanted.position_of("policy"),
            what: format!("cluster `{}` wants another policy {name} than a cluster before it", wanted.name),
            why: format!("both are in account {account}, which has one policy of that name"),
            cure: "give one of the two another `policy.name`, or both the same document".to_owned(),
        });
    }
    let target = Target::Policy { account: account.clone(), arn: names.policy_arn.clone() };
    put(graph, &planned.cluster.key, &address, target, state);
    Ok(Some(address))
}

fn policy_document(wanted: &ClusterSpec, planned: &PlannedCluster) -> PolicyDocument {
    let facts = &planned.facts;
    match &wanted.policy.document {
        Some(file) => PolicyDocument::try_from(file.document.clone()).expect("reading the spec has checked its form"),
        None => match facts.ip_family {
            IpFamily::Ipv4 => documents::ipv4(&facts.partition),
            IpFamily::Ipv6 => documents::ipv6(&facts.partition),
        },
    }
}

/// Whether EKS's add-on is what tells the pods their role.
fn is_given_to_addon(wanted: &ClusterSpec, planned: &PlannedCluster) -> bool {
    wanted.identity == Identity::Irsa && planned.facts.managed_addon.is_some()
}

/// With an association; or annotated by us, or by EKS where the service account belongs to its add-on.
fn service_account_state(wanted: &ClusterSpec, planned: &PlannedCluster, names: &ClusterNames) -> Resource {
    let account = &wanted.service_account;
    if wanted.identity == Identity::PodIdentity {
        // Annotations stay as they are: they tell nobody anything while there is an association.
        let association = Some(Association::of_a_plan(&names.role_arn));
        let bare = ServiceAccount::annotated(&account.namespace, &account.name, BTreeMap::new());
        return Resource::ServiceAccount(ServiceAccount { association, ..bare });
    }
    let is_managed = is_given_to_addon(wanted, planned);
    let manager = if is_managed { FIELD_MANAGER_OF_EKS } else { FIELD_MANAGER };
    let ours = |value: String| Annotation { value, manager: Some(manager.to_owned()) };
    let mut annotations = BTreeMap::from([(annotation_keys::ROLE_ARN.to_owned(), ours(names.role_arn.clone()))]);
    if let Some(regional) = wanted.sts_regional_endpoints {
        annotations.insert(annotation_keys::STS_REGIONAL_ENDPOINTS.to_owned(), ours(regional.to_string()));
    }
    Resource::ServiceAccount(ServiceAccount {
        namespace: account.namespace.clone(),
        name: account.name.clone(),
        annotations,
        addon: is_managed.then(|| AddonRole { role_arn: Some(names.role_arn.clone()) }),
        association: None,
    })
}

/// What every pod is to carry.
pub(super) fn identity(wanted: &ClusterSpec, names: &ClusterNames) -> PodIdentity {
    match wanted.identity {
        Identity::PodIdentity => PodIdentity::associated(&names.role_arn),
        Identity::Irsa => {
            PodIdentity::WebIdentity { role_arn: names.role_arn.clone(), sts_regional: wanted.sts_regional_endpoints }
        }
    }
}

pub(super) fn pods_target(wanted: &ClusterSpec, planned: &PlannedCluster) -> Target {
    Target::Pods {
        cluster: planned.cluster.key.clone(),
        namespace: wanted.service_account.namespace.clone(),
        service_account: wanted.service_account.name.clone(),
        association: planned.looks_at_association(),
    }
}

/// Only a web identity is a token that anyone may have made and can try.
fn is_probed(wanted: &ClusterSpec) -> bool {
    wanted.identity == Identity::Irsa
}

fn probe_of(planned: &PlannedCluster, identity: PodIdentity) -> Run {
    Run::Probe { identity, ip_family: planned.facts.ip_family, region: planned.facts.region.clone() }
}

fn restart_of(wanted: &ClusterSpec, identity: PodIdentity) -> Run {
    Run::Restart {
        identity,
        canary: wanted.restart.canary,
        max_unavailable: wanted.restart.max_unavailable,
        timeout: wanted.restart.timeout,
    }
}

fn attachment_target(account: &str, role: &str, policy_arn: &str) -> Target {
    Target::Attachment { account: account.to_owned(), role: role.to_owned(), policy_arn: policy_arn.to_owned() }
}

/// The last segment of a policy's ARN.
fn policy_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// What an address calls a policy: its name; with its account where an account's own policy goes by
/// the name of Amazon's, so that the two on one role are two steps.
fn policy_label(arn: &str) -> Cow<'_, str> {
    let name = policy_name(arn);
    match arn.split(':').nth(4) {
        Some(account) if name == IPV4_POLICY && account != "aws" => Cow::Owned(format!("{account}:{name}")),
        _ => Cow::Borrowed(name),
    }
}
