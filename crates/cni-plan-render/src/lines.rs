//! Marked lines, as a step is described in them: one buffer for all of a step's text, since a
//! fleet's plan has millions of lines.

use std::fmt;

use crate::style::Tone;

/// What a line says of what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is so before and after.
    Same,
    /// It comes.
    Add,
    /// It goes.
    Remove,
    /// It changes.
    Alter,
    /// It runs.
    Run,
}

impl Mark {
    /// The mark's column and the space after it.
    pub(crate) fn lead(self) -> &'static str {
        match self {
            Mark::Same => "  ",
            Mark::Add => "+ ",
            Mark::Remove => "- ",
            Mark::Alter => "~ ",
            Mark::Run => "! ",
        }
    }

    pub(crate) fn tone(self) -> Tone {
        match self {
            Mark::Same => Tone::Plain,
            Mark::Add => Tone::Add,
            Mark::Remove => Tone::Remove,
            Mark::Alter => Tone::Alter,
            Mark::Run => Tone::Run,
        }
    }
}

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) mark: Mark,
    pub(crate) tone: Tone,
    pub(crate) text: &'a str,
}

/// Lines in order. The last one may be unfinished: it is text written since the last line's end.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    text: String,
    ends: Vec<(Mark, Tone, usize)>,
}

impl Lines {
    /// A line in the ordinary tone.
    pub(crate) fn push(&mut self, mark: Mark, text: fmt::Arguments<'_>) {
        self.toned(mark, Tone::Plain, text);
    }

    /// A remark: a line of its own tone that shows nothing coming or going.
    pub(crate) fn remark(&mut self, tone: Tone, text: fmt::Arguments<'_>) {
        self.toned(Mark::Same, tone, text);
    }

    fn toned(&mut self, mark: Mark, tone: Tone, text: fmt::Arguments<'_>) {
        fmt::Write::write_fmt(&mut self.text, text).expect("a String takes every write");
        self.ends.push((mark, tone, self.text.len()));
    }

    /// More of the unfinished line.
    pub(crate) fn write(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// So many columns of the unfinished line.
    pub(crate) fn indent(&mut self, columns: usize) {
        self.text.extend(std::iter::repeat_n(' ', columns));
    }

    /// Ends the unfinished line.
    pub(crate) fn end(&mut self, mark: Mark) {
        self.ends.push((mark, Tone::Plain, self.text.len()));
    }

    /// Empties it and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// The finished lines.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |&(mark, tone, end)| {
            let text = &self.text[start..end];
            start = end;
            Line { mark, tone, text }
        })
    }
}
