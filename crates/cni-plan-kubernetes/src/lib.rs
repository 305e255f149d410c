//! One cluster's API server behind core's [`Provider`]: the plugin's service account, its
//! DaemonSet and its pods; and behind [`ClusterLock`], the lock on it.
//!
//! Laid out by what is reached: `service_account` for the annotations, `pods` for the two
//! actions on pods, `probe` for a token of the service account, `aws_auth` for who the nodes are, `lease` for the lock, `client` for the way there. What can be decided without a call is decided in
//! pure modules (`convert`, `identity`, `eligible`, `world`, `rollout`). Nothing here prints, keeps
//! a record of its own, or sleeps where it could watch.

mod association;
mod aws_auth;
mod client;
mod error;
#[cfg(test)]
mod fake;
mod lease;
mod pods;
mod probe;
mod service_account;

use std::sync::Arc;
use std::time::Duration;

use cni_plan_core::{
    AssociationInEffect, AssociationReader, BoxFuture, CallObserver, Change, ClusterLock, ErrorKind, HeldLock,
    KubernetesAccess, LockHolder, LockRecord, NodeRole, NotTaken, Observation, Overseer, Plugin, PodIdentity, Provider,
    ProviderError, Resource, RoleTrial, Run, Target, TokenSource, WorkloadInspector,
};

use crate::client::Connection;
use crate::lease::{Clock, LeaseLock};
use crate::pods::PodsOf;

/// The provider of one cluster, for the targets whose owner is that cluster.
pub struct ClusterProvider {
    connection: Arc<Connection>,
    /// Without it no role can be proved.
    trial: Option<Arc<dyn RoleTrial>>,
    /// Without it nobody can tell which role pods have by an association.
    associations: Option<Arc<dyn AssociationReader>>,
}

impl ClusterProvider {
    /// From a kubeconfig's context: the file given, else `KUBECONFIG`, then `~/.kube/config`; the
    /// context given, else the file's current one. Reads the file and calls nobody; a credential
    /// plugin that the file names runs before the first call.
    ///
    /// # Errors
    /// The file cannot be read, or names no such context.
    pub async fn from_kubeconfig(
        key: &str,
        access: &KubernetesAccess,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ProviderError> {
        let connection = Connection::from_kubeconfig(key, access, observer).await?;
        Ok(ClusterProvider { connection: Arc::new(connection), trial: None, associations: None })
    }

    /// From the cluster's endpoint, its certificate authority as EKS DescribeCluster has it (PEM in
    /// base64; absent for plain HTTP or a public certificate) and a source of tokens, which is
    /// asked before each request. Calls nobody.
    ///
    /// # Errors
    /// The endpoint is no URL.
    pub fn from_endpoint(
        key: &str,
        endpoint: &str,
        certificate_authority: Option<&str>,
        tokens: Arc<dyn TokenSource>,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, ProviderError> {
        let connection = Connection::from_endpoint(key, endpoint, certificate_authority, tokens, observer)?;
        Ok(ClusterProvider { connection: Arc::new(connection), trial: None, associations: None })
    }

    /// The same with one who tries the roles of the cluster's account.
    #[must_use]
    pub fn with_trial(self, trial: Arc<dyn RoleTrial>) -> Self {
        ClusterProvider { trial: Some(trial), ..self }
    }

    /// The same with one who knows the cluster's Pod Identity associations.
    #[must_use]
    pub fn with_associations(self, associations: Arc<dyn AssociationReader>) -> Self {
        ClusterProvider { associations: Some(associations), ..self }
    }

    fn lock(&self) -> LeaseLock {
        LeaseLock::new(Arc::clone(&self.connection), Clock::system())
    }

    async fn observe_one(&self, target: &Target) -> Observation {
        let observed = match target {
            Target::ServiceAccount { namespace, name, .. } => {
                service_account::observe(&self.connection, namespace, name).await
            }
            Target::Pods { namespace, service_account, .. } => {
                pods::observe(&self.connection, namespace, service_account, self.association(target)).await
            }
            _ => Err(not_ours(&self.connection, target)),
        };
        match observed {
            Ok(Some(resource)) => Observation::Present(resource),
            Ok(None) => Observation::Absent,
            Err(error) => Observation::Unseen(error),
        }
    }

    async fn apply_one(&self, change: &Change, overseer: &dyn Overseer) -> Result<(), ProviderError> {
        match (&change.target, &change.run) {
            (Target::ServiceAccount { .. }, None) => match (&change.before, &change.after) {
                (Some(Resource::ServiceAccount(before)), Some(Resource::ServiceAccount(after))) => {
                    service_account::apply(&self.connection, before, after).await
                }
                _ => Err(not_made_here(&self.connection, change)),
            },
            (Target::Pods { namespace, service_account, .. }, Some(run @ Run::Probe { identity, .. })) => {
                let (PodIdentity::WebIdentity { role_arn, .. }, Some(trial)) = (identity, &self.trial) else {
                    return Err(not_ours(&self.connection, &change.target));
                };
                let plugin = match &change.before {
                    Some(Resource::Pods(pods)) => &pods.plugin,
                    _ => &Plugin::default(),
                };
                let plan = probe::Probe { role_arn, needs: &run.needs_of(plugin) };
                probe::probe(&self.connection, namespace, service_account, plan, trial.as_ref(), overseer).await
            }
            (Target::Pods { .. }, Some(Run::Restart { identity: wanted, canary, max_unavailable, timeout })) => {
                let (canary, max_unavailable, timeout) = (*canary, *max_unavailable, *timeout);
                let plan = pods::Restart { wanted, canary, max_unavailable, timeout };
                pods::restart(&self.connection, &self.pods_of(&change.target, wanted, overseer).await?, plan, overseer)
                    .await
            }
            (Target::Pods { .. }, Some(Run::Verify { identity: wanted, timeout, soak })) => {
                let plan = pods::Verify { wanted, timeout: *timeout, soak: *soak };
                pods::verify(&self.connection, &self.pods_of(&change.target, wanted, overseer).await?, plan, overseer)
                    .await
            }
            (Target::Pods { .. }, Some(Run::Confirm { identity: wanted, timeout, soak })) => {
                let plan = pods::Confirm { wanted, timeout: *timeout, soak: *soak };
                pods::confirm(&self.connection, &self.pods_of(&change.target, wanted, overseer).await?, plan, overseer)
                    .await
            }
            (target, _) => Err(not_ours(&self.connection, target)),
        }
    }

    async fn pods_of<'a>(
        &self,
        target: &'a Target,
        wanted: &PodIdentity,
        overseer: &dyn Overseer,
    ) -> Result<PodsOf<'a>, ProviderError> {
        let Target::Pods { namespace, service_account, .. } = target else {
            return Err(not_ours(&self.connection, target));
        };
        let association = match self.associations_of(target) {
            Some(reader) => {
                association::shown(wanted, || reader.in_effect(namespace, service_account), overseer).await?
            }
            None => None,
        };
        Ok(PodsOf { namespace, service_account, association })
    }

