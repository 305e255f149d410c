//! The same promise checked the slow way: the whole product of all steps of all clusters, nothing
//! taken apart, identities as they are. It shares no code with the proof but `invert`.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::{Action, Address, Change, Inverse, Kind, Observation, PodGroup, PodIdentity, Pods, Resource, Run, invert};

/// What the walk came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Walked {
    /// No pod without permissions in any state.
    Safe,
    /// One, after at least so many steps.
    Unsafe(usize),
    /// Too many states for a test.
    TooMany,
}

const MOST_STATES: usize = 60_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    done: u32,
    /// Steps that are as the plan leaves them.
    in_effect: u32,
    back: Option<(usize, u32)>,
    clusters: Vec<Cluster>,
}

/// One cluster's pods.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cluster {
    carried: BTreeSet<PodIdentity>,
    moved: bool,
    asked: Asked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Not,
    InVain,
    Yes,
}

pub(super) fn walk(changes: &[Change]) -> Walked {
    let mut world = World::of(changes);
    let start = world.start();
    let mut seen = BTreeSet::new();
    let mut open = VecDeque::from([(0, Some(start))]);
    let mut late: Vec<(usize, State)> = Vec::new();
    while let Some((steps, state)) = nearest(&mut open, &mut late) {
        let Some(state) = state else { return Walked::Unsafe(steps) };
        if seen.len() > MOST_STATES {
            return Walked::TooMany;
        }
        if seen.contains(&state) {
            continue;
        }
        match world.danger(&state) {
            (true, _) => return Walked::Unsafe(steps),
            // A restart that begins is one step more; nearer states come first.
            (false, true) => open.push_back((steps + 1, None)),
            (false, false) => {}
        }
        for (begun, turned) in world.turns(&state) {
            match begun {
                0 => open.push_front((steps, Some(turned))),
                more => late.push((steps + more, turned)),
            }
        }
        for next in world.steps(&state) {
            open.push_back((steps + 1, Some(next)));
        }
        seen.insert(state);
    }
    Walked::Safe
}

/// The nearest state: ways back with steps under way are further off than their place in the queue.
fn nearest(
    open: &mut VecDeque<(usize, Option<State>)>,
    late: &mut Vec<(usize, State)>,
) -> Option<(usize, Option<State>)> {
    let first = open.front().map(|(steps, _)| *steps);
    let next = late.iter().enumerate().min_by_key(|(_, (steps, _))| *steps).map(|(at, (steps, _))| (at, *steps));
    match (first, next) {
        (Some(first), Some((_, steps))) if first <= steps => open.pop_front(),
        (None | Some(_), Some((at, _))) => {
            let (steps, state) = late.swap_remove(at);
            Some((steps, Some(state)))
        }
        (_, None) => open.pop_front(),
    }
}

struct World<'a> {
    changes: &'a [Change],
    names: Vec<&'a str>,
    index: HashMap<&'a Address, usize>,
    asked: HashMap<(u32, Seen, u32), usize>,
    inverses: Vec<Inverse>,
}

fn bit(at: usize) -> u32 {
    1 << at
}

impl<'a> World<'a> {
    fn of(changes: &'a [Change]) -> World<'a> {
        let names: BTreeSet<&str> =
            changes.iter().flat_map(|change| change.clusters.iter().map(String::as_str)).collect();
        World {
            changes,
            names: names.into_iter().collect(),
            index: changes.iter().enumerate().map(|(at, change)| (&change.address, at)).collect(),
            asked: HashMap::new(),
            inverses: Vec::new(),
        }
    }

    fn of_kind(&self, cluster: usize, kind: Kind) -> Option<usize> {
        let name = self.names[cluster];
        self.changes
            .iter()
            .position(|change| change.address.kind() == kind && change.clusters.iter().any(|c| c == name))
    }

    fn pods_before(&self, cluster: usize) -> &'a Pods {
        let restart = self.of_kind(cluster, Kind::Restart).unwrap();
        let Some(Resource::Pods(pods)) = &self.changes[restart].before else { panic!("pods were found") };
        pods
    }

