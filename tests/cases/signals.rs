//! Ctrl-C and SIGTERM: the first leaves a run that can be taken up again, the second ends it at once.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use cni_plan_tests::rehearsal::Rehearsal;
use rustix::process::{Pid, Signal, kill_process};

/// Each pod's deletion takes as long: a signal that is sent after the first one comes before the last.
const SLOW: &str = "kubernetes:delete pods=Delay(700)";

/// Applies, and sends these signals, one after the other: the first when a pod is deleted, each
/// further one when the one before was told of. Returns the exit code and what was said.
fn apply_and_send(rehearsal: &Rehearsal, signals: &[Signal]) -> (Option<i32>, String, String) {
    rehearsal.fail(SLOW);
    let mut child = rehearsal
        .workspace()
        .command(["apply", "--verbose", "plans/ipv4.plan.json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let mut signals = signals.iter();
    let mut said = Vec::new();
    for line in BufReader::new(child.stderr.take().unwrap()).lines() {
        let line = line.unwrap();
        if (line.contains(": 0 of 3 pods") || line.starts_with("stopping"))
            && let Some(&signal) = signals.next()
        {
            kill_process(pid, signal).unwrap();
        }
        said.push(line);
    }
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    (child.wait().unwrap().code(), said.join("\n"), printed)
}

/// Before a run has begun there is nothing to leave in order: the signal ends the command as it ends any other.
#[test]
fn before_a_run_has_begun_a_signal_ends_the_command_and_nothing_was_changed() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.run("plan examples/ipv4.yaml").expect(0);
    let start = rehearsal.state();
    rehearsal.fail("eks:DescribeCluster=Holdx1");
    let (sender, held) = mpsc::channel();
    rehearsal.when_held(move || sender.send(()).unwrap_or_default());
    let mut command = rehearsal.workspace().command(["apply", "plans/ipv4.plan.json"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    held.recv_timeout(Duration::from_secs(60)).expect("the call is made");
    // SIGINT is ignored where the tests themselves are run in the background of a shell.
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()), "a shell says 143, as of any command");
    rehearsal.sandbox().release_held();
    assert_eq!((rehearsal.state(), rehearsal.runs()), (start, Vec::new()));
}

#[test]
fn the_first_signal_ends_the_batch_under_way_and_the_run_can_be_finished() {
    for signal in [Signal::INT, Signal::TERM] {
        let rehearsal = Rehearsal::ipv4();
        rehearsal.run("plan examples/quickstart.yaml --out plans/another.plan.json").expect(0);
        rehearsal.run("plan examples/ipv4.yaml").expect(0);
        let start = rehearsal.state();
        let (code, said, _) = apply_and_send(&rehearsal, &[signal]);
        assert_eq!(code, Some(8), "{said}");
        assert!(said.contains(": stopped half-way") && !said.contains("3 of 3 pods"), "it stops between pods:\n{said}");
        assert!(!said.contains("failed"), "to be stopped is no failure:\n{said}");
        assert!(said.contains("`cni-plan resume"), "{said}");
        assert!(rehearsal.run("runs").expect(0).stdout.contains("unfinished"));
        let again = rehearsal.run("apply plans/ipv4.plan.json").expect(3);
        assert!(again.stderr.contains("is not finished") && again.stderr.contains("`cni-plan resume"), "{again}");
        assert_eq!(again.stdout, "", "what differs is what its own run has done");
        // Of another change set it is not, and it is shown.
        let other = rehearsal.run("apply plans/another.plan.json").expect(3);
        assert!(other.stdout.contains("(planned -> found)"), "{other}");
        assert!(other.stderr.contains("is not finished"), "{other}");
        rehearsal.run("resume").expect(0);
        rehearsal.run(&rehearsal.rollback()).expect(0);
        assert_eq!(rehearsal.state(), start);
    }
}

#[test]
fn the_second_signal_ends_it_at_once_and_the_run_can_be_undone() {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.run("plan examples/ipv4.yaml").expect(0);
    let start = rehearsal.state();
    let (code, said, _) = apply_and_send(&rehearsal, &[Signal::INT, Signal::TERM]);
    assert_eq!(code, Some(8), "{said}");
    assert!(said.ends_with("`cni-plan resume` or `cni-plan rollback`"), "nothing comes after it:\n{said}");
    rehearsal.until_idle();
    rehearsal.run(&rehearsal.rollback()).expect(0);
    assert_eq!(rehearsal.state(), start);
}
