//! What a rollback left: what is back, what is not, why not, and what a person would type.

use cni_plan_core::{Address, Kind};

use crate::page::Page;
use crate::style::{Style, Tone};
use crate::words;

/// Something that is not as it was before, as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldResidue {
    /// Which.
    pub address: Address,
    /// Why it is not.
    pub why: String,
    /// What puts it back by hand: [`by_hand`](crate::by_hand).
    pub by_hand: Vec<String>,
    /// Whether that would do harm now, so that it was left on purpose.
    pub is_kept: bool,
}

/// `restored` is back as it was; each of `residue` is not.
pub fn rollback_text(restored: &[Address], residue: &[ToldResidue], style: &Style) -> String {
    let mut page = Page::new(style);
    if !restored.is_empty() {
        let text = format!("Back as it was before: {}.", words::count(restored.len(), "resource"));
        page.line(0, &[(Tone::Strong, &text)]);
        for address in restored {
            page.line(2, &[(Tone::Add, "= "), (Tone::Plain, address.as_str())]);
        }
    }
    if !residue.is_empty() {
        page.blank();
        let text = format!("Not as it was before: {}.", words::count(residue.len(), "resource"));
        page.line(0, &[(Tone::Remove, &text)]);
        for told in residue {
            page.line(2, &[(Tone::Remove, "! "), (Tone::Strong, told.address.as_str())]);
            page.prose(4, (Tone::Quiet, "why:     "), Tone::Plain, &told.why);
            let mut label = "by hand: ";
            // Annotation and restart are what takes pods off the role; the rest waits for them.
            let frees_pods = matches!(told.address.kind(), Kind::Annotate | Kind::Restart);
            if told.is_kept && !frees_pods && !told.by_hand.is_empty() {
                page.line(4, &[(Tone::Remove, "by hand, but not before no pod relies on it any more:")]);
                label = "         ";
            }
            for line in &told.by_hand {
                // Never wrapped: it is there to be pasted.
                page.line(4, &[(Tone::Quiet, label), (Tone::Plain, line)]);
                label = "         ";
            }
        }
    }
    if restored.is_empty() && residue.is_empty() {
        page.line(0, &[(Tone::Strong, "Nothing had been changed: everything is as it was before.")]);
    } else if residue.is_empty() {
        page.line(0, &[(Tone::Strong, "Nothing is left behind.")]);
    }
    page.finish()
}
