//! Whatever a text holds, reading it ends with a spec or with problems at places in that text.

use std::io;

use cni_plan_spec::{Diagnostics, Spec, parse};
use proptest::prelude::*;

const GOOD: &str = include_str!("../../../examples/every-key.yaml");

fn read(text: &str) -> Result<Spec, Diagnostics> {
    parse("any.yaml", text, &|_| Err(io::ErrorKind::NotFound.into()))
}

/// What must hold of any text.
fn check(text: &str) {
    let diagnostics = match read(text) {
        Ok(spec) => return assert!(!spec.clusters.is_empty(), "a good spec has a cluster"),
        Err(diagnostics) => diagnostics,
    };
    let lines: Vec<usize> = text.replace("\r\n", "\n").split(['\n', '\r']).map(|line| line.chars().count()).collect();
    assert!(diagnostics.iter().count() > 0);
    for diagnostic in diagnostics.iter() {
        let start = diagnostic.span().start;
        let length = lines.get(start.line - 1).copied();
        let in_text = length.is_some_and(|length| start.column <= length + 1)
            || (start.column == 1 && start.line == lines.len() + 1);
        assert!(in_text, "{start} is not in the text: {}", diagnostic.message());
    }
    let rendered = diagnostics.render(false);
    assert!(!rendered.chars().any(|character| character.is_control() && character != '\n'), "{rendered:?}");
}

/// Pieces that YAML gives a meaning, to get further than random letters would.
fn piece() -> impl Strategy<Value = String> {
    let syntax = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\t",
        " ",
        "  ",
        ": ",
        ":",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "\"",
        "'",
        "&a ",
        "*a",
        "<<: *a\n",
        "!!str ",
        "!x ",
        "? ",
        "|\n",
        ">-\n",
        "---\n",
        "...\n",
        "%YAML 1.2\n",
        "#",
        "~",
        "null",
        "true",
        "0",
        "-1",
        "1e9",
        "\\u0000",
        "\u{1b}[0m",
        "\u{feff}",
        "\u{202e}",
        "é",
        "𝒳",
        "name: ",
        "clusters:\n",
        "version: 1\n",
        "role: { ",
        "tags: ",
        "defaults:\n",
        "{cluster}",
        "10%",
        "5m",
    ]);
    prop_oneof![8 => syntax.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from), 1 => ".{0,8}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_ends_well(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_bytes_end_well(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_pieces_of_yaml_end_well(pieces in prop::collection::vec(piece(), 0..60)) {
        check(&pieces.concat());
    }

    #[test]
    fn any_damage_to_a_good_spec_ends_well(
        damage in prop::collection::vec((0usize..4000, 0usize..30, piece()), 1..5)
    ) {
        let mut text: Vec<char> = GOOD.chars().collect();
        for (at, removed, inserted) in damage {
            let at = at.min(text.len());
            let end = (at + removed).min(text.len());
            text.splice(at..end, inserted.chars());
        }
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn the_order_of_clusters_keys_does_not_matter(shuffled in Just(vec![
        "region: us-west-2", "account: \"111122223333\"", "detach: false", "nodeRoles: [a, b]", "role: { path: /x/ }",
    ]).prop_shuffle()) {
        let spec = format!("version: 1\nclusters:\n  - name: a\n    {}\n", shuffled.join("\n    "));
        let cluster = read(&spec).map_err(|diagnostics| TestCaseError::fail(diagnostics.to_string()))?.clusters.remove(0);
        prop_assert_eq!(cluster.region.as_deref(), Some("us-west-2"));
        prop_assert_eq!(cluster.account.as_deref(), Some("111122223333"));
        prop_assert_eq!((cluster.detach, cluster.role.path.as_str()), (false, "/x/"));
    }
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let spec = read(GOOD).map_err(|diagnostics| diagnostics.to_string());
    let crlf = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(read(&crlf).map_err(|diagnostics| diagnostics.to_string()), spec);
    assert!(spec.is_ok());
}
