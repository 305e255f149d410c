//! Policy and trust documents as lines of JSON, and two of them as a diff.
//!
//! Documents are shown by what they mean to IAM: keys in the order in which people write a
//! statement, lists of strings sorted, a list of one string as that string. So a diff shows what
//! IAM would decide otherwise and not how somebody's editor laid the text out. What is sent to IAM
//! is the change set's own document, not this.

use cni_plan_core::PolicyDocument;
use serde_json::{Map, Value};
use similar::{Algorithm, DiffTag, capture_diff_slices, group_diff_ops};

use crate::lines::{Lines, Mark};

/// Unchanged lines shown around each change.
const CONTEXT: usize = 3;

/// Stands for the others, in the column of the document's own brackets.
const LEFT_OUT: &str = "  ...";

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

/// The document as JSON, two columns in.
pub(crate) fn whole(lines: &mut Lines, document: &PolicyDocument, mark: Mark) {
    let mut printer = Printer { lines, mark };
    printer.lines.indent(2);
    printer.value(&Value::from(document), 1);
    printer.lines.end(mark);
}

/// What differs, with a few lines around it; `...` stands where lines that are the same are left out.
pub(crate) fn difference(lines: &mut Lines, before: &PolicyDocument, after: &PolicyDocument) {
    let [mut former, mut latter] = [Lines::default(), Lines::default()];
    whole(&mut former, before, Mark::Remove);
    whole(&mut latter, after, Mark::Add);
    let former: Vec<&str> = former.iter().map(|line| line.text).collect();
    let latter: Vec<&str> = latter.iter().map(|line| line.text).collect();
    let mut push = |mark, texts: &[&str]| texts.iter().for_each(|text| lines.push(mark, format_args!("{text}")));

    let ops = capture_diff_slices(Algorithm::Myers, &without_commas(&former), &without_commas(&latter));
    let mut reached = 0;
    for hunk in group_diff_ops(ops, CONTEXT) {
        for op in hunk {
            let (tag, old, new) = op.as_tag_tuple();
            if old.start > reached {
                push(Mark::Same, &[LEFT_OUT]);
            }
            reached = old.end;
            if tag == DiffTag::Equal {
                push(Mark::Same, &latter[new]);
            } else {
                push(Mark::Remove, &former[old]);
                push(Mark::Add, &latter[new]);
            }
        }
    }
    if reached < former.len() {
        push(Mark::Same, &[LEFT_OUT]);
    }
}

/// A comma that comes or goes because of the next line is no change of this one.
fn without_commas<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    lines.iter().map(|line| line.strip_suffix(',').unwrap_or(line)).collect()
}

struct Printer<'a> {
    lines: &'a mut Lines,
    mark: Mark,
}

impl Printer<'_> {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(members) => self.object(members, depth),
            Value::Array(items) => self.array(items, depth),
            Value::String(text) => self.string(text),
            scalar => self.lines.write(&scalar.to_string()),
        }
    }

    fn object(&mut self, members: &Map<String, Value>, depth: usize) {
        let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
        sorted.sort_by_key(|&(name, _)| (rank(name), name));
        match sorted.as_slice() {
            [] => self.lines.write("{}"),
            [(name, value)] if is_short(value) => {
                self.lines.write("{ ");
                self.member(name, value, depth);
                self.lines.write(" }");
            }
            many => {
                self.lines.write("{");
                for (at, (name, value)) in many.iter().enumerate() {
                    self.separate(at, depth + 1);
                    self.member(name, value, depth + 1);
                }
                self.break_line(depth);
                self.lines.write("}");
            }
        }
    }

    fn member(&mut self, name: &str, value: &Value, depth: usize) {
        self.string(name);
        self.lines.write(": ");
        self.value(value, depth);
    }

    fn array(&mut self, items: &[Value], depth: usize) {
        match items {
            [] => self.lines.write("[]"),
            [Value::String(only)] => self.string(only),
            many => {
                let mut sorted: Vec<&Value> = many.iter().collect();
                if many.iter().all(Value::is_string) {
                    sorted.sort_by_key(|item| item.as_str());
                }
                self.lines.write("[");
                for (at, item) in sorted.into_iter().enumerate() {
                    self.separate(at, depth + 1);
                    self.value(item, depth + 1);
                }
                self.break_line(depth);
                self.lines.write("]");
            }
        }
    }

    fn string(&mut self, text: &str) {
        if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
            self.lines.write("\"");
            self.lines.write(text);
            self.lines.write("\"");
        } else {
            self.lines.write(&Value::from(text).to_string());
        }
    }

    fn separate(&mut self, at: usize, depth: usize) {
        if at > 0 {
            self.lines.write(",");
        }
        self.break_line(depth);
    }

    fn break_line(&mut self, depth: usize) {
        self.lines.end(self.mark);
        self.lines.indent(2 * depth);
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

    fn text(lines: &Lines) -> String {
        lines.iter().map(|line| format!("{}{}\n", line.mark.lead().trim_end(), line.text)).collect()
    }

    #[test]
    fn a_document_reads_in_the_customary_order() {
        let mut lines = Lines::default();
        whole(&mut lines, &document(&json!(["ec2:B", "ec2:A"])), Mark::Same);
        insta::assert_snapshot!(text(&lines), @r#"
          {
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
          }
        "#);
    }

    #[test]
    fn a_diff_shows_what_changed_and_where_lines_are_left_out() {
        let mut lines = Lines::default();
        let before = document(&json!(["a", "b", "c", "d", "e"]));
        difference(&mut lines, &before, &document(&json!(["e", "a", "b", "x", "d"])));
        insta::assert_snapshot!(text(&lines), @r#"
          ...
                "Action": [
                  "a",
                  "b",
        -          "c",
                  "d",
                  "e",
        +          "x"
                ],
                "Resource": "*"
              }
          ...
        "#);
    }
}
