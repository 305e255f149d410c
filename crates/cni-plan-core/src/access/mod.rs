//! What planning and applying a spec need to be allowed: IAM's actions with their resources, and Kubernetes' verbs.
//!
//! Told from the graph that a spec compiles to, so that it names just what the spec's steps reach. What the
//! adapters call is told once more here, in words; the tests hold the two against each other.
//!
//! `aws` is IAM, EKS and STS; `kubernetes` the API servers.

mod aws;
mod kubernetes;
mod wildcards;

use std::collections::BTreeSet;

use crate::{Address, Node, PlannedCluster};

pub use aws::{AwsAccess, Grant, Only};
pub use kubernetes::{KubernetesGrants, KubernetesRule};

/// To do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// `plan`, and whatever else only reads.
    Plan,
    /// `apply`, `resume` and `rollback`; planning included.
    Apply,
}

/// What is needed in all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// For each identity that calls AWS, sorted.
    pub aws: Vec<AwsAccess>,
    /// For the API servers; clusters that need the same are one entry.
    pub kubernetes: Vec<KubernetesGrants>,
}

/// A spec compiled, with what it was compiled against.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// All nodes of the graph.
    pub nodes: &'a [(&'a Address, &'a Node)],
    /// The facts they were compiled against.
    pub clusters: &'a [PlannedCluster],
    /// Texts in the facts that stand for what nobody knows: each becomes a wildcard. None is empty
    /// or part of another. No texts where all is known.
    pub unknown: &'a BTreeSet<String>,
}

/// What is needed for this purpose, as narrow as what is known allows.
pub fn access(asked: Asked<'_>, purpose: Purpose) -> Access {
    Access { aws: aws::access(asked, purpose), kubernetes: kubernetes::access(asked, purpose) }
}

impl Asked<'_> {
    /// Whether the facts are made up.
    fn is_guessed(&self) -> bool {
        !self.unknown.is_empty()
    }
}

#[cfg(test)]
mod tests;
