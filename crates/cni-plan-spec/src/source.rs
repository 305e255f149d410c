//! A text under its name, and places in it.
//!
//! Lines and columns count from 1 and columns count characters, so that editors jump to the right
//! place whatever the encoding. A line ends at LF, CRLF or a lone CR, as in YAML.

/// A place in a text: line and column from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

impl Position {
    /// Where a text begins.
    pub const START: Position = Position { line: 1, column: 1 };
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A stretch of a text; `end` is the place after its last character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first character's place.
    pub start: Position,
    /// The place after the last character.
    pub end: Position,
}

impl Span {
    /// No character wide.
    pub fn at(position: Position) -> Span {
        Span { start: position, end: position }
    }
}

/// A text under the name that messages show.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    lines: Vec<String>,
}

impl Source {
    pub(crate) fn new(name: &str, text: &str) -> Source {
        Source { name: name.to_owned(), lines: split_lines(without_bom(text)).map(str::to_owned).collect() }
    }

    /// The line's text without its end; empty past the last line.
    pub(crate) fn line(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|index| self.lines.get(index)).map_or("", String::as_str)
    }
}

/// The text without a leading byte-order mark, which is no part of what people see in it.
pub(crate) fn without_bom(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let after = if text[end..].starts_with("\r\n") { end + 2 } else { end + 1 };
        rest = Some(&text[after..]);
        Some(&text[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_lf_crlf_and_cr() {
        let source = Source::new("x", "\u{feff}one\r\ntwo\rthree\n\nfive");
        let lines: Vec<&str> = (0..8).map(|number| source.line(number)).collect();
        assert_eq!(lines, ["", "one", "two", "three", "", "five", "", ""]);
    }
}
