//! What is wrong with a spec: each problem with its place, and what to do about it.
//!
//! Messages name values only through [`quoted`], so that nothing in a file reaches a terminal as a
//! control sequence and no value floods it.

use std::sync::Arc;

use crate::source::{Position, Source, Span};

/// One problem in one place.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub(crate) source: Arc<Source>,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) notes: Vec<String>,
    pub(crate) hints: Vec<String>,
}

impl Diagnostic {
    /// The file's name as it was given.
    pub fn file(&self) -> &str {
        &self.source.name
    }

    /// Where the problem is.
    pub fn span(&self) -> Span {
        self.span
    }

    /// What is wrong: one sentence, no full stop.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do; may be empty.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

/// All that is wrong with a spec, in the order of the files; never empty.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.render(false))]
pub struct Diagnostics {
    pub(crate) all: Vec<Diagnostic>,
}

impl Diagnostics {
    /// The problems, sorted by place.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.all.iter()
    }

    /// How many problems there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "diagnostics exist only where something is wrong")]
    pub fn len(&self) -> usize {
        self.all.len()
    }
}

/// A problem before it is tied to a source: what, why, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) notes: Vec<String>,
    pub(crate) hints: Vec<String>,
}

impl Problem {
    pub(crate) fn new(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), notes: Vec::new(), hints: Vec::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Problem {
        self.notes.push(note.into());
        self
    }

    pub(crate) fn at(self, source: &Arc<Source>, span: Span) -> Diagnostic {
        let Problem { message, notes, hints } = self;
        Diagnostic { source: Arc::clone(source), span, message, notes, hints }
    }
}

/// Collects problems of one source; the same one is kept once, as a value in `defaults` is read
/// again for each cluster that it reaches.
pub(crate) struct Report {
    source: Arc<Source>,
    seen: std::collections::HashSet<(Span, String)>,
    all: Vec<Diagnostic>,
    /// Problems of other files, after the spec's own.
    elsewhere: Vec<Diagnostic>,
}

impl Report {
    pub(crate) fn new(source: Arc<Source>) -> Report {
        Report { source, seen: std::collections::HashSet::new(), all: Vec::new(), elsewhere: Vec::new() }
    }

    pub(crate) fn add(&mut self, span: Span, problem: Problem) {
        if self.seen.insert((span, problem.message.clone())) {
            self.all.push(problem.at(&self.source, span));
        }
    }

    /// A problem in another file; the caller reports each once.
    pub(crate) fn add_elsewhere(&mut self, diagnostic: Diagnostic) {
        self.elsewhere.push(diagnostic);
    }

    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// Takes over what another report of the same source holds.
    pub(crate) fn absorb(&mut self, other: Report) {
        for diagnostic in other.all {
            if self.seen.insert((diagnostic.span, diagnostic.message.clone())) {
                self.all.push(diagnostic);
            }
        }
    }

    /// `file:line:column` of a place in the spec, for messages about another place.
    pub(crate) fn place(&self, position: Position) -> String {
        format!("{}:{position}", inert(&self.source.name))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.elsewhere.is_empty()
    }

    /// What was collected, by place; `None` when nothing is wrong.
    pub(crate) fn finish(mut self) -> Option<Diagnostics> {
        self.all.sort_by_key(|diagnostic| diagnostic.span);
        self.all.append(&mut self.elsewhere);
        (!self.all.is_empty()).then_some(Diagnostics { all: self.all })
    }
}

/// A value as messages show it: in backquotes, inert, at most some forty characters of it.
pub(crate) fn quoted(value: &str) -> String {
    const SHOWN: usize = 48;
    let shown = inert(value);
    if shown.chars().count() <= SHOWN {
        return format!("`{shown}`");
    }
    let head: String = shown.chars().take(SHOWN - 1).collect();
    format!("`{head}…`")
}

/// The text with every character that a terminal would act on, or would not show, replaced by one
/// visible character; columns stay as they are.
pub(crate) fn inert(text: &str) -> String {
    text.chars().map(inert_character).collect()
}

fn inert_character(character: char) -> char {
    match character {
        // Unicode has a picture of each C0 control, in the same order.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        // C1 controls, line separators, invisible and bidirectional formatting characters, BOM.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        _ => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_invisible_characters_become_visible_ones() {
        assert_eq!(inert("a\u{1b}[31m\u{202e}b\u{9b}\t"), "a\u{241b}[31m\u{fffd}b\u{fffd}\u{2409}");
    }

    #[test]
    fn long_values_are_cut() {
        let shown = quoted(&"x".repeat(5000));
        assert_eq!(shown.chars().count(), 50);
        assert!(shown.ends_with("…`"), "{shown}");
    }
}
