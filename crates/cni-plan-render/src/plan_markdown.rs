//! A plan as Markdown for a pull request: the readable twin of the change set's JSON.
//!
//! What speaks against the plan and what cannot be undone stand outside every fold. The digest is
//! the JSON's business; the spec's digest is here, so that the two can be told to belong together.
//! A forge takes only so much: a page is made to fit by leaving out whole pieces, see `fitting.rs`.

use std::collections::HashMap;
use std::fmt::Write as _;

use cni_plan_core::{Action, Change, ChangeSet, Counts, Finding, PlannedCluster};

use crate::describe;
use crate::findings;
use crate::fitting::{Part, Piece, Stage, fit};
use crate::group::{self, Group, Scope};
use crate::headline::headline;
use crate::inert::inert;
use crate::lines::{Lines, Mark};
use crate::markdown::{clipped, code, fence, html_code};
use crate::{mermaid, safety, totals, words};

/// Columns of a diff block before a forge scrolls it sideways.
const WIDTH: usize = 100;

/// Kept free for the sentences that tell what was left out.
const ROOM_FOR_NOTES: usize = 1024;

/// Where a page is put, and how much each takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forge {
    /// A comment or description on GitHub: 65,536 characters.
    GitHub,
    /// One on GitLab: 1,000,000 (GitLab's application limits: notes and descriptions).
    GitLab,
    /// One on Bitbucket: 32,768.
    Bitbucket,
}

impl Forge {
    /// Characters that a page may have there. Pages are kept within it in bytes, of which there are never fewer.
    pub const fn limit(self) -> usize {
        match self {
            Forge::GitHub => 65_536,
            Forge::GitLab => 1_000_000,
            Forge::Bitbucket => 32_768,
        }
    }
}

/// The whole plan, whatever its size. `digest` is the change set's ([`ChangeSet::digest`]): who has its document knows it.
pub fn plan_markdown(change_set: &ChangeSet, digest: &str) -> String {
    assembled(&pieces(change_set, digest, false))
}

/// The plan in at most so many bytes: what each step does goes first, then which steps there are, and what speaks
/// against the plan last. Where something is left out, the page says so.
///
/// A `limit` of less than 8,192 may not be kept: what the plan is and its verdict are never left out.
pub fn plan_markdown_within(change_set: &ChangeSet, digest: &str, limit: usize) -> String {
    let whole = plan_markdown(change_set, digest);
    if whole.len() <= limit {
        return whole;
    }
    let mut pieces = pieces(change_set, digest, true);
    fit(&mut pieces, limit.saturating_sub(ROOM_FOR_NOTES));
    assembled(&pieces)
}

/// The page's pieces; with their shorter forms, or as they are.
fn pieces(change_set: &ChangeSet, digest: &str, with_shorter: bool) -> Vec<Piece> {
    let planned = group::planned(change_set);
    let groups = group::groups(change_set);
    let mut page = Pages { pieces: Vec::with_capacity(groups.len() * 2 + 8), with_shorter };
    page.opening(change_set, digest);
    page.findings(change_set);
    page.irreversible(&change_set.changes);
    page.safety(change_set);
    page.graph(change_set);
    page.table(&groups, &planned);
    for group in groups.iter().filter(|group| !group.changes.is_empty()) {
        page.details(group, &planned);
    }
    page.pieces
}

/// The text, with a sentence after each part of what is left out of it.
fn assembled(pieces: &[Piece]) -> String {
    let mut out = String::with_capacity(pieces.iter().map(|piece| piece.text().len()).sum::<usize>() + ROOM_FOR_NOTES);
    for part in pieces.chunk_by(|one, other| one.part == other.part) {
        out.extend(part.iter().map(Piece::text));
        let left_out = part.iter().filter(|piece| piece.is_left_out()).count();
        let shortened = part.iter().filter(|piece| piece.is_shortened()).count();
        let note = match part[0].part {
            Part::Findings if left_out > 0 => format!("{left_out} more findings are left out here."),
            Part::Irreversible if left_out > 0 => format!("{left_out} more steps are left out here."),
            Part::Table if left_out > 0 => format!("{left_out} more rows are left out here."),
            Part::Graph if left_out > 0 => "What waits for what is too much to be drawn here.".to_owned(),
            Part::Details if shortened > 0 => {
                format!("Of {} groups of steps {shortened} are shortened or left out here.", part.len())
            }
            _ => continue,
        };
        put(&mut out, format_args!("\n{note} `cni-plan show` and the change set tell all.\n"));
    }
    out
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a String takes every write");
}

struct Pages {
    pieces: Vec<Piece>,
    with_shorter: bool,
}

