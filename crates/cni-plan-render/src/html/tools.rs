//! What narrows the page down, hidden until the script that makes it work has run.

use std::collections::BTreeSet;

use super::index::Index;
use super::markup::Html;

/// By cluster, where there are several; by kind; and by whether anything is done.
pub(super) fn write(page: &mut Html, index: &Index<'_>) {
    let changes = &index.change_set.changes;
    page.raw("<div id=\"tools\" role=\"search\" aria-label=\"Steps to show\" hidden>\n");
    if index.change_set.header.clusters.len() > 1 {
        page.raw("<label class=\"which\">Cluster <input id=\"which\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"");
        page.raw(" placeholder=\"any part of its name\"></label>\n");
    }
    page.raw("<fieldset><legend>Kinds</legend>");
    for kind in changes.iter().map(|change| change.address.kind()).collect::<BTreeSet<_>>() {
        page.raw("<label><input type=\"checkbox\" name=\"kind\" value=\"").raw(kind.as_str()).raw("\" checked>");
        page.raw(kind.as_str()).raw("</label>");
    }
    page.raw("</fieldset>\n");
    let effective = index.change_set.counts().steps();
    if (1..changes.len()).contains(&effective) {
        page.raw("<label><input type=\"checkbox\" id=\"done\">Only what is done</label>\n");
    }
    page.raw("<span class=\"folds\"><button type=\"button\" id=\"unfold\">Unfold all</button>");
    page.raw("<button type=\"button\" id=\"fold\">Fold all</button></span>\n");
    page.raw("<output id=\"shown\"></output>\n</div>\n");
}
