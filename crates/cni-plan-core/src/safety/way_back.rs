//! The way back from a state of one strand, as [`invert`] gives it for the strand's own steps.
//!
//! The real steps are handed to the real algorithm, with nothing left out but what belongs to other
//! strands, so that a change of its order is a change of what is proved.

use std::collections::{BTreeSet, HashMap};

use super::identities::{Identities, Lens};
use super::shape::{Place, Places};
use super::strand::{Strand, found_pods};
use crate::{Action, Address, Change, Kind, Observation, Plugin, PodGroup, PodIdentity, Pods, Resource, Run, invert};

/// What a run going back sees of the pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum View {
    /// It does not look: nothing was begun that could have changed them.
    Unasked,
    /// None carries what none carried before.
    AsBefore,
    /// One at least carries what the restart brings.
    Moved,
}

/// Steps that put back.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Inverse {
    /// By place; `None`: nothing is put back there.
    pub(super) steps: [Option<UndoStep>; 4],
}

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UndoStep {
    /// Of the same way back.
    pub(super) waits_for: Places,
    /// What pods carry after it, of a step on pods.
    pub(super) brings: Identities,
}

/// The ways back of a strand; each is asked for once.
pub(super) struct WaysBack {
    plan: Vec<Change>,
    wanted: Option<PodIdentity>,
    asked: HashMap<(Places, Places, View), usize>,
    numbers: HashMap<Inverse, usize>,
    inverses: Vec<Inverse>,
}

impl WaysBack {
    pub(super) fn of(strand: &Strand, changes: &[Change]) -> WaysBack {
        let plan = projected(strand, changes);
        let pods = [Place::Restart, Place::Verify].into_iter().filter_map(|place| strand.steps[place.at()]);
        let wanted = pods.filter_map(|step| changes[step as usize].run.as_ref()).map(Run::identity).next().cloned();
        WaysBack { plan, wanted, asked: HashMap::new(), numbers: HashMap::new(), inverses: Vec::new() }
    }

    /// The number of the way back for a plan of which the steps `done` had their effect, when
    /// subject and annotation are as in `in_effect` now.
    pub(super) fn ask(&mut self, done: Places, in_effect: Places, view: View) -> usize {
        if let Some(&known) = self.asked.get(&(done, in_effect, view)) {
            return known;
        }
        let inverse = self.inverse(&self.live(done, in_effect, view));
        let number = *self.numbers.entry(inverse.clone()).or_insert_with(|| {
            self.inverses.push(inverse);
            self.inverses.len() - 1
        });
        self.asked.insert((done, in_effect, view), number);
        number
    }

    pub(super) fn get(&self, number: usize) -> &Inverse {
        &self.inverses[number]
    }

    /// What is observed of the steps that may have had an effect.
    fn live(&self, done: Places, in_effect: Places, view: View) -> HashMap<Address, Observation> {
        let mut live = HashMap::new();
        for change in &self.plan {
            let Some(place) = self.place(&change.address) else { continue };
            let now = match place {
                Place::Subject | Place::Annotate if !done.holds(place) => continue,
                Place::Subject | Place::Annotate if in_effect.holds(place) => change.after.clone(),
                Place::Subject | Place::Annotate => change.before.clone(),
                Place::Verify if !done.holds(place) => continue,
                Place::Restart | Place::Verify => match view {
                    View::Unasked => continue,
                    View::AsBefore => change.before.clone(),
                    View::Moved => Some(moved(change, self.wanted.as_ref())),
                },
            };
            live.insert(change.address.clone(), now.map_or(Observation::Absent, Observation::Present));
        }
        live
    }

