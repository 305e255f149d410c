//! The runs of a folder, on a terminal: a line a run.

use cni_plan_core::{RunList, RunStanding, RunSummary, StepsDone};

use crate::page::Page;
use crate::style::{Style, Tone};
use crate::table::{self, Cell};

const HEADINGS: [&str; 5] = ["run", "state", "steps done", "spec", "begun"];

/// A table with headings; nothing where there are no runs.
pub fn runs_text(list: &RunList, style: &Style) -> String {
    let mut page = Page::new(style);
    if !list.runs.is_empty() {
        table::write(&mut page, HEADINGS, &list.runs.iter().map(row).collect::<Vec<_>>());
    }
    page.finish()
}

fn row(run: &RunSummary) -> [Cell; 5] {
    let (word, tone) = state(run.state);
    let plain = |text: String| (Tone::Plain, text);
    let steps = run.steps.map_or_else(|| "-".to_owned(), |StepsDone { done, of }| format!("{done} of {of}"));
    let begun = match (&run.unusable, run.sessions.first()) {
        (Some(why), _) => why.clone(),
        (None, Some(session)) => format!("{} by {}", session.at, session.who),
        (None, None) => String::new(),
    };
    [
        (Tone::Strong, run.name.clone()),
        (tone, word.to_owned()),
        plain(steps),
        plain(run.spec.clone().unwrap_or_else(|| "-".to_owned())),
        plain(begun),
    ]
}

fn state(state: RunStanding) -> (&'static str, Tone) {
    match state {
        RunStanding::InProgress => ("in progress", Tone::Run),
        RunStanding::Unfinished => ("unfinished: can be resumed", Tone::Warn),
        RunStanding::GoingBack => ("unfinished: was going back", Tone::Warn),
        RunStanding::Applied => ("applied", Tone::Add),
        RunStanding::RolledBack => ("rolled back", Tone::Plain),
        RunStanding::Residue => ("rolled back, with residue", Tone::Remove),
        RunStanding::Unusable => ("cannot be used", Tone::Remove),
    }
}
