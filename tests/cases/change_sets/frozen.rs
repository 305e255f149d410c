//! Documents of earlier versions, kept as they were written: they are read, shown, refused when edited, and applied.

use std::path::PathBuf;

use cni_plan_core::ChangeSet;
use cni_plan_tests::command::{Workspace, repository};

use super::schema::assert_valid;

/// Every frozen document: its path and text.
fn frozen() -> Vec<(PathBuf, String)> {
    let versions = std::fs::read_dir(repository().join("tests/frozen/change-sets")).unwrap();
    let files = versions.flat_map(|version| std::fs::read_dir(version.unwrap().path()).unwrap());
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn earlier_documents_are_read_and_keep_their_digest() {
    let documents = frozen();
    assert!(documents.len() >= 5, "some are gone: {documents:?}");
    for (path, document) in documents {
        let read = ChangeSet::from_json(&document).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let version = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(format!("v{}", read.header.format_version), version, "{}", path.display());
        assert_eq!(read.to_json(), document, "{}", path.display());
        let edited = document.replacen("\"why\": \"not there yet\"", "\"why\": \"not there yes\"", 1);
        assert!(edited != document && ChangeSet::from_json(&edited).is_err(), "{}", path.display());
    }
}

/// In every form; as JSON in today's, which is what policies and programs know.
#[test]
fn earlier_documents_are_shown() {
    for (path, document) in frozen() {
        let workspace = Workspace::new();
        workspace.write("plans/earlier.plan.json", &document);
        for form in ["--markdown", "--mermaid", "--dot"] {
            assert!(!workspace.run(["show", form]).expect(0).stdout.is_empty(), "{}", path.display());
        }
        assert!(workspace.run(["show"]).expect(0).stdout.contains("\nPlan: "), "{}", path.display());
        let json = workspace.run(["show", "--json"]).expect(0).stdout;
        assert_valid(&json);
        assert_eq!(ChangeSet::from_json(&json).unwrap().changes, ChangeSet::from_json(&document).unwrap().changes);
    }
}

#[test]
fn an_earlier_document_is_applied() {
    let workspace = Workspace::with_examples();
    let (_, document) = frozen().into_iter().find(|(path, _)| path.ends_with("v1/quickstart.plan.json")).unwrap();
    workspace.write("plans/quickstart.plan.json", &document);
    workspace.run(["apply", "--sandbox"]).expect(0);
    let again = workspace.run(["plan", "--sandbox", "--no-save", "examples/quickstart.yaml"]).expect(0);
    assert!(again.stdout.contains("\nNothing to do: "), "{again}");
}
