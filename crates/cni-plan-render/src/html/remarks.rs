//! What has to be read before the steps: what speaks against the plan, and what cannot be undone.

use cni_plan_core::{Address, Change, Finding, Severity};

use super::index::Index;
use super::markup::Html;
use crate::{describe, findings};

pub(super) fn write(page: &mut Html, index: &Index<'_>) {
    if !index.change_set.findings.is_empty() {
        chapter(page, "findings", "Findings");
        index.change_set.findings.iter().for_each(|finding| write_finding(page, index, finding));
        page.raw("</section>\n");
    }
    if irreversible(index).next().is_some() {
        chapter(page, "irreversible", "Cannot be undone");
        page.raw("<ul>");
        for (change, why) in irreversible(index) {
            page.raw("<li>");
            place(page, index, &change.address);
            page.raw(": ").text(why).raw("</li>");
        }
        page.raw("</ul></section>\n");
    }
}

/// The chapters that there are: id, title, and how many things are in each.
pub(super) fn chapters(index: &Index<'_>) -> impl Iterator<Item = (&'static str, &'static str, usize)> {
    let findings = index.change_set.findings.len();
    let chapters =
        [("findings", "Findings", findings), ("irreversible", "Cannot be undone", irreversible(index).count())];
    chapters.into_iter().filter(|&(.., number)| number > 0)
}

fn chapter(page: &mut Html, id: &'static str, title: &'static str) {
    page.raw("<section id=\"").raw(id).raw("\" aria-labelledby=\"").raw(id).raw("-title\">\n<h2 id=\"").raw(id);
    page.raw("-title\">").raw(title).raw("</h2>\n");
}

fn write_finding(page: &mut Html, index: &Index<'_>, finding: &Finding) {
    let class = match finding.severity {
        Severity::Refuse => "remove",
        Severity::Warn if finding.acceptance().is_some() => "same",
        Severity::Warn => "alter",
        Severity::Note => "run",
    };
    page.raw("<div class=\"finding ").raw(class).raw("\"><h3><span class=\"act ").raw(class).raw("\">");
    page.raw(findings::word(finding)).raw("</span> ");
    place(page, index, &finding.address);
    page.raw(" <small>").text(&finding.code).raw("</small></h3><p>");
    prose(page, &finding.message);
    match finding.acceptance() {
        Some(reason) => prose(page.raw("</p><p><b>Accepted:</b> "), reason),
        None => prose(page.raw("</p><p><b>Cure:</b> "), &finding.cure),
    }
    page.raw("</p></div>\n");
}

/// A sentence in which what is to be typed stands between backticks.
pub(super) fn prose(page: &mut Html, text: &str) {
    let pieces: Vec<&str> = text.split('`').collect();
    if pieces.len().is_multiple_of(2) {
        page.text(text);
        return;
    }
    for (at, piece) in pieces.iter().enumerate() {
        match at % 2 {
            0 => page.text(piece),
            _ => page.raw("<code>").text(piece).raw("</code>"),
        };
    }
}

fn irreversible<'a>(index: &Index<'a>) -> impl Iterator<Item = (&'a Change, &'a str)> {
    let changes = index.change_set.changes.iter();
    changes.filter_map(|change| describe::irreversible(change).map(|why| (change, why)))
}

/// An address, as a link where it is a step's.
pub(super) fn place(page: &mut Html, index: &Index<'_>, address: &Address) {
    match index.number(address) {
        Some(number) => {
            page.raw("<a href=\"#s").number(number).raw("\"><code>").text(address.as_str()).raw("</code></a>");
        }
        None => {
            page.raw("<code>").text(address.as_str()).raw("</code>");
        }
    }
}
