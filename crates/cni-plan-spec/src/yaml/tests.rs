//! Texts and the trees they come to.

use std::rc::Rc;
use std::sync::Arc;

use super::*;
use crate::diagnostic::Report;
use crate::source::Source;

fn read(text: &str) -> Result<Rc<Node>, String> {
    let mut report = Report::new(Arc::new(Source::new("x.yaml", text)));
    let root = load(text, &mut report);
    match report.finish() {
        Some(diagnostics) => Err(diagnostics.to_string()),
        None => Ok(root.expect("a text without problems holds a document")),
    }
}

/// The tree in short, with the place of each scalar.
fn shown(node: &Node) -> String {
    let at = node.span.start;
    match &node.value {
        Value::Null => format!("null@{at}"),
        Value::Bool(value) => format!("{value}@{at}"),
        Value::Number(text) => format!("{text}@{at}"),
        Value::Text(text) => format!("{text:?}@{at}"),
        Value::Sequence(items) => {
            format!("[{}]", items.iter().map(|item| shown(item)).collect::<Vec<_>>().join(", "))
        }
        Value::Mapping(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|entry| format!("{}@{}: {}", entry.key, entry.key_span.start, shown(&entry.value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn tree(text: &str) -> String {
    shown(&read(text).unwrap())
}

#[test]
fn keys_and_values_know_their_places() {
    assert_eq!(tree("a: 1\nbé:\n  - 'x'\n  - ~\n"), r#"{a@1:1: 1@1:4, bé@2:1: ["x"@3:5, null@4:5]}"#);
    assert_eq!(tree("{ a: [true], b: \"1\" }"), r#"{a@1:3: [true@1:7], b@1:14: "1"@1:17}"#);
    assert_eq!(tree("é: [à, b]"), r#"{é@1:1: ["à"@1:5, "b"@1:8]}"#);
}

#[test]
fn collections_reach_from_their_first_to_their_last_character() {
    let root = read("a:\n  b: 1\n  c: [1,\n    2]\nd: 3\n").unwrap();
    let Value::Mapping(entries) = &root.value else { panic!("a mapping") };
    let span = entries[0].value.span;
    assert_eq!((span.start.to_string(), span.end.to_string()), ("2:3".to_owned(), "4:7".to_owned()));
}

#[test]
fn an_alias_shares_what_its_anchor_names() {
    assert_eq!(tree("a: &x { k: 1 }\nb: *x\n"), "{a@1:1: {k@1:9: 1@1:12}, b@2:1: {k@1:9: 1@1:12}}");
}

#[test]
fn merged_entries_yield_to_written_ones_and_to_earlier_merges() {
    let text = "- &a { k: 1, l: 1 }\n- &b { l: 2, m: 2 }\n- { <<: [*a, *b], k: 3 }\n- { <<: *b, \"<<\": x }\n";
    let expected = r#"[{k@1:8: 1@1:11, l@1:14: 1@1:17}, {l@2:8: 2@2:11, m@2:14: 2@2:17}, {k@3:19: 3@3:22, l@1:14: 1@1:17, m@2:14: 2@2:17}, {<<@4:13: "x"@4:19, l@2:8: 2@2:11, m@2:14: 2@2:17}]"#;
    assert_eq!(tree(text), expected);
}

#[test]
fn sharing_with_ten_thousand_is_within_the_budget() {
    let text = format!("a: &a {{ k: 1, l: {{ m: 2 }} }}\nb:\n{}", "  - *a\n".repeat(10_000));
    assert!(read(&text).is_ok());
}

#[test]
fn tags_that_say_string_make_strings() {
    assert_eq!(tree("[!!str 1, ! 2]"), r#"["1"@1:8, "2"@1:13]"#);
}

#[test]
fn all_problems_but_the_last_let_reading_go_on() {
    let message = read("a: *x\nb: !y 1\na: 2\n").unwrap_err();
    let lines: Vec<&str> = message.lines().filter(|line| line.starts_with("error")).collect();
    assert_eq!(
        lines,
        [
            "error: the alias `*x` names no anchor above it",
            "error: the tag `!y` means nothing in a spec",
            "error: the key `a` is given twice in one mapping",
        ]
    );
}

#[test]
fn an_explicit_document_and_its_end_are_one_document() {
    assert_eq!(tree("%YAML 1.2\n---\na: 1\n...\n"), "{a@3:1: 1@3:4}");
}
