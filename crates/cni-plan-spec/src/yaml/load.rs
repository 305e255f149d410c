//! Events to nodes: aliases, merge keys, duplicate keys, one document.

use std::collections::HashMap;
use std::rc::Rc;

use serde_yaml::granit_parser::{Event, Marker, Parser, ScalarStyle, Span as EventSpan, StructureStyle, Tag, options};

use super::node::{Entry, Node, Value};
use super::scalar::resolve_plain;
use super::syntax;
use crate::diagnostic::{Problem, Report, quoted};
use crate::source::{Position, Span, without_bom};

/// Levels of nesting that are read; a spec needs six.
pub(super) const NESTING_LIMIT: usize = 64;
/// Nodes that aliases may add in all: enough to share a mapping between ten thousand clusters,
/// little enough that a text of a few lines cannot ask for billions.
const ALIAS_BUDGET: u64 = 1_000_000;

/// Reads the one document of a text. `None` when it holds none or is not YAML; the latter, and
/// what else is wrong with the text as YAML, is in the report.
pub(crate) fn load(text: &str, report: &mut Report) -> Option<Rc<Node>> {
    let options = options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: NESTING_LIMIT,
        block_nesting_limit: NESTING_LIMIT,
    };
    let mut loader = Loader {
        report,
        open: Vec::new(),
        anchors: HashMap::new(),
        expanded: 0,
        root: None,
        torn: false,
        documents: 0,
    };
    for event in Parser::new_from_str_with_options(without_bom(text), options) {
        let (event, place) = match event {
            Ok(event) => event,
            Err(error) => {
                let (span, problem) = syntax::problem(&error, loader.report.source());
                loader.report.add(span, problem);
                return None;
            }
        };
        let span = span_of(&place);
        let tag_span = place.tag_span().map_or(span, |tag| span_of(&tag));
        if loader.take(event, span, tag_span).is_break() {
            return None;
        }
    }
    if loader.torn { None } else { loader.root }
}

type Flow = std::ops::ControlFlow<()>;

struct Loader<'r> {
    report: &'r mut Report,
    open: Vec<Open>,
    /// By the parser's id; `None` while the anchored collection is still being read.
    anchors: HashMap<usize, Option<Rc<Node>>>,
    expanded: u64,
    root: Option<Rc<Node>>,
    /// Values are missing for aliases that name nothing: reading on would blame their absence.
    torn: bool,
    documents: usize,
}

/// A collection that is being read.
struct Open {
    start: Span,
    flow: bool,
    anchor: usize,
    kind: OpenKind,
}

enum OpenKind {
    Sequence(Vec<Rc<Node>>),
    Mapping(OpenMapping),
}

#[derive(Default)]
struct OpenMapping {
    entries: Vec<Entry>,
    places: HashMap<String, Span>,
    merged: Vec<Entry>,
    key: Option<Key>,
}

/// A key whose value comes next.
enum Key {
    Named(String, Span),
    Merge,
    /// Not usable, and reported as such; its value is read and dropped.
    Bad,
}

