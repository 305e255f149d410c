//! A plan as Markdown for a pull request: the readable twin of the change set's JSON.
//!
//! What speaks against the plan and what cannot be undone stand outside every fold. The digest is
//! the JSON's business; the spec's digest is here, so that the two can be told to belong together.

use std::collections::HashMap;
use std::fmt::Write as _;

use cni_plan_core::{Action, Change, ChangeSet, Counts, PlannedCluster};

use crate::describe;
use crate::findings;
use crate::group::{self, Group, Scope};
use crate::headline::headline;
use crate::inert::inert;
use crate::lines::{Lines, Mark};
use crate::markdown::{code, fence, html_code};
use crate::{mermaid, safety, totals, words};

/// Columns of a diff block before a forge scrolls it sideways.
const WIDTH: usize = 100;

/// About what a step takes, to make room for.
const CHARACTERS_PER_STEP: usize = 350;

/// The whole plan, whatever its size.
pub fn plan_markdown(change_set: &ChangeSet) -> String {
    let mut page = Markdown { out: String::with_capacity(change_set.changes.len() * CHARACTERS_PER_STEP) };
    let planned = group::planned(change_set);
    let groups = group::groups(change_set);
    page.opening(change_set);
    page.findings(change_set);
    page.irreversible(&change_set.changes);
    page.out.push_str(&safety::markdown(change_set));
    page.graph(change_set);
    page.table(&groups, &planned);
    for group in groups.iter().filter(|group| !group.changes.is_empty()) {
        page.group(group, &planned);
    }
    page.out
}

struct Markdown {
    out: String,
}

