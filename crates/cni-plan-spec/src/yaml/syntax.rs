//! The parser's errors in words that say what to do.

use serde_yaml::granit_parser::{ErrorKind, ScanError};

use super::load::{NESTING_LIMIT, position_of};
use crate::diagnostic::Problem;
use crate::source::{Position, Source, Span};

/// Where the text stops being YAML, and why.
pub(super) fn problem(error: &ScanError, source: &Source) -> (Span, Problem) {
    let mut at = position_of(error.marker());
    let problem = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            at = first_tab(source, at).unwrap_or(at);
            Problem::new("a tab stands where YAML wants spaces").hint("indent with spaces")
        }
        ErrorKind::RecursionLimitExceeded => Problem::new(format!("nested more than {NESTING_LIMIT} levels deep"))
            .hint("a spec needs six levels at most"),
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            Problem::new("a quote is opened and never closed").hint("close it on the line where it opens")
        }
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            Problem::new("text follows a closing quote")
                .hint("quote the whole value; a `'` inside `'…'` is written `''`")
        }
        ErrorKind::UnknownQuotedScalarEscape => Problem::new("unknown escape after `\\` in double quotes")
            .hint("use single quotes, where `\\` is just itself"),
        ErrorKind::UnclosedFlowCollection { open } => {
            Problem::new(format!("the bracket `{open}` is never closed")).hint("close it")
        }
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => {
            Problem::new("the file ends inside brackets").hint("close the bracket")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            Problem::new(format!("`{open}` is closed by `{close}`")).hint("close it with its own kind")
        }
        ErrorKind::MisplacedFlowCollectionEnd => {
            Problem::new("a closing bracket that was never opened").hint("remove it, or quote the text")
        }
        ErrorKind::ExpectedFlowMappingSeparator => Problem::new("expected `,` or `}` here")
            .hint("separate entries by `, ` and write `key: value` with a space"),
        ErrorKind::ExpectedFlowSequenceSeparator => {
            Problem::new("expected `,` or `]` here").hint("separate items by `, `")
        }
        ErrorKind::MappingValueNotAllowed => Problem::new("`:` makes this a key where none can stand")
            .hint("check the indentation, and the space after `:` above; quote a value that holds `: `"),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            Problem::new("a key without its `:`").hint("write `key: value`, with a space after the colon")
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation | ErrorKind::ExpectedBlockSequenceEntry => {
            Problem::new("the indentation matches nothing above")
                .hint("align keys of one mapping, and the `-` of one list")
        }
        ErrorKind::BlockSequenceEntryNotAllowed | ErrorKind::BlockEntryInFlowCollection => {
            Problem::new("a list item `- ` cannot stand here").hint("put the list on the lines below its key")
        }
        ErrorKind::UnexpectedCharacter { character } => {
            Problem::new(format!("an unquoted value cannot start with `{}`", character.escape_default()))
                .hint("quote the value")
        }
        other => Problem::new(format!("this is not YAML: {other}")).hint("check the quotes, brackets and indentation"),
    };
    (Span::at(at), problem)
}

/// The parser stands before the tab, at times on a line above it.
fn first_tab(source: &Source, from: Position) -> Option<Position> {
    const LINES: usize = 1000;
    (from.line..from.line + LINES).find_map(|line| {
        let before = if line == from.line { from.column - 1 } else { 0 };
        let column = source.line(line).chars().skip(before).position(|character| character == '\t')?;
        Some(Position { line, column: before + column + 1 })
    })
}
