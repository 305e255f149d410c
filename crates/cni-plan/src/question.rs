//! Asking a person.

use std::io::{BufRead, IsTerminal};

use crate::error::CommandError;
use crate::printer::Printer;

/// What is asked, and what is told where nobody can be asked.
pub(crate) struct Question {
    /// The question itself.
    pub(crate) what: &'static str,
    /// What cannot be done without an answer.
    pub(crate) cannot: &'static str,
    /// What to do instead.
    pub(crate) instead: &'static str,
}

/// Asks. Only `yes` is yes.
///
/// # Errors
/// When `no_input` or `--json` forbids to ask, or there is no terminal to ask at.
pub(crate) fn agreed(question: &Question, no_input: bool, printer: &Printer) -> Result<bool, CommandError> {
    let why_not = match () {
        () if no_input => Some("--no-input was given"),
        () if printer.is_for_machines() => Some("--json was given, so nothing is asked"),
        () if !std::io::stdin().is_terminal() => Some("standard input is not a terminal"),
        () => None,
    };
    if let Some(why) = why_not {
        return Err(CommandError::plain(question.cannot, why, question.instead));
    }
    printer.text(&format!("\n{}", question.what));
    let mut answer = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CommandError::plain("cannot read the answer", error.to_string(), "try again"))?;
    Ok(answer.trim() == "yes")
}
