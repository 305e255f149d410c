//! Taking up a run that was cut off: what is left to do, told from what its record says was begun
//! and from what is live now.
//!
//! A record may say too little, never too much: what was begun and has no end is in doubt until it
//! is looked at, and what is neither as before nor as after is someone else's doing.

use std::collections::{HashMap, HashSet};

use crate::precondition::{found, is_as_found, is_reached};
use crate::{Action, Address, Change, Drift, Kind, Observation, PodIdentity, Pods, ProviderError, Resource, Run};

/// How far a step of a run has come, by the run's own record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Standing {
    /// Nothing was called.
    #[default]
    NotBegun,
    /// It was begun, and whether it had its effect, or half of it, is not known.
    InDoubt,
    /// It ended well.
    Done,
}

/// What is left of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remaining {
    /// The plan's steps; those that need nothing more do nothing.
    Steps(Vec<Change>),
    /// Something is neither as the plan found it nor as the run left it.
    Drifted(Vec<Drift>),
}

/// What is left of a run of `changes`. `standings` has one for each, `live` an observation of each.
///
/// # Errors
/// The first resource that cannot be seen: nothing is decided on half a view.
pub fn remaining(
    changes: &[Change],
    standings: &[Standing],
    live: &HashMap<Address, Observation>,
) -> Result<Remaining, ProviderError> {
    let mut steps = Vec::with_capacity(changes.len());
    let mut drifts = Vec::new();
    let newborn = newborn_before(changes);
    for (change, &standing) in changes.iter().zip(standings) {
        let now = found(change, live)?;
        match left_of(change, standing, now, &newborn) {
            Some(step) => steps.push(step),
            None => drifts.push(Drift {
                address: change.address.clone(),
                planned: if standing == Standing::Done { change.after.clone() } else { change.before.clone() },
                found: now.cloned(),
            }),
        }
    }
    if !drifts.is_empty() {
        return Ok(Remaining::Drifted(drifts));
    }
    look_again(&mut steps, standings, changes);
    Ok(Remaining::Steps(steps))
}

/// What someone else has changed since a run that ended well, of what undoing it would change: what
/// is neither as the run left it nor already as it was before.
///
/// # Errors
/// The first resource that cannot be seen.
pub fn changed_since(
    changes: &[Change],
    standings: &[Standing],
    live: &HashMap<Address, Observation>,
) -> Result<Vec<Drift>, ProviderError> {
    let mut drifts = Vec::new();
    for (change, &standing) in changes.iter().zip(standings) {
        if standing == Standing::NotBegun || !change.is_effective() {
            continue;
        }
        let now = found(change, live)?;
        let is_ours = match (&change.before, &change.after, now) {
            (None, Some(after), Some(now)) => now.is_as_left(after),
            _ => is_reached(change, now),
        };
        if !is_ours && !change.is_undone(now) {
            let planned = change.after.clone();
            drifts.push(Drift { address: change.address.clone(), planned, found: now.cloned() });
        }
    }
    Ok(drifts)
}

/// Steps that a run which was cut off has no record of beginning, and that someone else has done
/// meanwhile: what going back would take away may be what others rely on by now, and what it would
/// rely on may be gone. What cannot be seen is not held against it: the record says that the run did
/// not begin it.
pub fn done_by_others(changes: &[Change], standings: &[Standing], live: &HashMap<Address, Observation>) -> Vec<Drift> {
    let is_begun: HashMap<&Address, bool> =
        changes.iter().zip(standings).map(|(change, &it)| (&change.address, it != Standing::NotBegun)).collect();
    let unannounced: HashSet<&Address> = changes
        .iter()
        .filter(|on| on.address.kind() == Kind::Annotate && on.is_effective() && !is_begun[&on.address])
        .map(|on| &on.address)
        .collect();
    let newborn = newborn_before(changes);
    let mut drifts = Vec::new();
    for change in changes.iter().filter(|change| change.is_effective() && !is_begun[&change.address]) {
        let Ok(now) = found(change, live) else { continue };
        let is_done = match change.run {
            None => is_reached(change, now),
            // Pods that carry what no annotation of this run has told them.
            Some(Run::Restart { .. }) => {
                let newborn = change.clusters.first().and_then(|cluster| newborn.get(cluster.as_str()));
                change.depends_on.iter().any(|on| unannounced.contains(on)) && !are_as_born_before(change, newborn, now)
            }
            Some(Run::Probe { .. } | Run::Verify { .. } | Run::Confirm { .. }) => false,
        };
        if is_done && !change.is_undone(now) {
            let planned = change.before.clone();
            drifts.push(Drift { address: change.address.clone(), planned, found: now.cloned() });
        }
    }
    drifts
}

