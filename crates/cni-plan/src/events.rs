//! The stream of events: what is told, as lines of JSON on standard output, in a file, or both.

use std::fs::File;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cni_plan_render::Told;
use jiff::Timestamp;

use crate::cli::EventArgs;
use crate::error::CommandError;

/// Where events are written.
#[derive(Default)]
pub(crate) struct Events {
    /// Whether to standard output.
    is_on_stdout: bool,
    /// Lines of several threads are written one after the other, all of one thing told together.
    file: Mutex<Option<IntoFile>>,
}

struct IntoFile {
    path: PathBuf,
    file: File,
}

impl Events {
    /// As the command line has it. What a file held is gone.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn open(args: &EventArgs) -> Result<Events, CommandError> {
        let open = |path: &PathBuf| match File::create(path) {
            Ok(file) => Ok(IntoFile { path: path.clone(), file }),
            Err(source) => Err(CommandError::plain(
                format!("cannot write events to {}", path.display()),
                source.to_string(),
                "name a file in a folder that is there and writable: --json-into FILE",
            )),
        };
        let file = args.json_into.as_ref().map(open).transpose()?;
        Ok(Events { is_on_stdout: args.json, file: Mutex::new(file) })
    }

    /// Whether standard output is theirs alone.
    pub(crate) fn are_on_stdout(&self) -> bool {
        self.is_on_stdout
    }

    /// Writes what is told, with the time; each line is there for readers at once. A file that cannot be written
    /// is given up: what is under way matters more. That is returned, to be told once.
    pub(crate) fn write(&self, told: &Told<'_>) -> Option<String> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_on_stdout && file.is_none() {
            return None;
        }
        let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let text: String = told.json_lines(&time).into_iter().map(|line| line + "\n").collect();
        if self.is_on_stdout {
            // A reader that went away is no error of ours.
            let _ = stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush());
        }
        let error = file.as_mut()?.file.write_all(text.as_bytes()).err()?;
        let into = file.take()?;
        Some(format!("events are not written to {} any more: {error}", into.path.display()))
    }
}
