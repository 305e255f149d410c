//! A plan as boxes and arrows, before it is Mermaid or dot: what is drawn, and nothing of how.
//!
//! An arrow goes from what has to be done first to what waits for it. Steps that do nothing are drawn too:
//! the order goes through them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cni_plan_core::{Address, Change, ChangeSet, Kind, Owner};

use crate::group::{self, Scope};
use crate::headline::headline;
use crate::lines::Mark;
use crate::words;

/// What is to be drawn. The texts are as they came from outside: whoever draws makes them inert.
pub(crate) struct Drawing {
    pub(crate) lanes: Vec<Lane>,
    /// Pairs of numbers of boxes, sorted.
    pub(crate) arrows: BTreeSet<(usize, usize)>,
}

/// Boxes that belong together.
pub(crate) struct Lane {
    pub(crate) title: String,
    pub(crate) boxes: Vec<DrawnStep>,
}

/// A box.
pub(crate) struct DrawnStep {
    /// Its number in the whole drawing.
    pub(crate) number: usize,
    pub(crate) label: String,
    pub(crate) mark: Mark,
}

impl Drawing {
    /// Every step a box, every cluster a lane.
    pub(crate) fn of_steps(change_set: &ChangeSet) -> Drawing {
        let numbers: HashMap<&Address, usize> =
            change_set.changes.iter().enumerate().map(|(number, change)| (&change.address, number)).collect();
        let groups = group::groups(change_set);
        let lanes = groups.iter().filter(|group| !group.changes.is_empty()).map(|group| Lane {
            title: title(group.scope, group.name(), &group.sharers()),
            boxes: group.changes.iter().map(|change| drawn(numbers[&change.address], change)).collect(),
        });
        let arrows = arrows(change_set, |change| numbers.get(change).copied());
        Drawing { lanes: lanes.collect(), arrows }
    }

    /// Every kind of step a box with how many of it there are: what can be drawn of a fleet. The kinds follow
    /// one another as the procedure has them, so that this has no circles either.
    pub(crate) fn of_kinds(change_set: &ChangeSet) -> Drawing {
        let mut by_kind: BTreeMap<Kind, Vec<&Change>> = BTreeMap::new();
        for change in &change_set.changes {
            by_kind.entry(change.address.kind()).or_default().push(change);
        }
        let numbers: Vec<Kind> = by_kind.keys().copied().collect();
        let boxes = by_kind.values().enumerate().map(|(number, changes)| counted(number, changes));
        let title = words::count(change_set.header.clusters.len(), "cluster");
        let arrows = arrows(change_set, |address| numbers.iter().position(|kind| *kind == address.kind()));
        Drawing { lanes: vec![Lane { title, boxes: boxes.collect() }], arrows }
    }
}

fn arrows(change_set: &ChangeSet, number: impl Fn(&Address) -> Option<usize>) -> BTreeSet<(usize, usize)> {
    let pairs = change_set.changes.iter().flat_map(|change| change.depends_on.iter().map(move |on| (on, change)));
    let arrows = pairs.filter_map(|(on, change)| Some((number(on)?, number(&change.address)?)));
    arrows.filter(|(from, to)| from != to).collect()
}

fn title(scope: Scope<'_>, name: &str, sharers: &str) -> String {
    match scope {
        Scope::Cluster(_) | Scope::Shared(Owner::Cluster(_), _) => format!("cluster {name}"),
        Scope::Shared(Owner::Account(_), _) if sharers.is_empty() => format!("account {name}"),
        Scope::Shared(Owner::Account(_), _) => format!("account {name}, {sharers}"),
    }
}

fn drawn(number: usize, change: &Change) -> DrawnStep {
    let headline = headline(change);
    DrawnStep { number, label: headline.to_string(), mark: headline.mark }
}

/// `role: 12 of 500 to do`, marked as the first of those that are to be done.
fn counted(number: usize, changes: &[&Change]) -> DrawnStep {
    let to_do: Vec<&&Change> = changes.iter().filter(|change| change.is_effective()).collect();
    let kind = changes[0].address.kind();
    let label = match to_do.len() {
        0 => format!("{kind}: {} left alone", words::grouped(changes.len() as u64)),
        some if some == changes.len() => format!("{kind}: {}", words::grouped(some as u64)),
        some => format!("{kind}: {} of {}", words::grouped(some as u64), words::grouped(changes.len() as u64)),
    };
    DrawnStep { number, label, mark: to_do.first().map_or(Mark::Same, |change| headline(change).mark) }
}
