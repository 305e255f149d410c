//! A plan on a terminal: by cluster, step by step, the totals last.

use std::borrow::Cow;
use std::collections::HashMap;

use cni_plan_core::{Action, Change, ChangeSet, Counts, Finding, Owner, PlannedCluster};

use crate::describe;
use crate::group::{self, Group, Scope};
use crate::headline::headline;
use crate::lines::{Line, Lines};
use crate::page::Page;
use crate::style::{Style, Tone};
use crate::{findings, safety, totals};

/// Column at which a step's name stands behind its noun.
const NOUN_WIDTH: usize = 8;

/// About what a step takes, to make room for.
const CHARACTERS_PER_STEP: usize = 320;

/// The whole plan, whatever its size.
pub fn plan_text(change_set: &ChangeSet, style: &Style) -> String {
    let mut page = Page::new(style);
    page.reserve(change_set.changes.len() * CHARACTERS_PER_STEP);
    let planned = group::planned(change_set);
    let mut lines = Lines::default();
    for group in group::groups(change_set).iter().filter(|group| !group.changes.is_empty()) {
        page.blank();
        heading(&mut page, group, &planned);
        if group.counts == Counts::default() {
            quiet_group(&mut page, &group.changes);
        } else {
            steps(&mut page, &mut lines, &group.changes);
        }
    }
    irreversible_steps(&mut page, &change_set.changes);
    if !change_set.findings.is_empty() {
        page.blank();
        findings::write(&mut page, &change_set.findings);
        if let Some(how) = findings::how_to_accept(change_set) {
            page.blank();
            page.prose(0, (Tone::Quiet, ""), Tone::Quiet, how);
        }
        verdict(&mut page, &change_set.findings);
    }
    safety::write_of_plan(&mut page, change_set);
    page.blank();
    write_totals(&mut page, change_set);
    page.finish()
}

/// The last lines of [`plan_text`] alone: how much of what, and the actions to run.
pub fn totals_text(change_set: &ChangeSet, style: &Style) -> String {
    let mut page = Page::new(style);
    write_totals(&mut page, change_set);
    page.finish()
}

fn write_totals(page: &mut Page<'_>, change_set: &ChangeSet) {
    match totals::nothing(change_set) {
        Some(nothing) => page.line(0, &[(Tone::Strong, &nothing)]),
        None => {
            let undoing = totals::undoing(change_set).map_or_else(String::new, |undoing| format!(" {undoing}"));
            page.line(0, &[(Tone::Strong, &totals::plan(change_set.counts())), (Tone::Plain, &undoing)]);
            if let Some(actions) = totals::actions(change_set) {
                page.prose(0, (Tone::Plain, ""), Tone::Plain, &actions);
            }
        }
    }
}

fn heading(page: &mut Page<'_>, group: &Group<'_>, planned: &HashMap<&str, &PlannedCluster>) {
    let what = match group.scope {
        Scope::Shared(Owner::Account(_), _) => "account ",
        _ => "",
    };
    let known = match group.scope {
        Scope::Cluster(key) => planned.get(key),
        Scope::Shared(..) => None,
    };
    let told = known.map_or_else(|| group.sharers(), |planned| group::facts(planned));
    let told = if told.is_empty() { told } else { format!("({told})") };
    let gap = if told.is_empty() { "" } else { "  " };
    page.prose(0, (Tone::Strong, &format!("{what}{}{gap}", group.name())), Tone::Quiet, &told);
    let roles = known.map(|planned| group::node_roles(&planned.facts)).unwrap_or_default();
    if !roles.is_empty() {
        page.prose(2, (Tone::Quiet, "node roles: "), Tone::Quiet, &roles);
    }
}

fn steps(page: &mut Page<'_>, lines: &mut Lines, changes: &[&Change]) {
    for change in changes.iter().filter(|change| change.is_effective()) {
        page.blank();
        let (mark, name) = headline_text(change);
        let why = if change.action == Action::Delete { format!("  ({})", change.why) } else { String::new() };
        page.line(2, &[(headline(change).mark.tone(), &mark), (Tone::Strong, &name), (Tone::Quiet, &why)]);
        lines.clear();
        describe::body(lines, change, page.width().saturating_sub(6));
        for line in lines.iter() {
            body_line(page, 4, line);
        }
    }
    left_alone(page, changes);
}

/// A step's first line: its mark and its noun, then its name.
pub(crate) fn headline_text(change: &Change) -> (String, Cow<'_, str>) {
    let headline = headline(change);
    let lead = if change.is_effective() { headline.mark.lead() } else { "= " };
    (format!("{lead}{:NOUN_WIDTH$} ", headline.noun), headline.name)
}

/// A line of a step's description: its mark, then its text.
pub(crate) fn body_line(page: &mut Page<'_>, indent: usize, line: Line<'_>) {
    if line.tone == Tone::Warn || line.tone == Tone::Quiet {
        let hang = line.text.len() - line.text.trim_start().len();
        page.prose(indent + 2 + hang, (Tone::Plain, ""), line.tone, line.text.trim_start());
    } else {
        page.line(indent, &[(line.mark.tone(), line.mark.lead()), (line.tone, line.text)]);
    }
}

/// What a group with something to do does nothing about, one a line.
fn left_alone(page: &mut Page<'_>, changes: &[&Change]) {
    let mut alone = changes.iter().filter(|change| !change.is_effective()).peekable();
    if alone.peek().is_none() {
        return;
    }
    page.blank();
    page.line(2, &[(Tone::Quiet, "left alone")]);
    for change in alone {
        let headline = headline(change);
        let noun = format!("= {:NOUN_WIDTH$} ", headline.noun);
        let why = format!("  ({})", describe::why_nothing(change));
        page.line(4, &[(Tone::Quiet, &noun), (Tone::Plain, &headline.name), (Tone::Quiet, &why)]);
    }
}

/// A group in which nothing is to be done, in a few lines: what is left alone, by reason.
fn quiet_group(page: &mut Page<'_>, changes: &[&Change]) {
    let mut by_reason: Vec<(Cow<'_, str>, Vec<String>)> = Vec::new();
    for change in changes {
        let why = describe::why_nothing(change);
        let name = headline(change).to_string();
        // A handful of reasons, fixed in core: looking through the last ones is cheaper than a map.
        match by_reason.iter_mut().rev().take(8).find(|(reason, _)| *reason == why) {
            Some((_, names)) => names.push(name),
            None => by_reason.push((why, vec![name])),
        }
    }
    for (why, names) in by_reason {
        page.prose(2, (Tone::Quiet, "= "), Tone::Plain, &format!("{} ({why})", names.join(", ")));
    }
}

fn irreversible_steps(page: &mut Page<'_>, changes: &[Change]) {
    let steps: Vec<(&str, &str)> = changes
        .iter()
        .filter_map(|change| describe::irreversible(change).map(|why| (change.address.as_str(), why)))
        .collect();
    if steps.is_empty() {
        return;
    }
    page.blank();
    page.line(0, &[(Tone::Warn, "Cannot be undone:")]);
    for (address, why) in steps {
        page.prose(2, (Tone::Strong, &format!("{address}: ")), Tone::Plain, why);
    }
}

fn verdict(page: &mut Page<'_>, findings: &[Finding]) {
    if let Some(refusal) = findings::refusal(findings) {
        page.blank();
        page.line(0, &[(Tone::Remove, &refusal)]);
    }
}
