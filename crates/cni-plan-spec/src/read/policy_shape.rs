//! The shape that IAM asks of a policy attached to a role: IAM User Guide, reference of the JSON
//! policy elements. What the policy allows is not judged.

use crate::diagnostic::{Problem, Report, quoted};
use crate::yaml::{Entry, Node, Value};

pub(super) const OBJECT: &str = "a policy document is one JSON object with a `Statement`";

/// Reports what is missing from, or odd in, a document.
pub(super) fn check(root: &Node, report: &mut Report) {
    let Value::Mapping(entries) = &root.value else {
        report.add(root.span, not_a_policy(&format!("it must be an object, found {}", root.found())).hint(OBJECT));
        return;
    };
    for entry in entries {
        match entry.key.as_str() {
            "Statement" | "Id" => {}
            "Version" if matches!(&entry.value.value, Value::Text(text) if text == "2012-10-17" || text == "2008-10-17") =>
                {}
            "Version" => report.add(
                entry.value.span,
                not_a_policy("no such version of the policy language").hint("write \"Version\": \"2012-10-17\""),
            ),
            key => report.add(
                entry.key_span,
                not_a_policy(&format!("unknown element {}", quoted(key))).hint("allowed here: Id, Statement, Version"),
            ),
        }
    }
    let Some(statements) = entries.iter().find(|entry| entry.key == "Statement") else {
        report.add(root.span, not_a_policy("it has no `Statement`").hint("add \"Statement\": [ … ]"));
        return;
    };
    match &statements.value.value {
        Value::Sequence(items) if !items.is_empty() => items.iter().for_each(|item| check_statement(item, report)),
        Value::Mapping(_) => check_statement(&statements.value, report),
        _ => report.add(
            statements.key_span,
            not_a_policy("`Statement` must be a list of one or more statements").hint("write \"Statement\": [ { … } ]"),
        ),
    }
}

fn check_statement(node: &Node, report: &mut Report) {
    const ELEMENTS: &[&str] = &["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let Value::Mapping(entries) = &node.value else {
        report.add(
            node.span,
            not_a_policy(&format!("a statement must be an object, found {}", node.found()))
                .hint("put the statement in braces"),
        );
        return;
    };
    let get = |key: &str| entries.iter().find(|entry| entry.key == key);
    for entry in entries.iter().filter(|entry| !ELEMENTS.contains(&entry.key.as_str())) {
        let problem = not_a_policy(&format!("unknown element {}", quoted(&entry.key)));
        report.add(
            entry.key_span,
            match entry.key.as_str() {
                "Principal" | "NotPrincipal" => {
                    problem.hint("a policy on a role applies to that role; remove the principal")
                }
                _ => problem.hint(format!("allowed here: {}", ELEMENTS.join(", "))),
            },
        );
    }
    match get("Effect").map(|entry| (&entry.value.value, entry.value.span)) {
        Some((Value::Text(effect), _)) if effect == "Allow" || effect == "Deny" => {}
        Some((_, span)) => report
            .add(span, not_a_policy("`Effect` must be `Allow` or `Deny`").hint("write it with its capital letter")),
        None => report.add(node.span, not_a_policy("a statement has no `Effect`").hint("add \"Effect\": \"Allow\"")),
    }
    for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
        match (get(one), get(other)) {
            (Some(entry), None) | (None, Some(entry)) => check_strings(entry, report),
            (Some(_), Some(second)) => {
                report.add(
                    second.key_span,
                    not_a_policy(&format!("a statement has both `{one}` and `{other}`")).hint("keep one of them"),
                );
            }
            (None, None) => {
                report.add(
                    node.span,
                    not_a_policy(&format!("a statement has no `{one}`")).hint(format!("add \"{one}\": [ … ]")),
                );
            }
        }
    }
}

fn check_strings(entry: &Entry, report: &mut Report) {
    let fits = match &entry.value.value {
        Value::Text(text) => !text.is_empty(),
        Value::Sequence(items) => !items.is_empty() && items.iter().all(|item| matches!(&item.value, Value::Text(_))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Mapping(_) => false,
    };
    if !fits {
        let problem = not_a_policy(&format!("`{}` must be a string, or a list of one or more", entry.key))
            .hint(format!("write such as \"{}\": [\"…\"]", entry.key));
        report.add(entry.key_span, problem);
    }
}

fn not_a_policy(why: &str) -> Problem {
    Problem::new(format!("this is no policy document: {why}"))
}
