//! A process that runs beside a test: its first lines are waited for, and it ends with the test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Sender};
use std::time::{Duration, Instant};

/// No process takes as long to begin: a Python server on a busy machine is the slowest.
const LIMIT: Duration = Duration::from_secs(60);

/// A running process, killed when this is dropped.
#[derive(Debug)]
pub struct Background {
    child: Child,
    said: Vec<String>,
}

impl Background {
    /// Starts it and waits for the first line, on either stream, of which `is_last` is true.
    ///
    /// # Panics
    /// When it cannot be started, ends before that line, or has not said it after a minute.
    #[track_caller]
    pub fn start(command: &mut Command, is_last: impl Fn(&str) -> bool) -> Background {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
        let (sender, lines) = mpsc::channel();
        pass_on(child.stdout.take().expect("standard output is piped"), sender.clone());
        pass_on(child.stderr.take().expect("standard error is piped"), sender);
        let mut background = Background { child, said: Vec::new() };
        let begun = Instant::now();
        loop {
            match lines.recv_timeout(LIMIT.saturating_sub(begun.elapsed())) {
                Ok(line) => background.said.push(line),
                Err(why) => panic!("{command:?} did not begin ({why}); it said:\n{}", background.said.join("\n")),
            }
            if background.said.last().is_some_and(|line| is_last(line)) {
                return background;
            }
        }
    }

    /// The lines up to the one that was waited for.
    pub fn said(&self) -> &[String] {
        &self.said
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end even when nobody listens any more: a full pipe would stop the process.
fn pass_on(stream: impl Read + Send + 'static, to: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = to.send(line);
        }
    });
}
