//! What the facts say against a spec.

use crate::Position;

/// One contradiction between the spec and what is live, in three lines a person can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {why}")]
pub struct CompileProblem {
    /// Where the spec says it.
    pub position: Position,
    /// What does not fit; one line.
    pub what: String,
    /// Why not; one line.
    pub why: String,
    /// What to do; one line.
    pub cure: String,
}
