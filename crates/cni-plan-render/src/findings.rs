//! What speaks against a plan: what, where, why, and what to do.

use std::collections::HashSet;

use cni_plan_core::{ChangeSet, Finding, Severity};

use crate::page::Page;
use crate::style::{Style, Tone};
use crate::words;

/// All findings, in the order given, for a terminal; empty of none.
pub fn findings_text(findings: &[Finding], style: &Style) -> String {
    let mut page = Page::new(style);
    write(&mut page, findings);
    page.finish()
}

pub(crate) fn write(page: &mut Page<'_>, findings: &[Finding]) {
    for finding in findings {
        page.blank();
        let tone = match finding.severity {
            Severity::Refuse => Tone::Remove,
            Severity::Warn if finding.acceptance().is_some() => Tone::Quiet,
            Severity::Warn => Tone::Warn,
            Severity::Note => Tone::Run,
        };
        page.line(
            0,
            &[
                (tone, word(finding)),
                (tone, ": "),
                (Tone::Strong, finding.address.as_str()),
                (Tone::Quiet, "  ["),
                (Tone::Quiet, &finding.code),
                (Tone::Quiet, "]"),
            ],
        );
        page.prose(2, (Tone::Quiet, "why:  "), Tone::Plain, &finding.message);
        match finding.acceptance() {
            Some(reason) => page.prose(2, (Tone::Quiet, "accepted: "), Tone::Plain, reason),
            None => page.prose(2, (Tone::Quiet, "cure: "), Tone::Plain, &finding.cure),
        }
    }
}

/// What a finding is called.
pub(crate) fn word(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Warn if finding.acceptance().is_some() => "Accepted",
        Severity::Refuse => "Refused",
        Severity::Warn => "Warning",
        Severity::Note => "Note",
    }
}

/// How warnings are accepted, where there is one that can be and is not: a spec accepts those of its clusters.
pub(crate) fn how_to_accept(change_set: &ChangeSet) -> Option<&'static str> {
    let keys: HashSet<&str> = change_set.header.clusters.iter().map(|planned| planned.cluster.key.as_str()).collect();
    let is_open = |finding: &Finding| {
        finding.severity == Severity::Warn && finding.acceptance().is_none() && keys.contains(finding.address.scope())
    };
    change_set
        .findings
        .iter()
        .any(is_open)
        .then_some("The spec accepts a warning at its cluster: `accept: [{ code: CODE, reason: WHY }]`.")
}

/// `Not to be applied: 2 findings refuse this plan.`, where there are such.
pub(crate) fn refusal(findings: &[Finding]) -> Option<String> {
    let refusing = findings.iter().filter(|finding| finding.severity == Severity::Refuse).count();
    let refuse = if refusing == 1 { "refuses" } else { "refuse" };
    (refusing > 0).then(|| format!("Not to be applied: {} {refuse} this plan.", words::count(refusing, "finding")))
}