impl Markdown {
    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.out.write_fmt(text).expect("a String takes every write");
    }

    fn opening(&mut self, change_set: &ChangeSet) {
        let header = &change_set.header;
        self.put(format_args!("# Plan for {}\n\n", code(&header.spec)));
        match totals::nothing(change_set) {
            Some(nothing) => self.put(format_args!("**{nothing}**\n\n")),
            None => {
                self.put(format_args!("**{}**", totals::plan(change_set.counts())));
                let runs: Vec<&Change> =
                    change_set.changes.iter().filter(|change| change.action == Action::Run).collect();
                if !runs.is_empty() {
                    self.put(format_args!(" Actions to run: {}.", words::and(&totals::counted(&runs))));
                }
                let verdict = if totals::is_refused(change_set) {
                    "It is refused as it stands: see the findings."
                } else if !change_set.safety.is_safe() {
                    "It is refused as it stands: it is unsafe."
                } else {
                    "`cni-plan apply` reads everything that this plan rests on once more, and does nothing if any of it differs."
                };
                let clusters = words::count(header.clusters.len(), "cluster");
                self.put(format_args!(" It concerns {clusters}. {verdict}\n\n"));
            }
        }
        self.put(format_args!(
            "Made by cni-plan {} from {} with digest {}.\n",
            code(&header.tool_version),
            code(&header.spec),
            code(&header.spec_digest)
        ));
    }

    fn findings(&mut self, change_set: &ChangeSet) {
        if change_set.findings.is_empty() {
            return;
        }
        self.out.push_str("\n## Findings\n\n");
        for finding in &change_set.findings {
            let (what, text) = match finding.acceptance() {
                Some(reason) => ("Accepted", reason),
                None => ("Cure", finding.cure.as_str()),
            };
            self.put(format_args!(
                "- **{}** {} at {}\\\n  {}\\\n  {what}: {}\n",
                findings::word(finding),
                code(&finding.code),
                code(finding.address.as_str()),
                code(&finding.message),
                code(text)
            ));
        }
    }

    fn irreversible(&mut self, changes: &[Change]) {
        let mut steps = changes.iter().filter_map(|change| Some((change, describe::irreversible(change)?))).peekable();
        if steps.peek().is_none() {
            return;
        }
        self.out.push_str("\n## Cannot be undone\n\n");
        for (change, why) in steps {
            self.put(format_args!("- {}: {}\n", code(change.address.as_str()), code(why)));
        }
    }

    /// What waits for what, folded: it is for those who ask.
    fn graph(&mut self, change_set: &ChangeSet) {
        let Some(graph) = mermaid::in_room(change_set, usize::MAX) else { return };
        self.out.push_str("\n<details>\n<summary>What waits for what</summary>\n\n");
        fence(&mut self.out, "mermaid", &graph);
        self.out.push_str("\n</details>\n");
    }

    fn table(&mut self, groups: &[Group<'_>], planned: &HashMap<&str, &PlannedCluster>) {
        self.out.push_str(
            "\n## Clusters\n\n\
             | Cluster | Region | Account | Family | Kubernetes | Add | Change | Destroy | Run |\n\
             | --- | --- | --- | --- | --- | --: | --: | --: | --: |\n",
        );
        for group in groups {
            let Counts { add, change, destroy, run } = group.counts;
            let name = html_code(group.name());
            match planned_of(group, planned).map(|planned| &planned.facts) {
                Some(facts) => self.put(format_args!(
                    "| {name} | {} | {} | {} | {} | {add} | {change} | {destroy} | {run} |\n",
                    html_code(&facts.region),
                    html_code(&facts.account),
                    facts.ip_family,
                    html_code(&facts.version),
                )),
                None => {
                    let sharers = group.sharers();
                    let sharers = if sharers.is_empty() { sharers } else { html_code(&sharers) };
                    self.put(format_args!("| {sharers} |  | {name} |  |  | {add} | {change} | {destroy} | {run} |\n"));
                }
            }
        }
    }

    fn group(&mut self, group: &Group<'_>, planned: &HashMap<&str, &PlannedCluster>) {
        let known = planned_of(group, planned);
        let told = known.map_or_else(|| group.sharers(), group::facts);
        let told = if told.is_empty() { told } else { format!(" ({})", html_code(&told)) };
        self.put(format_args!(
            "\n<details>\n<summary>{}{told}: {}</summary>\n\n",
            html_code(group.name()),
            in_short(group.counts)
        ));
        let roles = known.map(|planned| group::node_roles(&planned.facts)).unwrap_or_default();
        if !roles.is_empty() {
            self.put(format_args!("Node roles: {}\n\n", code(&roles)));
        }
        self.steps(&group.changes);
        self.left_alone(&group.changes);
        self.out.push_str("\n</details>\n");
    }

    fn steps(&mut self, changes: &[&Change]) {
        let mut body = String::new();
        let mut lines = Lines::default();
        for change in changes.iter().filter(|change| change.is_effective()) {
            if !body.is_empty() {
                body.push('\n');
            }
            let headline = headline(change);
            let why = if change.action == Action::Delete { format!("  ({})", change.why) } else { String::new() };
            diff_line(&mut body, headline.mark, "", &format!("{headline}{why}"));
            lines.clear();
            describe::body(&mut lines, change, WIDTH);
            for line in lines.iter() {
                diff_line(&mut body, line.mark, "  ", line.text);
            }
        }
        if !body.is_empty() {
            fence(&mut self.out, "diff", &body);
        }
    }

    fn left_alone(&mut self, changes: &[&Change]) {
        let mut alone = changes.iter().filter(|change| !change.is_effective()).peekable();
        if alone.peek().is_none() {
            return;
        }
        if !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
        self.out.push_str("Left alone:\n\n");
        for change in alone {
            let headline = headline(change);
            self.put(format_args!(
                "- {} {}: {}\n",
                headline.noun,
                code(&headline.name),
                code(&describe::why_nothing(change))
            ));
        }
    }
}

fn planned_of<'a>(group: &Group<'_>, planned: &HashMap<&str, &'a PlannedCluster>) -> Option<&'a PlannedCluster> {
    match group.scope {
        Scope::Cluster(key) => planned.get(key).copied(),
        Scope::Shared(..) => None,
    }
}

/// A line of a block in the `diff` language, which colours by the first column and knows no `~`:
/// what changes or runs gets `!`.
fn diff_line(body: &mut String, mark: Mark, indent: &str, text: &str) {
    let lead = if mark == Mark::Alter { Mark::Run.lead() } else { mark.lead() };
    for piece in [lead, indent, &inert(text), "\n"] {
        body.push_str(piece);
    }
}

/// `2 to add, 1 to destroy, 2 to run`; `nothing to do`.
fn in_short(counts: Counts) -> String {
    let parts: Vec<String> =
        [(counts.add, "add"), (counts.change, "change"), (counts.destroy, "destroy"), (counts.run, "run")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, verb)| format!("{number} to {verb}"))
            .collect();
    if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
}
