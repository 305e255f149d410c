//! A change of one kind of resource: its two states, typed, and whether it may still be made.

use cni_plan_core::{Change, ErrorKind, ProviderError, Resource};

use crate::failure::Intent;

/// From one state of a resource to another; `None` is "not there".
pub(crate) struct Transition<'a, T> {
    pub(crate) before: Option<&'a T>,
    pub(crate) after: Option<&'a T>,
}

/// What is left to do, seen right before the write.
pub(crate) enum Standing {
    /// The resource is as it was when the change was planned.
    AsPlanned,
    /// It is already as it should be: by an earlier attempt, whose answer was lost.
    Done,
}

impl<'a, T: PartialEq> Transition<'a, T> {
    /// The states of `change`, each taken apart by `pick`.
    ///
    /// # Errors
    /// When one is of another kind than the change's target.
    pub(crate) fn of(
        change: &'a Change,
        pick: impl Fn(&'a Resource) -> Option<&'a T>,
    ) -> Result<Transition<'a, T>, ProviderError> {
        let typed = |state: &'a Option<Resource>| match state {
            None => Ok(None),
            Some(resource) => pick(resource).map(Some).ok_or_else(|| mixed_up(change)),
        };
        Ok(Transition { before: typed(&change.before)?, after: typed(&change.after)? })
    }

    /// Compares what is live with both ends: IAM has no compare-and-swap, so every overwriting
    /// call is preceded by a read. `same` ignores what IAM alone sets.
    ///
    /// # Errors
    /// A conflict when the live state is neither: then nothing may be overwritten.
    pub(crate) fn standing(
        &self,
        live: Option<&T>,
        same: impl Fn(&T, &T) -> bool,
        intent: &Intent<'_>,
    ) -> Result<Standing, ProviderError> {
        if live == self.before {
            return Ok(Standing::AsPlanned);
        }
        let done = match (live, self.after) {
            (None, None) => true,
            (Some(live), Some(after)) => same(live, after),
            _ => false,
        };
        if done {
            return Ok(Standing::Done);
        }
        Err(intent.conflict(match live {
            None => format!("{} has been deleted since it was planned", intent.on),
            Some(_) if self.before.is_none() => format!("{} has been created since it was planned", intent.on),
            Some(_) => format!("{} has been changed since it was planned", intent.on),
        }))
    }
}

fn mixed_up(change: &Change) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot change {}", change.address),
        why: "the change holds a state of another kind than its target".to_owned(),
        cure: "plan again: the change set has been altered".to_owned(),
    }
}
