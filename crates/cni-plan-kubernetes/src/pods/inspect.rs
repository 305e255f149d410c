//! Finds the plugin's DaemonSet and reads its nodes and pods.

use std::collections::BTreeSet;

use cni_plan_core::{AssociationInEffect, ErrorKind, Pods, ProviderError, Resource, Unread};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::ListParams;

use super::plugin;
use super::world::{Rules, World};
use crate::client::Connection;
use crate::error::Attempt;

/// The pods of the DaemonSet that runs under the service account; `None`: there is no such
/// DaemonSet. The lists are read at the same time, one round trip, and `association`, the service account's, beside
/// them.
pub(crate) async fn observe(
    connection: &Connection,
    namespace: &str,
    service_account: &str,
    association: impl Future<Output = Result<Option<AssociationInEffect>, ProviderError>>,
) -> Result<Option<Resource>, ProviderError> {
    let client = connection.client().await?;
    let all = ListParams::default();
    let nodes: Api<Node> = Api::all(client.clone());
    let pods: Api<Pod> = Api::namespaced(client, namespace);
    let read_nodes = Attempt::new("list nodes", "list", "nodes", None);
    let read_pods = Attempt::new(format!("list pods of {namespace}"), "list", "pods", Some(namespace));
    let (daemon_set, nodes, pods, others, association) = futures::try_join!(
        find(connection, namespace, service_account),
        connection.list(&read_nodes, &nodes, &all),
        connection.list(&read_pods, &pods, &all),
        everywhere(connection),
        association,
    )?;
    Ok(daemon_set.map(|daemon_set| {
        let world = World::of(&Rules::of(&daemon_set, association.as_ref()), &nodes, &pods);
        let name = daemon_set.metadata.name.as_deref().unwrap_or_default();
        let pods = world.summary(namespace, name, plugin::of(&daemon_set), &nodes);
        let uid = daemon_set.metadata.uid.as_deref();
        Resource::Pods(match others {
            Ok(others) => Pods { on_host_network: on_host_network(&others, uid), ..pods },
            Err(unread) => Pods { unread: vec![unread], ..pods },
        })
    }))
}

/// The DaemonSets of every namespace, where that may be read.
async fn everywhere(connection: &Connection) -> Result<Result<Vec<DaemonSet>, Unread>, ProviderError> {
    let api: Api<DaemonSet> = Api::all(connection.client().await?);
    let attempt = Attempt::new("list DaemonSets of all namespaces", "list", "daemonsets.apps", None);
    match connection.list(&attempt, &api, &ListParams::default()).await {
        Ok(all) => Ok(Ok(all)),
        Err(error) => Unread::unless_failed("DaemonSets beside the plugin's", error).map(Err),
    }
}

/// Those whose pods are on their nodes' network, but for the one of this uid.
fn on_host_network(all: &[DaemonSet], but: Option<&str>) -> BTreeSet<String> {
    let is_on_it = |found: &&DaemonSet| {
        let template = found.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        template.and_then(|template| template.host_network) == Some(true)
    };
    let others = all.iter().filter(|found| found.metadata.uid.as_deref() != but).filter(is_on_it);
    let name = |of: &Option<String>| of.clone().unwrap_or_default();
    others.map(|found| format!("{}/{}", name(&found.metadata.namespace), name(&found.metadata.name))).collect()
}

/// The DaemonSet that runs under the service account.
pub(super) async fn find(
    connection: &Connection,
    namespace: &str,
    service_account: &str,
) -> Result<Option<DaemonSet>, ProviderError> {
    let api: Api<DaemonSet> = Api::namespaced(connection.client().await?, namespace);
    let attempt = Attempt::new(format!("list DaemonSets of {namespace}"), "list", "daemonsets.apps", Some(namespace));
    let all = connection.list(&attempt, &api, &ListParams::default()).await?;
    pick(all, service_account).map_err(|names| ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot tell the plugin's DaemonSet in namespace {namespace} of cluster {}", connection.key()),
        why: format!("several run under service account {service_account}: {}", names.join(", ")),
        cure: "give the plugin's DaemonSet a service account of its own".to_owned(),
    })
}

/// The one under the service account; of several, the one with the service account's name; else
/// the names of those there are.
fn pick(all: Vec<DaemonSet>, service_account: &str) -> Result<Option<DaemonSet>, Vec<String>> {
    let name = |daemon_set: &DaemonSet| daemon_set.metadata.name.clone().unwrap_or_default();
    let mut under: Vec<DaemonSet> = all.into_iter().filter(|found| runs_under(found, service_account)).collect();
    if under.len() > 1 {
        let names = under.iter().map(name).collect();
        let namesake = under.iter().position(|daemon_set| name(daemon_set) == service_account);
        return namesake.map(|at| Some(under.swap_remove(at))).ok_or(names);
    }
    Ok(under.pop())
}

fn runs_under(daemon_set: &DaemonSet, service_account: &str) -> bool {
    let template = daemon_set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
    let named = template.and_then(|template| {
        template.service_account_name.as_deref().or(template.service_account.as_deref()).filter(|name| !name.is_empty())
    });
    template.is_some() && named.unwrap_or("default") == service_account
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn daemon_set(name: &str, service_account: &str) -> DaemonSet {
        serde_json::from_value(json!({
            "metadata": {"name": name},
            "spec": {"selector": {}, "template": {"spec": {
                "containers": [], "serviceAccountName": service_account,
            }}},
        }))
        .unwrap()
    }

    fn picked(all: &[(&str, &str)]) -> Result<Option<String>, Vec<String>> {
        let all = all.iter().map(|(name, account)| daemon_set(name, account)).collect();
        pick(all, "aws-node").map(|found| found.and_then(|found| found.metadata.name))
    }

    #[test]
    fn the_daemon_set_is_known_by_its_service_account() {
        assert_eq!(picked(&[("kube-proxy", "kube-proxy"), ("cni", "aws-node")]), Ok(Some("cni".to_owned())));
        assert_eq!(picked(&[("kube-proxy", "kube-proxy"), ("aws-node", "")]), Ok(None));
    }

    #[test]
    fn others_on_their_nodes_network_are_named_with_their_namespace() {
        let found = |namespace: &str, name: &str, host_network: Option<bool>| {
            let mut found = daemon_set(name, name);
            found.metadata.namespace = Some(namespace.to_owned());
            found.metadata.uid = Some(format!("uid of {name}"));
            let template = found.spec.as_mut().and_then(|spec| spec.template.spec.as_mut()).unwrap();
            template.host_network = host_network;
            found
        };
        let all = [
            found("kube-system", "aws-node", Some(true)),
            found("monitoring", "exporter", Some(true)),
            found("kube-system", "csi", None),
            found("kube-system", "logs", Some(false)),
        ];
        let others = on_host_network(&all, Some("uid of aws-node"));
        assert_eq!(others.into_iter().collect::<Vec<_>>(), ["monitoring/exporter"]);
    }

    #[test]
    fn of_several_the_namesake_is_taken_and_without_one_nobody_guesses() {
        let both = [("aws-node-old", "aws-node"), ("aws-node", "aws-node")];
        assert_eq!(picked(&both), Ok(Some("aws-node".to_owned())));
        let neither = [("b", "aws-node"), ("a", "aws-node")];
        assert_eq!(picked(&neither), Err(vec!["b".to_owned(), "a".to_owned()]));
    }
}
