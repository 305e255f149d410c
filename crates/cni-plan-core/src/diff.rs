//! Wanted against observed: the steps of a plan, and what speaks against it.

mod finding;
mod step;

use std::collections::{HashMap, HashSet};

use crate::{Action, Address, Change, Cycle, DependencyGraph, Finding, Kind, Node, Observation, ProviderError};

/// What a diff gives: every node's step, in an order in which they can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// One a node, those that do nothing included.
    pub changes: Vec<Change>,
    /// Hazards, the worst first.
    pub findings: Vec<Finding>,
}

/// Why no diff could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiffError {
    /// The graph is none.
    #[error(transparent)]
    Cycle(#[from] Cycle),
    /// Resources that could not be seen: a plan on half a view is no plan.
    #[error("{} of the resources could not be read", .0.len())]
    Unseen(Vec<ProviderError>),
}

/// Compares each node with what was observed at its address. `observed` has to hold every address.
pub fn diff(graph: &DependencyGraph<Node>, observed: &HashMap<Address, Observation>) -> Result<Diff, DiffError> {
    let order = graph.topological_order()?;
    let mut unseen: Vec<ProviderError> = Vec::new();
    for address in &order {
        if let Some(Observation::Unseen(error)) = observed.get(*address)
            && !unseen.contains(error)
        {
            unseen.push(error.clone());
        }
    }
    if !unseen.is_empty() {
        return Err(DiffError::Unseen(unseen));
    }

    let mut findings = Vec::new();
    let mut changes = Vec::with_capacity(order.len());
    let mut index: HashMap<&Address, usize> = HashMap::with_capacity(order.len());
    for address in order {
        let node = graph.get(address).expect("the order names the graph's own addresses");
        let found = match observed.get(address) {
            Some(Observation::Present(resource)) => Some(resource),
            _ => None,
        };
        let depends_on: Vec<Address> = graph.dependencies(address).into_iter().cloned().collect();
        let announced = depends_on
            .iter()
            .filter(|on| on.kind() == Kind::Annotate)
            .filter_map(|on| index.get(on))
            .map(|&at| &changes[at])
            .next();
        let step = step::of(node, found, announced);
        findings.extend(finding::of(node, found, &step));
        index.insert(address, changes.len());
        changes.push(Change {
            address: address.clone(),
            target: node.target.clone(),
            action: step.action,
            why: step.why,
            before: found.cloned(),
            after: step.after,
            run: step.run,
            reversibility: step.reversibility,
            depends_on,
            clusters: node.clusters.clone(),
        });
    }
    let wake = verifications_to_run(&changes);
    for at in wake {
        changes[at].action = Action::Run;
        "before the plugin relies on it alone".clone_into(&mut changes[at].why);
    }
    findings.sort();
    findings.dedup();
    Ok(Diff { changes, findings })
}

/// A verification runs when anything happens that it stands behind or before: after whatever
/// changed the plugin's identity, and before a node role loses its policy.
fn verifications_to_run(changes: &[Change]) -> Vec<usize> {
    let index: HashMap<&Address, usize> =
        changes.iter().enumerate().map(|(at, change)| (&change.address, at)).collect();
    // `changes` is in topological order: one pass carries "something before me happens" along.
    let mut stirred = vec![false; changes.len()];
    let mut wanted_by_dependent: HashSet<usize> = HashSet::new();
    for (at, change) in changes.iter().enumerate() {
        let on = change.depends_on.iter().filter_map(|address| index.get(address).copied());
        for on in on {
            stirred[at] |= stirred[on];
            if change.is_effective() {
                wanted_by_dependent.insert(on);
            }
        }
        stirred[at] |= change.is_effective();
    }
    changes
        .iter()
        .enumerate()
        .filter(|(at, change)| {
            change.address.kind() == Kind::Verify && (stirred[*at] || wanted_by_dependent.contains(at))
        })
        .map(|(at, _)| at)
        .collect()
}

#[cfg(test)]
mod tests;
