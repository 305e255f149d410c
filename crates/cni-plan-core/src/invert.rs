//! The way back: what undoes the steps that were begun, in an order that is safe.
//!
//! Steps are undone in reverse dependency order, with one exception. Pods take their identity at
//! birth, so a restart has to follow its annotation backwards as it does forwards: the annotation
//! goes back first, then the pods, and only then the role that they no longer use.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::{Action, Address, Change, Kind, Observation, PodIdentity, Resource, Reversibility, Run};

/// The inverse of a run that stopped half-way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inverse {
    /// Steps that put back what differs from before.
    pub changes: Vec<Change>,
    /// What is left as it is now, because taking it back would do harm.
    pub kept: Vec<Kept>,
}

/// A resource that is not put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub address: Address,
    /// One clause for people.
    pub why: String,
}

/// What undoes `changes`, of which `live` holds those that may have had an effect, as they are
/// observed now: those begun, and the restarts behind a begun annotation, since a pod that is born
/// again for any reason takes its identity from that. A step that cannot be seen is taken to have
/// had its effect.
pub fn invert(changes: &[Change], live: &HashMap<Address, Observation>) -> Inverse {
    let plan = Plan::of(changes);
    let mut kept: Vec<Kept> = Vec::new();
    let mut held: HashSet<usize> = HashSet::new();
    let mut undone: Vec<(usize, Change)> = Vec::new();
    // Last step first: an irreversible one holds everything it stands on before that is looked at.
    for (at, change) in changes.iter().enumerate().rev() {
        let Some(observation) = live.get(&change.address) else { continue };
        if change.is_effective() && plan.is_under_anothers_annotation(at, live) {
            // A pod deleted now would come back with whatever someone else has announced, and one
            // that has come back may rely on what this plan made: neither is touched.
            plan.hold_dependencies(at, &mut held);
            if !is_back(change, observation) {
                let why = "its pods would be born under an annotation that someone else has made since".to_owned();
                kept.push(Kept { address: change.address.clone(), why });
            }
            continue;
        }
        if !change.is_effective() || is_back(change, observation) && !plan.follows_an_annotation(at, live) {
            continue;
        }
        let now = seen(observation, change);
        if held.contains(&at) {
            let is_annotation = change.address.kind() == Kind::Annotate;
            let why = match &change.reversibility {
                _ if is_annotation && is_someone_elses(change, now.as_ref()) => ANOTHERS,
                Reversibility::Irreversible { why } if is_annotation => why,
                _ => "pods already rely on it",
            };
            kept.push(Kept { address: change.address.clone(), why: why.to_owned() });
            continue;
        }
        match (&change.reversibility, &change.run) {
            (Reversibility::Irreversible { why }, Some(_)) => {
                plan.hold_dependencies(at, &mut held);
                if is_back(change, observation) {
                    // No pod was reached: those born next go back to what they would have been, and
                    // what one born meanwhile stands on is kept.
                    plan.let_annotation_go(at, &mut held);
                }
                kept.push(Kept { address: change.address.clone(), why: why.clone() });
            }
            (Reversibility::Irreversible { why }, None) if change.address.kind() == Kind::Annotate => {
                // Pods are born under it from now on, and what they stand on is kept.
                plan.hold_dependencies(at, &mut held);
                kept.push(Kept { address: change.address.clone(), why: why.clone() });
            }
            _ if is_someone_elses(change, now.as_ref()) => {
                kept.push(Kept { address: change.address.clone(), why: ANOTHERS.to_owned() });
            }
            _ => undone.push((at, inverse_of(change, now, &plan))),
        }
    }
    kept.reverse();
    undone.reverse();
    plan.connect(&mut undone);
    Inverse { changes: undone.into_iter().rev().map(|(_, change)| change).collect(), kept }
}

/// Why something is left that is another's by now.
const ANOTHERS: &str = "someone else has changed it since";

