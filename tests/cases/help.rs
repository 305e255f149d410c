//! What the command says of itself, and how it ends when it is not understood.

use cni_plan_tests::command::Workspace;
use insta::assert_snapshot;

#[test]
fn help() {
    let workspace = Workspace::new();
    assert_snapshot!("help-cni-plan", workspace.run(["--help"]).expect(0));
    for command in ["plan", "apply", "show", "check", "graph", "sandbox"] {
        assert_snapshot!(format!("help-{command}"), workspace.run([command, "--help"]).expect(0));
    }
}

#[test]
fn help_is_a_command_too() {
    let workspace = Workspace::new();
    for (command, option) in [("help", "--help"), ("help plan", "plan --help"), ("help lock show", "lock show --help")]
    {
        let by_command = workspace.run(command.split(' ')).expect(0);
        assert_eq!(by_command.stdout, workspace.run(option.split(' ')).expect(0).stdout, "{command}");
    }
}

#[test]
fn the_version_is_one_line() {
    let ran = Workspace::new().run(["--version"]).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (concat!("cni-plan ", env!("CARGO_PKG_VERSION"), "\n"), ""));
}

/// 2 would say that there are changes.
#[test]
fn a_command_line_that_is_not_understood_ends_with_1() {
    let workspace = Workspace::new();
    assert_snapshot!("unknown-command", workspace.run(["pln", "spec.yaml"]).expect(1));
    assert_snapshot!("no-command", workspace.run([""; 0]).expect(1));
    assert_snapshot!("no-spec", workspace.run(["plan"]).expect(1));
    assert_snapshot!("unknown-option", workspace.run(["apply", "--auto-aprove", "spec.yaml"]).expect(1));
    assert_snapshot!(
        "options-at-odds",
        workspace.run(["plan", "--no-save", "--out", "x.plan.json", "spec.yaml"]).expect(1)
    );
}
