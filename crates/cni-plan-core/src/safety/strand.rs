//! A plan taken apart into strands, in time in proportion to its steps and dependencies.

use std::collections::HashMap;

use super::identities::{Identities, Lens};
use super::order::{Edge, Order};
use super::shape::{Place, Places, Shape, StepShape, SubjectShape};
use super::story;
use super::verdict::Danger;
use crate::{Action, Address, Change, Kind, Pods, Resource, Reversibility, Run, ServiceAccount};

/// One thing that an identity of a cluster's pods stands on, with the cluster's steps on annotation
/// and pods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strand {
    pub(super) shape: Shape,
    /// See [`Strands::cluster`].
    pub(super) cluster: u32,
    /// Positions in the plan, by place.
    pub(super) steps: [Option<u32>; 4],
}

/// What the strands of a plan are made of.
pub(super) struct Strands<'a> {
    changes: &'a [Change],
    kinds: Vec<Kind>,
    clusters: Vec<&'a str>,
    /// Each cluster's steps in the plan's order.
    steps: Grouped<u32>,
    /// Each cluster's dependencies among its own steps, by ascending `from`.
    edges: Grouped<Edge>,
}

impl<'a> Strands<'a> {
    /// Takes a plan apart. An error says why it has no form that can be judged: such a plan may have
    /// been written by anyone.
    pub(super) fn of(changes: &'a [Change]) -> Result<Strands<'a>, Danger> {
        let kinds: Vec<Kind> = changes.iter().map(|change| change.address.kind()).collect();
        let concerned = Concerned::of(changes);
        if let Some(nobodys) = (0..changes.len()).find(|&at| concerned.by(at).is_empty() && changes[at].is_effective())
        {
            return Err(story::not_to_be_judged(&changes[nobodys], "it names no cluster that it concerns"));
        }
        let members = (0..changes.len()).flat_map(|at| concerned.by(at).iter().map(move |&key| (key, position(at))));
        let steps = Grouped::of(concerned.names.len(), members.collect());
        let edges = Grouped::of(concerned.names.len(), edges(changes, &concerned));
        let strands = Strands { changes, kinds, clusters: concerned.names, steps, edges };
        for cluster in 0..strands.clusters.len() {
            strands.places(cluster)?;
        }
        Ok(strands)
    }

    /// The key of a strand's cluster.
    pub(super) fn cluster(&self, strand: &Strand) -> &'a str {
        self.clusters[strand.cluster as usize]
    }

    /// Hands out every strand, in the order of the clusters' first steps and the plan's order.
    pub(super) fn for_each(&self, mut see: impl FnMut(Strand)) {
        let mut order = Order::new(self.changes.len());
        for cluster in 0..self.clusters.len() {
            let Ok(places) = self.places(cluster) else { continue };
            let (steps, edges) = (self.steps.of_group(cluster), self.edges.of_group(cluster));
            let place_of = |step: u32| {
                let place = place_of(self.kinds[step as usize]);
                place.map_or_else(Places::default, |place| Places::default().with(place))
            };
            order.of_cluster(steps, edges, place_of);
            let pods = self.pods_shape(&places, edges, &order);
            let mut has_subject = false;
            for &step in steps {
                let Some(subject) = self.subject(step) else { continue };
                has_subject = true;
                let mut steps = places;
                steps[Place::Subject.at()] = Some(step);
                let shape = self.with_subject(pods, subject, &steps, edges, &order);
                see(Strand { shape, cluster: position(cluster), steps });
            }
            if !has_subject && pods.effective() != Places::default() {
                see(Strand { shape: pods, cluster: position(cluster), steps: places });
            }
        }
    }

    /// The positions of a cluster's steps on annotation and pods; of each at most one can be judged.
    fn places(&self, cluster: usize) -> Result<[Option<u32>; 4], Danger> {
        let mut places = [None; 4];
        for &step in self.steps.of_group(cluster) {
            let Some(place) = place_of(self.kinds[step as usize]) else { continue };
            if places[place.at()].replace(step).is_some() {
                let change = &self.changes[step as usize];
                return Err(story::not_to_be_judged(change, "its cluster has more than one such step"));
            }
        }
        Ok(places)
    }

