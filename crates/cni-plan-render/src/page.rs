//! The one way text reaches an output for terminals: line by line, inert, then coloured.

use crate::inert::inert;
use crate::style::{Style, Tone};
use crate::words;

/// A text being written.
pub(crate) struct Page<'a> {
    out: String,
    style: &'a Style,
}

impl<'a> Page<'a> {
    pub(crate) fn new(style: &'a Style) -> Page<'a> {
        Page { out: String::new(), style }
    }

    /// Makes room for so many characters at once: a fleet's plan is tens of megabytes.
    pub(crate) fn reserve(&mut self, characters: usize) {
        self.out.reserve(characters);
    }

    pub(crate) fn width(&self) -> usize {
        self.style.width
    }

    /// An empty line between two things; none at the top, never two.
    pub(crate) fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// One line of pieces, never broken.
    pub(crate) fn line(&mut self, indent: usize, pieces: &[(Tone, &str)]) {
        self.out.extend(std::iter::repeat_n(' ', indent));
        for (tone, text) in pieces {
            self.style.put(&mut self.out, *tone, &inert(text));
        }
        self.out.push('\n');
    }

    /// Prose after a label, wrapped to the width; its further lines stand under the first word.
    pub(crate) fn prose(&mut self, indent: usize, label: (Tone, &str), tone: Tone, text: &str) {
        let (name, text) = (inert(label.1), inert(text));
        let hang = indent + name.chars().count();
        let room = self.style.width.saturating_sub(hang).max(30);
        if text.chars().count() <= room {
            return self.line(indent, &[(label.0, &name), (tone, &text)]);
        }
        let mut lines = words::wrap(&text, room).into_iter();
        self.line(indent, &[(label.0, &name), (tone, &lines.next().unwrap_or_default())]);
        for line in lines {
            self.line(hang, &[(tone, &line)]);
        }
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }
}
