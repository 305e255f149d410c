//! What a rollback left: what is back, what is not, and why not.

use cni_plan_core::Address;

use crate::page::Page;
use crate::style::{Style, Tone};
use crate::words;

/// `restored` is back as it was; each of `residue` is not, for the reason given.
pub fn rollback_text(restored: &[Address], residue: &[(Address, String)], style: &Style) -> String {
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
        for (address, why) in residue {
            page.line(2, &[(Tone::Remove, "! "), (Tone::Strong, address.as_str())]);
            page.prose(4, (Tone::Quiet, "why:  "), Tone::Plain, why);
        }
    }
    if restored.is_empty() && residue.is_empty() {
        page.line(0, &[(Tone::Strong, "Nothing had been changed: everything is as it was before.")]);
    } else if residue.is_empty() {
        page.line(0, &[(Tone::Strong, "Nothing is left behind.")]);
    }
    page.finish()
}
