//! The one printer. Standard output is data, standard error is progress and errors.
//!
//! What a command that plans or runs something tells goes through [`Printer::tell`]: the lines of JSON, the
//! display and the text are made of the same values. With `--json` standard output is theirs alone, and text
//! that would be printed there is left out.

use std::borrow::Cow;
use std::io::{IsTerminal, stderr, stdout};
use std::sync::Arc;

use clap::ColorChoice;
use cni_plan_render::{
    Style, Told, ToldError, drift_text, duration_text, facts_drift_text, findings_text, inert, inert_lines,
    outside_drift_text, plan_text, roles_drift_text, rollback_text, totals_text,
};

use crate::cli::{Global, Verbosity};
use crate::display::{Display, is_dumb};
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
    /// What has to be typed again with a command that is told, for it to talk to the same.
    typed: Option<&'static str>,
    events: Arc<Events>,
    display: Arc<Display>,
}

/// Columns where nothing says how wide the output is.
const DEFAULT_WIDTH: usize = 100;

impl Printer {
    pub(crate) fn new(global: &Global, events: Events) -> Printer {
        let (choice, verbosity) = (global.color, global.verbosity());
        let wanted = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let is_refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                terminal && !is_refused && !is_dumb()
            }
        };
        let width = terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        let err = Style { color: wanted(stderr().is_terminal()), width };
        Printer {
            out: Style { color: wanted(stdout().is_terminal()), width },
            err,
            verbosity,
            typed: global.typed_world(),
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
            Told::Saved { files, next } => {
                let next = next.map_or_else(String::new, |command| format!("; `{command}` carries it out"));
                self.note(&inert(&format!("saved {}{next}", files.join(" and "))));
            }
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
            Told::Summary(what) => self.data(&format!("{}\n", self.to_type(what))),
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
        self.display.text(&inert_lines(&self.to_type(text), self.err.color));
    }

    /// Text whose commands talk to what this one talks to: whoever was on the sandbox by a flag stays there by typing
    /// what is told.
    pub(crate) fn to_type<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.typed {
            Some(flag) => with_flag(text, flag).into(),
            None => text.into(),
        }
    }

    /// An error: what, why and what to do.
    pub(crate) fn error(&self, error: &CommandError) {
        let mut lines = error.lines();
        for text in lines.iter_mut().flat_map(|it| [&mut it.why, &mut it.hint]) {
            *text = self.to_type(text).into_owned();
        }
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

/// Subcommands that reach clusters, or a run's.
const REACHING: [&str; 11] =
    ["apply", "check", "export", "graph", "init", "lock", "permissions", "plan", "resume", "rollback", "verify"];

/// Puts the flag into each command of ours that stands in backticks and reaches anything.
fn with_flag(text: &str, flag: &str) -> String {
    const COMMAND: &str = "`cni-plan ";
    let mut parts = text.split(COMMAND);
    let mut flagged = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        flagged.push_str(COMMAND);
        let subcommand = part.split([' ', '`']).next().unwrap_or_default();
        if REACHING.contains(&subcommand) {
            flagged.push_str(flag);
            flagged.push(' ');
        }
        flagged.push_str(part);
    }
    flagged
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_subcommand_reaches_clusters_or_is_known_not_to() {
        const OFFLINE: [&str; 7] = ["completions", "man", "runs", "sandbox", "schema", "show", "validate"];
        let mut all: Vec<&str> = REACHING.iter().chain(&OFFLINE).copied().collect();
        all.sort_unstable();
        let command = Cli::command();
        let mut there: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        there.sort_unstable();
        assert_eq!(there, all);
    }

    #[test]
    fn a_command_to_type_keeps_the_flag_and_a_second_time_changes_nothing() {
        let told = "`cni-plan plan SPEC` shows it; `cni-plan runs` lists them; cni-plan plans; `cni-plan resume`";
        let flagged = "`cni-plan --sandbox plan SPEC` shows it; `cni-plan runs` lists them; cni-plan plans; `cni-plan --sandbox resume`";
        assert_eq!(with_flag(told, "--sandbox"), flagged);
        assert_eq!(with_flag(flagged, "--sandbox"), flagged);
    }
}