    fn inverse(&self, live: &HashMap<Address, Observation>) -> Inverse {
        let found = self.plan.iter().find_map(found_pods);
        let lens = Lens::of(self.wanted.as_ref(), found);
        let mut inverse = Inverse::default();
        for change in invert(&self.plan, live).changes.iter().filter(|change| change.is_effective()) {
            let Some(place) = self.place(&change.address) else { continue };
            let waits_for = change.depends_on.iter().filter_map(|on| self.place(on));
            let run = change.run.as_ref();
            inverse.steps[place.at()] = Some(UndoStep {
                waits_for: waits_for.fold(Places::default(), Places::with),
                brings: run.map_or(Identities::NONE, |run| lens.sorts(run.identity())),
            });
        }
        inverse
    }

    fn place(&self, address: &Address) -> Option<Place> {
        let mut steps = self.plan.iter().filter(|change| &change.address == address);
        let kind = steps.next()?.address.kind();
        Some(match kind {
            Kind::Annotate => Place::Annotate,
            Kind::Restart => Place::Restart,
            Kind::Verify => Place::Verify,
            _ if address.as_str().starts_with(VIA) => return None,
            _ => Place::Subject,
        })
    }
}

/// Pods of which more than before carry `wanted`.
pub(super) fn moved(restart: &Change, wanted: Option<&PodIdentity>) -> Resource {
    let found = match &restart.before {
        Some(Resource::Pods(pods)) => pods.clone(),
        _ => Pods {
            namespace: String::new(),
            daemon_set: String::new(),
            carrying: Vec::new(),
            not_ready: 0,
            plugin: Plugin::default(),
            other_nodes: BTreeSet::new(),
            on_host_network: BTreeSet::new(),
            unread: Vec::new(),
        },
    };
    let identity = match wanted {
        Some(PodIdentity::WebIdentity { role_arn, sts_regional }) => {
            // Of a pod that is found it is always known.
            PodIdentity::WebIdentity { role_arn: role_arn.clone(), sts_regional: sts_regional.or(Some(true)) }
        }
        Some(other) => other.clone(),
        None => PodIdentity::NodeRole,
    };
    Resource::Pods(Pods { carrying: vec![PodGroup { identity, pods: found.count() + 1 }], ..found })
}

/// Scope of a stand-in that no compiled plan has: a cluster's key has no line feed.
const VIA: &str = "\n";

/// The strand's steps as a plan of their own, the order among them as in the whole: what waits for
/// another through steps of other strands waits for it here itself. Only what a restart itself waits
/// for has a meaning of its own, so that between it and the rest stands a step that does nothing.
fn projected(strand: &Strand, changes: &[Change]) -> Vec<Change> {
    let place_of = |at: u32| Place::ALL.into_iter().find(|place| strand.steps[place.at()] == Some(at));
    let mut positions: Vec<u32> = strand.steps.iter().flatten().copied().collect();
    positions.sort_unstable();
    let address = |place: Place| strand.steps[place.at()].map(|at| changes[at as usize].address.clone());
    let mut plan = Vec::with_capacity(5);
    for (place, at) in positions.into_iter().filter_map(|at| Some((place_of(at)?, at))) {
        let Some(shape) = strand.shape.steps[place.at()] else { continue };
        let mut change = changes[at as usize].clone();
        let waits_for = Place::ALL.into_iter().filter(|&on| shape.waits_for.holds(on));
        change.depends_on = waits_for.clone().filter_map(address).collect();
        if place == Place::Restart {
            let (near, far): (Vec<Place>, Vec<Place>) =
                waits_for.partition(|&on| strand.shape.restart_is_right_behind.holds(on));
            let via = stand_in(&change, far.into_iter().filter_map(address).collect());
            change.depends_on = near.into_iter().filter_map(address).chain([via.address.clone()]).collect();
            plan.push(via);
        }
        change.depends_on.sort();
        plan.push(change);
    }
    plan
}

fn stand_in(before: &Change, depends_on: Vec<Address>) -> Change {
    Change {
        address: Address::new(VIA, Kind::Role, &[]),
        action: Action::None,
        before: None,
        after: None,
        run: None,
        depends_on,
        ..before.clone()
    }
}
