//! Values of a mapping, read as the types that the format wants.
//!
//! Each reader returns `None` after reporting why; callers go on with a default, so that one
//! mistake never hides another.

use super::keys::{Keys, nearest};
use crate::diagnostic::{Problem, Report, quoted};
use crate::source::Span;
use crate::yaml::{Entry, Node, Value};

/// One key's value, under the path that messages name it by, such as `role.name`.
pub(crate) struct Field<'n> {
    pub(crate) path: String,
    pub(crate) key_span: Span,
    pub(crate) node: &'n Node,
}

/// A mapping whose keys are known ones.
pub(crate) struct Fields<'n> {
    path: String,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// The entries under a path (empty at a cluster's own level); unknown keys are reported.
    pub(crate) fn new(path: &str, entries: &'n [Entry], keys: &Keys, report: &mut Report) -> Fields<'n> {
        for entry in entries {
            if keys.find(&entry.key).is_none() {
                report.add(entry.key_span, keys.unknown(&entry.key));
            }
        }
        Fields { path: path.to_owned(), entries }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Field<'n>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Some(Field { path, key_span: entry.key_span, node: &entry.value })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn entries(&self) -> &'n [Entry] {
        self.entries
    }
}

impl<'n> Field<'n> {
    /// Where to point: at a scalar itself, at the key of a collection or of nothing.
    pub(crate) fn span(&self) -> Span {
        if self.node.is_collection() || self.node.span.start == self.node.span.end {
            self.key_span
        } else {
            self.node.span
        }
    }

    /// Reports a problem whose message goes on after the field's name.
    pub(crate) fn refuse(&self, report: &mut Report, mut problem: Problem) {
        problem.message = format!("`{}` {}", self.path, problem.message);
        report.add(self.span(), problem);
    }

    /// `must be WANTED, found …`, or that there is no value at all.
    pub(crate) fn wrong_type(&self, report: &mut Report, wanted: &str, hint: Option<String>) {
        let problem = if matches!(self.node.value, Value::Null) {
            Problem::new(format!("has no value; it must be {wanted}"))
                .hint("write a value, or remove the key if you do not need it")
        } else {
            let problem = Problem::new(format!("must be {wanted}, found {}", self.node.found()));
            match hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        };
        self.refuse(report, problem);
    }

    pub(crate) fn mapping(&self, keys: &Keys, report: &mut Report) -> Option<Fields<'n>> {
        let Value::Mapping(entries) = &self.node.value else {
            let hint = format!("its keys are {}", keys.names.join(", "));
            self.wrong_type(report, "a mapping", Some(hint));
            return None;
        };
        Some(Fields::new(&self.path, entries, keys, report))
    }

    /// A string, as it is written.
    pub(crate) fn string(&self, report: &mut Report) -> Option<&'n str> {
        match &self.node.value {
            Value::Text(text) => return Some(text),
            Value::Number(text) => {
                self.wrong_type(report, "a string", Some(format!("quote it: \"{}\"", crate::diagnostic::inert(text))));
            }
            Value::Bool(value) => self.wrong_type(report, "a string", Some(format!("quote it: \"{value}\""))),
            Value::Null | Value::Sequence(_) | Value::Mapping(_) => {
                let hint = "write a single value; quote text that begins with a bracket";
                self.wrong_type(report, "a string", Some(hint.to_owned()));
            }
        }
        None
    }

    /// A string of a form that `check` knows; its problems go on after the field's name.
    pub(crate) fn text<T>(&self, report: &mut Report, check: impl FnOnce(&str) -> Result<T, Problem>) -> Option<T> {
        match check(self.string(report)?) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.refuse(report, problem);
                None
            }
        }
    }

    pub(crate) fn flag(&self, report: &mut Report) -> Option<bool> {
        match &self.node.value {
            Value::Bool(value) => return Some(*value),
            Value::Text(text) => {
                let hint = match text.to_lowercase().as_str() {
                    "true" | "yes" | "on" | "y" => "write `true`, without quotes",
                    "false" | "no" | "off" | "n" => "write `false`, without quotes",
                    _ => "write `true` or `false`, without quotes",
                };
                self.refuse(
                    report,
                    Problem::new(format!("must be true or false, found the string {}", quoted(text))).hint(hint),
                );
            }
            Value::Null | Value::Number(_) | Value::Sequence(_) | Value::Mapping(_) => {
                self.wrong_type(report, "true or false", Some("write `true` or `false`".to_owned()));
            }
        }
        None
    }

    /// A whole number of at least 1.
    pub(crate) fn count(&self, report: &mut Report) -> Option<u32> {
        match &self.node.value {
            Value::Number(text) => match text.parse::<u32>() {
                Ok(count) if count > 0 => return Some(count),
                _ => {
                    let problem = Problem::new(format!("must be a whole number of at least 1, found {}", quoted(text)));
                    let problem =
                        if text == "0" { problem.note("with none, no pod would ever be restarted") } else { problem };
                    let problem = problem.hint("write 1 or more");
                    self.refuse(report, problem);
                }
            },
            Value::Text(text) if text.parse::<u32>().is_ok() => {
                self.wrong_type(report, "a whole number", Some(format!("remove the quotes: {text}")));
            }
            _ => self.wrong_type(report, "a whole number", Some("write a count, such as 1".to_owned())),
        }
        None
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, report: &mut Report, choices: &[(&str, T)]) -> Option<T> {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let allowed = format!("allowed: {}", words.join(", "));
        let Value::Text(text) = &self.node.value else {
            self.wrong_type(report, &format!("one of {}", words.join(", ")), Some(allowed));
            return None;
        };
        let found = choices.iter().find(|(word, _)| word == text).map(|(_, value)| *value);
        if found.is_none() {
            let hint = match nearest(text, &words) {
                Some(near) => format!("did you mean `{near}`? {allowed}"),
                None => allowed,
            };
            self.refuse(report, Problem::new(format!("cannot be {}", quoted(text))).hint(hint));
        }
        found
    }
}
