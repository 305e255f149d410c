//! What comes after the detaches: each cluster whose nodes lost a policy has a pod born without it.

use std::collections::HashMap;

use cni_plan_core::{Address, Kind, Run, Wanted};

use super::Named;
use super::nodes::{Graph, identity, pods_target, put};

/// Adds a confirmation to every cluster that a detach concerns, behind all of those. A cluster whose node
/// role loses its policy for another's sake has one too.
pub(super) fn add(graph: &mut Graph, named: &[Named<'_>]) {
    let mut detaches: HashMap<String, Vec<Address>> = HashMap::new();
    for (address, node) in graph.iter().filter(|(address, _)| address.kind() == Kind::Detach) {
        for cluster in &node.clusters {
            detaches.entry(cluster.clone()).or_default().push(address.clone());
        }
    }
    for (wanted, planned, names) in named {
        let key = &planned.cluster.key;
        let Some(detaches) = detaches.get(key) else { continue };
        let account = &wanted.service_account;
        let confirm = Address::new(key, Kind::Confirm, &[&account.namespace, &account.name]);
        let run = Run::Confirm {
            identity: identity(wanted, names),
            timeout: wanted.restart.timeout,
            soak: wanted.restart.soak,
        };
        put(graph, key, &confirm, pods_target(wanted, planned), Wanted::Run(run));
        for detach in detaches {
            graph.depend(&confirm, detach);
        }
    }
}
