//! The tree: values with their places.

use std::rc::Rc;

use crate::source::Span;

/// A value and where it is written; an alias shares the node that its anchor names.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) value: Value,
    /// Nodes in this tree with every alias expanded, to bound the work of walking it.
    pub(crate) weight: u64,
}

/// A value as YAML 1.2's core schema resolves it.
#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing, `~` or `null`.
    Null,
    Bool(bool),
    /// An unquoted number, as written.
    Number(String),
    /// Quoted, a block scalar, or a word that is nothing else.
    Text(String),
    Sequence(Vec<Rc<Node>>),
    /// Entries in the order of the text, keys unique.
    Mapping(Vec<Entry>),
}

/// One key of a mapping.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Rc<Node>,
}

impl Node {
    pub(crate) fn new(span: Span, value: Value) -> Node {
        let children = match &value {
            Value::Sequence(items) => items.iter().fold(0u64, |sum, item| sum.saturating_add(item.weight)),
            Value::Mapping(entries) => entries.iter().fold(0u64, |sum, entry| sum.saturating_add(entry.value.weight)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => 0,
        };
        Node { span, value, weight: children.saturating_add(1) }
    }

    /// What it is, with an article, for `must be …, found …`.
    pub(crate) fn found(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(true) => "the unquoted `true`",
            Value::Bool(false) => "the unquoted `false`",
            Value::Number(_) => "an unquoted number",
            Value::Text(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }

    pub(crate) fn is_collection(&self) -> bool {
        matches!(self.value, Value::Sequence(_) | Value::Mapping(_))
    }
}
