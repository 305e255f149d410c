//! Shows a command at work on standard error: on a terminal a few rows that are drawn over in place, with what
//! is over above them; elsewhere plain lines, and few of them.

use std::io::{IsTerminal, Write, stderr, stdout};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::time::{Duration, Instant};

use cni_plan_core::{Event, Progress};
use cni_plan_render::{Board, Frame, Size, Style, Told, event_line};

use crate::cli::Verbosity;

/// Between two looks at what there is to show.
const TICK: Duration = Duration::from_millis(200);
/// Without a terminal: when nothing was told for so long, it is told where the command is.
const SILENCE: Duration = Duration::from_secs(30);
/// How much is told then.
const LONG_LINES: Size = Size { columns: 200, rows: 8 };
/// Of more clusters, steps that went well are not told one by one.
const FEW_CLUSTERS: usize = 20;

/// Shows what it hears.
pub(crate) struct Display {
    style: Style,
    verbosity: Verbosity,
    is_live: bool,
    begun: Instant,
    shown: Mutex<Shown>,
    ticking: Once,
}

struct Shown {
    board: Board,
    frame: Frame,
    /// When something was last told that is still to be seen.
    told: Duration,
    /// When the frame was last drawn.
    drawn: Duration,
}

/// Whether the terminal says that it can neither move back nor colour.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

impl Display {
    /// In `style`, which is standard error's; live where that is a terminal that can redraw, unless events are
    /// written to the same one.
    pub(crate) fn new(style: Style, verbosity: Verbosity, is_stdout_for_events: bool) -> Arc<Display> {
        let is_shared = is_stdout_for_events && stdout().is_terminal();
        Arc::new(Display {
            style,
            verbosity,
            is_live: stderr().is_terminal() && !is_dumb() && !is_shared && verbosity != Verbosity::Quiet,
            begun: Instant::now(),
            shown: Mutex::new(Shown {
                board: Board::default(),
                frame: Frame::default(),
                told: Duration::ZERO,
                drawn: Duration::ZERO,
            }),
            ticking: Once::new(),
        })
    }

    /// Shows what was told, as far as it is for standard error and has no text of its own.
    pub(crate) fn hear(self: &Arc<Display>, told: &Told<'_>) {
        let now = self.begun.elapsed();
        let mut shown = self.shown();
        shown.board.hear(told, now);
        let line = match told {
            Told::Happened(event) if self.is_told(event, &shown) => event_line(event, &self.style),
            _ => None,
        };
        let line = line.map_or_else(String::new, |line| line + "\n");
        if self.is_live {
            // Of a fleet there are thousands of events a second, and a step may be over before it is seen.
            let is_time = shown.board.is_idle() || now.saturating_sub(shown.drawn) >= TICK;
            if is_time || !line.is_empty() {
                self.draw(&mut shown, &line);
            }
        } else if !line.is_empty() {
            shown.told = now;
            write_to(stderr(), &line);
        }
        drop(shown);
        if self.verbosity != Verbosity::Quiet {
            self.ticking.call_once(|| keep_ticking(Arc::downgrade(self)));
        }
    }

    /// Text for people that is inert by now, to standard error.
    pub(crate) fn text(&self, text: &str) {
        let mut shown = self.shown();
        shown.told = self.begun.elapsed();
        // What does not end its line is a question: then nothing is under way.
        if self.is_live && text.ends_with('\n') {
            self.draw(&mut shown, text);
        } else {
            write_to(stderr(), text);
        }
    }

    /// Data that is inert by now, to standard output.
    pub(crate) fn data(&self, text: &str) {
        let mut shown = self.shown();
        if !shown.frame.is_empty() {
            write_to(stderr(), &shown.frame.draw("", Vec::new(), terminal().columns));
        }
        write_to(stdout(), text);
    }

    /// Whether an event is a line for people.
    fn is_told(&self, event: &Event, shown: &Shown) -> bool {
        match (self.verbosity, event) {
            (_, Event::NotRecorded { .. }) => true,
            (Verbosity::Quiet, _) => false,
            (Verbosity::Verbose, _) => true,
            (_, Event::Progressed { progress: Progress::Noted(_), .. }) => true,
            (_, Event::Started { .. } | Event::Progressed { .. } | Event::Settling { .. }) => false,
            (_, Event::Finished { .. }) => shown.board.clusters() <= FEW_CLUSTERS,
            _ => true,
        }
    }

    /// Called again and again: time alone changes what there is to show.
    fn tick(&self) {
        let mut shown = self.shown();
        let now = self.begun.elapsed();
        if self.is_live {
            self.draw(&mut shown, "");
        } else if now.saturating_sub(shown.told) >= SILENCE {
            let rows = shown.board.rows(now, LONG_LINES, &self.style);
            shown.told = now;
            write_to(stderr(), &rows.into_iter().map(|row| row + "\n").collect::<String>());
        }
    }

    fn draw(&self, shown: &mut Shown, above: &str) {
        let size = terminal();
        shown.drawn = self.begun.elapsed();
        let rows = shown.board.rows(shown.drawn, size, &self.style);
        write_to(stderr(), &shown.frame.draw(above, rows, size.columns));
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ticks in a thread of its own until nobody shows anything any more.
fn keep_ticking(display: Weak<Display>) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(TICK);
            let Some(display) = display.upgrade() else { return };
            display.tick();
        }
    });
}

/// The size of the terminal that standard error is.
fn terminal() -> Size {
    let size = terminal_size::terminal_size_of(stderr());
    size.map_or(Size { columns: 80, rows: 24 }, |(width, height)| Size {
        columns: usize::from(width.0),
        rows: usize::from(height.0),
    })
}

/// All in one write. A reader that went away (`| head`), like a terminal that is gone, is no error of ours.
fn write_to(mut stream: impl Write, text: &str) {
    if !text.is_empty() {
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
    }
}
