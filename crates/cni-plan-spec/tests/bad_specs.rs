//! Bad specs and the whole of what people are told about each: `bad/NAME.yaml` must be refused
//! with exactly `bad/NAME.stderr`. `UPDATE_SNAPSHOTS=1` rewrites the latter; read the difference.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cni_plan_spec::parse;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

/// File names of an extension, without it.
fn stems(extension: &str) -> BTreeSet<String> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let ours = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
    ours.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

fn message(name: &str) -> String {
    let file = format!("{name}.yaml");
    let text = fs::read_to_string(folder().join(&file)).unwrap();
    match parse(&file, &text, &|path| fs::read_to_string(folder().join(path))) {
        Ok(spec) => panic!("{file} was taken for a good spec: {spec:#?}"),
        Err(diagnostics) => diagnostics.render(false),
    }
}

#[test]
fn each_bad_spec_is_refused_with_its_message() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1");
    let mut differing = Vec::new();
    for name in stems("yaml") {
        let file = folder().join(format!("{name}.stderr"));
        let found = message(&name);
        if update {
            fs::write(&file, &found).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if found != expected {
            differing.push(format!("--- {name}, expected:\n{expected}--- found:\n{found}"));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn there_are_enough_of_them_and_no_message_without_its_spec() {
    let specs = stems("yaml");
    assert!(specs.len() >= 45, "only {} bad specs", specs.len());
    assert_eq!(stems("stderr"), specs);
}

#[test]
fn each_message_says_where_and_what_to_do_and_is_inert() {
    for name in stems("yaml") {
        let message = message(&name);
        for problem in message.split("\n\n") {
            assert!(problem.starts_with("error: ") && problem.contains("--> ") && problem.contains('^'), "{problem}");
            assert!(problem.contains(" = hint: "), "{name}: what to do is not said:\n{problem}");
        }
        assert!(!message.chars().any(|character| character.is_control() && character != '\n'), "{name}: {message:?}");
        assert!(message.lines().all(|line| line.chars().count() <= 300), "{name}: a line floods the terminal");
    }
}
