//! A danger as a person understands it: what is done, in an order that the whole plan allows, and
//! which pod then loses what.
//!
//! A path through a strand names only the strand's steps. Told as it would come about, each step
//! stands behind those that the plan, or its way back, has it wait for.

use std::collections::{BTreeSet, HashMap};

use super::exploration::{End, Move, Path};
use super::identities::Identities;
use super::shape::Place;
use super::strand::{Strand, Strands};
use super::verdict::{Danger, DangerStep, Direction, Endangered, Exemption};
use super::way_back::{View, moved};
use crate::{Action, Address, Change, Kind, Observation, Run, ServiceAccount, Target, invert};

/// Tells a path of a strand.
pub(super) fn danger(strand: &Strand, path: &Path, strands: &Strands<'_>, changes: &[Change]) -> Danger {
    let mut telling = Telling::of(changes, strand);
    for step in &path.moves {
        match *step {
            Move::Do(place) => telling.go(place),
            Move::Turn { view, begun } => telling.turn(view, begun),
            Move::Undo(place) => telling.go_back(place),
        }
    }
    if path.end == End::Restart {
        match telling.back {
            None => telling.go(Place::Restart),
            Some(_) => telling.go_back(Place::Restart),
        }
    }
    let cluster = strands.cluster(strand).to_owned();
    let subject = strand.steps[Place::Subject.at()].map(|at| &changes[at as usize]);
    let outcome = subject.map_or_else(String::new, |subject| outcome(&cluster, subject, path.end));
    Danger { cluster, identity: Some(endangered(strand)), steps: telling.steps, outcome }
}

/// What was without permissions before the plan.
pub(super) fn exemption(strand: &Strand, strands: &Strands<'_>, changes: &[Change]) -> Exemption {
    let subject = strand.steps[Place::Subject.at()].expect("only what an identity stands on can be lacking");
    Exemption {
        cluster: strands.cluster(strand).to_owned(),
        identity: endangered(strand),
        lacks: changes[subject as usize].address.clone(),
    }
}

/// A plan that nobody's compiler made is not taken to be safe.
pub(super) fn not_to_be_judged(step: &Change, why: &str) -> Danger {
    Danger {
        cluster: step.clusters.first().map_or_else(|| step.address.scope(), String::as_str).to_owned(),
        identity: None,
        steps: Vec::new(),
        outcome: format!("whether the plan is safe cannot be judged by its step {}: {why}", step.address),
    }
}

fn endangered(strand: &Strand) -> Endangered {
    match strand.shape.subject {
        Some(subject) if subject.needed_by() == Identities::NODE_ROLE => Endangered::NodeRole,
        _ => Endangered::OwnRole,
    }
}

/// A path being told.
struct Telling<'a> {
    changes: &'a [Change],
    strand: &'a Strand,
    index: HashMap<&'a Address, usize>,
    /// Steps of the plan that had their effect, and which of those are as they leave things.
    done: BTreeSet<usize>,
    in_effect: BTreeSet<usize>,
    back: Option<Back>,
    steps: Vec<DangerStep>,
}

/// A way back under way.
struct Back {
    changes: Vec<Change>,
    index: HashMap<Address, usize>,
    done: BTreeSet<usize>,
}

