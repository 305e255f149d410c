//! A node of the dependency graph: one resource and what is wanted of it.

use crate::{Address, Resource, Run, Target};

/// One resource, before anything was observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name in every text.
    pub address: Address,
    /// Where it is found.
    pub target: Target,
    /// What is wanted.
    pub wanted: Wanted,
    /// Keys of the clusters that need it; several for what they share.
    pub clusters: Vec<String>,
}

/// What is wanted of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// There, with this state and whatever else it has.
    Present(Resource),
    /// Not there.
    Absent,
    /// There already, covering this state: it belongs to someone else and is never changed.
    Referred(Resource),
    /// An action on pods, where they do not match.
    Run(Run),
}
