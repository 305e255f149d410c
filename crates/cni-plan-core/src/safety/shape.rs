//! All of a strand that decides its states: two strands of one shape differ in names only.

use super::identities::Identities;
use crate::{Action, Kind};

/// A step's place in a strand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// What an identity stands on: a requirement of the plugin's own role, or a node role's policy.
    Subject = 0,
    Annotate = 1,
    Restart = 2,
    Verify = 3,
}

impl Place {
    pub(super) const ALL: [Place; 4] = [Place::Subject, Place::Annotate, Place::Restart, Place::Verify];

    pub(super) fn at(self) -> usize {
        self as usize
    }
}

/// A set of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Places(u8);

impl Places {
    pub(super) fn holds(self, place: Place) -> bool {
        self.0 & 1 << place as u8 != 0
    }

    #[must_use]
    pub(super) fn with(self, place: Place) -> Places {
        Places(self.0 | 1 << place as u8)
    }

    #[must_use]
    pub(super) fn without(self, place: Place) -> Places {
        Places(self.0 & !(1 << place as u8))
    }

    #[must_use]
    pub(super) fn or(self, other: Places) -> Places {
        Places(self.0 | other.0)
    }

    #[must_use]
    pub(super) fn and(self, other: Places) -> Places {
        Places(self.0 & other.0)
    }

    pub(super) fn are_in(self, other: Places) -> bool {
        self.0 & !other.0 == 0
    }
}

/// One step as far as its strand is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StepShape {
    pub(super) action: Action,
    pub(super) is_reversible: bool,
    /// The steps of the strand that it waits for, itself or through others of its cluster.
    pub(super) waits_for: Places,
}

/// The shape of a strand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    /// The subject's kind and whether what pods need of it is there, before and after its step. A
    /// strand without a subject is of a cluster in which only the pods are acted on.
    pub(super) subject: Option<SubjectShape>,
    /// By place; `None`: the plan has no such step.
    pub(super) steps: [Option<StepShape>; 4],
    /// What the restart waits for itself, and not only through others: by that the way back knows what
    /// the pods are born under.
    pub(super) restart_is_right_behind: Places,
    /// What pods are found with before the plan.
    pub(super) carried: Identities,
    /// Whether they are all found with one and the same identity.
    pub(super) carried_is_one: bool,
    /// What a pod may take that is born before the annotation is in effect, and after.
    pub(super) newborn: [Identities; 2],
    /// What pods carry behind the restart and behind the verification.
    pub(super) brought: [Identities; 2],
}

/// What an identity stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SubjectShape {
    pub(super) kind: Kind,
    pub(super) is_there_before: bool,
    pub(super) is_there_after: bool,
}

impl SubjectShape {
    /// The identities that need it.
    pub(super) fn needed_by(self) -> Identities {
        if self.kind == Kind::Detach { Identities::NODE_ROLE } else { Identities::OWN_ROLE }
    }
}

impl Shape {
    pub(super) fn is_effective(&self, place: Place) -> bool {
        self.steps[place.at()].is_some_and(|step| step.action != Action::None)
    }

    /// Places whose step calls something.
    pub(super) fn effective(&self) -> Places {
        let places = Place::ALL.into_iter().filter(|&place| self.is_effective(place));
        places.fold(Places::default(), Places::with)
    }

    /// Whether pods had, or would have taken, an identity that lacked the subject before the plan.
    pub(super) fn is_exempt(&self) -> bool {
        self.subject.is_some_and(|subject| {
            !subject.is_there_before && self.carried.or(self.newborn[0]).meets(subject.needed_by())
        })
    }
}
