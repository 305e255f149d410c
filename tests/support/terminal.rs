//! The built command in a real pseudo-terminal, and what that terminal shows.

use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::command::LIMIT;

/// Rows: enough that nothing scrolls away.
const ROWS: u16 = 60;
/// What the command sends at the end of each frame (DEC private mode 2026).
const END_OF_FRAME: &[u8] = b"\x1b[?2026l";

/// A command at work in a terminal of its own.
pub struct Terminal {
    child: Child,
    /// The other side of the command's terminal.
    controller: File,
    received: Arc<(Mutex<Received>, Condvar)>,
    reader: JoinHandle<()>,
}

struct Received {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    is_over: bool,
}

/// What a command left on its terminal.
pub struct Left {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What the screen shows: each line as it was written, however many rows it takes.
    pub screen: String,
    /// What the screen showed after each frame.
    pub frames: Vec<String>,
    /// All that was sent.
    pub bytes: String,
}

impl Terminal {
    /// Starts the command with all its streams but the input on a terminal that is `columns` wide.
    ///
    /// # Panics
    /// When there is no terminal to be had, or the command cannot be started.
    pub fn start(mut command: Command, columns: u16) -> Terminal {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let controller = controller.expect("there is a pseudo-terminal");
        grantpt(&controller).expect("the terminal is ours");
        unlockpt(&controller).expect("the terminal is ours");
        tcsetwinsize(&controller, size(columns)).expect("a terminal has a size");
        let name = ptsname(&controller, Vec::new()).expect("a terminal has a name");
        let name = name.to_str().expect("its name is text").to_owned();
        let open = || File::options().read(true).write(true).open(&name).expect("a terminal can be opened");
        if !command.get_envs().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let child =
            command.stdin(Stdio::null()).stdout(open()).stderr(open()).spawn().expect("the command can be started");
        // Once the child is gone, nobody else has the terminal open.
        drop(command);
        let screen = screen(columns);
        let received = Arc::new((Mutex::new(Received { screen, bytes: Vec::new(), is_over: false }), Condvar::new()));
        let controller = File::from(controller);
        let from = controller.try_clone().expect("a terminal can be shared");
        let reader = std::thread::spawn({
            let received = Arc::clone(&received);
            move || read(from, &received)
        });
        Terminal { child, controller, received, reader }
    }

    /// Waits until the screen is as asked; what it shows then.
    ///
    /// # Panics
    /// When it is not so in minutes, or the command ends before.
    #[track_caller]
    pub fn until(&self, mut is_so: impl FnMut(&str) -> bool) -> String {
        let received = self.received();
        let goes_on = |received: &mut Received| !received.is_over && !is_so(&received.screen.screen().contents());
        let (received, _) = self.received.1.wait_timeout_while(received, LIMIT, goes_on).expect("no reader panics");
        let shown = received.screen.screen().contents();
        assert!(is_so(&shown), "the screen never shows it:\n{shown}");
        shown
    }

    /// Gives the terminal another width.
    ///
    /// # Panics
    /// When it takes none.
    pub fn resize(&self, columns: u16) {
        let mut received = self.received();
        let rows = ROWS.try_into().expect("there are rows");
        received.screen.screen_mut().set_size(rows, columns.try_into().expect("there are columns"));
        tcsetwinsize(&self.controller, size(columns)).expect("a terminal has a size");
    }

    /// Waits for the command to end.
    ///
    /// # Panics
    /// When it does not end in minutes.
    pub fn finish(mut self) -> Left {
        let received = self.received();
        let (received, waited) =
            self.received.1.wait_timeout_while(received, LIMIT, |it| !it.is_over).expect("no reader panics");
        assert!(!waited.timed_out(), "it hangs:\n{}", received.screen.screen().contents());
        let (bytes, shown) = (received.bytes.clone(), received.screen.screen().contents());
        let columns = received.screen.screen().size().1;
        drop(received);
        self.reader.join().expect("no reader panics");
        let code = self.child.wait().expect("a child can be waited for").code();
        Left {
            code,
            screen: shown,
            frames: frames(&bytes, columns.get()),
            bytes: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.0.lock().expect("no reader panics")
    }
}

impl Left {
    /// Asserts how it ended; shows the screen where it ended otherwise.
    #[track_caller]
    pub fn expect(self, code: i32) -> Left {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.screen)
    }
}

/// Reads until the other side is closed, which Linux makes an error of (EIO).
fn read(mut from: File, received: &(Mutex<Received>, Condvar)) {
    let mut buffer = [0; 4096];
    loop {
        let count = from.read(&mut buffer).unwrap_or(0);
        let mut received_now = received.0.lock().expect("nobody panics with it");
        received_now.screen.write_all(&buffer[..count]).expect("a parser takes everything");
        received_now.bytes.extend_from_slice(&buffer[..count]);
        received_now.is_over = count == 0;
        received.1.notify_all();
        if count == 0 {
            return;
        }
    }
}

/// The screen after each frame.
fn frames(bytes: &[u8], columns: u16) -> Vec<String> {
    let mut screen = screen(columns);
    let mut frames = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(END_OF_FRAME.len()).position(|window| window == END_OF_FRAME) {
        let (frame, after) = rest.split_at(at + END_OF_FRAME.len());
        screen.process(frame);
        frames.push(screen.screen().contents());
        rest = after;
    }
    frames
}

fn screen(columns: u16) -> vt100::Parser {
    let (rows, columns) = (ROWS.try_into().expect("there are rows"), columns.try_into().expect("there are columns"));
    vt100::Parser::new(rows, columns, 0)
}

fn size(columns: u16) -> Winsize {
    Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
