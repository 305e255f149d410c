//! The one printer. Standard output is data, standard error is progress and errors.
//!
//! What a command that plans or runs something tells goes through [`Printer::tell`]: the lines of JSON, the
//! display and the text are made of the same values. With `--json` standard output is theirs alone, and text
//! that would be printed there is left out.

use std::io::{IsTerminal, stderr, stdout};
use std::sync::Arc;

use clap::ColorChoice;
use cni_plan_render::{
    Style, Told, ToldError, drift_text, duration_text, facts_drift_text, findings_text, inert, inert_lines,
    outside_drift_text, plan_text, roles_drift_text, rollback_text, totals_text,
};

use crate::cli::Verbosity;
use crate::display::Display;
use crate::error::CommandError;
use crate::events::Events;

/// Prints, in the style each stream can show. Clones print to the same streams.
#[derive(Clone)]
pub(crate) struct Printer {
    /// Of standard output.
    pub(crate) out: Style,
    /// Of standard error.
    pub(crate) err: Style,
    verbosity: Verbosity,
    events: Arc<Events>,
    display: Arc<Display>,
}

/// Columns where nothing says how wide the output is.
const DEFAULT_WIDTH: usize = 100;

impl Printer {
    pub(crate) fn new(choice: ColorChoice, verbosity: Verbosity, events: Events) -> Printer {
        let wanted = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let width = terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        let err = Style { color: wanted(stderr().is_terminal()), width };
        Printer {
            out: Style { color: wanted(stdout().is_terminal()), width },
            err,
            verbosity,
            display: Display::new(err, verbosity, events.are_on_stdout()),
            events: Arc::new(events),
        }
    }

    /// Whether nobody is to see on standard output what is meant for people.
    pub(crate) fn is_for_machines(&self) -> bool {
        self.events.are_on_stdout()
    }

    /// Tells one thing to whoever listens: as an event, on the display, as text.
    pub(crate) fn tell(&self, told: &Told<'_>) {
        self.write_event(told);
        self.display.hear(told);
        match *told {
            Told::Planned(change_set) => self.data(&plan_text(change_set, &self.out)),
            Told::Saved { files } => self.note(&inert(&format!("saved {}", files.join(" and ")))),
            Told::Taken { file, change_set } if self.verbosity != Verbosity::Quiet => {
                self.text(&format!("{}:\n{}", inert(file), totals_text(change_set, &self.err)));
            }
            Told::Checking { file, .. } => self.data(&format!("{}\n", inert(file))),
            Told::Checked { holds: true, what, .. } => self.data(&format!("  {}\n", inert(what))),
            Told::Run { name, .. } if self.verbosity == Verbosity::Verbose => self.note(&format!("run {name}")),
            Told::LockAwaited { cluster, record, limit } => {
                let (holder, since, limit) = (&record.holder, &record.since, duration_text(limit));
                let text =
                    format!("waiting up to {limit} for the lock of cluster {cluster}: {holder} has it since {since}");
                self.note(&inert(&text));
            }
            Told::Stopping { at_once: false } => self
                .text("stopping: steps under way are finished, and nothing more is begun; once more to stop at once\n"),
            Told::Stopping { at_once: true } => self
                .text("stopped at once; what was under way is found out by `cni-plan resume` or `cni-plan rollback`\n"),
            Told::Warning(what) => self.text(&format!("warning: {}\n", inert(what))),
            Told::Drift(drifts) => self.data(&drift_text(drifts, &self.out)),
            Told::FactsDrift(drifts) => self.data(&facts_drift_text(drifts, &self.out)),
            Told::OutsideDrift(planned, found) => self.data(&outside_drift_text(planned, found, &self.out)),
            Told::RolesDrift(drifts) => self.data(&roles_drift_text(drifts, &self.out)),
            Told::RolledBack(report) => {
                self.data(&rollback_text(&report.restored, &report.residue, &self.out));
            }
            Told::Error(error) => self.error_text(error),
            Told::Summary(what) => self.data(&format!("{what}\n")),
            Told::Command { .. }
            | Told::Reading { .. }
            | Told::Taken { .. }
            | Told::Checked { .. }
            | Told::Run { .. }
            | Told::LocksTaken { .. }
            | Told::AppliedAlready { .. }
            | Told::Happened(_)
            | Told::Outcome { .. } => {}
        }
    }

    /// Data, to standard output; with `--json` it is left out, since events have it.
    pub(crate) fn data(&self, text: &str) {
        if !self.is_for_machines() {
            self.display.data(&inert_lines(text, self.out.color));
        }
    }

    /// A script, page or schema that the program carries with it, to standard output byte for byte: nothing from
    /// outside is in it, and a tab has to stay one.
    pub(crate) fn carried(&self, text: &[u8]) {
        self.display.data(&String::from_utf8_lossy(text));
    }

    /// A line for people, to standard error; `--quiet` leaves it out.
    pub(crate) fn note(&self, text: &str) {
        if self.verbosity != Verbosity::Quiet {
            self.text(&format!("{text}\n"));
        }
    }

    /// Text for people that ends its own lines, to standard error.
    pub(crate) fn text(&self, text: &str) {
        self.display.text(&inert_lines(text, self.err.color));
    }

    /// An error: what, why and what to do.
    pub(crate) fn error(&self, error: &CommandError) {
        let lines = error.lines();
        let told: Vec<ToldError<'_>> =
            lines.iter().map(|it| ToldError { what: &it.what, why: &it.why, hint: &it.hint }).collect();
        match error {
            // These have texts of their own.
            CommandError::Spec(diagnostics) => {
                told.iter().for_each(|error| self.write_event(&Told::Error(*error)));
                self.text(&diagnostics.render(self.err.color));
            }
            CommandError::Refused(findings) => {
                told.iter().for_each(|error| self.write_event(&Told::Error(*error)));
                self.text(&findings_text(findings, &self.err));
                self.refused("nothing was changed or saved");
            }
            _ => told.into_iter().for_each(|error| self.tell(&Told::Error(error))),
        }
    }

    /// The plan is refused by its findings, which have been told.
    pub(crate) fn refused(&self, and: &str) {
        let what = format!("the plan is refused; {and}");
        self.write_event(&Told::Error(ToldError { what: &what, why: "", hint: "" }));
        self.text(&format!("error: {what}\n"));
    }

    fn error_text(&self, ToldError { what, why, hint }: ToldError<'_>) {
        let (red, bold, reset) = if self.err.color { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        let what = format!("{red}error{reset}{bold}: {}{reset}", inert(what));
        self.text(&format!("{what}\n   why: {}\n  hint: {}\n", inert(why), inert(hint)));
    }

    fn write_event(&self, told: &Told<'_>) {
        if let Some(why) = self.events.write(told) {
            self.text(&format!("warning: {}\n", inert(&why)));
        }
    }
}
