//! The steps of a plan by cluster, what clusters share by account: one pass over the plan.

use std::collections::HashMap;

use cni_plan_core::{Action, Change, ChangeSet, ClusterFacts, Counts, Kind, Owner, PlannedCluster};

use crate::words;

/// Steps shown together, in the plan's order.
pub(crate) struct Group<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) changes: Vec<&'a Change>,
    pub(crate) counts: Counts,
}

/// What a group's steps have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scope<'a> {
    /// One cluster, by key.
    Cluster(&'a str),
    /// These clusters of an account; or, with none, nobody in particular.
    Shared(Owner<'a>, &'a [String]),
}

/// Shared steps name this many of their clusters and count the others.
const NAMED_AT_MOST: usize = 8;

impl<'a> Group<'a> {
    fn new(scope: Scope<'a>) -> Group<'a> {
        Group { scope, changes: Vec::with_capacity(Kind::ALL.len()), counts: Counts::default() }
    }

    /// The cluster's key, or the account.
    pub(crate) fn name(&self) -> &'a str {
        match self.scope {
            Scope::Cluster(key) | Scope::Shared(Owner::Cluster(key), _) => key,
            Scope::Shared(Owner::Account(account), _) => account,
        }
    }

    /// Whether its steps are of several clusters.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.scope, Scope::Shared(..))
    }

    /// `shared by blue, green`; empty where no cluster is named.
    pub(crate) fn sharers(&self) -> String {
        match self.scope {
            Scope::Shared(_, clusters) if !clusters.is_empty() => {
                format!("shared by {}", words::first_of(clusters, NAMED_AT_MOST))
            }
            _ => String::new(),
        }
    }

    fn add(&mut self, change: &'a Change) {
        self.changes.push(change);
        match change.action {
            Action::Create => self.counts.add += 1,
            Action::Update => self.counts.change += 1,
            Action::Delete => self.counts.destroy += 1,
            Action::Run => self.counts.run += 1,
            Action::None => {}
        }
    }
}

/// A group for each of the header's clusters, in its order, then for whatever else there are steps.
pub(crate) fn groups(change_set: &ChangeSet) -> Vec<Group<'_>> {
    let clusters = &change_set.header.clusters;
    let mut groups: Vec<Group<'_>> = Vec::with_capacity(clusters.len() + 1);
    let mut index: HashMap<Scope<'_>, usize> = HashMap::with_capacity(clusters.len() + 1);
    let scopes = clusters.iter().map(|planned| Scope::Cluster(&planned.cluster.key)).map(|scope| (scope, None));
    let steps = change_set.changes.iter().map(|change| (scope_of(change), Some(change)));
    let mut at = 0;
    for (scope, change) in scopes.chain(steps) {
        // A cluster's steps mostly follow one another.
        if groups.get(at).is_none_or(|group| group.scope != scope) {
            at = *index.entry(scope).or_insert_with(|| {
                groups.push(Group::new(scope));
                groups.len() - 1
            });
        }
        if let Some(change) = change {
            groups[at].add(change);
        }
    }
    groups
}

fn scope_of(change: &Change) -> Scope<'_> {
    match change.clusters.as_slice() {
        [only] => Scope::Cluster(only),
        several => Scope::Shared(change.target.owner(), several),
    }
}

/// What the header says of each cluster, by key.
pub(crate) fn planned(change_set: &ChangeSet) -> HashMap<&str, &PlannedCluster> {
    change_set.header.clusters.iter().map(|planned| (planned.cluster.key.as_str(), planned)).collect()
}

/// `us-west-2, account 111122223333, ipv4, Kubernetes 1.33`, and who manages the plugin where EKS does.
pub(crate) fn facts(planned: &PlannedCluster) -> String {
    let facts = &planned.facts;
    let mut text =
        format!("{}, account {}, {}, Kubernetes {}", facts.region, facts.account, facts.ip_family, facts.version);
    if let Some(addon) = &facts.managed_addon {
        text.push_str(", EKS add-on ");
        text.push_str(&addon.to_string());
    }
    text
}

/// `AmazonEKSNodeRole (nodegroup workers)` each; empty where none is known.
pub(crate) fn node_roles(facts: &ClusterFacts) -> String {
    let roles: Vec<String> = facts
        .node_roles
        .iter()
        .map(|role| match role.found_in.as_slice() {
            [] => role.name.clone(),
            places => format!("{} ({})", role.name, places.join(", ")),
        })
        .collect();
    roles.join(", ")
}