fn seen(observation: &Observation, change: &Change) -> Option<Resource> {
    match observation {
        Observation::Present(resource) => Some(resource.clone()),
        Observation::Absent => None,
        Observation::Unseen(_) => change.after.clone(),
    }
}

/// What cannot be seen is not back, whatever a run would leave in its place.
fn is_back(change: &Change, observation: &Observation) -> bool {
    match observation {
        Observation::Present(now) => change.is_undone(Some(now)),
        Observation::Absent => change.is_undone(None),
        Observation::Unseen(_) => change.run.as_ref().is_some_and(Run::leaves_nothing),
    }
}

/// Whether nothing of the change is left to be taken back: what it made carries what others have
/// added since and would go with it, or what it changed is another's value now.
fn is_someone_elses(change: &Change, now: Option<&Resource>) -> bool {
    match (&change.before, &change.after, now) {
        _ if change.run.is_some() => false,
        (None, Some(after), Some(now)) => !now.is_as_left(after),
        (Some(before), Some(after), Some(now)) => &now.put_back(before, after) == now,
        _ => false,
    }
}

fn inverse_of(change: &Change, now: Option<Resource>, plan: &Plan<'_>) -> Change {
    let action = match (&now, &change.before) {
        _ if change.run.is_some() => Action::Run,
        (None, _) => Action::Create,
        (Some(_), None) => Action::Delete,
        (Some(_), Some(_)) => Action::Update,
    };
    let run = change.run.clone().map(|run| match run {
        Run::Restart { identity, canary, max_unavailable, timeout } => Run::Restart {
            identity: plan.reborn_identity(change).unwrap_or(identity),
            canary,
            max_unavailable,
            timeout,
        },
        nothing @ (Run::Probe { .. } | Run::Verify { .. } | Run::Confirm { .. }) => nothing,
    });
    let after = match (&change.before, &change.after, &now) {
        (Some(before), Some(after), Some(now)) if change.run.is_none() => Some(now.put_back(before, after)),
        (before, ..) => before.clone(),
    };
    Change {
        address: change.address.clone(),
        target: change.target.clone(),
        action,
        why: "put back as it was".to_owned(),
        before: now,
        after,
        run,
        reversibility: Reversibility::Reversible,
        depends_on: Vec::new(),
        clusters: change.clusters.clone(),
    }
}

/// The forward plan with its edges by position.
struct Plan<'a> {
    changes: &'a [Change],
    index: HashMap<&'a Address, usize>,
    dependents: Vec<Vec<usize>>,
}

impl<'a> Plan<'a> {
    fn of(changes: &'a [Change]) -> Plan<'a> {
        let index: HashMap<&Address, usize> =
            changes.iter().enumerate().map(|(at, change)| (&change.address, at)).collect();
        let mut dependents = vec![Vec::new(); changes.len()];
        for (at, change) in changes.iter().enumerate() {
            for on in change.depends_on.iter().filter_map(|address| index.get(address)) {
                dependents[*on].push(at);
            }
        }
        Plan { changes, index, dependents }
    }

    fn dependencies(&self, at: usize) -> impl Iterator<Item = usize> {
        self.changes[at].depends_on.iter().filter_map(|address| self.index.get(address).copied())
    }

    /// The step on the annotations that the pods of a restart are born under.
    fn announced(&self, restart: usize) -> Option<&'a Change> {
        self.dependencies(restart).map(|on| &self.changes[on]).find(|change| change.address.kind() == Kind::Annotate)
    }

    /// Whether pods born since may carry what an annotation said that is now to go back, however few
    /// a look at the pods shows: one may be born between that look and the annotation's going back.
    fn follows_an_annotation(&self, at: usize, live: &HashMap<Address, Observation>) -> bool {
        let change = &self.changes[at];
        change.address.kind() == Kind::Restart
            && self.announced(at).is_some_and(|announced| {
                announced.is_effective() && live.get(&announced.address).is_some_and(|now| !is_back(announced, now))
            })
    }

