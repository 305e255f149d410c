//! Wanted against observed: the steps of a plan, and what speaks against it.

mod finding;
mod step;

use std::collections::HashMap;

use crate::precondition::not_looked_at;
use crate::{
    Action, Address, Change, Cycle, DependencyGraph, Finding, Kind, Node, Observation, Ordered, ProviderError,
};

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

/// Compares each node with what was observed at its address. An address that `observed` does not
/// hold is one that could not be seen.
pub fn diff(graph: DependencyGraph<Node>, mut observed: HashMap<Address, Observation>) -> Result<Diff, DiffError> {
    let nodes = graph.into_topological_order()?;
    let unseen = unseen(&nodes, &observed);
    if !unseen.is_empty() {
        return Err(DiffError::Unseen(unseen));
    }

    let mut findings = Vec::new();
    let mut changes: Vec<Change> = Vec::with_capacity(nodes.len());
    let mut edges: Vec<Vec<usize>> = Vec::with_capacity(nodes.len());
    for Ordered { address, value: node, depends_on } in nodes {
        let found = match observed.remove(&address) {
            Some(Observation::Present(resource)) => Some(resource),
            _ => None,
        };
        let before_it = depends_on.iter().map(|&on| &changes[on]);
        let announced = before_it.clone().find(|change| change.address.kind() == Kind::Annotate);
        let step = step::of(&node, found.as_ref(), announced);
        findings.extend(finding::of(&node, found.as_ref(), &step));
        changes.push(Change {
            depends_on: before_it.map(|change| change.address.clone()).collect(),
            address,
            target: node.target,
            action: step.action,
            why: step.why,
            before: found,
            after: step.after,
            run: step.run,
            reversibility: step.reversibility,
            clusters: node.clusters,
        });
        edges.push(depends_on);
    }
    for (at, why) in looks_to_run(&changes, &edges) {
        changes[at].action = Action::Run;
        why.clone_into(&mut changes[at].why);
    }
    findings.sort();
    findings.dedup();
    Ok(Diff { changes, findings })
}

/// What could not be seen, each reason once.
fn unseen(nodes: &[Ordered<Node>], observed: &HashMap<Address, Observation>) -> Vec<ProviderError> {
    let mut unseen: Vec<ProviderError> = Vec::new();
    for node in nodes {
        let error = match observed.get(&node.address) {
            Some(Observation::Present(_) | Observation::Absent) => continue,
            Some(Observation::Unseen(error)) => error.clone(),
            None => not_looked_at(&node.address),
        };
        if !unseen.contains(&error) {
            unseen.push(error);
        }
    }
    unseen
}

/// What leaves nothing behind runs when anything happens that it stands behind or before. A probe: when something
/// changes that the role is usable by, and before pods are told of it or restarted. A verification: after
/// whatever changed the plugin's identity, and before a node role loses its policy. A confirmation: after that.
/// Each with its reason.
fn looks_to_run(changes: &[Change], edges: &[Vec<usize>]) -> Vec<(usize, &'static str)> {
    // Positions are in topological order: one pass carries "something before me happens" along.
    let mut stirred = vec![false; changes.len()];
    let mut wanted_by_dependent = vec![false; changes.len()];
    for (at, change) in changes.iter().enumerate() {
        for &on in &edges[at] {
            stirred[at] |= stirred[on];
            wanted_by_dependent[on] |= change.is_effective();
        }
        stirred[at] |= change.is_effective();
    }
    // And one back: "pods take the role behind me".
    let mut pods_follow = vec![false; changes.len()];
    for (at, change) in changes.iter().enumerate().rev() {
        let reaches_pods = matches!(change.address.kind(), Kind::Annotate | Kind::Restart) && change.is_effective();
        for &on in &edges[at] {
            pods_follow[on] |= pods_follow[at] || reaches_pods;
        }
    }
    let loses_policy = |at: usize| {
        edges[at].iter().any(|&on| changes[on].address.kind() == Kind::Detach && changes[on].is_effective())
    };
    let reason = |at: usize| match changes[at].address.kind() {
        Kind::Probe if pods_follow[at] => Some("to be sure of the role before any pod takes it"),
        Kind::Probe if stirred[at] => Some("to be sure of the role after what has changed"),
        Kind::Verify if wanted_by_dependent[at] => Some("to be sure of every pod before a node role loses its policy"),
        Kind::Confirm if loses_policy(at) => Some("to be sure that a pod born from now on lives without that policy"),
        Kind::Verify if stirred[at] => Some("to be sure of every pod after what has changed"),
        _ => None,
    };
    (0..changes.len()).filter_map(|at| Some((at, reason(at)?))).collect()
}

#[cfg(test)]
mod tests;
