//! What a person sees: the command in a real pseudo-terminal, at several widths, while it works and when it is
//! done.

use std::sync::mpsc;
use std::time::Duration;

use cni_plan_tests::rehearsal::{MY_CLUSTER, Rehearsal};
use cni_plan_tests::steady::steady;
use cni_plan_tests::terminal::{Left, Terminal};
use insta::assert_snapshot;

const WIDTHS: [u16; 3] = [40, 80, 200];
/// The second pod's deletion is held: the first one's successor is Ready, or nearly.
const HELD: &str = "kubernetes:delete pods=Hold@1x1";

fn planned() -> Rehearsal {
    let rehearsal = Rehearsal::ipv4();
    rehearsal.workspace().write("spec.yaml", MY_CLUSTER);
    rehearsal.run("plan spec.yaml").expect(0);
    rehearsal
}

fn apply(rehearsal: &Rehearsal, more: &[&str], columns: u16) -> Terminal {
    let arguments = ["apply"].iter().chain(more);
    Terminal::start(rehearsal.workspace().command(arguments), columns)
}

/// Does `then` with the terminal while the fault holds a call.
fn while_held(rehearsal: &Rehearsal, terminal: &Terminal, then: impl FnOnce(&Terminal)) {
    let (sender, held) = mpsc::channel();
    rehearsal.when_held(move || sender.send(()).unwrap_or_default());
    held.recv_timeout(Duration::from_secs(60)).expect("the call is made");
    then(terminal);
    rehearsal.sandbox().release_held();
}

/// A screen without the times on it.
fn without_times(screen: &str, rehearsal: &Rehearsal) -> String {
    let text = steady(screen, rehearsal.workspace().path());
    let lines: Vec<String> = text.lines().map(without_elapsed).collect();
    lines.join("\n")
}

/// `, 12s` at the end of what it is about.
fn without_elapsed(line: &str) -> String {
    let is_time = |word: &str| word.strip_suffix('s').is_some_and(|number| number.parse::<u32>().is_ok());
    let words = line.split(' ').map(|word| match word.strip_suffix(':') {
        Some(time) if is_time(time) => "TIME:",
        None if is_time(word) => "TIME",
        _ => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether an SGR sequence is among what was sent: `ESC [`, digits and semicolons, `m`.
fn has_colour(bytes: &str) -> bool {
    let mut sequences = bytes.split("\x1b[").skip(1);
    sequences.any(|it| it.trim_start_matches(|it: char| it.is_ascii_digit() || it == ';').starts_with('m'))
}

/// After each frame the rows are there once, with nothing below them, until they are gone for good.
#[track_caller]
fn assert_steady(left: &Left) {
    let is_title = |row: &&str| row.starts_with("Applying: ") || row.starts_with("Rolling back: ");
    for frame in &left.frames {
        let titles = frame.lines().filter(is_title).count();
        assert!(titles <= 1, "{titles} titles:\n{frame}");
        let below: Vec<&str> = frame.lines().skip_while(|row| !is_title(row)).skip(1).collect();
        assert!(below.iter().all(|row| row.starts_with("  ")), "something is below the rows:\n{frame}");
    }
    assert!(!left.screen.lines().any(|row| is_title(&row)), "the rows are still there:\n{left}");
    assert!(!left.bytes.contains("\x1b[2J") && !left.bytes.contains("\x1b[2K"), "something is wiped first");
}

#[test]
fn progress_is_right_at_every_width_and_leaves_the_lines_of_what_was_done() {
    for columns in WIDTHS {
        let rehearsal = planned().with_env("NO_COLOR", "1");
        rehearsal.fail(HELD);
        let terminal = apply(&rehearsal, &[], columns);
        while_held(&rehearsal, &terminal, |terminal| {
            let shown = terminal.until(|screen| screen.contains("pods Ready on the new role"));
            assert_snapshot!(format!("at-work-{columns}"), without_times(&shown, &rehearsal));
        });
        let left = terminal.finish().expect(0);
        assert_steady(&left);
        assert_snapshot!(format!("done-{columns}"), without_times(&left.screen, &rehearsal));
        assert!(!has_colour(&left.bytes), "NO_COLOR is set:\n{:?}", left.bytes);
    }
}

#[test]
fn there_is_colour_unless_someone_said_no() {
    let rehearsal = planned();
    let left = apply(&rehearsal, &[], 80).finish().expect(0);
    assert!(has_colour(&left.bytes), "{:?}", left.bytes);
    assert_steady(&left);
}

/// Neither rows that are drawn over nor colour, unless someone asks for it.
#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let rehearsal = planned().with_env("TERM", "dumb");
    let left = apply(&rehearsal, &[], 80).finish().expect(0);
    assert!(!left.bytes.contains('\x1b') && left.frames.is_empty(), "{:?}", left.bytes);
    assert!(left.screen.contains("restarted pods in "), "{left}");
    let left = apply(&rehearsal, &["plans/spec.plan.json", "--color", "always"], 80).finish().expect(3);
    assert!(has_colour(&left.bytes), "{:?}", left.bytes);
}

#[test]
fn a_terminal_that_becomes_wider_is_used_as_it_is_now() {
    let rehearsal = planned();
    rehearsal.fail(HELD);
    let terminal = apply(&rehearsal, &[], 40);
    while_held(&rehearsal, &terminal, |terminal| {
        terminal.until(|screen| screen.contains("\n    0 of 3 pods Ready on the new role,\n"));
        terminal.resize(160);
        terminal
            .until(|screen| screen.contains("s: 0 of 3 pods Ready on the new role, waiting for ip-192-168-22-86.us"));
    });
    let left = terminal.finish().expect(0);
    assert!(left.screen.trim_end().ends_with("4 actions run."), "{left}");
    assert_eq!(left.screen.matches("Applying").count(), 1, "no row is left over:\n{left}");
}

#[test]
fn a_failure_stays_to_be_seen_with_the_way_back() {
    let rehearsal = planned().with_env("NO_COLOR", "1");
    rehearsal.fail("iam:DetachRolePolicy=AccessDeniedx1");
    let left = apply(&rehearsal, &[], 100).finish().expect(6);
    assert_steady(&left);
    assert_snapshot!("failed", without_times(&left.screen, &rehearsal));
}

#[test]
fn quiet_shows_what_came_of_it_and_verbose_all_of_it() {
    let left = apply(&planned(), &["--quiet"], 80).finish().expect(0);
    assert_eq!(left.screen.trim_end(), "Applied and verified: 2 added, 1 changed, 1 destroyed, 4 actions run.");
    let left = apply(&planned(), &["--verbose"], 80).finish().expect(0);
    assert_steady(&left);
    assert!(left.screen.contains("my-cluster/restart/kube-system/aws-node: restarting pods"), "{left}");
}

#[test]
fn events_on_a_terminal_are_not_drawn_over() {
    let left = apply(&planned(), &["--json"], 80).finish().expect(0);
    assert!(left.frames.is_empty(), "{left}");
}

#[test]
fn without_a_terminal_there_are_plain_lines_and_few() {
    let rehearsal = planned();
    let ran = rehearsal.run("apply").expect(0);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains("restarting pods"), "{ran}");
    assert!(ran.stderr.contains("restarted pods in "), "{ran}");
    let quiet = rehearsal.run(&format!("{} -q", rehearsal.rollback())).expect(0);
    assert_eq!(quiet.stderr, "");
}