    /// The association of the pods' service account, where the target has it asked for.
    async fn association(&self, target: &Target) -> Result<Option<AssociationInEffect>, ProviderError> {
        match (target, self.associations_of(target)) {
            (Target::Pods { namespace, service_account, .. }, Some(reader)) => {
                reader.in_effect(namespace, service_account).await
            }
            _ => Ok(None),
        }
    }

    fn associations_of(&self, target: &Target) -> Option<&dyn AssociationReader> {
        let is_asked = matches!(target, Target::Pods { association: true, .. });
        self.associations.as_deref().filter(|_| is_asked)
    }
}

impl Provider for ClusterProvider {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(async move {
            // A restart and its verification have one target: it is read once.
            let mut distinct: Vec<&Target> = targets.to_vec();
            distinct.sort();
            distinct.dedup();
            let reads = futures::future::join_all(distinct.iter().map(|target| self.observe_one(target)));
            let observed = self.connection.at_once(reads).await;
            let of = |target: &Target| distinct.binary_search(&target).expect("every target is among the distinct");
            targets.iter().map(|target| observed[of(target)].clone()).collect()
        })
    }

    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(self.apply_one(change, overseer))
    }
}

impl WorkloadInspector for ClusterProvider {
    fn mapped_node_roles(&self) -> BoxFuture<'_, Result<Vec<NodeRole>, ProviderError>> {
        Box::pin(aws_auth::node_roles(&self.connection))
    }
}

impl ClusterLock for ClusterProvider {
    fn show(&self) -> BoxFuture<'_, Result<Option<LockRecord>, ProviderError>> {
        Box::pin(async move { self.lock().show().await })
    }

    fn take<'a>(
        &'a self,
        holder: &'a LockHolder,
        patience: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn HeldLock>, NotTaken>> {
        Box::pin(async move {
            let held = self.lock().take(holder, patience).await?;
            Ok(Box::new(held) as Box<dyn HeldLock>)
        })
    }

    fn break_held<'a>(&'a self, found: &'a LockRecord) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move { self.lock().break_held(found).await })
    }
}

fn not_ours(connection: &Connection, target: &Target) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot reach {target:?} in cluster {}", connection.key()),
        why: "an API server answers for service accounts and pods only".to_owned(),
        cure: "plan again: this change set does not fit this version of cni-plan".to_owned(),
    }
}

fn not_made_here(connection: &Connection, change: &Change) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot {:?} {} in cluster {}", change.action, change.address, connection.key()).to_lowercase(),
        why: "a service account belongs to the plugin's manifest and is only annotated".to_owned(),
        cure: "install the plugin first, then plan again".to_owned(),
    }
}