impl<'a> Telling<'a> {
    fn of(changes: &'a [Change], strand: &'a Strand) -> Telling<'a> {
        Telling {
            changes,
            strand,
            index: changes.iter().enumerate().map(|(at, change)| (&change.address, at)).collect(),
            done: BTreeSet::new(),
            in_effect: BTreeSet::new(),
            back: None,
            steps: Vec::new(),
        }
    }

    /// The plan's step in that place, behind whatever it waits for.
    fn go(&mut self, place: Place) {
        let Some(at) = self.strand.steps[place.at()] else { return };
        let behind = |at: usize| {
            self.changes[at].depends_on.iter().filter_map(|on| self.index.get(on).copied()).collect::<Vec<usize>>()
        };
        for step in up_to(at as usize, behind) {
            let change = &self.changes[step];
            if change.is_effective() && self.done.insert(step) {
                self.in_effect.insert(step);
                self.steps.push(told(change, Direction::Forward));
            }
        }
    }

    /// Asks for the way back from here; the step in the place `begun` was under way.
    fn turn(&mut self, view: View, begun: Option<Place>) {
        if let Some((place, at)) = begun.and_then(|place| Some((place, self.strand.steps[place.at()]?))) {
            self.go(place);
            self.in_effect.remove(&(at as usize));
        }
        let changes = invert(self.changes, &self.live(view)).changes;
        let index = changes.iter().enumerate().map(|(at, change)| (change.address.clone(), at)).collect();
        self.back = Some(Back { changes, index, done: BTreeSet::new() });
    }

    /// What is observed of all that was begun. What other clusters' pods carry is not part of the
    /// story: their restarts count as what was done of them.
    fn live(&self, view: View) -> HashMap<Address, Observation> {
        let own_restart = self.strand.steps[Place::Restart.at()].map(|at| at as usize);
        let mut live = HashMap::new();
        for (at, change) in self.changes.iter().enumerate() {
            let follows = change.address.kind() == Kind::Restart
                && change.is_effective()
                && change.depends_on.iter().any(|on| {
                    on.kind() == Kind::Annotate && self.index.get(on).is_some_and(|on| self.done.contains(on))
                });
            let is_own = own_restart == Some(at);
            if is_own && view == View::Unasked || !is_own && !self.done.contains(&at) && !follows {
                continue;
            }
            let has_moved = if is_own { view == View::Moved } else { self.in_effect.contains(&at) };
            let now = match (&change.run, has_moved) {
                (Some(run), true) => Some(moved(change, Some(run.identity()))),
                (None, true) => change.after.clone(),
                (_, false) => change.before.clone(),
            };
            live.insert(change.address.clone(), now.map_or(Observation::Absent, Observation::Present));
        }
        live
    }

    /// The step of the way back in that place, behind whatever that waits for.
    fn go_back(&mut self, place: Place) {
        let Some(at) = self.strand.steps[place.at()] else { return };
        let Some(back) = &mut self.back else { return };
        let Some(&target) = back.index.get(&self.changes[at as usize].address) else { return };
        let behind = |at: usize| {
            back.changes[at].depends_on.iter().filter_map(|on| back.index.get(on).copied()).collect::<Vec<usize>>()
        };
        for step in up_to(target, behind) {
            if back.done.insert(step) {
                let forward = self.index.get(&back.changes[step].address).copied();
                forward.map(|forward| self.in_effect.remove(&forward));
                self.steps.extend(forward.map(|at| told(&self.changes[at], Direction::Back)));
            }
        }
    }
}

/// A step behind everything that it waits for, itself or through others.
fn up_to(at: usize, behind: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
    let mut order = Vec::new();
    let mut passed = BTreeSet::from([at]);
    let mut open = vec![(at, behind(at))];
    while let Some((at, waiting)) = open.last_mut() {
        match waiting.pop() {
            Some(on) if passed.insert(on) => {
                let next = behind(on);
                open.push((on, next));
            }
            Some(_) => {}
            None => {
                order.push(*at);
                open.pop();
            }
        }
    }
    order
}

fn told(change: &Change, direction: Direction) -> DangerStep {
    DangerStep { address: change.address.clone(), direction, does: does(change, direction) }
}

fn has_association(account: Option<&ServiceAccount>) -> bool {
    account.is_some_and(|account| account.association.is_some())
}

fn is_about_association(change: &Change) -> bool {
    change.service_accounts().into_iter().any(has_association)
}

