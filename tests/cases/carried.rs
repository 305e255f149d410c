//! What the command carries with it: its schemas, its completions and its manual.

use std::process::Command;

use cni_plan_tests::command::{Workspace, repository};

#[test]
fn every_schema_of_the_documentation_is_printed_as_it_stands_there() {
    let workspace = Workspace::new();
    let folder = repository().join("docs/schema");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let document = name.strip_suffix(".schema.json").unwrap();
        let printed = workspace.run(["schema", document]).expect(0).stdout;
        assert_eq!(printed, std::fs::read_to_string(&path).unwrap(), "{name}");
    }
    let unknown = workspace.run(["schema", "state"]).expect(1);
    assert!(unknown.stderr.contains("possible values: ") && unknown.stderr.contains("spec"), "{unknown}");
}

#[test]
fn completions_are_scripts_of_their_shells() {
    let workspace = Workspace::new();
    for (shell, word) in [
        ("bash", "complete -F _cni__plan"),
        ("zsh", "#compdef cni-plan"),
        ("fish", "complete -c cni-plan"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'cni-plan'"),
        ("elvish", "edit:completion:arg-completer[cni-plan]"),
    ] {
        let script = workspace.run(["completions", shell]).expect(0).stdout;
        assert!(script.contains(word), "{shell}: {script}");
        assert!(script.contains("detailed-exitcode"), "{shell}");
    }
}

/// A real shell takes the script and completes by it.
#[test]
fn bash_completes() {
    let workspace = Workspace::new();
    let script = workspace.run(["completions", "bash"]).expect(0).stdout;
    workspace.write("completions.bash", &script);
    let completed = |words: &str, current: usize| {
        // As bash calls it: the command, the word at the cursor and the one before it.
        let call = "_cni__plan cni-plan \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD-1]}\"";
        let line = format!(
            ". ./completions.bash; COMP_WORDS=({words}); COMP_CWORD={current}; {call}; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &line]).current_dir(workspace.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(completed("cni-plan val", 1), "validate");
    assert_eq!(completed("cni-plan plan --det", 2), "--detailed-exitcode");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let workspace = Workspace::new();
    let first = workspace.run(["man"]).expect(0).stdout;
    assert!(first.contains(".TH cni-plan 1"), "{first}");
    let ran = workspace.run(["man", "--out", "man/man1"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let pages = workspace.path().join("man/man1");
    for page in ["cni-plan.1", "cni-plan-plan.1", "cni-plan-lock-break.1", "cni-plan-man.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        assert!(text.contains(&format!(".TH {} 1", page.trim_end_matches(".1"))), "{page}: {text}");
    }
    workspace.write("file", "");
    let refused = workspace.run(["man", "--out", "file/man1"]).expect(1);
    assert!(refused.stderr.starts_with("error: cannot write file/man1"), "{refused}");
}
