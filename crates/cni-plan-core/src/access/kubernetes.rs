//! Verbs on Kubernetes' resources, each in the namespace and on the name that it is about.
//!
//! Kubernetes, "Using RBAC Authorization": a rule with names does not cover `create`, `list` and `watch` of things
//! whose names the request does not say.

use std::collections::{BTreeMap, BTreeSet};

use super::{Asked, Purpose};
use crate::{Resource, Run, Target, Wanted};

/// Where the lock and `aws-auth` are, and the plugin unless the spec says otherwise.
const KUBE_SYSTEM: &str = "kube-system";
/// The lock of a cluster.
const LEASE: &str = "cni-plan";

/// What clusters need to let someone do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesGrants {
    /// Their keys, in the spec's order.
    pub clusters: Vec<String>,
    /// Sorted.
    pub rules: BTreeSet<KubernetesRule>,
}

/// Verbs on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubernetesRule {
    /// `None`: of the cluster.
    pub namespace: Option<String>,
    /// Empty: the core group.
    pub group: &'static str,
    /// Such as `serviceaccounts/token`.
    pub resource: &'static str,
    /// `None`: whatever their names are.
    pub name: Option<String>,
    /// Such as `get`.
    pub verbs: BTreeSet<&'static str>,
}

pub(super) fn access(asked: Asked<'_>, purpose: Purpose) -> Vec<KubernetesGrants> {
    let mut of_cluster: BTreeMap<&str, Rules> = BTreeMap::new();
    for planned in asked.clusters {
        let rules = of_cluster.entry(&planned.cluster.key).or_default();
        // Offline nobody knows whether the cluster still reads it.
        if planned.asked.node_roles && (planned.facts.uses_aws_auth || asked.is_guessed()) {
            rules.add(Some(KUBE_SYSTEM), "", "configmaps", Some("aws-auth"), &["get"]);
        }
        if purpose == Purpose::Apply {
            rules.lock();
        }
    }
    for (_, node) in asked.nodes {
        let (Target::ServiceAccount { cluster, .. } | Target::Pods { cluster, .. }) = &node.target else { continue };
        let rules = of_cluster.entry(cluster).or_default();
        rules.read(&node.target);
        if purpose == Purpose::Apply {
            rules.apply(&node.target, &node.wanted);
        }
    }
    let mut all: Vec<KubernetesGrants> = Vec::new();
    for planned in asked.clusters {
        let rules = of_cluster.remove(planned.cluster.key.as_str()).unwrap_or_default().finished();
        match all.iter_mut().find(|grants| grants.rules == rules) {
            Some(same) => same.clusters.push(planned.cluster.key.clone()),
            None => all.push(KubernetesGrants { clusters: vec![planned.cluster.key.clone()], rules }),
        }
    }
    all
}

/// Namespace, group, resource and name of a rule.
type Subject = (Option<String>, &'static str, &'static str, Option<String>);

/// The rules of one cluster while they are gathered.
#[derive(Default)]
struct Rules(BTreeMap<Subject, BTreeSet<&'static str>>);

impl Rules {
    fn add(
        &mut self,
        namespace: Option<&str>,
        group: &'static str,
        resource: &'static str,
        name: Option<&str>,
        verbs: &[&'static str],
    ) {
        let subject = (namespace.map(str::to_owned), group, resource, name.map(str::to_owned));
        self.0.entry(subject).or_default().extend(verbs);
    }

    fn lock(&mut self) {
        const GROUP: &str = "coordination.k8s.io";
        self.add(Some(KUBE_SYSTEM), GROUP, "leases", None, &["create"]);
        self.add(Some(KUBE_SYSTEM), GROUP, "leases", Some(LEASE), &["get", "update", "delete"]);
    }

    fn read(&mut self, target: &Target) {
        match target {
            Target::ServiceAccount { namespace, name, .. } => {
                self.add(Some(namespace), "", "serviceaccounts", Some(name), &["get"]);
            }
            Target::Pods { namespace, .. } => {
                // Everywhere: others' pods on their nodes' network are told of.
                self.add(None, "apps", "daemonsets", None, &["list"]);
                self.add(Some(namespace), "", "pods", None, &["list"]);
                self.add(None, "", "nodes", None, &["list"]);
            }
            _ => {}
        }
    }

    fn apply(&mut self, target: &Target, wanted: &Wanted) {
        match (target, wanted) {
            // An add-on's annotations are EKS's to write, and with an association none is.
            (
                Target::ServiceAccount { namespace, name, addon: false, .. },
                Wanted::Present(Resource::ServiceAccount(account)),
            ) if !account.annotations.is_empty() => {
                self.add(Some(namespace), "", "serviceaccounts", Some(name), &["patch"]);
            }
            (Target::Pods { namespace, service_account, .. }, Wanted::Run(run)) => match run {
                Run::Probe { .. } => {
                    self.add(Some(namespace), "", "serviceaccounts/token", Some(service_account), &["create"]);
                }
                Run::Restart { .. } | Run::Confirm { .. } => {
                    self.add(Some(namespace), "", "pods", None, &["delete"]);
                }
                Run::Verify { .. } => {
                    self.add(Some(namespace), "", "pods", None, &["watch"]);
                    self.add(None, "", "nodes", None, &["watch"]);
                    // Why a pod is not Ready: told where it may be read.
                    self.add(Some(namespace), "", "events", None, &["list"]);
                }
            },
            _ => {}
        }
    }

    fn finished(self) -> BTreeSet<KubernetesRule> {
        let rule =
            |((namespace, group, resource, name), verbs)| KubernetesRule { namespace, group, resource, name, verbs };
        self.0.into_iter().map(rule).collect()
    }
}