/// The step that is left of `change`, or `None` where the live state is nobody's that the plan knows.
fn left_of(
    change: &Change,
    standing: Standing,
    now: Option<&Resource>,
    newborn: &HashMap<&str, PodIdentity>,
) -> Option<Change> {
    if let Some(run) = &change.run {
        let newborn = change.clusters.first().and_then(|cluster| newborn.get(cluster.as_str()));
        return pods_are_known(change, run, newborn, now).then(|| change.clone());
    }
    if change.is_effective() && is_reached(change, now) {
        return Some(nothing(change));
    }
    match standing {
        Standing::Done => None,
        _ if is_as_found(change, now) => Some(change.clone()),
        Standing::InDoubt => match (&change.before, &change.after, now) {
            // Several calls, of which some were made: it goes on from where it is.
            (Some(before), Some(after), Some(now)) if now.lies_between(before, after) => {
                Some(Change { before: Some(now.clone()), ..change.clone() })
            }
            _ => None,
        },
        Standing::NotBegun => None,
    }
}

fn nothing(change: &Change) -> Change {
    Change { action: Action::None, why: "done already".to_owned(), ..change.clone() }
}

/// What a pod of each cluster takes that is born before the plan's own step on its service account.
fn newborn_before(changes: &[Change]) -> HashMap<&str, PodIdentity> {
    let newborn = changes.iter().filter_map(|change| match (&change.before, change.clusters.first()) {
        (Some(Resource::ServiceAccount(account)), Some(cluster)) => {
            Some((cluster.as_str(), account.identity_of_new_pods()))
        }
        _ => None,
    });
    newborn.collect()
}

/// Pods are reborn at any time: each may carry what pods carried before, what one took that was born before
/// the plan announced anything, or what the plan brings.
fn pods_are_known(change: &Change, run: &Run, newborn: Option<&PodIdentity>, now: Option<&Resource>) -> bool {
    match (&change.before, now) {
        (Some(Resource::Pods(before)), Some(Resource::Pods(now))) => {
            let brought = run.identity();
            // The run's own association, as a pod meets it that was born in the second in which it was made.
            let is_brought = |carried: &PodIdentity| {
                carried.satisfies(brought) || *carried == PodIdentity::UNKNOWN_ROLE && brought.is_by_association()
            };
            before.daemon_set == now.daemon_set
                && now
                    .identities()
                    .into_iter()
                    .all(|carried| is_brought(carried) || could_be_before(before, newborn, carried))
        }
        (before, now) => before.is_none() && now.is_none(),
    }
}

/// Whether the pods carry nothing but what pods carried, or took at their birth, before the plan announced
/// anything.
fn are_as_born_before(change: &Change, newborn: Option<&PodIdentity>, now: Option<&Resource>) -> bool {
    match (&change.before, now) {
        (Some(Resource::Pods(before)), Some(Resource::Pods(now))) => {
            now.identities().into_iter().all(|carried| could_be_before(before, newborn, carried))
        }
        _ => false,
    }
}

fn could_be_before(before: &Pods, newborn: Option<&PodIdentity>, carried: &PodIdentity) -> bool {
    // An association that is given another role since leaves pods of which nobody can tell which of the two they have.
    let was_associated = before.identities().into_iter().any(PodIdentity::is_by_association);
    before.identities().contains(&carried)
        || newborn.is_some_and(|newborn| carried.satisfies(newborn))
        || *carried == PodIdentity::UNKNOWN_ROLE && was_associated
}

/// A verification that ended before the run was cut off says nothing of the pods now: as long as
/// anything is left, every pod is looked at again. One whose run is over is over, too.
fn look_again(steps: &mut [Change], standings: &[Standing], changes: &[Change]) {
    let is_left = |(at, step): (usize, &Change)| match &step.run {
        None => step.is_effective(),
        Some(_) => step.is_effective() && standings[at] != Standing::Done,
    };
    if steps.iter().enumerate().any(is_left) {
        return;
    }
    for (step, change) in steps.iter_mut().zip(changes) {
        if step.run.is_some() {
            *step = nothing(change);
        }
    }
}

impl Resource {
    /// Whether a change from `before` to `after` that was cut off can have left this: in every part
    /// it is the one or the other.
    fn lies_between(&self, before: &Resource, after: &Resource) -> bool {
        match (self, before, after) {
            (Resource::Policy(now), Resource::Policy(before), Resource::Policy(after)) => {
                now.document == before.document || now.document == after.document
            }
            _ => &self.put_back(before, after) == before,
        }
    }
}

#[cfg(test)]
mod tests;
