//! Reads: facts of clusters, and the state of resources. Everything independent at the same time,
//! nothing twice.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cni_plan_core::{
    Address, AssumeRole, Change, ClusterFacts, ClusterInspector, ClusterRef, ErrorKind, FactsWanted, Neighbour,
    Observation, Owner, ProviderError, Target,
};
use futures::stream::{self, StreamExt};

use crate::Providers;

/// Clusters and accounts that are read at the same time; each reads several things at once itself.
pub(crate) const AT_ONCE: usize = 32;

/// The facts of each cluster, in their order; see [`ClusterInspector::facts_telling`] for `early`, which gets
/// the cluster's index too.
pub async fn read_facts(
    clusters: &[(ClusterRef, FactsWanted)],
    inspector: &dyn ClusterInspector,
    early: &(dyn Fn(usize, &ClusterFacts) + Send + Sync),
) -> Vec<Result<ClusterFacts, ProviderError>> {
    stream::iter(clusters.iter().enumerate())
        .map(|(at, (cluster, wanted))| async move {
            inspector.facts_telling(cluster, wanted.clone(), &move |facts| early(at, facts)).await
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// All clusters that stand beside those asked for, in the regions that they name, each region of the same
/// credentials once; with each answer the index of a cluster that asked.
pub async fn read_neighbours(
    clusters: &[(ClusterRef, FactsWanted)],
    inspector: &dyn ClusterInspector,
) -> Vec<(usize, Result<Vec<Neighbour>, ProviderError>)> {
    let mut known: HashMap<Place<'_>, BTreeSet<&str>> = HashMap::new();
    for (cluster, _) in clusters {
        known.entry(place(cluster, cluster.region.as_deref())).or_default().insert(&cluster.name);
    }
    let (nobody, mut asked) = (BTreeSet::new(), HashSet::new());
    let mut questions = Vec::new();
    for (at, (cluster, wanted)) in clusters.iter().enumerate().filter(|(_, (_, wanted))| wanted.neighbours) {
        for other in std::iter::once(None).chain(wanted.other_regions.iter().map(|region| Some(region.as_str()))) {
            let place = place(cluster, other.or(cluster.region.as_deref()));
            if asked.insert(place) {
                questions.push((at, cluster, other, known.get(&place).unwrap_or(&nobody)));
            }
        }
    }
    stream::iter(questions)
        .map(|(at, cluster, region, known)| async move { (at, inspector.neighbours(cluster, region, known).await) })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// A region as some credentials see it; `None`: the environment's own.
type Place<'a> = (Option<&'a str>, Option<&'a AssumeRole>, Option<&'a str>);

fn place<'a>(cluster: &'a ClusterRef, region: Option<&'a str>) -> Place<'a> {
    (cluster.profile.as_deref(), cluster.assume_role.as_ref(), region)
}

/// What the world looks like at each address. A target that several addresses share is read once.
pub async fn observe<'a>(
    wanted: impl IntoIterator<Item = (&'a Address, &'a Target)>,
    providers: &Providers,
) -> HashMap<Address, Observation> {
    read(wanted, providers, Reading::Once).await
}

/// [`observe`] for the steps of a plan.
pub async fn observe_changes(changes: &[Change], providers: &Providers) -> HashMap<Address, Observation> {
    observe(of_steps(changes), providers).await
}

/// [`observe`] for some steps of a plan.
pub(crate) async fn observe_some(changes: &[&Change], providers: &Providers) -> HashMap<Address, Observation> {
    observe(of_steps(changes.iter().copied()), providers).await
}

/// What the world looks like at each step, once reads can be believed.
pub(crate) async fn settle_changes(changes: &[Change], providers: &Providers) -> HashMap<Address, Observation> {
    read(of_steps(changes), providers, Reading::UntilBelieved).await
}

/// [`settle_changes`] for some steps of a plan.
pub(crate) async fn settle_some(changes: &[&Change], providers: &Providers) -> HashMap<Address, Observation> {
    read(of_steps(changes.iter().copied()), providers, Reading::UntilBelieved).await
}

fn of_steps<'a>(changes: impl IntoIterator<Item = &'a Change>) -> impl Iterator<Item = (&'a Address, &'a Target)> {
    changes.into_iter().map(|change| (&change.address, &change.target))
}

/// How long to go on reading.
#[derive(Debug, Clone, Copy)]
enum Reading {
    Once,
    UntilBelieved,
}

async fn read<'a>(
    wanted: impl IntoIterator<Item = (&'a Address, &'a Target)>,
    providers: &Providers,
    reading: Reading,
) -> HashMap<Address, Observation> {
    let wanted: Vec<(&Address, &Target)> = wanted.into_iter().collect();
    let mut by_owner: BTreeMap<Owner<'_>, BTreeSet<&Target>> = BTreeMap::new();
    for (_, target) in &wanted {
        by_owner.entry(target.owner()).or_default().insert(target);
    }
    let answers: Vec<Vec<(&Target, Observation)>> = stream::iter(by_owner)
        .map(|(owner, targets)| read_owner(owner, targets.into_iter().collect(), providers, reading))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let seen: HashMap<&Target, Observation> = answers.into_iter().flatten().collect();
    wanted.into_iter().filter_map(|(address, target)| Some((address.clone(), seen.get(target)?.clone()))).collect()
}

async fn read_owner<'a>(
    owner: Owner<'_>,
    targets: Vec<&'a Target>,
    providers: &Providers,
    reading: Reading,
) -> Vec<(&'a Target, Observation)> {
    let observations = match providers.get(owner) {
        Some(provider) => match reading {
            Reading::Once => provider.observe(&targets).await,
            Reading::UntilBelieved => provider.settle(&targets).await,
        },
        None => vec![Observation::Unseen(no_provider(owner)); targets.len()],
    };
    debug_assert_eq!(observations.len(), targets.len(), "a provider answers for every target");
    targets.into_iter().zip(observations).collect()
}

/// The command connects everything that a plan names; this is what a hand-made one gets.
pub(crate) fn no_provider(owner: Owner<'_>) -> ProviderError {
    let whom = match owner {
        Owner::Account(account) => format!("account {account}"),
        Owner::Cluster(key) => format!("cluster {key}"),
    };
    ProviderError {
        kind: ErrorKind::Unreachable,
        what: format!("cannot reach {whom}"),
        why: "no cluster of the change set's header leads there".to_owned(),
        cure: "make the change set anew with `cni-plan plan`".to_owned(),
    }
}