/// What a step does, as a clause.
fn does(change: &Change, direction: Direction) -> String {
    let is_back = direction == Direction::Back;
    let made_or_changed = |what: String| match (change.action, is_back) {
        (Action::Create, false) => format!("{what} is created"),
        (Action::Create, true) => format!("{what} is deleted again"),
        (Action::Delete, false) => format!("{what} is deleted"),
        (_, false) => format!("{what} is changed"),
        (_, true) => format!("{what} is put back as it was"),
    };
    match &change.target {
        Target::OidcProvider { arn, .. } => made_or_changed(format!("OIDC provider {}", last(arn))),
        Target::Policy { arn, .. } => made_or_changed(format!("policy {}", last(arn))),
        Target::Role { name, .. } => made_or_changed(format!("role {name}")),
        Target::Attachment { role, policy_arn, .. } => {
            let verb = if change.after.is_some() == is_back { "taken off" } else { "attached to" };
            format!("{} is {verb} {role}{}", last(policy_arn), if is_back { " again" } else { "" })
        }
        Target::ServiceAccount { cluster, addon: true, .. } if is_back => {
            format!("the EKS add-on of {cluster} gets back the role that it had")
        }
        Target::ServiceAccount { cluster, addon: true, .. } => {
            format!("the EKS add-on of {cluster} is given the plugin's own role, which EKS annotates")
        }
        Target::ServiceAccount { cluster, namespace, name, .. } if is_about_association(change) => {
            let [before, after] = change.service_accounts().map(has_association);
            let (was, is) = if is_back { (after, before) } else { (before, after) };
            match (was, is) {
                (false, true) => {
                    format!("service account {namespace}/{name} of {cluster} gets a Pod Identity association")
                }
                (true, false) => format!("the Pod Identity association of {namespace}/{name} of {cluster} is deleted"),
                _ => format!("the Pod Identity association of {namespace}/{name} of {cluster} is given another role"),
            }
        }
        Target::ServiceAccount { cluster, namespace, name, .. } if is_back => {
            format!("service account {namespace}/{name} of {cluster} gets its annotations back as they were")
        }
        Target::ServiceAccount { cluster, namespace, name, .. } => {
            format!("service account {namespace}/{name} of {cluster} is annotated with the plugin's own role")
        }
        Target::Pods { cluster, .. } => match (&change.run, is_back) {
            (Some(Run::Probe { .. }), _) => format!("the plugin's own role is tried by a token of {cluster}"),
            (Some(Run::Verify { .. }), _) => format!("every pod of {cluster} is verified"),
            (Some(Run::Confirm { .. }), _) => format!("a pod of {cluster} is born again"),
            (_, false) => format!("the pods of {cluster} are restarted"),
            (_, true) => format!("the pods of {cluster} are restarted once more"),
        },
    }
}

/// Which pod loses what.
fn outcome(cluster: &str, subject: &Change, end: End) -> String {
    let lacking = lacking(subject);
    if subject.address.kind() == Kind::Detach {
        return match end {
            End::OldPod => format!("a pod of {cluster} that still uses the node role has no permissions: {lacking}"),
            End::NewPod => format!("a pod of {cluster} that is born again takes the node role, and {lacking}"),
            End::Restart => format!("the pods of {cluster} are born again with the node role, and {lacking}"),
        };
    }
    match end {
        End::OldPod => {
            format!("a pod of {cluster} that already used the plugin's own role has no permissions: {lacking}")
        }
        End::NewPod => {
            format!("a pod of {cluster} that was born since uses the plugin's own role, and {lacking}")
        }
        End::Restart => format!("the pods of {cluster} are born again with the plugin's own role, and {lacking}"),
    }
}

/// What is not as pods need it.
fn lacking(subject: &Change) -> String {
    let is_there = subject.before.is_some();
    match &subject.target {
        Target::Attachment { role, policy_arn, .. } => format!("{} is not attached to {role}", last(policy_arn)),
        Target::Role { name, .. } if is_there => format!("role {name} does not trust the plugin"),
        Target::Role { name, .. } => format!("role {name} does not exist"),
        Target::Policy { arn, .. } if is_there => format!("policy {} does not say what is wanted", last(arn)),
        Target::Policy { arn, .. } => format!("policy {} does not exist", last(arn)),
        Target::OidcProvider { .. } if is_there => {
            "the OIDC provider of its issuer does not accept the plugin's tokens".to_owned()
        }
        Target::OidcProvider { .. } => "its issuer has no OIDC provider".to_owned(),
        Target::ServiceAccount { .. } | Target::Pods { .. } => format!("{} is not as it has to be", subject.address),
    }
}

/// The last segment of an ARN.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
