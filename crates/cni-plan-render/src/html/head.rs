//! The top of the page: whose plan, what is to be thought of it, and what it was made of.

use std::collections::BTreeSet;

use cni_plan_core::SafetyVerdict;

use super::index::Index;
use super::markup::Html;
use super::{remarks, story};
use crate::{findings, safety, totals, words};

/// Accounts and regions that are named; more are counted.
const NAMED_AT_MOST: usize = 4;

pub(super) fn write(page: &mut Html, index: &Index<'_>, digest: &str) {
    let change_set = index.change_set;
    page.raw("<header>\n<h1>Plan for <code>").text(&change_set.header.spec).raw("</code></h1>\n");
    verdict(page, index);
    if totals::nothing(change_set).is_none() {
        page.raw("<p class=\"totals\"><strong>").text(&totals::plan(change_set.counts())).raw("</strong> ");
        page.text(&totals::undoing(change_set).map_or_else(String::new, |undoing| format!("{undoing} ")));
        page.text(&totals::actions(change_set).unwrap_or_default()).raw("</p>\n");
    }
    facts(page, index, digest);
    contents(page, index);
    page.raw("</header>\n");
}

/// What has the last say: what refuses the plan, then whether it is safe, and the story of that.
fn verdict(page: &mut Html, index: &Index<'_>) {
    let change_set = index.change_set;
    let refusal = findings::refusal(&change_set.findings);
    match (&change_set.safety, refusal, totals::nothing(change_set)) {
        (SafetyVerdict::Safe { .. }, Some(refusal), _) => banner(page, "remove", "Refused", &refusal),
        (SafetyVerdict::Safe { .. }, None, Some(nothing)) => banner(page, "same", "Nothing to do", &nothing),
        (SafetyVerdict::Safe { forward_states, back_states, exempt }, None, None) => {
            let sentence = safety::sentence(*forward_states, *back_states, safety::unread(change_set));
            let looked = safety::where_looked(change_set, &str::to_owned);
            let told: Vec<String> = sentence.into_iter().chain(looked).collect();
            banner(page, "add", "Safe", &told.join(" "));
            story::of_safe(page, exempt);
        }
        (SafetyVerdict::Unsafe(danger), refusal, _) => {
            if let Some(refusal) = refusal {
                banner(page, "remove", "Refused", &refusal);
                page.raw("</div>\n");
            }
            banner(page, "remove", "Unsafe", &safety::in_danger(danger));
            story::of_unsafe(page, index, danger);
        }
    }
    page.raw("</div>\n");
}

/// Opens it.
fn banner(page: &mut Html, class: &'static str, word: &'static str, sentence: &str) {
    page.raw("<div class=\"verdict ").raw(class).raw("\"><strong>").raw(word).raw("</strong><p>");
    remarks::prose(page, sentence);
    page.raw("</p>");
}

fn facts(page: &mut Html, index: &Index<'_>, digest: &str) {
    let header = &index.change_set.header;
    let facts = || header.clusters.iter().map(|planned| &planned.facts);
    let accounts = facts().map(|facts| facts.account.as_str()).collect();
    let regions = facts().map(|facts| facts.region.as_str()).collect();
    page.raw("<dl>");
    fact(page, "Clusters", &words::grouped(header.clusters.len() as u64));
    fact(page, "Accounts", &listed(&accounts));
    fact(page, "Regions", &listed(&regions));
    fact(page, "Made by", &format!("cni-plan {}", header.tool_version));
    fact(page, "Spec digest", &header.spec_digest);
    fact(page, "Change set digest", digest);
    page.raw("</dl>\n");
}

fn fact(page: &mut Html, name: &'static str, value: &str) {
    if !value.is_empty() {
        page.raw("<div><dt>").raw(name).raw("</dt><dd>").text(value).raw("</dd></div>");
    }
}

fn listed(names: &BTreeSet<&str>) -> String {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    words::first_of(&names, NAMED_AT_MOST)
}

/// Links to the chapters, if there is one before the steps.
fn contents(page: &mut Html, index: &Index<'_>) {
    if remarks::chapters(index).next().is_none() {
        return;
    }
    page.raw("<nav aria-label=\"On this page\">");
    for (id, title, number) in remarks::chapters(index) {
        page.raw("<a href=\"#").raw(id).raw("\">").raw(title).raw(" <b>").number(number).raw("</b></a>");
    }
    page.raw("<a href=\"#steps\">Steps <b>").number(index.change_set.changes.len()).raw("</b></a></nav>\n");
}
