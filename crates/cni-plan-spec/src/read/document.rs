//! `policy.document`: the JSON file it names, and whether that is a policy.
//!
//! Problems inside the file are shown at their place in that file. Whether the policy allows
//! enough is not asked here.

use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use super::fields::Field;
use super::{forms, policy_shape};
use crate::diagnostic::{Problem, Report, inert, quoted};
use crate::source::{Position, Source, Span, without_bom};
use crate::spec::PolicyDocumentFile;
use crate::yaml::{self, Entry, Node, Value};

/// Characters of a managed policy, white space apart (IAM quotas).
const LONGEST: usize = 6144;

/// The documents that a spec names, each read once.
pub(super) struct Documents<'f> {
    read_file: &'f dyn Fn(&str) -> io::Result<String>,
    known: HashMap<String, Result<serde_json::Value, Option<Problem>>>,
}

impl<'f> Documents<'f> {
    pub(super) fn new(read_file: &'f dyn Fn(&str) -> io::Result<String>) -> Documents<'f> {
        Documents { read_file, known: HashMap::new() }
    }

    pub(super) fn read(&mut self, field: &Field<'_>, report: &mut Report) -> Option<PolicyDocumentFile> {
        let file = field.text(report, forms::not_blank)?;
        if !self.known.contains_key(&file) {
            let read = self.read_new(&file, field, report);
            self.known.insert(file.clone(), read);
        }
        match self.known.get(&file)? {
            Ok(document) => Some(PolicyDocumentFile { file, document: document.clone() }),
            Err(unreadable) => {
                if let Some(problem) = unreadable {
                    field.refuse(report, problem.clone());
                }
                None
            }
        }
    }

    /// The document; or why it cannot be read, for each place that names it; or nothing where its
    /// problems have been reported at their places in the document.
    fn read_new(
        &self,
        file: &str,
        field: &Field<'_>,
        report: &mut Report,
    ) -> Result<serde_json::Value, Option<Problem>> {
        let text = (self.read_file)(file).map_err(|error| Some(unreadable(file, &error)))?;
        let source = Arc::new(Source::new(file, &text));
        let mut found = Report::new(source.clone());
        let document = serde_json::from_str::<serde_json::Value>(without_bom(&text));
        match &document {
            Err(error) => {
                let (span, problem) = not_json(error, &source);
                found.add(span, problem);
            }
            Ok(value) => check_policy(&text, value, &source, &mut found),
        }
        let named = format!("the document is named at {}", report.place(field.node.span.start));
        let Some(diagnostics) = found.finish() else { return document.map_err(|_| None) };
        for mut diagnostic in diagnostics.all {
            diagnostic.notes.push(named.clone());
            report.add_elsewhere(diagnostic);
        }
        Err(None)
    }
}

fn unreadable(file: &str, error: &io::Error) -> Problem {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => inert(&error.to_string()),
    };
    Problem::new(format!("cannot be read: {}: {why}", quoted(file))).hint("the path is relative to the spec")
}

fn not_json(error: &serde_json::Error, source: &Source) -> (Span, Problem) {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(place.as_str()).unwrap_or(&message);
    // serde_json counts bytes and stands on the last one it read.
    let line = source.line(error.line());
    let column = line.char_indices().take_while(|(byte, _)| *byte + 1 < error.column()).count() + 1;
    let at = Position { line: error.line().max(1), column };
    (Span::at(at), Problem::new(format!("this is not JSON: {}", inert(message))).hint(policy_shape::OBJECT))
}

/// Length and shape, with places where the text gives them.
fn check_policy(text: &str, value: &serde_json::Value, source: &Arc<Source>, report: &mut Report) {
    let length = value.to_string().chars().filter(|character| !character.is_whitespace()).count();
    if length > LONGEST {
        let problem = Problem::new(format!("the policy is {length} characters long; IAM takes {LONGEST} at most"));
        report.add(Span::at(Position::START), problem.hint("join statements, or use wildcards"));
    }
    // JSON is YAML but for a few corners; in those the places are lost, and nothing else.
    let mut places = Report::new(Arc::clone(source));
    let root = match yaml::load(text, &mut places) {
        Some(root) => {
            report.absorb(places);
            root
        }
        None => Rc::new(placeless(value)),
    };
    policy_shape::check(&root, report);
}

/// The tree of a value whose text cannot be read for places.
fn placeless(value: &serde_json::Value) -> Node {
    let at = Span::at(Position::START);
    Node::new(
        at,
        match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(number) => Value::Number(number.to_string()),
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(items) => {
                Value::Sequence(items.iter().map(|item| Rc::new(placeless(item))).collect())
            }
            serde_json::Value::Object(entries) => Value::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| Entry { key: key.clone(), key_span: at, value: Rc::new(placeless(value)) })
                    .collect(),
            ),
        },
    )
}
