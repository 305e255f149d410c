//! What an adapter does: observe many resources at once, apply one change.
//!
//! The trait lives here so that adapters and engine are siblings that never see one another.

use std::collections::BTreeSet;
use std::fmt;
use std::pin::Pin;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Change, ClusterFacts, ClusterRef, Neighbour, NodeRole, Progress, Resource, RoleAsked, RoleRead, Target};

/// A future that can be sent between threads; core knows no runtime.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What was seen, target by target, and what is on roles, role by role.
pub type WithRoles = (Vec<Observation>, Vec<Result<RoleRead, ProviderError>>);

/// Whoever has a step carried out: is told where it is, and says whether it may go on.
pub trait Overseer: Send + Sync {
    /// What a long step is waiting for.
    fn tell(&self, progress: Progress);

    /// Asked by a step of several changes before each further one, where minutes may have passed
    /// since the last: an error ends the step where it is.
    fn may_go_on(&self) -> BoxFuture<'_, Result<(), ProviderError>>;

    /// Asked before a write that something else came before in its step, a look or another write, in
    /// which a lock may have been lost: an error is that it was. Whoever only asked to stop has the
    /// step ended first.
    fn holds_locks(&self) -> BoxFuture<'_, Result<(), ProviderError>>;
}

/// One who only listens.
impl<F: Fn(Progress) + Send + Sync> Overseer for F {
    fn tell(&self, progress: Progress) {
        self(progress);
    }

    fn may_go_on(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn holds_locks(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// An adapter for one account's IAM or one cluster's API server.
pub trait Provider: Send + Sync {
    /// The state of each target, in their order. Reads only. One answer may serve several targets.
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>>;

    /// The state of each target once its reads can be believed: of targets whose last write is in
    /// doubt, and whose readers may not know of it yet. Takes as long as that takes; the same as
    /// [`Provider::observe`] where reads never lag behind writes.
    fn settle<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        self.observe(targets)
    }

    /// [`Provider::observe`], and what is on each of these roles beside, in their order; an answer serves
    /// both. Only an account has roles. A document that the caller may not read is told of and does not stand
    /// in the way.
    fn observe_with_roles<'a>(
        &'a self,
        targets: &'a [&'a Target],
        roles: &'a [&'a RoleAsked],
    ) -> BoxFuture<'a, WithRoles> {
        debug_assert!(roles.is_empty(), "only an account has roles");
        Box::pin(async move { (self.observe(targets).await, Vec::new()) })
    }

    /// Carries out one change from its `before` to its `after` (or its run) and returns when it is
    /// done and every reader knows of it. A delete of what is gone, or a create of what is there just so, is done.
    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>>;
}

/// Reads the facts that compiling needs.
pub trait ClusterInspector: Send + Sync {
    /// Of one cluster. What the service says of the cluster itself is told to `early` as soon as it is known,
    /// so that its API server can be asked while the rest is read; not where that has failed.
    fn facts_telling<'a>(
        &'a self,
        cluster: &'a ClusterRef,
        wanted: FactsWanted,
        early: &'a (dyn Fn(&ClusterFacts) + Send + Sync),
    ) -> BoxFuture<'a, Result<ClusterFacts, ProviderError>>;

    /// Of one cluster.
    fn facts<'a>(
        &'a self,
        cluster: &'a ClusterRef,
        wanted: FactsWanted,
    ) -> BoxFuture<'a, Result<ClusterFacts, ProviderError>> {
        self.facts_telling(cluster, wanted, &|_| {})
    }

    /// All clusters in a region (`None`: the cluster's own) that the credentials of `cluster` may see, with
    /// the roles of their nodes, but for those that are `known` by name: their facts are read anyway.
    fn neighbours<'a>(
        &'a self,
        cluster: &'a ClusterRef,
        region: Option<&'a str>,
        known: &'a BTreeSet<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Neighbour>, ProviderError>>;
}

/// Reads at an API server what compiling needs of it.
pub trait WorkloadInspector: Send + Sync {
    /// The roles that the ConfigMap `kube-system/aws-auth` maps to instances; none where there is no
    /// such ConfigMap. Roles of Fargate's pods are left out.
    fn mapped_node_roles(&self) -> BoxFuture<'_, Result<Vec<NodeRole>, ProviderError>>;
}

/// Facts that cost a call and are not always needed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FactsWanted {
    /// Find the nodes' roles; not where the spec names them.
    pub node_roles: bool,
    /// Ask EKS whether it manages the plugin; not where the spec says so.
    pub addon: bool,
    /// Ask for the add-on that is the Pod Identity agent; not where the spec asks for another identity.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub agent: bool,
    /// Ask for the Pod Identity association of this service account: namespace and name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub association_of: Option<(String, String)>,
    /// Ask the account's other clusters in the region for their node roles; not where no node role
    /// loses a policy.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub neighbours: bool,
    /// Further regions to ask in, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub other_regions: Vec<String>,
}

/// Makes tokens for an API server.
pub trait TokenSource: Send + Sync {
    /// A token that is good for at least a minute. Implementors keep one as long as it is.
    fn token(&self) -> BoxFuture<'_, Result<String, ProviderError>>;
}

/// What was seen of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// There, like this.
    Present(Resource),
    /// Not there: the service said so.
    Absent,
    /// Not to be seen, and why. Never the same as absent.
    Unseen(ProviderError),
}

/// A call that did not do what it was made for, in three lines a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// For what follows from it.
    pub kind: ErrorKind,
    /// What could not be done, e.g. `cannot read role r in account 111122223333`.
    pub what: String,
    /// Why: the service's own words, on one line.
    pub why: String,
    /// What to do about it.
    pub cure: String,
}

/// Sorts of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Named, but not there.
    NotFound,
    /// The caller lacks a permission.
    Denied,
    /// Credentials missing, expired or invalid.
    Credentials,
    /// No connection, or none in time.
    Unreachable,
    /// Slowed down for longer than retries last.
    Throttled,
    /// Changed by someone else meanwhile.
    Conflict,
    /// Pods did not become Ready in time.
    Timeout,
    /// Asked to stop half-way.
    Interrupted,
    /// Anything else that the service refused.
    Refused,
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

impl std::error::Error for ProviderError {}
