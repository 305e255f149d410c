//! A change of one kind of resource: its two states, typed, and whether it may still be made.

use cni_plan_core::{Change, ErrorKind, Observation, Overseer, ProviderError, Resource, Target};

use crate::IamProvider;
use crate::failure::Intent;
use crate::known::Known;

/// From one state of a resource to another; `None` is "not there".
pub(crate) struct Transition<'a, T> {
    pub(crate) target: &'a Target,
    pub(crate) before: Option<&'a T>,
    pub(crate) after: Option<&'a T>,
    pick: fn(&Resource) -> Option<&T>,
    overseer: &'a dyn Overseer,
}

/// What is left to do, seen right before the write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The resource is as it was when the change was planned.
    AsPlanned,
    /// It is already as it should be: by an earlier attempt, whose answer was lost.
    Done,
}

impl<'a, T: Known> Transition<'a, T> {
    /// The states of `change`, each taken apart by `pick`; `overseer` is asked before each write that
    /// something else came before.
    ///
    /// # Errors
    /// When one is of another kind than the change's target.
    pub(crate) fn of(
        change: &'a Change,
        overseer: &'a dyn Overseer,
        pick: fn(&Resource) -> Option<&T>,
    ) -> Result<Transition<'a, T>, ProviderError> {
        let typed = |state: &'a Option<Resource>| match state {
            None => Ok(None),
            Some(resource) => pick(resource).map(Some).ok_or_else(|| mixed_up(change)),
        };
        Ok(Transition {
            target: &change.target,
            before: typed(&change.before)?,
            after: typed(&change.after)?,
            pick,
            overseer,
        })
    }

    /// Whether the next write may be made: whatever came before it may have taken longer than a lock
    /// lives.
    ///
    /// # Errors
    /// When it may not.
    pub(crate) async fn may_write(&self) -> Result<(), ProviderError> {
        self.overseer.holds_locks().await
    }

    /// Reads what is live and compares it with both ends: IAM has no compare-and-swap, so every
    /// overwriting call is preceded by a read. One read is enough to go on as planned; to do anything
    /// else the read has to be one that can be believed.
    ///
    /// # Errors
    /// A conflict when the live state is neither: then nothing may be overwritten. When it cannot be
    /// read, and when no write may follow.
    pub(crate) async fn look(
        &self,
        iam: &IamProvider,
        intent: &Intent<'_>,
    ) -> Result<(Option<T>, Standing), ProviderError> {
        let looked = self.compare(iam, intent).await?;
        self.may_write().await?;
        Ok(looked)
    }

    async fn compare(&self, iam: &IamProvider, intent: &Intent<'_>) -> Result<(Option<T>, Standing), ProviderError> {
        let live = self.live(iam).await?;
        if let Ok(Standing::AsPlanned) = self.standing(live.as_ref(), intent) {
            return Ok((live, Standing::AsPlanned));
        }
        let seen = match (self.before, self.after) {
            // Known from what was to be made, not from a read: no reader may have shown it yet.
            (Some(before), None) if !before.was_found() => iam.shown(self.target, |_| true).await,
            _ => iam.settled_one(self.target).await,
        };
        let live = self.typed(seen)?;
        let standing = self.standing(live.as_ref(), intent)?;
        Ok((live, standing))
    }

    /// What is live, whatever it should be.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn live(&self, iam: &IamProvider) -> Result<Option<T>, ProviderError> {
        self.typed(iam.observed_one(self.target).await)
    }

    /// What there is, after a create met something that is there already: ours, when an answer was
    /// lost and the call repeated; otherwise someone else's. IAM's word that it is there counts for
    /// more than a reader that does not show it.
    ///
    /// # Errors
    /// `met`, when no reader shows it in time; a conflict when it is someone else's.
    pub(crate) async fn met(
        &self,
        iam: &IamProvider,
        met: ProviderError,
        intent: &Intent<'_>,
    ) -> Result<T, ProviderError> {
        let is_ours = |seen: &Observation| match (seen, self.after) {
            (Observation::Present(found), Some(after)) => {
                (self.pick)(found).is_some_and(|found| after.is_reached_by(found))
            }
            _ => false,
        };
        let live = self.typed(iam.shown(self.target, is_ours).await)?;
        match (self.standing(live.as_ref(), intent)?, live) {
            (Standing::Done, Some(live)) => Ok(live),
            // It is there, perhaps by this very call, and nobody knows what it is.
            _ => Err(ProviderError { kind: ErrorKind::Timeout, ..met }),
        }
    }

    fn standing(&self, live: Option<&T>, intent: &Intent<'_>) -> Result<Standing, ProviderError> {
        let is_planned = match (self.before, live) {
            (None, None) => true,
            (Some(before), Some(live)) => before.fits(live),
            _ => false,
        };
        if is_planned {
            return Ok(Standing::AsPlanned);
        }
        let is_done = match (self.after, live) {
            (None, None) => true,
            (Some(after), Some(live)) => after.is_reached_by(live),
            _ => false,
        };
        if is_done {
            return Ok(Standing::Done);
        }
        Err(intent.conflict(match live {
            None => format!("{} has been deleted since it was planned", intent.on),
            Some(_) if self.before.is_none() => format!("{} has been created since it was planned", intent.on),
            Some(_) => format!("{} has been changed since it was planned", intent.on),
        }))
    }

    fn typed(&self, seen: Observation) -> Result<Option<T>, ProviderError> {
        match seen {
            Observation::Present(resource) => Ok((self.pick)(&resource).cloned()),
            Observation::Absent => Ok(None),
            Observation::Unseen(error) => Err(error),
        }
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
