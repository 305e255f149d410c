//! Why a plan is safe, as far as it is; and if it is not, how a pod comes to be without permissions.

use cni_plan_core::{Danger, Exemption};

use super::index::Index;
use super::markup::Html;
use super::remarks::place;
use crate::safety;

/// What a state is, and which there are: see `SafetyVerdict`.
const STATES: &str = "A state says of one thing that pods need whether it is in place, whether the pods have been told \
    their role, restarted and verified, and which identities pods may carry then. Every state was gone through that \
    the steps can lead to in any order they allow, with pods dying and being born at any moment; and from each of \
    them every way back, broken off anywhere.";

/// What was not judged, and what was looked at.
pub(super) fn of_safe(page: &mut Html, exempt: &[Exemption]) {
    if !exempt.is_empty() {
        page.raw("<ul>");
        let told = exempt.iter().take(safety::NAMED_AT_MOST).map(safety::not_judged);
        for told in told.chain(safety::more(exempt)) {
            page.raw("<li><b class=\"alter\">Not judged:</b> ").text(&told).raw("</li>");
        }
        page.raw("</ul>");
    }
    page.raw("<details><summary>What was looked at</summary><p>").raw(STATES).raw("</p></details>");
}

/// The shortest way to it.
pub(super) fn of_unsafe(page: &mut Html, index: &Index<'_>, danger: &Danger) {
    if danger.steps.is_empty() {
        page.raw("<p><b>Because:</b> ");
    } else {
        page.raw("<p>The shortest way there:</p><ol>");
        for step in &danger.steps {
            page.raw("<li>").text(&safety::told(step.direction, &step.does)).raw(" (");
            place(page, index, &step.address);
            page.raw(")</li>");
        }
        page.raw("</ol><p><b>Then:</b> ");
    }
    page.text(&danger.outcome).raw("</p>");
}
