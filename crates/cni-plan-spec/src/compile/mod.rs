//! Spec and facts to the graph of what is wanted, as the procedure has it.
//!
//! Pure: everything that is live and matters for the shape of the graph comes in as facts; what
//! resources look like now is nobody's business here.

mod addon;
mod clusters;
mod confirmations;
mod documents;
mod names;
mod nodes;
mod offline;
mod problem;

use std::collections::HashMap;

use cni_plan_core::{Address, DependencyGraph, Node, PlannedCluster};

pub use clusters::{acceptances, cluster_refs};
pub use offline::{Assumed, assumed, contradictions};
pub use problem::CompileProblem;

use crate::{ClusterSpec, Spec};
use names::ClusterNames;

/// A cluster as the spec has it, as it is, and what its resources are called.
type Named<'a> = (&'a ClusterSpec, &'a PlannedCluster, ClusterNames);

/// Compiles `spec` against the facts of its clusters, which come in the spec's order, as
/// [`cluster_refs`] gave them.
///
/// # Errors
/// All that the facts say against the spec, in the spec's order.
pub fn compile(spec: &Spec, clusters: &[PlannedCluster]) -> Result<DependencyGraph<Node>, Vec<CompileProblem>> {
    let mut problems = Vec::new();
    let mut named = Vec::with_capacity(clusters.len());
    for (wanted, planned) in spec.clusters.iter().zip(clusters) {
        match names::of(wanted, planned) {
            Ok(names) => named.push((wanted, planned, names)),
            Err(mut found) => problems.append(&mut found),
        }
    }
    problems.extend(same_clusters(&named));
    problems.extend(shared_roles(&named));

    let mut graph = DependencyGraph::default();
    // Who has to be verified before a node role loses a policy: every cluster whose nodes have it,
    // whichever cluster of the spec asks for the detach.
    let mut verified_on: HashMap<(&str, &str), Vec<&Address>> = HashMap::new();
    for (_, planned, names) in &named {
        for role in &names.node_roles {
            verified_on.entry((&planned.facts.account, role)).or_default().push(&names.verify);
        }
    }
    for (wanted, planned, names) in &named {
        if let Err(problem) = nodes::add(&mut graph, wanted, planned, names) {
            problems.push(problem);
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    for (_, planned, names) in named.iter().filter(|(wanted, ..)| wanted.detach) {
        nodes::add_detaches(&mut graph, planned, names);
    }
    nodes::connect_detaches(&mut graph, &verified_on);
    confirmations::add(&mut graph, &named);
    Ok(graph)
}

/// Entries that the spec tells apart, by a region or a profile that only one of them names, can
/// still lead to one cluster: two plans for the same pods.
fn same_clusters(named: &[Named<'_>]) -> Vec<CompileProblem> {
    let mut first: HashMap<(&str, &str, &str), &str> = HashMap::with_capacity(named.len());
    let mut problems = Vec::new();
    for (wanted, planned, _) in named {
        let (facts, key) = (&planned.facts, planned.cluster.key.as_str());
        if let Some(other) = first.insert((&facts.account, &facts.region, &wanted.name), key) {
            problems.push(CompileProblem {
                position: wanted.position,
                what: format!("`{other}` and `{key}` are the same cluster"),
                why: format!("both are {} in {}, account {}", wanted.name, facts.region, facts.account),
                cure: "remove one of them, or correct its `region`, `account` or `profile`".to_owned(),
            });
        }
    }
    problems
}

/// One role for two clusters would make two steps write one trust document, and a role that nodes
/// have is one that a step takes policies off. IAM tells names apart by more than their case
/// (IAM API, CreateRole: RoleName).
fn shared_roles(named: &[Named<'_>]) -> Vec<CompileProblem> {
    let mut of_nodes: HashMap<(&str, String), &ClusterSpec> = HashMap::with_capacity(named.len());
    for (wanted, planned, names) in named {
        for role in &names.node_roles {
            of_nodes.insert((&planned.facts.account, role.to_ascii_lowercase()), wanted);
        }
    }
    let mut first: HashMap<(&str, String), &ClusterSpec> = HashMap::with_capacity(named.len());
    let mut problems = Vec::new();
    for (wanted, planned, names) in named {
        let role = (planned.facts.account.as_str(), names.role_name.to_ascii_lowercase());
        if let Some(other) = of_nodes.get(&role) {
            problems.push(CompileProblem {
                position: wanted.position_of("role"),
                what: format!("role {} is a node role of cluster `{}`", names.role_name, other.name),
                why: "the plugin is to have a role that no node has".to_owned(),
                cure: "give the plugin's role another name under `role.name`".to_owned(),
            });
        }
        match first.get(&role) {
            Some(other) => problems.push(CompileProblem {
                position: wanted.position_of("role"),
                what: format!(
                    "clusters `{}` and `{}` would share the role {}",
                    other.name, wanted.name, names.role_name
                ),
                why: "each cluster's plan writes its own trust into its role, and both are in one account".to_owned(),
                cure: "put `{cluster}` (or `{region}`) into `role.name`".to_owned(),
            }),
            None => {
                first.insert(role, wanted);
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests;
