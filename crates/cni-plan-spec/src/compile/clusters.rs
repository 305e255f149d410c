//! The spec's clusters as things to reach, each with a key that is unique in the spec.

use std::collections::HashMap;

use cni_plan_core::{Acceptance, ClusterRef, FactsWanted};

use crate::{Addon, ClusterSpec, Identity, NodeRoles, Spec};

/// How to reach each cluster and which facts of it are wanted, in the spec's order. Paths are as
/// the spec writes them.
pub fn cluster_refs(spec: &Spec) -> Vec<(ClusterRef, FactsWanted)> {
    let keys = Keys::of(spec);
    spec.clusters.iter().map(|cluster| (reference(cluster, keys.key(cluster)), facts_wanted(cluster))).collect()
}

/// The warnings that the spec accepts.
pub fn acceptances(spec: &Spec) -> Vec<Acceptance> {
    let keys = Keys::of(spec);
    let of = |cluster: &ClusterSpec| {
        let key = keys.key(cluster);
        let accepted = cluster.accept.iter();
        let acceptance = |(code, reason): &(String, String)| Acceptance {
            cluster: key.clone(),
            code: code.clone(),
            reason: reason.clone(),
        };
        accepted.map(acceptance).collect::<Vec<_>>()
    };
    spec.clusters.iter().flat_map(of).collect()
}

fn reference(cluster: &ClusterSpec, key: String) -> ClusterRef {
    ClusterRef {
        key,
        name: cluster.name.clone(),
        region: cluster.region.clone(),
        account: cluster.account.clone(),
        profile: cluster.profile.clone(),
        assume_role: cluster.assume_role.clone(),
        kubernetes: cluster.kubernetes.clone(),
    }
}

fn facts_wanted(cluster: &ClusterSpec) -> FactsWanted {
    // Node roles are wanted even where nothing is detached: another cluster's detach may have to wait.
    FactsWanted {
        node_roles: cluster.node_roles == NodeRoles::Auto,
        addon: cluster.addon != Addon::SelfManaged,
        agent: cluster.identity == Identity::PodIdentity,
        association_of: Some((cluster.service_account.namespace.clone(), cluster.service_account.name.clone())),
        neighbours: cluster.detach,
        other_regions: if cluster.detach { cluster.other_regions.clone() } else { Vec::new() },
    }
}

/// How often each name, and each name in a region, occurs.
struct Keys<'a> {
    names: HashMap<&'a str, usize>,
    regions: HashMap<(&'a str, Option<&'a str>), usize>,
}

impl<'a> Keys<'a> {
    fn of(spec: &'a Spec) -> Keys<'a> {
        let mut keys = Keys { names: HashMap::new(), regions: HashMap::new() };
        for cluster in &spec.clusters {
            *keys.names.entry(&cluster.name).or_default() += 1;
            *keys.regions.entry((&cluster.name, cluster.region.as_deref())).or_default() += 1;
        }
        keys
    }

    /// The name; with the region where names repeat; with whose it is where that repeats too.
    fn key(&self, cluster: &ClusterSpec) -> String {
        let name = &cluster.name;
        if self.names[name.as_str()] == 1 {
            return name.clone();
        }
        let region = cluster.region.as_deref();
        let place = region.unwrap_or("default-region");
        if self.regions[&(name.as_str(), region)] == 1 {
            return format!("{name}@{place}");
        }
        let role_account = cluster.assume_role.as_ref().and_then(|role| role.arn.split(':').nth(4));
        match (cluster.account.as_deref().or(role_account), cluster.profile.as_deref()) {
            (Some(account), _) => format!("{name}@{place}@{account}"),
            // A key is one part of an address, and a profile may be called anything, even a number.
            (None, Some(profile)) => {
                format!("{name}@{place}@profile:{}", profile.replace('%', "%25").replace('/', "%2F"))
            }
            (None, None) => format!("{name}@{place}@default"),
        }
    }
}
