//! What speaks against a plan: what, where, why, and what to do.

use cni_plan_core::{Finding, Severity};

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

/// `Not to be applied: 2 findings refuse this plan.`, where there are such.
pub(crate) fn refusal(findings: &[Finding]) -> Option<String> {
    let refusing = findings.iter().filter(|finding| finding.severity == Severity::Refuse).count();
    let refuse = if refusing == 1 { "refuses" } else { "refuse" };
    (refusing > 0).then(|| format!("Not to be applied: {} {refuse} this plan.", words::count(refusing, "finding")))
}