    /// Whether pods born now take what someone else has announced since, and not what going back
    /// would announce.
    fn is_under_anothers_annotation(&self, at: usize, live: &HashMap<Address, Observation>) -> bool {
        self.changes[at].address.kind() == Kind::Restart
            && self.announced(at).is_some_and(|announced| {
                announced.is_effective()
                    && live.get(&announced.address).is_some_and(|now| {
                        !is_back(announced, now) && is_someone_elses(announced, seen(now, announced).as_ref())
                    })
            })
    }

    /// What a pod carries that is born after the annotations are back: what all the pods carried
    /// under them, if that can be told, or else what the annotations say; `None` without annotations.
    fn reborn_identity(&self, restart: &Change) -> Option<PodIdentity> {
        let announced = self.announced(*self.index.get(&restart.address)?)?;
        if let Some(Resource::Pods(before)) = &restart.before
            && let [carried] = before.carrying.as_slice()
            && carried.identity != PodIdentity::UNKNOWN_ROLE
        {
            return Some(carried.identity.clone());
        }
        match &announced.before {
            Some(Resource::ServiceAccount(before)) => Some(before.identity_of_new_pods()),
            _ => None,
        }
    }

    /// Has the annotation go back that a restart follows, whatever else the restart holds.
    fn let_annotation_go(&self, restart: usize, held: &mut HashSet<usize>) {
        let annotations = self.dependencies(restart).filter(|&on| self.changes[on].address.kind() == Kind::Annotate);
        for annotation in annotations {
            held.remove(&annotation);
        }
    }

    fn hold_dependencies(&self, at: usize, held: &mut HashSet<usize>) {
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            open.extend(self.dependencies(at).filter(|&on| held.insert(on)));
        }
    }

    /// Gives each inverse step the nearest steps that have to be undone before it.
    fn connect(&self, undone: &mut [(usize, Change)]) {
        let steps: HashSet<usize> = undone.iter().map(|(at, _)| *at).collect();
        let restarts = |at: usize| self.changes[at].address.kind() == Kind::Restart;
        for (at, change) in undone.iter_mut() {
            let at = *at;
            let mut first: BTreeSet<usize> = self.nearest(at, &steps, |on| &self.dependents[on]);
            if restarts(at) {
                let announced: Vec<usize> =
                    self.dependencies(at).filter(|on| steps.contains(on) && !restarts(*on)).collect();
                first.extend(announced);
            } else if change.address.kind() == Kind::Annotate {
                // The pods follow the annotation; what waited for the pods still goes first.
                let followers: Vec<usize> = first.iter().copied().filter(|&step| restarts(step)).collect();
                for follower in followers {
                    first.remove(&follower);
                    first.extend(self.nearest(follower, &steps, |on| &self.dependents[on]));
                }
            } else {
                // Whatever the pods' identity stands on goes after the pods, not just after the annotation.
                let behind: Vec<usize> = first
                    .iter()
                    .filter(|&&step| self.changes[step].address.kind() == Kind::Annotate)
                    .flat_map(|&step| self.nearest(step, &steps, |on| &self.dependents[on]))
                    .filter(|&step| restarts(step))
                    .collect();
                first.extend(behind);
            }
            change.depends_on = first.into_iter().map(|step| self.changes[step].address.clone()).collect();
            change.depends_on.sort();
        }
    }

    /// The steps reached from `at` along `next`, through whatever is no step.
    fn nearest<'b>(
        &self,
        at: usize,
        steps: &HashSet<usize>,
        next: impl Fn(usize) -> &'b Vec<usize>,
    ) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut passed = HashSet::new();
        let mut open: Vec<usize> = next(at).clone();
        while let Some(at) = open.pop() {
            if steps.contains(&at) {
                found.insert(at);
            } else if passed.insert(at) {
                open.extend(next(at));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests;
