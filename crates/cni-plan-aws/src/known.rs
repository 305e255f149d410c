//! States that are known in part: what only IAM says of a thing (its id, its versions) is often not
//! known when the thing is spoken of.

use cni_plan_core::{Attachment, Observation, OidcProvider, Resource};

/// A state of one kind of resource.
pub(crate) trait Known: Clone + PartialEq {
    /// Whether `found` is this, as far as this says.
    fn fits(&self, found: &Self) -> bool {
        self == found
    }

    /// Whether `found` is what making this leaves, whatever IAM's own bookkeeping says.
    fn is_reached_by(&self, found: &Self) -> bool {
        self.fits(found)
    }

    /// Whether it could only have been read: it holds what IAM alone gives.
    fn was_found(&self) -> bool {
        true
    }
}

impl Known for OidcProvider {}
impl Known for Attachment {}

/// Whether what is seen is `state`, as far as that says.
pub(crate) fn agrees(state: Option<&Resource>, seen: &Observation) -> bool {
    match (state, seen) {
        (None, Observation::Absent) => true,
        (Some(Resource::Role(state)), Observation::Present(Resource::Role(found))) => state.fits(found),
        (Some(Resource::Policy(state)), Observation::Present(Resource::Policy(found))) => state.fits(found),
        (Some(state), Observation::Present(found)) => state == found,
        _ => false,
    }
}
