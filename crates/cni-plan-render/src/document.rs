//! Policy and trust documents as lines of JSON, and two of them as a diff.
//!
//! Documents are shown by what they mean to IAM: keys in the order in which people write a
//! statement, lists of strings sorted, a list of one string as that string. So a diff shows what
//! IAM would decide otherwise and not how somebody's editor laid the text out. What is sent to IAM
//! is the change set's own document, not this.

use cni_plan_core::PolicyDocument;
use serde_json::{Map, Value};
use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops};

use crate::describe::{Line, Mark};

/// Unchanged lines shown around each change.
const CONTEXT: usize = 3;

/// Known elements in their customary order (IAM JSON policy elements reference); others follow
/// by name.
const ELEMENTS: [&str; 12] = [
    "Version",
    "Id",
    "Statement",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// The document, one line of JSON each.
pub(crate) fn lines(document: &PolicyDocument) -> Vec<String> {
    let mut printer = Printer::default();
    printer.value(&Value::from(document.clone()), 0);
    printer.lines.push(printer.line);
    printer.lines
}

/// What differs, with a few lines around it; `...` stands where lines that are the same are left out.
pub(crate) fn difference(before: &PolicyDocument, after: &PolicyDocument) -> Vec<Line> {
    let (before, after) = (lines(before), lines(after));
    let ops = capture_diff_slices(Algorithm::Myers, &without_commas(&before), &without_commas(&after));
    let mut shown = Vec::new();
    let mut reached = 0;
    for hunk in group_diff_ops(ops, CONTEXT) {
        for op in hunk {
            let (tag, old, new) = op.as_tag_tuple();
            if old.start > reached {
                shown.push(Line::new(Mark::Same, "...".to_owned()));
            }
            reached = old.end;
            match tag {
                DiffTag::Equal => push(&mut shown, Mark::Same, &after[new]),
                DiffTag::Delete | DiffTag::Insert | DiffTag::Replace => {
                    push(&mut shown, Mark::Remove, &before[old]);
                    push(&mut shown, Mark::Add, &after[new]);
                }
            }
        }
    }
    if reached < before.len() {
        shown.push(Line::new(Mark::Same, "...".to_owned()));
    }
    shown
}

/// A comma that comes or goes because of the next line is no change of this one.
fn without_commas(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.strip_suffix(',').unwrap_or(line)).collect()
}

fn push(shown: &mut Vec<Line>, mark: Mark, lines: &[String]) {
    shown.extend(lines.iter().map(|line| Line::new(mark, line.clone())));
}

#[derive(Default)]
struct Printer {
    lines: Vec<String>,
    line: String,
}

impl Printer {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(members) => self.object(members, depth),
            Value::Array(items) => self.array(items, depth),
            scalar => self.line.push_str(&scalar.to_string()),
        }
    }

    fn object(&mut self, members: &Map<String, Value>, depth: usize) {
        let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
        sorted.sort_by_key(|&(name, _)| (rank(name), name));
        match sorted.as_slice() {
            [] => self.line.push_str("{}"),
            [(name, value)] if is_short(value) => {
                self.line.push_str("{ ");
                self.member(name, value, depth);
                self.line.push_str(" }");
            }
            many => {
                self.line.push('{');
                for (at, (name, value)) in many.iter().enumerate() {
                    self.separate(at, depth + 1);
                    self.member(name, value, depth + 1);
                }
                self.break_line(depth);
                self.line.push('}');
            }
        }
    }

    fn member(&mut self, name: &str, value: &Value, depth: usize) {
        self.line.push_str(&Value::from(name).to_string());
        self.line.push_str(": ");
        self.value(value, depth);
    }

    fn array(&mut self, items: &[Value], depth: usize) {
        match items {
            [] => self.line.push_str("[]"),
            [only @ Value::String(_)] => self.value(only, depth),
            many => {
                let mut sorted: Vec<&Value> = many.iter().collect();
                if many.iter().all(Value::is_string) {
                    sorted.sort_by_key(|item| item.as_str());
                }
                self.line.push('[');
                for (at, item) in sorted.into_iter().enumerate() {
                    self.separate(at, depth + 1);
                    self.value(item, depth + 1);
                }
                self.break_line(depth);
                self.line.push(']');
            }
        }
    }

    fn separate(&mut self, at: usize, depth: usize) {
        if at > 0 {
            self.line.push(',');
        }
        self.break_line(depth);
    }

    fn break_line(&mut self, depth: usize) {
        let next = " ".repeat(2 * depth);
        self.lines.push(std::mem::replace(&mut self.line, next));
    }
}

fn rank(name: &str) -> usize {
    ELEMENTS.iter().position(|element| *element == name).unwrap_or(ELEMENTS.len())
}

fn is_short(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.is_empty() || matches!(items.as_slice(), [Value::String(_)]),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(actions: &Value) -> PolicyDocument {
        let statement = json!({"Resource": "*", "Action": actions, "Effect": "Allow"});
        PolicyDocument::try_from(json!({"Statement": [statement], "Version": "2012-10-17"})).unwrap()
    }

    #[test]
    fn a_document_reads_in_the_customary_order() {
        assert_eq!(
            lines(&document(&json!(["ec2:B", "ec2:A"]))).join("\n"),
            r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "ec2:A",
        "ec2:B"
      ],
      "Resource": "*"
    }
  ]
}"#
        );
    }

    #[test]
    fn a_diff_shows_what_changed_and_where_lines_are_left_out() {
        let text: Vec<String> =
            difference(&document(&json!(["a", "b", "c", "d", "e"])), &document(&json!(["e", "a", "b", "x", "d"])))
                .iter()
                .map(|line| format!("{}{}", line.mark.symbol(), line.text))
                .collect();
        assert_eq!(
            text,
            [
                " ...",
                "       \"Action\": [",
                "         \"a\",",
                "         \"b\",",
                "-        \"c\",",
                "         \"d\",",
                "         \"e\",",
                "+        \"x\"",
                "       ],",
                "       \"Resource\": \"*\"",
                "     }",
                " ...",
            ]
        );
    }
}