    /// What an identity stands on and the plan, or the state it began in, may take away.
    fn subject(&self, step: u32) -> Option<SubjectShape> {
        let (kind, change) = (self.kinds[step as usize], &self.changes[step as usize]);
        // Nobody stands on these; what waits for them waits for what they wait for. That a confirmation has a
        // pod born again is nothing new: any pod may be, at any moment.
        let is_looked_through =
            matches!(kind, Kind::Probe | Kind::Confirm) && change.run.as_ref().is_some_and(Run::leaves_nothing);
        if place_of(kind).is_some() || is_looked_through {
            return None;
        }
        let (is_there_before, is_there_after) = is_there(kind, change);
        let is_always_there = is_there_before && is_there_after;
        let is_nothing_of_ours = kind == Kind::Detach && !change.is_effective();
        (!is_always_there && !is_nothing_of_ours).then_some(SubjectShape { kind, is_there_before, is_there_after })
    }

    /// The shape of a cluster's steps on annotation and pods.
    fn pods_shape(&self, places: &[Option<u32>; 4], edges: &[Edge], order: &Order) -> Shape {
        let step = |place: Place| places[place.at()].map(|step| &self.changes[step as usize]);
        let (annotate, restart, verify) = (step(Place::Annotate), step(Place::Restart), step(Place::Verify));
        let run = |change: Option<&'a Change>| change.and_then(|change| change.run.as_ref()).map(Run::identity);
        let wanted = run(restart).or(run(verify));
        let [before, after] = annotate.map_or([None; 2], Change::service_accounts);
        let announced = after.map(ServiceAccount::identity_of_new_pods);
        let found = restart.or(verify).and_then(found_pods);
        let meant = Lens::of(wanted.or(announced.as_ref()), found);
        let lens = Lens { wanted, ..meant };
        let (carried, carried_is_one) = match (found, restart.or(verify)) {
            (Some(pods), _) => (lens.carried(pods), pods.carrying.len() == 1),
            (None, Some(_)) => (Identities::NONE, false),
            // Nobody has looked: they are where every cluster begins.
            (None, None) => (Identities::NODE_ROLE, true),
        };
        let newborn = match annotate {
            Some(_) => [before, after].map(|account| lens.newborn(account)),
            None => [Identities::NODE_ROLE.or(Identities::OWN); 2],
        };
        let brought = [run(restart), run(verify)].map(|run| run.map_or(Identities::NONE, |run| lens.sorts(run)));
        let mut steps = [None; 4];
        for place in [Place::Annotate, Place::Restart, Place::Verify] {
            steps[place.at()] = places[place.at()].map(|step| self.step_shape(step, order));
        }
        Shape {
            subject: None,
            steps,
            restart_is_right_behind: right_behind(places, edges),
            carried,
            carried_is_one,
            newborn,
            brought,
        }
    }

    fn with_subject(
        &self,
        pods: Shape,
        subject: SubjectShape,
        places: &[Option<u32>; 4],
        edges: &[Edge],
        order: &Order,
    ) -> Shape {
        let mut shape = Shape { subject: Some(subject), restart_is_right_behind: right_behind(places, edges), ..pods };
        let Some(step) = places[Place::Subject.at()] else { return shape };
        for place in [Place::Annotate, Place::Restart, Place::Verify] {
            if let Some(waiting) = &mut shape.steps[place.at()]
                && order.is_before(step, place)
            {
                waiting.waits_for = waiting.waits_for.with(Place::Subject);
            }
        }
        shape.steps[Place::Subject.at()] = Some(self.step_shape(step, order));
        shape
    }

    fn step_shape(&self, step: u32, order: &Order) -> StepShape {
        let change = &self.changes[step as usize];
        StepShape {
            action: change.action,
            is_reversible: change.reversibility == Reversibility::Reversible,
            waits_for: order.before(step),
        }
    }
}

/// The pods as a step on them has found them.
pub(super) fn found_pods(change: &Change) -> Option<&Pods> {
    match &change.before {
        Some(Resource::Pods(pods)) => Some(pods),
        _ => None,
    }
}

/// The places whose steps the restart waits for itself.
fn right_behind(places: &[Option<u32>; 4], edges: &[Edge]) -> Places {
    let Some(from) = places[Place::Restart.at()] else { return Places::default() };
    let is_right_behind = |place: Place| places[place.at()].is_some_and(|on| edges.contains(&Edge { from, on }));
    Place::ALL.into_iter().filter(|&place| is_right_behind(place)).fold(Places::default(), Places::with)
}

/// Where a step of that kind stands in every strand of its cluster.
fn place_of(kind: Kind) -> Option<Place> {
    match kind {
        Kind::Annotate => Some(Place::Annotate),
        Kind::Restart => Some(Place::Restart),
        Kind::Verify => Some(Place::Verify),
        Kind::OidcProvider
        | Kind::Policy
        | Kind::Role
        | Kind::Attach
        | Kind::Probe
        | Kind::Detach
        | Kind::Confirm
        | Kind::Cluster => None,
    }
}

