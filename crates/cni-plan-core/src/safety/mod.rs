//! The continuity proof: in no state that a plan can get into, forwards or on the way back, is a pod
//! of the plugin without permissions by the identity that it carries.
//!
//! A plan's states are far too many to walk through, but each danger concerns one cluster and one
//! thing that an identity stands on: a requirement of the plugin's own role, or a node role's
//! policy. A [`Strand`](strand::Strand) is that one thing together with the cluster's annotation,
//! restart and verification; its few states are all walked through, and those of the way back that
//! [`invert`](crate::invert) gives from each of them. Strands of one shape have the same states, and
//! a fleet has few shapes. Why this misses nothing: `docs/design/0004-continuity.md`.
//!
//! Must not decide what is done on the way back, only ask for it; and must not trust a plan to have
//! the form that the compiler gives it.

mod exploration;
mod identities;
mod order;
mod shape;
mod story;
mod strand;
mod verdict;
mod way_back;

use std::collections::HashMap;

pub use verdict::{Danger, DangerStep, Direction, Endangered, Exemption, SafetyVerdict};

use crate::Change;
use exploration::{Explored, explore};
use shape::Shape;
use strand::{Strand, Strands};

/// A danger that a whole fleet is in is not told for each of its clusters: of every sort of danger one
/// is compared for length, and of all together at least so many.
const TOLD_AT_LEAST: usize = 8;

/// Proves that `changes`, in the order of a plan, keep every pod's permissions, or tells the shortest
/// way in which they do not. Takes time in proportion to the plan.
pub fn prove(changes: &[Change]) -> SafetyVerdict {
    let strands = match Strands::of(changes) {
        Ok(strands) => strands,
        Err(danger) => return SafetyVerdict::Unsafe(danger),
    };
    let mut known: HashMap<Shape, Explored> = HashMap::new();
    let (mut forward_states, mut back_states) = (0, 0);
    let mut exempt: Vec<Exemption> = Vec::new();
    let mut unsafe_strands: Vec<Strand> = Vec::new();
    strands.for_each(|strand| {
        let mut is_new = false;
        let explored = known.entry(strand.shape).or_insert_with(|| {
            is_new = true;
            explore(&strand, changes)
        });
        if explored.danger.is_some() && (is_new || unsafe_strands.len() < TOLD_AT_LEAST) {
            unsafe_strands.push(strand);
        }
        forward_states += explored.forward;
        back_states += explored.back;
        if strand.shape.is_exempt() {
            exempt.push(story::exemption(&strand, &strands, changes));
        }
    });
    let dangers = unsafe_strands.iter().filter_map(|strand| {
        let path = known[&strand.shape].danger.as_ref()?;
        Some(story::danger(strand, path, &strands, changes))
    });
    // Of equally short ones the first in the plan's order: `min_by_key` keeps it.
    match dangers.min_by_key(|danger| danger.steps.len()) {
        Some(danger) => SafetyVerdict::Unsafe(danger),
        None => {
            exempt.sort();
            SafetyVerdict::Safe { forward_states, back_states, exempt }
        }
    }
}

#[cfg(test)]
mod tests;
