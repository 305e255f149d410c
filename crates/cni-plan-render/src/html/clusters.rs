//! The steps by cluster, what clusters share first: that is what reaches furthest.

use cni_plan_core::{Counts, Owner};

use super::index::Index;
use super::markup::Html;
use super::picture::{self, Lane};
use super::step;
use crate::group::{self, Group, Scope};

/// Clusters that are drawn side by side, if they share a step; more have a picture each.
const DRAWN_TOGETHER: usize = 3;

/// Clusters whose steps are unfolded from the start; of more, only what they share is.
const UNFOLDED: usize = 3;

pub(super) fn write(page: &mut Html, index: &Index<'_>) {
    let groups = index.groups.iter().enumerate();
    let (shared, clusters): (Vec<_>, Vec<_>) = groups.partition(|(_, group)| matches!(group.scope, Scope::Shared(..)));
    let is_together = !shared.is_empty() && (2..=DRAWN_TOGETHER).contains(&clusters.len());
    if is_together {
        let lanes: Vec<Lane> = clusters.iter().chain(&shared).map(|(_, group)| lane(index, group)).collect();
        picture::write(page, index, &lanes);
    }
    for (at, group) in shared {
        write_group(page, index, at, group, &[]);
    }
    for (at, group) in clusters {
        let lanes = if is_together { Vec::new() } else { lanes(index, group) };
        write_group(page, index, at, group, &lanes);
    }
}

fn write_group(page: &mut Html, index: &Index<'_>, at: usize, group: &Group<'_>, lanes: &[Lane]) {
    let steps = index.steps(group);
    let is_few = index.change_set.header.clusters.len() <= UNFOLDED;
    let is_open = !steps.is_empty() && (is_few || matches!(group.scope, Scope::Shared(..)));
    opening(page, index, at, group, is_open);
    if steps.is_empty() {
        page.raw("<p>It has no steps.</p>");
    }
    page.raw("<div class=\"plan\">\n");
    if !lanes.is_empty() && !steps.is_empty() {
        picture::write(page, index, lanes);
    }
    page.raw("<ol>\n");
    for number in steps {
        step::write(page, index, number, is_few && index.change(number).is_effective());
    }
    page.raw("</ol></div></details>\n");
}

/// The fold's own line: which cluster, what is known of it, and how much is done.
fn opening(page: &mut Html, index: &Index<'_>, at: usize, group: &Group<'_>, is_open: bool) {
    page.raw("<details class=\"group\" id=\"g").number(at).raw("\"");
    if let Scope::Shared(_, clusters) = group.scope {
        // So that the filter keeps what a cluster shares with others.
        page.raw(" data-of=\"");
        for of in index.groups_of(clusters) {
            page.number(of).raw(" ");
        }
        page.raw("\"");
    }
    page.raw(if is_open { " open" } else { "" }).raw("><summary><h3><code>");
    page.text(group.name()).raw("</code></h3> <span class=\"facts\">");
    let planned = index.planned(group);
    page.text(&planned.map_or_else(|| group.sharers(), group::facts)).raw("</span> ");
    counts(page, group.counts);
    page.raw("</summary>\n");
    let roles = planned.map(|planned| group::node_roles(&planned.facts)).unwrap_or_default();
    if !roles.is_empty() {
        page.raw("<p class=\"roles\">Node roles: ").text(&roles).raw("</p>\n");
    }
}

fn counts(page: &mut Html, counts: Counts) {
    page.raw("<span class=\"counts\">");
    if counts.is_empty() {
        page.raw("nothing to do");
    }
    for (number, class, text) in [
        (counts.add, "add", " to add"),
        (counts.change, "alter", " to change"),
        (counts.destroy, "remove", " to destroy"),
        (counts.run, "run", " to run"),
    ] {
        if number > 0 {
            page.raw("<span class=\"").raw(class).raw("\">").number(number).raw(text).raw("</span> ");
        }
    }
    page.raw("</span>");
}

/// A cluster's own steps, and beside them what it shares with others of what they wait for or lead to.
fn lanes(index: &Index<'_>, group: &Group<'_>) -> Vec<Lane> {
    let own = lane(index, group);
    let is_shared = |&number: &usize| matches!(index.groups[index.group_of(number)].scope, Scope::Shared(..));
    let waited_for = own.steps.iter().flat_map(|&number| index.waits_for(number));
    let waiting = own.steps.iter().flat_map(|&number| index.dependents(number));
    let mut shared: Vec<usize> = waited_for.chain(waiting).copied().filter(is_shared).collect();
    shared.sort_unstable();
    shared.dedup();
    if shared.is_empty() {
        return vec![own];
    }
    vec![own, Lane { title: "shared with other clusters".to_owned(), steps: shared }]
}

fn lane(index: &Index<'_>, group: &Group<'_>) -> Lane {
    let title = match group.scope {
        Scope::Shared(Owner::Account(account), _) => format!("account {account}"),
        Scope::Shared(Owner::Cluster(key), _) | Scope::Cluster(key) => key.to_owned(),
    };
    Lane { title, steps: index.steps(group) }
}