impl Pages {
    /// A piece of these forms, of which only the first is made where no other is asked for.
    fn piece(&mut self, part: Part, forms: &[(Stage, &dyn Fn() -> String)]) {
        let wanted = if self.with_shorter { forms.len() } else { 1 };
        let forms = forms[..wanted].iter().map(|(stage, form)| (*stage, form())).collect();
        self.pieces.push(Piece::new(part, forms));
    }

    fn opening(&mut self, change_set: &ChangeSet, digest: &str) {
        let header = &change_set.header;
        let of = |told: &dyn Fn(&str) -> String| {
            let mut out = String::new();
            put(&mut out, format_args!("# Plan for {}\n\n", told(&header.spec)));
            summary(&mut out, change_set);
            put(
                &mut out,
                format_args!(
                    "Change set {}, made by cni-plan {} from {} (that spec's digest: {}).\n",
                    told(digest),
                    told(&header.tool_version),
                    told(&header.spec),
                    told(&header.spec_digest)
                ),
            );
            out
        };
        self.piece(Part::Opening, &[(Stage::Lengths, &|| of(&code)), (Stage::Never, &|| of(&clipped))]);
    }

    fn findings(&mut self, change_set: &ChangeSet) {
        let findings = &change_set.findings;
        if findings.is_empty() {
            return;
        }
        self.pieces.push(Piece::fixed(Part::Findings, "\n## Findings\n\n".to_owned()));
        for finding in findings {
            let whole = || finding_item(finding, &code);
            let short = || finding_item(finding, &clipped);
            self.piece(Part::Findings, &[(Stage::Lengths, &whole), (Stage::Items, &short)]);
        }
        if let Some(how) = findings::how_to_accept(change_set) {
            self.pieces.push(Piece::fixed(Part::Findings, format!("\n{how}\n")));
        }
    }

    fn irreversible(&mut self, changes: &[Change]) {
        let mut steps = changes.iter().filter_map(|change| Some((change, describe::irreversible(change)?))).peekable();
        if steps.peek().is_none() {
            return;
        }
        self.pieces.push(Piece::fixed(Part::Irreversible, "\n## Cannot be undone\n\n".to_owned()));
        for (change, why) in steps {
            let item = |told: &dyn Fn(&str) -> String| format!("- {}: {}\n", told(change.address.as_str()), told(why));
            let (whole, short) = (|| item(&code), || item(&clipped));
            self.piece(Part::Irreversible, &[(Stage::Lengths, &whole), (Stage::Items, &short)]);
        }
    }

    fn safety(&mut self, change_set: &ChangeSet) {
        let whole = || safety::markdown(change_set);
        let short = || safety::markdown_in_short(change_set);
        self.piece(Part::Safety, &[(Stage::Lengths, &whole), (Stage::Never, &short)]);
    }

    /// What waits for what, folded: it is for those who ask.
    fn graph(&mut self, change_set: &ChangeSet) {
        let folded = |graph: &str| {
            let mut out = String::from("\n<details>\n<summary>What waits for what</summary>\n\n");
            fence(&mut out, "mermaid", graph);
            out.push_str("\n</details>\n");
            out
        };
        let mut forms: Vec<(Stage, String)> = Vec::new();
        if let Some(graph) = mermaid::of_steps(change_set) {
            forms.push((Stage::GraphOfSteps, folded(&graph)));
        }
        if let Some(graph) = mermaid::of_kinds(change_set).filter(|_| self.with_shorter || forms.is_empty()) {
            forms.push((Stage::Graph, folded(&graph)));
        }
        if !forms.is_empty() {
            self.pieces.push(Piece::new(Part::Graph, forms));
        }
    }

