//! Diagnostics as text: what, where, the line with carets under the place, and what to do.
//!
//! Plain text is the same bytes for the same input on every machine; colour adds nothing but
//! escape sequences. Whatever comes from a file is shown inert.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Diagnostics, inert};

/// Characters of a source line that are shown at most; longer lines are clipped around the place.
const LINE_WIDTH: usize = 100;
/// Problems that are shown at most: after these, another thousand tell nobody anything.
const SHOWN: usize = 100;
/// Characters kept before the place in a clipped line.
const LEAD: usize = 40;

impl Diagnostics {
    /// The problems as people read them, one blank line between two, ending with a newline. The
    /// first hundred are shown, the rest counted.
    pub fn render(&self, color: bool) -> String {
        let paint = Paint { color };
        let mut out = String::new();
        for (index, diagnostic) in self.all.iter().take(SHOWN).enumerate() {
            if index > 0 {
                out.push('\n');
            }
            write_diagnostic(&mut out, diagnostic, &paint);
        }
        if self.all.len() > SHOWN {
            let more = self.all.len() - SHOWN;
            let _ = writeln!(out, "\n{}: and {more} more problems", paint.error("error"));
        }
        out
    }
}

fn write_diagnostic(out: &mut String, diagnostic: &Diagnostic, paint: &Paint) {
    let start = diagnostic.span.start;
    let number = start.line.to_string();
    let gutter = " ".repeat(number.len());
    let line = Excerpt::of(diagnostic);
    let bar = paint.frame("|");

    let mut push = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    push(format!("{}{}", paint.error("error"), paint.strong(&format!(": {}", diagnostic.message))));
    push(format!("{gutter}{} {}:{start}", paint.frame("-->"), inert(&diagnostic.source.name)));
    push(format!("{gutter} {bar}"));
    push(format!("{} {bar} {}", paint.frame(&number), line.text));
    push(format!("{gutter} {bar} {}{}", " ".repeat(line.before), paint.error(&"^".repeat(line.marked))));
    for (kind, texts) in [("note", &diagnostic.notes), ("hint", &diagnostic.hints)] {
        for text in texts {
            push(format!("{gutter} {} {}: {text}", paint.frame("="), paint.strong(kind)));
        }
    }
}

/// The part of a source line that is shown, and where the carets go.
struct Excerpt {
    text: String,
    before: usize,
    marked: usize,
}

impl Excerpt {
    fn of(diagnostic: &Diagnostic) -> Excerpt {
        let span = diagnostic.span;
        let line: Vec<char> = inert(diagnostic.source.line(span.start.line)).chars().collect();
        let start = (span.start.column.max(1) - 1).min(line.len());
        let end = if span.end.line == span.start.line { span.end.column.max(1) - 1 } else { line.len() };
        let end = end.min(line.len()).max(start);

        let from = if line.len() <= LINE_WIDTH { 0 } else { start.saturating_sub(LEAD) };
        let to = line.len().min(from + LINE_WIDTH);
        let mut text = String::new();
        if from > 0 {
            text.push('…');
        }
        text.extend(&line[from..to]);
        if to < line.len() {
            text.push('…');
        }
        Excerpt { text, before: start - from + usize::from(from > 0), marked: (end.min(to) - start).max(1) }
    }
}

/// Colours as rustc's, by the ANSI sequences that every terminal knows.
struct Paint {
    color: bool,
}

impl Paint {
    fn error(&self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    fn strong(&self, text: &str) -> String {
        self.wrap("1", text)
    }

    fn frame(&self, text: &str) -> String {
        self.wrap("1;34", text)
    }

    fn wrap(&self, codes: &str, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 12);
        if self.color {
            let _ = write!(out, "\u{1b}[{codes}m{text}\u{1b}[0m");
        } else {
            out.push_str(text);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::diagnostic::{Diagnostics, Problem};
    use crate::source::{Position, Source, Span};

    fn diagnostics(text: &str, start: usize, end: usize) -> Diagnostics {
        let at = |column| Position { line: 1, column };
        let span = Span { start: at(start), end: at(end) };
        Diagnostics {
            all: vec![Problem::new("odd").hint("do it well").at(&Arc::new(Source::new("a.yaml", text)), span)],
        }
    }

    #[test]
    fn carets_stand_under_the_characters() {
        let text = diagnostics("é: wrong # x", 4, 9).render(false);
        assert_eq!(text, "error: odd\n --> a.yaml:1:4\n  |\n1 | é: wrong # x\n  |    ^^^^^\n  = hint: do it well\n");
    }

    #[test]
    fn a_long_line_is_clipped_around_the_place() {
        let line = format!("{}HERE{}", "a".repeat(3000), "b".repeat(3000));
        let text = diagnostics(&line, 3001, 3005).render(false);
        let shown: Vec<&str> = text.lines().skip(3).take(2).collect();
        assert_eq!(shown[0].find("HERE").map(|byte| shown[0][..byte].chars().count()), shown[1].find('^'));
        assert!(text.lines().all(|line| line.chars().count() < 120), "{text}");
    }

    #[test]
    fn places_outside_the_line_do_no_harm() {
        assert!(diagnostics("", 7, 900).render(false).contains("^"));
        assert!(diagnostics("ab", 3, 1).render(false).contains("|   ^"));
    }

    #[test]
    fn colour_is_the_same_text_with_escapes() {
        let diagnostics = diagnostics("a: \u{1b}[2J", 1, 2);
        let coloured = diagnostics.render(true);
        assert!(coloured.contains("\u{1b}[1;31merror\u{1b}[0m"), "{coloured:?}");
        assert!(!diagnostics.render(false).contains('\u{1b}'));
        assert!(!coloured.contains("[2J\u{1b}"), "the file's own escape is shown inert");
    }
}
