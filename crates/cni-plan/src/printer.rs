//! The one printer. Standard output is data, standard error is progress and errors.

use std::io::{IsTerminal, Write, stderr, stdout};

use clap::ColorChoice;
use cni_plan_render::{Style, findings_text, inert, inert_lines};

use crate::error::CommandError;

/// Prints, in the style each stream can show.
pub(crate) struct Printer {
    /// Of standard output.
    pub(crate) out: Style,
    /// Of standard error.
    pub(crate) err: Style,
    /// Whether standard error is a terminal that a live display may redraw.
    pub(crate) live: bool,
}

/// Columns where nothing says how wide the output is.
const DEFAULT_WIDTH: usize = 100;

impl Printer {
    pub(crate) fn new(choice: ColorChoice) -> Printer {
        let wanted = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let width = terminal_size::terminal_size().map_or(DEFAULT_WIDTH, |(width, _)| usize::from(width.0));
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Printer {
            out: Style { color: wanted(stdout().is_terminal()), width },
            err: Style { color: wanted(stderr().is_terminal()), width },
            live: stderr().is_terminal() && !dumb,
        }
    }

    /// Data, to standard output.
    pub(crate) fn data(&self, text: &str) {
        // A reader that went away (`| head`) is no error of ours.
        let text = inert_lines(text, self.out.color);
        let _ = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
    }

    /// A line for people, to standard error.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(stderr(), "{}", inert_lines(text, self.err.color));
    }

    /// Text for people that ends its own lines, to standard error.
    pub(crate) fn text(&self, text: &str) {
        let _ = stderr().write_all(inert_lines(text, self.err.color).as_bytes());
    }

    /// An error: what, why and what to do.
    pub(crate) fn error(&self, error: &CommandError) {
        match error {
            CommandError::Spec(diagnostics) => self.text(&diagnostics.render(self.err.color)),
            CommandError::Refused(findings) => {
                self.text(&findings_text(findings, &self.err));
                self.note("error: the plan is refused; nothing was changed or saved");
            }
            _ => {}
        }
        let (red, bold, reset) = if self.err.color { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
        for lines in error.lines() {
            self.note(&format!("{red}error{reset}{bold}: {}{reset}", inert(&lines.what)));
            self.note(&format!("   why: {}", inert(&lines.why)));
            self.note(&format!("  hint: {}", inert(&lines.hint)));
        }
    }
}
