//! One step: a line that unfolds to what is there before and what is there after.

use cni_plan_core::{Action, Change};

use super::index::Index;
use super::markup::Html;
use crate::describe;
use crate::headline::headline;
use crate::lines::{Line, Lines, Mark};
use crate::style::Tone;

/// Columns up to which a pair stands on one line, as in Markdown.
const WIDTH: usize = 100;

/// Neighbours that are named one by one; more are counted.
const NAMED_AT_MOST: usize = 6;

/// A list item; the fold's content has the id that everything else links to, so that a browser opens
/// the fold on the way there.
pub(super) fn write(page: &mut Html, index: &Index<'_>, number: usize, is_open: bool) {
    let change = index.change(number);
    let headline = headline(change);
    page.raw("<li data-kind=\"").raw(change.address.kind().as_str()).raw("\"");
    if !change.is_effective() {
        page.raw(" class=\"still\"");
    }
    page.raw(if is_open { "><details open><summary>" } else { "><details><summary>" });
    action(page, change.action);
    page.raw(" <b>").raw(headline.noun).raw("</b> <code>").text(&headline.name).raw("</code>");
    if describe::irreversible(change).is_some() {
        page.raw(" <span class=\"warn\">cannot be undone</span>");
    }
    page.raw("</summary><div id=\"s").number(number).raw("\">");
    body(page, change);
    neighbours(page, index, number);
    page.raw("</div></details></li>\n");
}

/// The action as a word, which style gives its mark and its colour.
pub(super) fn action(page: &mut Html, action: Action) {
    page.raw("<span class=\"act ").raw(class(action)).raw("\">").raw(word(action)).raw("</span>");
}

/// The style's name of an action.
pub(super) fn class(action: Action) -> &'static str {
    match action {
        Action::Create => "add",
        Action::Update => "alter",
        Action::Delete => "remove",
        Action::Run => "run",
        Action::None => "same",
    }
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Run => "run",
        Action::None => "leave",
    }
}

fn body(page: &mut Html, change: &Change) {
    let mut lines = Lines::default();
    match change.action {
        Action::Create => page.raw("<p>Before: not there. After:</p>"),
        Action::Update => page.raw("<p>Before <del>-</del> and after <ins>+</ins>:</p>"),
        Action::Delete => page.raw("<p>After: gone (").text(&change.why).raw("). Before:</p>"),
        Action::Run => page, // its description says what there is and what is wanted
        Action::None => page.raw("<p>Nothing is done: ").text(&describe::why_nothing(change)).raw(".</p>"),
    };
    describe::body(&mut lines, change, WIDTH);
    if let (Action::None, Some(before)) = (change.action, &change.before) {
        describe::whole(&mut lines, before, Mark::Same);
    }
    block(page, &lines);
}

/// Marked lines, runs of the same sort in one element. They keep the marks: colour is not needed to read them.
fn block(page: &mut Html, lines: &Lines) {
    let mut lines = lines.iter().peekable();
    if lines.peek().is_none() {
        return;
    }
    page.raw("<pre>");
    while let Some(first) = lines.next() {
        let (open, close) = element(first);
        page.raw(open).raw(first.mark.lead()).text(first.text).raw("\n");
        while let Some(line) = lines.next_if(|line| element(*line) == (open, close)) {
            page.raw(line.mark.lead()).text(line.text).raw("\n");
        }
        page.raw(close);
    }
    page.raw("</pre>");
}

fn element(line: Line<'_>) -> (&'static str, &'static str) {
    match (line.mark, line.tone) {
        (_, Tone::Warn) => ("<em class=\"warn\">", "</em>"),
        (_, Tone::Quiet) => ("<em>", "</em>"),
        (Mark::Add, _) => ("<ins>", "</ins>"),
        (Mark::Remove, _) => ("<del>", "</del>"),
        (Mark::Alter, _) => ("<b>", "</b>"),
        (Mark::Same | Mark::Run, _) => ("", ""),
    }
}

/// What it waits for and what waits for it, as links.
fn neighbours(page: &mut Html, index: &Index<'_>, number: usize) {
    let before = index.waits_for(number);
    let after = index.dependents(number);
    if before.is_empty() && after.is_empty() {
        return;
    }
    page.raw("<p class=\"near\">");
    if !before.is_empty() {
        page.raw("After ");
        named(page, index, number, before);
    }
    if !after.is_empty() {
        page.raw(if before.is_empty() { "Before " } else { "; before " });
        named(page, index, number, after);
    }
    page.raw("</p>");
}

fn named(page: &mut Html, index: &Index<'_>, number: usize, neighbours: &[usize]) {
    for (at, &neighbour) in neighbours.iter().take(NAMED_AT_MOST).enumerate() {
        if at > 0 {
            page.raw(", ");
        }
        page.raw("<a href=\"#s").number(neighbour).raw("\">").raw(headline(index.change(neighbour)).noun);
        let group = index.group_of(neighbour);
        if group != index.group_of(number) {
            page.raw(" of ").text(index.groups[group].name());
        }
        page.raw("</a>");
    }
    let more = neighbours.len().saturating_sub(NAMED_AT_MOST);
    if more > 0 {
        page.raw(" and ").number(more).raw(" more");
    }
}
