//! How text looks on a terminal: whether it has colour, and how wide it is.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Effects};

/// What the reader's terminal can show; the caller finds out (`NO_COLOR`, terminal or not).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether SGR sequences are written.
    pub color: bool,
    /// Columns. Prose is wrapped to it; names, ARNs and documents are never broken.
    pub width: usize,
}

impl Style {
    /// No colour, 100 columns: what a file or a pipe gets.
    pub const fn plain() -> Style {
        Style { color: false, width: 100 }
    }

    /// Writes `text`, which has to be inert already, in this tone.
    pub(crate) fn put(&self, out: &mut String, tone: Tone, text: &str) {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            out.push_str(text);
            return;
        }
        let style = tone.style();
        write!(out, "{}{text}{}", style.render(), style.render_reset()).expect("a String takes every write");
    }
}

/// What a piece of text is for; its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Most text.
    Plain,
    /// Headings and names.
    Strong,
    /// What need not be read.
    Quiet,
    /// Something is added, or good.
    Add,
    /// Something is changed.
    Alter,
    /// Something goes, or is bad.
    Remove,
    /// Something runs.
    Run,
    /// People should look here.
    Warn,
}

impl Tone {
    fn style(self) -> anstyle::Style {
        match self {
            Tone::Plain => anstyle::Style::new(),
            Tone::Strong => anstyle::Style::new().bold(),
            Tone::Quiet => anstyle::Style::new().dimmed(),
            Tone::Add => AnsiColor::Green.on_default(),
            Tone::Alter => AnsiColor::Yellow.on_default(),
            Tone::Remove => AnsiColor::Red.on_default(),
            Tone::Run => AnsiColor::Cyan.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default().effects(Effects::BOLD),
        }
    }
}
