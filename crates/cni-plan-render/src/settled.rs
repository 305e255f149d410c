//! What a plan leaves in one cluster, put together for tools that keep it from then on.

use cni_plan_core::{
    Change, ChangeSet, Kind, OidcProvider, PlannedCluster, Policy, Resource, Role, ServiceAccount, StepsByCluster,
    Target,
};

/// A resource as it is to be, and how far it is from that.
pub(crate) struct Settled<T> {
    pub(crate) state: T,
    pub(crate) is_there: bool,
    /// Whether the plan still does something about it.
    pub(crate) is_pending: bool,
}

impl<T> Settled<T> {
    fn of(change: &Change, state: T) -> Settled<T> {
        Settled { state, is_there: change.before.is_some(), is_pending: change.is_effective() }
    }
}

/// One cluster after its plan.
pub(crate) struct SettledCluster<'a> {
    pub(crate) planned: &'a PlannedCluster,
    pub(crate) role: Settled<&'a Role>,
    pub(crate) account: &'a ServiceAccount,
    /// Policies on the role, by ARN.
    pub(crate) policies: Vec<Settled<&'a str>>,
    /// Those among them that the plan makes and keeps.
    pub(crate) owned: Vec<Settled<&'a Policy>>,
    /// With its ARN, where the plan may make it.
    pub(crate) provider: Option<Settled<(&'a str, &'a OidcProvider)>>,
    /// Node roles and the policies that they lose, by ARN.
    pub(crate) detached: Vec<(&'a str, &'a str)>,
}

impl SettledCluster<'_> {
    pub(crate) fn role_arn(&self) -> String {
        let facts = &self.planned.facts;
        let Role { path, name, .. } = self.role.state;
        format!("arn:{}:iam::{}:role{path}{name}", facts.partition, facts.account)
    }
}

/// All clusters of a plan that come to have a role.
pub(crate) fn settled(change_set: &ChangeSet) -> Vec<SettledCluster<'_>> {
    let mut steps = StepsByCluster::of(&change_set.changes);
    let clusters = change_set.header.clusters.iter();
    clusters.filter_map(|planned| of_cluster(planned, &steps.take(&planned.cluster.key))).collect()
}

fn of_cluster<'a>(planned: &'a PlannedCluster, steps: &[&'a Change]) -> Option<SettledCluster<'a>> {
    let of_kind = |kind: Kind| steps.iter().copied().filter(move |change| change.address.kind() == kind);
    let role = of_kind(Kind::Role).find_map(|change| match &change.after {
        Some(Resource::Role(role)) => Some(Settled::of(change, role)),
        _ => None,
    })?;
    let account = of_kind(Kind::Annotate).find_map(|change| match &change.after {
        Some(Resource::ServiceAccount(account)) => Some(account),
        _ => None,
    })?;
    let attached = |change: &'a Change| match &change.target {
        Target::Attachment { policy_arn, .. } => Some(Settled::of(change, policy_arn.as_str())),
        _ => None,
    };
    let owned = |change: &'a Change| match &change.after {
        // A policy that the plan only refers to is someone else's.
        Some(Resource::Policy(policy)) if !change.is_referred() => Some(Settled::of(change, policy)),
        _ => None,
    };
    let provider = of_kind(Kind::OidcProvider).find_map(|change| match (&change.target, &change.after) {
        (Target::OidcProvider { arn, .. }, Some(Resource::OidcProvider(provider))) if !change.is_referred() => {
            Some(Settled::of(change, (arn.as_str(), provider)))
        }
        _ => None,
    });
    let detached = |change: &'a Change| match &change.target {
        Target::Attachment { role, policy_arn, .. } => Some((role.as_str(), policy_arn.as_str())),
        _ => None,
    };
    Some(SettledCluster {
        planned,
        role,
        account,
        policies: of_kind(Kind::Attach).filter_map(attached).collect(),
        owned: of_kind(Kind::Policy).filter_map(owned).collect(),
        provider,
        detached: of_kind(Kind::Detach).filter(|change| change.is_effective()).filter_map(detached).collect(),
    })
}
