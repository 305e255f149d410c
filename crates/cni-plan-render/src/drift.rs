//! A world that is not the one a plan was made for, resource by resource.

use cni_plan_core::Drift;

use crate::describe::{self, Cause, Mark};
use crate::page::Page;
use crate::plan_text::body_line;
use crate::style::{Style, Tone};

/// Each drifted resource as a difference from what was planned on to what was found; empty of none.
pub fn drift_text(drifts: &[Drift], style: &Style) -> String {
    let mut page = Page::new(style);
    for drift in drifts {
        let (mark, what, lines) = match (&drift.planned, &drift.found) {
            (None, Some(found)) => (Mark::Add, "  (was not there, and is now)", describe::whole(found, Mark::Add)),
            (Some(planned), None) => {
                (Mark::Remove, "  (was there, and is gone)", describe::whole(planned, Mark::Remove))
            }
            (Some(planned), Some(found)) => {
                let lines = describe::difference(planned, found, Cause::World, style.width.saturating_sub(6));
                (Mark::Alter, "  (planned -> found)", lines)
            }
            (None, None) => continue,
        };
        page.blank();
        let symbol = format!("{} ", mark.symbol());
        page.line(0, &[(mark.tone(), &symbol), (Tone::Strong, drift.address.as_str()), (Tone::Quiet, what)]);
        for line in lines {
            body_line(&mut page, 2, &line);
        }
    }
    page.finish()
}