    fn wanted(&self, cluster: usize) -> &'a PodIdentity {
        self.changes[self.of_kind(cluster, Kind::Restart).unwrap()].run.as_ref().unwrap().identity()
    }

    fn newborn(&self, cluster: usize, in_effect: u32) -> BTreeSet<PodIdentity> {
        let at = self.of_kind(cluster, Kind::Annotate).unwrap();
        let change = &self.changes[at];
        let now = if in_effect & bit(at) == 0 { &change.before } else { &change.after };
        let Some(Resource::ServiceAccount(account)) = now else { panic!("it is a service account") };
        found(&account.identity_of_new_pods())
    }

    fn start(&self) -> State {
        let clusters = (0..self.names.len()).map(|cluster| {
            let mut carried: BTreeSet<PodIdentity> =
                self.pods_before(cluster).identities().into_iter().cloned().collect();
            carried.extend(self.newborn(cluster, 0));
            Cluster { carried, moved: false, asked: Asked::Not }
        });
        State { done: 0, in_effect: 0, back: None, clusters: clusters.collect() }
    }

    fn waits(&self, at: usize, done: u32) -> bool {
        self.changes[at].depends_on.iter().any(|on| {
            let on = self.index[on];
            if self.changes[on].is_effective() { done & bit(on) == 0 } else { self.waits(on, done) }
        })
    }

    fn may_begin(&self, state: &State) -> Vec<usize> {
        (0..self.changes.len())
            .filter(|&at| self.changes[at].is_effective() && state.done & bit(at) == 0 && !self.waits(at, state.done))
            .collect()
    }

    fn may_undo(&self, inverse: usize, undone: u32) -> Vec<usize> {
        let changes = &self.inverses[inverse].changes;
        let position = |address: &Address| changes.iter().position(|change| &change.address == address);
        (0..changes.len())
            .filter(|&at| {
                undone & bit(at) == 0
                    && changes[at].depends_on.iter().filter_map(position).all(|on| undone & bit(on) != 0)
            })
            .collect()
    }

    /// Whether a pod is without permissions, and whether a restart that begins brings one there.
    fn danger(&self, state: &State) -> (bool, bool) {
        let mut danger = (false, false);
        for (cluster, pods) in state.clusters.iter().enumerate() {
            let name = self.names[cluster];
            let own = |identity: &PodIdentity| match (identity, self.wanted(cluster)) {
                (PodIdentity::WebIdentity { role_arn, .. }, PodIdentity::WebIdentity { role_arn: wanted, .. }) => {
                    role_arn == wanted
                }
                (
                    PodIdentity::Association { role_arn: Some(role_arn) },
                    PodIdentity::Association { role_arn: Some(wanted) },
                ) => role_arn == wanted,
                _ => false,
            };
            for (at, change) in self.changes.iter().enumerate() {
                if !change.clusters.iter().any(|c| c == name) {
                    continue;
                }
                let needs = |identity: &PodIdentity| match change.address.kind() {
                    Kind::Detach => *identity == PodIdentity::NodeRole && change.is_effective(),
                    Kind::Role | Kind::Attach => own(identity),
                    _ => false,
                };
                let now = if state.in_effect & bit(at) == 0 { &change.before } else { &change.after };
                if now.is_some() {
                    continue;
                }
                let before = self.pods_before(cluster).identities();
                let was_lacking = change.before.is_none()
                    && (before.iter().any(|identity| needs(identity)) || self.newborn(cluster, 0).iter().any(needs));
                let is_ours = pods.moved && before.iter().any(|identity| !needs(identity));
                danger.0 |= pods.carried.iter().any(needs) && (!was_lacking || is_ours);
                let restarts = match state.back {
                    None => self.may_begin(state).into_iter().any(|at| self.is_restart_of(at, name)),
                    Some((inverse, undone)) => self
                        .may_undo(inverse, undone)
                        .into_iter()
                        .any(|at| self.is_restart_of(self.index[&self.inverses[inverse].changes[at].address], name)),
                };
                danger.1 |= restarts && self.newborn(cluster, state.in_effect).iter().any(needs);
            }
        }
        danger
    }

    fn is_restart_of(&self, at: usize, name: &str) -> bool {
        let change = &self.changes[at];
        change.address.kind() == Kind::Restart && change.clusters.iter().any(|c| c == name)
    }

    fn cluster_of(&self, change: &Change) -> Option<usize> {
        let cluster = self.names.iter().position(|name| change.clusters.iter().any(|c| c == name));
        // A probe says nothing of any pod, and a confirmation of one.
        let is_of_all_pods = matches!(change.run, Some(Run::Restart { .. } | Run::Verify { .. }));
        cluster.filter(|_| is_of_all_pods)
    }

    fn steps(&self, state: &State) -> Vec<State> {
        let forward = |at: usize| {
            let mut next = state.clone();
            next.done |= bit(at);
            next.in_effect |= bit(at);
            if let Some(cluster) = self.cluster_of(&self.changes[at]) {
                let brought = found(self.changes[at].run.as_ref().unwrap().identity());
                next.clusters[cluster].carried.retain(|identity| brought.contains(identity));
                next.clusters[cluster].moved |= self.changes[at].address.kind() == Kind::Restart;
            }
            next
        };
        let back = |inverse: usize, undone: u32, at: usize| {
            let mut next = state.clone();
            let change = &self.inverses[inverse].changes[at];
            next.back = Some((inverse, undone | bit(at)));
            next.in_effect &= !bit(self.index[&change.address]);
            if let Some(cluster) = self.cluster_of(change) {
                let brought = found(change.run.as_ref().unwrap().identity());
                next.clusters[cluster].carried.retain(|identity| brought.contains(identity));
                next.clusters[cluster].moved = false;
            }
            next
        };
        let mut next: Vec<State> = match state.back {
            None => self.may_begin(state).into_iter().map(forward).collect(),
            Some((inverse, undone)) => {
                self.may_undo(inverse, undone).into_iter().map(|at| back(inverse, undone, at)).collect()
            }
        };
        for state in &mut next {
            self.bear(state);
        }
        next
    }

    fn bear(&self, state: &mut State) {
        for cluster in 0..state.clusters.len() {
            let newborn = self.newborn(cluster, state.in_effect);
            state.clusters[cluster].carried.extend(newborn);
        }
    }

    /// Every way of looking at every cluster's pods, and the way back from there.
    /// Each with the number of steps that have to be under way for it.
    fn turns(&mut self, state: &State) -> Vec<(usize, State)> {
        let mut looks: Vec<(Seen, usize, State)> = vec![(Seen::new(), 0, state.clone())];
        let is_first = state.back.is_none();
        for cluster in 0..state.clusters.len() {
            let views = self.views(state, cluster);
            looks = looks
                .iter()
                .flat_map(|(seen, begun, state)| {
                    views.iter().map(move |view| {
                        let (mut seen, mut state) = (seen.clone(), state.clone());
                        seen.extend(view.moved.map(|moved| (cluster, moved)));
                        let before = &mut state.clusters[cluster];
                        before.carried.clone_from(&view.carried);
                        let by_the_plan = if is_first { view.asked == Asked::Yes } else { before.moved };
                        before.moved = view.moved.map_or(before.moved, |moved| moved && by_the_plan);
                        before.asked = view.asked;
                        (seen, begun + view.begun, state)
                    })
                })
                .collect();
        }
        let ways = looks.into_iter().map(|(seen, begun, mut state)| {
            let inverse = self.inverse(&state, &seen);
            state.back = Some((inverse, 0));
            self.bear(&mut state);
            (begun, state)
        });
        ways.collect()
    }

    fn views(&self, state: &State, cluster: usize) -> Vec<Look> {
        let restart = self.of_kind(cluster, Kind::Restart).unwrap();
        let pods = &state.clusters[cluster];
        let (before, wanted) = (self.pods_before(cluster).identities(), self.wanted(cluster));
        let annotate = self.of_kind(cluster, Kind::Annotate).unwrap();
        let follows = self.changes[restart].depends_on.contains(&self.changes[annotate].address)
            && self.changes[annotate].is_effective();
        let begun = self.may_begin(state);
        let done = |at: usize| state.done & bit(at) != 0;
        let is_run = self.changes[restart].is_effective();
        let (begun, asked) = match state.back {
            Some(_) => (0, pods.asked),
            None if !is_run => (0, Asked::Not),
            None if done(restart) || follows && done(annotate) => (0, Asked::Yes),
            None if begun.contains(&restart) => (1, Asked::Yes),
            None if follows && begun.contains(&annotate) => (1, Asked::InVain),
            None => (0, Asked::Not),
        };
        let mut views = Vec::new();
        if asked == Asked::Not || begun > 0 {
            views.push(Look { moved: None, carried: pods.carried.clone(), begun: 0, asked: Asked::Not });
        }
        if asked != Asked::Not {
            let known = |identity: &PodIdentity| {
                if before.is_empty() { !identity.satisfies(wanted) } else { before.contains(&identity) }
            };
            let as_before: BTreeSet<PodIdentity> = pods.carried.iter().filter(|one| known(one)).cloned().collect();
            if before.is_empty() || !as_before.is_empty() {
                views.push(Look { moved: Some(false), carried: as_before, begun, asked });
            }
            let has_more = |identity: &PodIdentity| !before.contains(&identity) || identity.satisfies(wanted);
            if pods.carried.iter().any(has_more) {
                views.push(Look { moved: Some(true), carried: pods.carried.clone(), begun, asked });
            }
        }
        views
    }

    fn inverse(&mut self, state: &State, seen: &[(usize, bool)]) -> usize {
        let key = (state.done, seen.to_vec(), state.in_effect);
        if let Some(&known) = self.asked.get(&key) {
            return known;
        }
        let mut live = HashMap::new();
        for (at, change) in self.changes.iter().enumerate() {
            let now = match &change.run {
                None if state.done & bit(at) == 0 => continue,
                None if state.in_effect & bit(at) == 0 => change.before.clone(),
                None => change.after.clone(),
                Some(Run::Probe { .. } | Run::Confirm { .. }) => continue,
                Some(run) => {
                    let cluster = self.cluster_of(change).unwrap();
                    let view = seen.iter().find(|(looked, _)| *looked == cluster);
                    let Some((_, moved)) = view.filter(|_| matches!(run, Run::Restart { .. })) else { continue };
                    if *moved { Some(one_more(change, run.identity())) } else { change.before.clone() }
                }
            };
            live.insert(change.address.clone(), now.map_or(Observation::Absent, Observation::Present));
        }
        let inverse = invert(self.changes, &live);
        assert!(inverse.changes.iter().all(|change| change.action != Action::None));
        let number = self.inverses.iter().position(|known| known.changes == inverse.changes).unwrap_or_else(|| {
            self.inverses.push(inverse);
            self.inverses.len() - 1
        });
        self.asked.insert(key, number);
        number
    }
}