/// Whether what pods need of a resource is there before its step and after it: of a role that it
/// trusts the plugin, of a policy that it says what is wanted, of a provider that it accepts the
/// audience; of an attachment that it is there.
fn is_there(kind: Kind, change: &Change) -> (bool, bool) {
    let is_there_before = match (&change.before, &change.after) {
        (None, _) => false,
        (Some(_), _) if change.action == Action::None => true,
        (Some(Resource::Role(before)), Some(Resource::Role(after))) => {
            after.trust.statements().iter().all(|statement| before.trust.contains(statement))
        }
        (Some(Resource::Policy(before)), Some(Resource::Policy(after))) => before.document == after.document,
        (Some(Resource::OidcProvider(before)), Some(Resource::OidcProvider(after))) => {
            before.client_ids.is_superset(&after.client_ids)
        }
        (Some(_), Some(_)) => true,
        (Some(_), None) => kind == Kind::Detach || change.action == Action::Delete,
    };
    (is_there_before, change.after.is_some())
}

/// Every dependency between two steps of a cluster, with the cluster, in the plan's order of `from`.
/// One that does not lead back in that order is none: a step is judged with fewer guards rather than
/// with more.
fn edges(changes: &[Change], concerned: &Concerned<'_>) -> Vec<(u32, Edge)> {
    let index: HashMap<&Address, usize> =
        changes.iter().enumerate().map(|(at, change)| (&change.address, at)).collect();
    let mut edges = Vec::with_capacity(changes.len());
    for (from, change) in changes.iter().enumerate() {
        for &on in change.depends_on.iter().filter_map(|address| index.get(address)).filter(|&&on| on < from) {
            // A node role's policy may concern the whole fleet, what it waits for one cluster.
            let (few, many) = match (concerned.by(from), concerned.by(on)) {
                (one, other) if one.len() <= other.len() => (one, other),
                (one, other) => (other, one),
            };
            let shared = few.iter().filter(|key| many.binary_search(key).is_ok());
            edges.extend(shared.map(|&key| (key, Edge { from: position(from), on: position(on) })));
        }
    }
    edges
}

fn position(at: usize) -> u32 {
    u32::try_from(at).expect("a plan of four thousand million steps is no plan")
}

/// The clusters that each step concerns, as numbers.
struct Concerned<'a> {
    names: Vec<&'a str>,
    /// By step, sorted.
    keys: Vec<u32>,
    ends: Vec<usize>,
}

impl<'a> Concerned<'a> {
    fn of(changes: &'a [Change]) -> Concerned<'a> {
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        let mut concerned = Concerned { names: Vec::new(), keys: Vec::new(), ends: Vec::with_capacity(changes.len()) };
        for change in changes {
            let start = concerned.keys.len();
            for cluster in &change.clusters {
                let next = position(concerned.names.len());
                let number = *numbers.entry(cluster).or_insert(next);
                if number == next {
                    concerned.names.push(cluster);
                }
                concerned.keys.push(number);
            }
            let added = &mut concerned.keys[start..];
            if !added.is_sorted_by(|one, other| one < other) {
                added.sort_unstable();
                let mut distinct = added.to_vec();
                distinct.dedup();
                concerned.keys.truncate(start);
                concerned.keys.extend(distinct);
            }
            concerned.ends.push(concerned.keys.len());
        }
        concerned
    }

    fn by(&self, step: usize) -> &[u32] {
        let start = if step == 0 { 0 } else { self.ends[step - 1] };
        &self.keys[start..self.ends[step]]
    }
}

/// Things by the group they belong to, in one piece of memory.
struct Grouped<T> {
    things: Vec<T>,
    starts: Vec<usize>,
}

impl<T: Copy> Grouped<T> {
    /// Keeps the order within a group.
    fn of(groups: usize, things: Vec<(u32, T)>) -> Grouped<T> {
        let mut starts = vec![0; groups + 1];
        for &(group, _) in &things {
            starts[group as usize + 1] += 1;
        }
        for group in 0..groups {
            starts[group + 1] += starts[group];
        }
        let mut next = starts.clone();
        let mut sorted: Vec<Option<T>> = vec![None; things.len()];
        for (group, thing) in things {
            sorted[next[group as usize]] = Some(thing);
            next[group as usize] += 1;
        }
        Grouped { things: sorted.into_iter().flatten().collect(), starts }
    }

    fn of_group(&self, group: usize) -> &[T] {
        &self.things[self.starts[group]..self.starts[group + 1]]
    }
}