    fn table(&mut self, groups: &[Group<'_>], planned: &HashMap<&str, &PlannedCluster>) {
        let head = "\n## Clusters\n\n\
             | Cluster | Region | Account | Family | Kubernetes | Add | Change | Destroy | Run |\n\
             | --- | --- | --- | --- | --- | --: | --: | --: | --: |\n";
        self.pieces.push(Piece::fixed(Part::Table, head.to_owned()));
        for group in groups {
            // What clusters share is where policies go: it stays as long as it can.
            let stage = if group.is_shared() { Stage::Items } else { Stage::Rows };
            self.piece(Part::Table, &[(stage, &|| row(group, planned))]);
        }
    }

    fn details(&mut self, group: &Group<'_>, planned: &HashMap<&str, &PlannedCluster>) {
        let whole = || details(group, planned, true);
        let short = || details(group, planned, false);
        let stages =
            if group.is_shared() { [Stage::Headlines, Stage::Rows] } else { [Stage::Details, Stage::Headlines] };
        self.piece(Part::Details, &[(stages[0], &whole), (stages[1], &short)]);
    }
}

fn summary(out: &mut String, change_set: &ChangeSet) {
    if let Some(nothing) = totals::nothing(change_set) {
        return put(out, format_args!("**{nothing}**\n\n"));
    }
    put(out, format_args!("**{}**", totals::plan(change_set.counts())));
    if let Some(undoing) = totals::undoing(change_set) {
        put(out, format_args!(" {undoing}"));
    }
    let runs: Vec<&Change> = change_set.changes.iter().filter(|change| change.action == Action::Run).collect();
    if !runs.is_empty() {
        put(out, format_args!(" Actions to run: {}.", words::and(&totals::counted(&runs))));
    }
    let verdict = if totals::is_refused(change_set) {
        "It is refused as it stands: see the findings."
    } else if !change_set.safety.is_safe() {
        "It is refused as it stands: it is unsafe."
    } else {
        "`cni-plan apply` reads everything that this plan rests on once more, and does nothing if any of it differs."
    };
    let clusters = words::count(change_set.header.clusters.len(), "cluster");
    put(out, format_args!(" It concerns {clusters}. {verdict}\n\n"));
}

fn finding_item(finding: &Finding, told: &dyn Fn(&str) -> String) -> String {
    let (what, text) = match finding.acceptance() {
        Some(reason) => ("Accepted", reason),
        None => ("Cure", finding.cure.as_str()),
    };
    format!(
        "- **{}** {} at {}\\\n  {}\\\n  {what}: {}\n",
        findings::word(finding),
        told(&finding.code),
        told(finding.address.as_str()),
        told(&finding.message),
        told(text)
    )
}

fn row(group: &Group<'_>, planned: &HashMap<&str, &PlannedCluster>) -> String {
    let Counts { add, change, destroy, run } = group.counts;
    let name = html_code(group.name());
    match planned_of(group, planned).map(|planned| &planned.facts) {
        Some(facts) => format!(
            "| {name} | {} | {} | {} | {} | {add} | {change} | {destroy} | {run} |\n",
            html_code(&facts.region),
            html_code(&facts.account),
            facts.ip_family,
            html_code(&facts.version),
        ),
        None => {
            let sharers = group.sharers();
            let sharers = if sharers.is_empty() { sharers } else { html_code(&sharers) };
            format!("| {sharers} |  | {name} |  |  | {add} | {change} | {destroy} | {run} |\n")
        }
    }
}

/// A group's steps, folded; `in_full` with what each does and with those that are left alone.
fn details(group: &Group<'_>, planned: &HashMap<&str, &PlannedCluster>, in_full: bool) -> String {
    let mut out = String::new();
    let known = planned_of(group, planned);
    let told = known.map_or_else(|| group.sharers(), group::facts);
    let told = if told.is_empty() { told } else { format!(" ({})", html_code(&told)) };
    put(
        &mut out,
        format_args!(
            "\n<details>\n<summary>{}{told}: {}</summary>\n\n",
            html_code(group.name()),
            in_short(group.counts)
        ),
    );
    let roles = known.map(|planned| group::node_roles(&planned.facts)).unwrap_or_default();
    if !roles.is_empty() && in_full {
        put(&mut out, format_args!("Node roles: {}\n\n", code(&roles)));
    }
    steps(&mut out, &group.changes, in_full);
    if in_full {
        left_alone(&mut out, &group.changes);
    }
    out.push_str("\n</details>\n");
    out
}

fn steps(out: &mut String, changes: &[&Change], in_full: bool) {
    let mut body = String::new();
    let mut lines = Lines::default();
    for change in changes.iter().filter(|change| change.is_effective()) {
        if !body.is_empty() && in_full {
            body.push('\n');
        }
        let headline = headline(change);
        let why = if change.action == Action::Delete { format!("  ({})", change.why) } else { String::new() };
        diff_line(&mut body, headline.mark, "", &format!("{headline}{why}"));
        if in_full {
            lines.clear();
            describe::body(&mut lines, change, WIDTH);
            for line in lines.iter() {
                diff_line(&mut body, line.mark, "  ", line.text);
            }
        }
    }
    if !body.is_empty() {
        fence(out, "diff", &body);
    }
}

fn left_alone(out: &mut String, changes: &[&Change]) {
    let mut alone = changes.iter().filter(|change| !change.is_effective()).peekable();
    if alone.peek().is_none() {
        return;
    }
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
    out.push_str("Left alone:\n\n");
    for change in alone {
        let headline = headline(change);
        put(
            out,
            format_args!("- {} {}: {}\n", headline.noun, code(&headline.name), code(&describe::why_nothing(change))),
        );
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