/// The clusters whose pods a run going back looks at, and whether more than before carry what is wanted.
type Seen = Vec<(usize, bool)>;

/// What a run going back may see of a cluster's pods.
struct Look {
    /// `None`: it does not look; else whether more than before carry what is wanted.
    moved: Option<bool>,
    carried: BTreeSet<PodIdentity>,
    /// Steps that have to be under way for it.
    begun: usize,
    asked: Asked,
}

/// As pods are found with it: where nothing is said of the STS endpoint, either way.
fn found(identity: &PodIdentity) -> BTreeSet<PodIdentity> {
    match identity {
        PodIdentity::WebIdentity { role_arn, sts_regional: None } => [true, false]
            .map(|regional| PodIdentity::WebIdentity { role_arn: role_arn.clone(), sts_regional: Some(regional) })
            .into(),
        other => BTreeSet::from([other.clone()]),
    }
}

/// One pod more than before, and all of them as wanted.
fn one_more(change: &Change, wanted: &PodIdentity) -> Resource {
    let Some(Resource::Pods(before)) = &change.before else { panic!("pods were found") };
    let identity = found(wanted).pop_last().unwrap();
    Resource::Pods(Pods { carrying: vec![PodGroup { identity, pods: before.count() + 1 }], ..before.clone() })
}