impl Loader<'_> {
    fn take(&mut self, event: Event<'_>, span: Span, tag_span: Span) -> Flow {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let problem = Problem::new("a second document starts here; a spec is one document")
                        .hint("put all clusters under one `clusters:`, or keep one spec a file");
                    self.report.add(span, problem);
                    return Flow::Break(());
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), tag_span);
                let node = Rc::new(Node::new(span, value));
                self.remember(anchor, &node);
                self.attach(node, style == ScalarStyle::Plain);
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), tag_span);
                self.open(span, style, anchor, OpenKind::Sequence(Vec::new()));
            }
            Event::MappingStart(style, anchor, tag) => {
                self.refuse_tag(tag.as_deref(), tag_span);
                self.open(span, style, anchor, OpenKind::Mapping(OpenMapping::default()));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => return self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let problem =
                    Problem::new(format!("the alias {} names no anchor above it", quoted(&format!("*{name}")))).hint(
                        format!(
                            "write {} before the value to be shared, or quote text that starts with `*`",
                            quoted(&format!("&{name}"))
                        ),
                    );
                self.report.add(span, problem);
                self.torn = true;
                self.attach(Rc::new(Node::new(span, Value::Null)), true);
            }
            _ => {}
        }
        Flow::Continue(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, tag_span: Span) -> Value {
        match tag {
            Some(tag) if tag.is_yaml_core_schema_tag("str") => Value::Text(text.to_owned()),
            // The non-specific tag `!` asks for a string: YAML 1.2.2, section 6.9.1.
            Some(tag) if tag.handle().is_empty() && tag.suffix() == "!" => Value::Text(text.to_owned()),
            tag => {
                self.refuse_tag(tag, tag_span);
                if style == ScalarStyle::Plain { resolve_plain(text) } else { Value::Text(text.to_owned()) }
            }
        }
    }

    fn refuse_tag(&mut self, tag: Option<&Tag>, span: Span) {
        if let Some(tag) = tag {
            let problem = Problem::new(format!("the tag {} means nothing in a spec", quoted(&tag.original())))
                .hint("remove the tag; quote a value to make it a string");
            self.report.add(span, problem);
        }
    }

    fn open(&mut self, start: Span, style: StructureStyle, anchor: usize, kind: OpenKind) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
        self.open.push(Open { start, flow: style == StructureStyle::Flow, anchor, kind });
    }

    fn close(&mut self, end: Span) {
        let Some(Open { start, flow, anchor, kind }) = self.open.pop() else { return };
        let value = match kind {
            OpenKind::Sequence(items) => Value::Sequence(items),
            OpenKind::Mapping(mapping) => Value::Mapping(mapping.finish()),
        };
        let span = if flow { Span { start: start.start, end: end.end } } else { block_span(start, &value) };
        let node = Rc::new(Node::new(span, value));
        self.remember(anchor, &node);
        self.attach(node, false);
    }

    fn remember(&mut self, anchor: usize, node: &Rc<Node>) {
        if anchor > 0 {
            self.anchors.insert(anchor, Some(Rc::clone(node)));
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Flow {
        let Some(Some(node)) = self.anchors.get(&id) else {
            let problem = Problem::new("this alias stands inside the value that it names, which would never end")
                .hint("write the value out");
            self.report.add(span, problem);
            return Flow::Break(());
        };
        let node = Rc::clone(node);
        self.expanded = self.expanded.saturating_add(node.weight);
        if self.expanded > ALIAS_BUDGET {
            let problem = Problem::new(format!("aliases expand this file to more than {ALIAS_BUDGET} values"))
                .note("up to this one; each alias counts for all that its anchor holds")
                .hint("write values out, or move what clusters share into `defaults`");
            self.report.add(span, problem);
            return Flow::Break(());
        }
        self.attach(node, false);
        Flow::Continue(())
    }

    /// Puts a finished node where it belongs; `plain` tells the merge key `<<` from `"<<"`.
    fn attach(&mut self, node: Rc<Node>, plain: bool) {
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => self.root = Some(node),
            Some(OpenKind::Sequence(items)) => items.push(node),
            Some(OpenKind::Mapping(mapping)) => match mapping.key.take() {
                None => mapping.key = Some(mapping.named(&node, plain, self.report)),
                Some(Key::Named(key, key_span)) => mapping.entries.push(Entry { key, key_span, value: node }),
                Some(Key::Merge) => mapping.merge(&node, self.report),
                Some(Key::Bad) => {}
            },
        }
    }
}

impl OpenMapping {
    fn named(&mut self, node: &Node, plain: bool, report: &mut Report) -> Key {
        let key = match &node.value {
            Value::Text(text) if text == "<<" && plain => return Key::Merge,
            Value::Text(text) | Value::Number(text) => text.clone(),
            Value::Bool(value) => value.to_string(),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                let problem = Problem::new(format!("a key must be a word, found {}", node.found()))
                    .hint("quote text that starts with a bracket, `?` or `~`");
                report.add(node.span, problem);
                return Key::Bad;
            }
        };
        if let Some(first) = self.places.get(&key) {
            let problem = Problem::new(format!("the key {} is given twice in one mapping", quoted(&key)))
                .note(format!("first given at {}", report.place(first.start)))
                .hint("keep one of them");
            report.add(node.span, problem);
            return Key::Bad;
        }
        self.places.insert(key.clone(), node.span);
        Key::Named(key, node.span)
    }

    /// `<<: *a` or `<<: [*a, *b]`: their entries, of which earlier ones win.
    fn merge(&mut self, node: &Node, report: &mut Report) {
        match &node.value {
            Value::Mapping(entries) => self.merged.extend(entries.iter().cloned()),
            Value::Sequence(items) if items.iter().all(|item| matches!(item.value, Value::Mapping(_))) => {
                for item in items {
                    self.merge(item, report);
                }
            }
            value => {
                let found = if matches!(value, Value::Sequence(_)) { "a list of other things" } else { node.found() };
                let problem =
                    Problem::new(format!("the merge key `<<` takes a mapping or a list of them, found {found}"))
                        .hint("write an alias of a mapping, such as `<<: *base`");
                report.add(node.span, problem);
            }
        }
    }

    /// The entries as written, then those merged in that are not written.
    fn finish(mut self) -> Vec<Entry> {
        for entry in self.merged {
            if !self.places.contains_key(&entry.key) {
                self.places.insert(entry.key.clone(), entry.key_span);
                self.entries.push(entry);
            }
        }
        self.entries
    }
}

/// A block collection reaches from its first key or item to the end of its last.
fn block_span(start: Span, value: &Value) -> Span {
    let (first, last) = match value {
        Value::Mapping(entries) => {
            (entries.first().map(|entry| entry.key_span.start), entries.last().map(|entry| entry.value.span.end))
        }
        Value::Sequence(items) => (None, items.last().map(|item| item.span.end)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => (None, None),
    };
    let start = first.unwrap_or(start.start);
    Span { start, end: last.filter(|end| *end > start).unwrap_or(start) }
}

fn span_of(span: &EventSpan) -> Span {
    Span { start: position_of(&span.start), end: position_of(&span.end) }
}

/// The parser counts lines from 1 and columns, in characters, from 0.
pub(super) fn position_of(marker: &Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}
