//! The plan as the parts of the page look things up in it.

use std::collections::HashMap;

use cni_plan_core::{Address, Change, ChangeSet, PlannedCluster};

use crate::group::{self, Group, Scope};

/// Groups, and who waits for whom; steps by their number in the plan.
pub(super) struct Index<'a> {
    pub(super) change_set: &'a ChangeSet,
    pub(super) groups: Vec<Group<'a>>,
    planned: HashMap<&'a str, &'a PlannedCluster>,
    clusters: HashMap<&'a str, usize>,
    numbers: HashMap<&'a Address, usize>,
    waits_for: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
    group_of: Vec<usize>,
}

impl<'a> Index<'a> {
    pub(super) fn new(change_set: &'a ChangeSet) -> Index<'a> {
        let changes = &change_set.changes;
        let groups = group::groups(change_set);
        let numbers: HashMap<&Address, usize> =
            changes.iter().enumerate().map(|(number, change)| (&change.address, number)).collect();
        let waits_for: Vec<Vec<usize>> = changes.iter().map(|change| waited_for(change, &numbers)).collect();
        let mut dependents = vec![Vec::new(); changes.len()];
        for (number, waits_for) in waits_for.iter().enumerate() {
            waits_for.iter().for_each(|&on| dependents[on].push(number));
        }
        let mut index = Index {
            change_set,
            planned: group::planned(change_set),
            clusters: HashMap::new(),
            waits_for,
            dependents,
            group_of: vec![0; changes.len()],
            numbers,
            groups,
        };
        for (at, group) in index.groups.iter().enumerate() {
            if let Scope::Cluster(key) = group.scope {
                index.clusters.insert(key, at);
            }
            for change in &group.changes {
                index.group_of[index.numbers[&change.address]] = at;
            }
        }
        index
    }

    /// The step of that number.
    pub(super) fn change(&self, number: usize) -> &'a Change {
        &self.change_set.changes[number]
    }

    /// A step's number, if the plan has the step.
    pub(super) fn number(&self, address: &Address) -> Option<usize> {
        self.numbers.get(address).copied()
    }

    /// The numbers of a group's steps, in the plan's order.
    pub(super) fn steps(&self, group: &Group<'a>) -> Vec<usize> {
        group.changes.iter().filter_map(|change| self.number(&change.address)).collect()
    }

    /// The steps that the one of that number waits for, in order.
    pub(super) fn waits_for(&self, number: usize) -> &[usize] {
        &self.waits_for[number]
    }

    /// The steps that wait for the one of that number, in order.
    pub(super) fn dependents(&self, number: usize) -> &[usize] {
        &self.dependents[number]
    }

    /// The group that a step is shown in, by its position.
    pub(super) fn group_of(&self, number: usize) -> usize {
        self.group_of[number]
    }

    /// The positions of the groups of these clusters.
    pub(super) fn groups_of(&self, clusters: &'a [String]) -> Vec<usize> {
        clusters.iter().filter_map(|key| self.clusters.get(key.as_str()).copied()).collect()
    }

    /// What the header says of the cluster that a group is about.
    pub(super) fn planned(&self, group: &Group<'_>) -> Option<&'a PlannedCluster> {
        match group.scope {
            Scope::Cluster(key) => self.planned.get(key).copied(),
            Scope::Shared(..) => None,
        }
    }
}

fn waited_for(change: &Change, numbers: &HashMap<&Address, usize>) -> Vec<usize> {
    let mut waited_for: Vec<usize> = change.depends_on.iter().filter_map(|on| numbers.get(on).copied()).collect();
    waited_for.sort_unstable();
    waited_for.dedup();
    waited_for
}
