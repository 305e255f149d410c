//! A plan as one page for a browser: everything in one file, nothing from a network.
//!
//! The page can be read without its script: every step is there in words, folded by `details`. The
//! script adds what needs a hand on the page: a step's before and after where one points at it in the
//! graph, keys to go through the graph, and the filters. A fleet's page stays quick by what it leaves
//! to the browser: each cluster has a picture of its own, folded away, and no text is there twice.

mod clusters;
mod head;
mod index;
mod layout;
mod markup;
mod picture;
mod policy;
mod remarks;
mod step;
mod story;
mod tools;

use cni_plan_core::ChangeSet;

use index::Index;
use markup::Html;

/// How the page looks and what it does; nothing in them depends on what is shown.
const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// What all pictures share, in one that is not folded away: the head of a line, and what a box's name is cut to,
/// however wide its letters are.
const SHARED: &str = "<svg width=\"0\" height=\"0\" aria-hidden=\"true\"><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" \
    refY=\"4\" markerWidth=\"9\" markerHeight=\"9\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
    <path d=\"M0 0L8 4L0 8z\"/></marker><clipPath id=\"box\"><rect width=\"207\" height=\"42\"/></clipPath></svg>\n";

/// About what a step takes, to make room for.
const BYTES_PER_STEP: usize = 900;

/// The whole plan, whatever its size. `digest` is the change set's ([`ChangeSet::digest`]): who has its document knows it.
pub fn plan_html(change_set: &ChangeSet, digest: &str) -> String {
    let index = Index::new(change_set);
    let mut page = Html::with_capacity(STYLE.len() + SCRIPT.len() + change_set.changes.len() * BYTES_PER_STEP);
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    policy::write(&mut page, STYLE, SCRIPT);
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.raw("<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n");
    page.raw("<title>Plan for ").text(&change_set.header.spec).raw("</title>\n");
    page.raw("<style>").raw(STYLE).raw("</style>\n</head>\n<body>\n");
    page.raw("<a class=\"skip\" href=\"#steps\">Skip to the steps</a>\n");
    head::write(&mut page, &index, digest);
    page.raw("<main>\n").raw(SHARED);
    remarks::write(&mut page, &index);
    page.raw("<section id=\"steps\" aria-labelledby=\"steps-title\">\n<h2 id=\"steps-title\">Steps</h2>\n");
    tools::write(&mut page, &index);
    clusters::write(&mut page, &index);
    page.raw("</section>\n<div id=\"peek\" hidden></div>\n</main>\n");
    page.raw("<script>").raw(SCRIPT).raw("</script>\n</body>\n</html>\n");
    page.finish()
}
