//! Policy documents: equality is an equality that loses nothing, and merging adds what is missing
//! once and changes nothing that is there.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cni_plan_core::PolicyDocument;
use serde_json::Value;

/// The bytes are one document, or two with a NUL between them.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (one, other) = text.split_once('\0').unwrap_or((text, text));
    let (one, other) = (PolicyDocument::parse(one), PolicyDocument::parse(other));
    for document in [&one, &other].into_iter().flatten() {
        check_alone(document);
    }
    if let (Ok(one), Ok(other)) = (&one, &other) {
        check_together(one, other);
        check_together(other, one);
    }
}

fn check_alone(document: &PolicyDocument) {
    let same = document.clone();
    assert_eq!(document, &same);
    let written = document.to_json();
    let read = PolicyDocument::parse(&written).expect("what was written can be read");
    assert_eq!(&read, document, "not the same after writing and reading");
    assert_eq!(read.to_json(), written, "statements change as they are written and read");

    let encoded = written.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "%{byte:02X}");
        text
    });
    assert_eq!(PolicyDocument::parse(&encoded).as_ref(), Ok(document), "URL-encoded");

    let mut backwards = Value::from(document);
    backwards["Statement"].as_array_mut().expect("statements are written as a list").reverse();
    let backwards = PolicyDocument::try_from(backwards).expect("the same statements");
    assert_eq!(&backwards, document, "the order of statements");
}

fn check_together(one: &PolicyDocument, other: &PolicyDocument) {
    let (there, back) = (one == other, other == one);
    assert_eq!(there, back, "equality depends on the side");
    if one == other {
        assert_eq!(said(one), said(other), "documents are equal that say different things");
        assert!(one.statements().iter().all(|statement| other.contains(statement)));
    }
    let merged = one.with_statements_of(other);
    let theirs = one.statements().len();
    let as_written = |document: &PolicyDocument, count: usize| -> Vec<Value> {
        document.statements()[..count].iter().map(|statement| statement.as_written().clone()).collect()
    };
    assert_eq!(as_written(&merged, theirs), as_written(one, theirs), "merging changes what is there");
    assert!(other.statements().iter().all(|statement| merged.contains(statement)), "merging leaves something out");
    let again = merged.with_statements_of(other);
    assert_eq!(again.to_json(), merged.to_json(), "merging twice is not merging once");

    let rest = merged.without_statements_of(other);
    assert!(!rest.statements().iter().any(|statement| other.contains(statement)), "taking out leaves something");
    let kept = one.statements().iter().filter(|statement| !other.contains(statement)).count();
    assert_eq!(rest.statements().len(), kept, "taking out takes too much");
}

/// Every scalar that statements hold and every condition's operator and key, labels left out, as far
/// as no reading of IAM's can tell one spelling from another.
fn said(document: &PolicyDocument) -> BTreeSet<String> {
    let mut said = BTreeSet::new();
    for statement in document.statements() {
        for (element, value) in statement.as_written().as_object().expect("a statement is an object") {
            match element.as_str() {
                "Sid" => {}
                "Condition" => keys_and_leaves(value, &mut said),
                _ => leaves(value, &mut said),
            }
        }
    }
    said
}

fn keys_and_leaves(value: &Value, said: &mut BTreeSet<String>) {
    if let Value::Object(entries) = value {
        for (key, inner) in entries {
            // An operator without keys asks for nothing.
            if inner != &Value::Object(serde_json::Map::new()) {
                said.insert(key.to_ascii_lowercase());
            }
            keys_and_leaves(inner, said);
        }
    } else {
        leaves(value, said);
    }
}

fn leaves(value: &Value, said: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, said)),
        Value::Object(entries) => entries.values().for_each(|inner| leaves(inner, said)),
        Value::String(text) => {
            said.insert(account_of_root(&text.to_ascii_lowercase()));
        }
        other => {
            said.insert(other.to_string());
        }
    }
}

/// `arn:aws:iam::111122223333:root` is another way to say `111122223333`.
fn account_of_root(principal: &str) -> String {
    match principal.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", "", account, "root"] => (*account).to_owned(),
        _ => principal.to_owned(),
    }
}
