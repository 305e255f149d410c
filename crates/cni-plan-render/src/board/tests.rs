use super::*;
use cni_plan_core::{ErrorKind, LockHolder, LockRecord, ProviderError};

const WIDE: Size = Size { columns: 200, rows: 50 };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn restart(cluster: &str) -> Address {
    Address::new(cluster, Kind::Restart, &["kube-system", "aws-node"])
}

fn role(cluster: &str) -> Address {
    Address::new(cluster, Kind::Role, &["AmazonEKSVPCCNIRole"])
}

/// A board to which, second by second, these events were told.
fn board(events: &[Event]) -> Board {
    let mut board = Board::default();
    for (at, event) in events.iter().enumerate() {
        board.hear(&Told::Happened(event), seconds(at as u64));
    }
    board
}

fn began(steps: Vec<Address>) -> Event {
    Event::Began { phase: Phase::Apply, steps }
}

fn started(address: Address) -> Event {
    let action = if address.kind() == Kind::Restart { Action::Run } else { Action::Create };
    Event::Started { phase: Phase::Apply, address, action }
}

fn finished(address: Address) -> Event {
    Event::Finished { phase: Phase::Apply, address, action: Action::Run, took: Duration::ZERO }
}

fn pods(address: Address, done: usize, waiting_for: &[&str]) -> Event {
    let waiting_for: Vec<String> = waiting_for.iter().copied().map(str::to_owned).collect();
    Event::Progressed { phase: Phase::Apply, address, progress: Progress::of_pods(done, 12, &waiting_for) }
}

fn text(board: &Board, now: u64, columns: usize, rows: usize) -> String {
    board.rows(seconds(now), Size { columns, rows }, &Style::plain()).join("\n")
}

#[test]
fn a_step_is_shown_with_its_time_and_what_it_waits_for() {
    let board = board(&[
        began(vec![role("my-cluster"), restart("my-cluster")]),
        finished(role("my-cluster")),
        started(restart("my-cluster")),
        pods(restart("my-cluster"), 3, &["ip-10-0-1-7"]),
    ]);
    insta::assert_snapshot!(text(&board, 47, 120, 24), @r"
    Applying: 1 of 2 steps done, 47s
      my-cluster: restarting pods, 45s: 3 of 12 pods Ready on the new role, waiting for ip-10-0-1-7
    ");
    insta::assert_snapshot!(text(&board, 47, 40, 24), @r"
    Applying: 1 of 2 steps done, 47s
      my-cluster: restarting pods, 45s
        3 of 12 pods Ready on the new role,
        waiting for ip-10-0-1-7
    ");
    assert_eq!(text(&board, 47, 120, 2), "Applying: 1 of 2 steps done, 47s");
    assert_eq!(text(&board, 47, 120, 1), "", "the cursor needs a row");
}

#[test]
fn several_clusters_are_counted_and_what_failed_too() {
    let error = ProviderError { kind: ErrorKind::Denied, what: String::new(), why: String::new(), cure: String::new() };
    let account = Address::new("111122223333", Kind::Detach, &["NodeRole", "AmazonEKS_CNI_Policy"]);
    let mut board = board(&[
        began(vec![role("one"), restart("one"), restart("two"), account.clone()]),
        finished(role("one")),
        finished(restart("one")),
        Event::Failed { phase: Phase::Apply, address: restart("two"), error },
        started(account),
    ]);
    board.hear(&Told::Stopping { at_once: false }, seconds(5));
    insta::assert_snapshot!(text(&board, 5, 100, 24), @r"
    Applying: 2 of 4 steps, 1 of 2 clusters done, 1 failed, stopping, 5s
      111122223333/detach/NodeRole/AmazonEKS_CNI_Policy: attaching, 1s
    ");
    board.hear(&Told::Happened(&Event::Ended { phase: Phase::Apply, done: 2, took: seconds(5) }), seconds(6));
    assert_eq!(text(&board, 6, 100, 24), "");
}

#[test]
fn what_comes_before_the_steps_is_shown_until_it_is_over() {
    let mut board = Board::default();
    board.hear(&Told::Reading { clusters: 3 }, seconds(1));
    assert_eq!(text(&board, 4, 100, 24), "Reading 3 clusters, 3s");
    let holder = LockHolder { run: String::new(), who: "alice@host, pid 7 (0a1b2c3d)".to_owned() };
    let record = LockRecord {
        holder,
        since: "2026-11-26T10:00:00Z".to_owned(),
        renewed: String::new(),
        silent: Duration::ZERO,
        expired: false,
    };
    board.hear(&Told::Run { name: "r", phase: Phase::Apply, is_taken_up: false }, seconds(5));
    for now in [5, 9] {
        board.hear(&Told::LockAwaited { cluster: "my-cluster", record: &record, limit: seconds(300) }, seconds(now));
    }
    insta::assert_snapshot!(text(&board, 75, 60, 24), @r"
    Waiting for the lock of cluster my-cluster, 1m10s
      alice@host, pid 7 (0a1b2c3d) has it since
        2026-11-26T10:00:00Z
    ");
    board.hear(&Told::LocksTaken { clusters: 1 }, seconds(80));
    assert_eq!(text(&board, 80, 60, 24), "");
    board.hear(&Told::Happened(&Event::Settling { resources: 12 }), seconds(80));
    assert_eq!(text(&board, 90, 100, 24), "Waiting until what is live of 12 resources can be believed, 10s");
}

/// A thousand clusters, so many of them at work at the same time as the command allows.
fn fleet() -> Board {
    let name = |at: usize| format!("prod-{at:04}");
    let steps = (0..1000).flat_map(|at| [role(&name(at)), restart(&name(at))]).collect();
    let mut events = vec![began(steps)];
    for at in 0..300 {
        events.extend([started(role(&name(at))), finished(role(&name(at)))]);
    }
    events.extend((0..50).map(|at| finished(restart(&name(at)))));
    for at in 50..300 {
        events.push(started(restart(&name(at))));
        events.push(pods(restart(&name(at)), at % 12, &["ip-10-0-1-7", "ip-10-0-1-8", "ip-10-0-1-9"]));
    }
    events.extend((300..306).map(|at| started(role(&name(at)))));
    board(&events)
}

#[test]
fn a_thousand_clusters_are_a_few_rows() {
    let fleet = fleet();
    insta::assert_snapshot!("fleet-at-200-columns", text(&fleet, 4000, 200, 50));
    insta::assert_snapshot!("fleet-at-80-columns", text(&fleet, 4000, 80, 24));
    insta::assert_snapshot!("fleet-at-40-columns", text(&fleet, 4000, 40, 24));
    insta::assert_snapshot!("fleet-in-4-rows", text(&fleet, 4000, 80, 4));
}

/// As many steps as run at the same time by default, in a terminal of the usual size.
#[test]
fn steps_that_take_too_many_rows_have_one_each() {
    let name = |at: usize| format!("prod-{at:04}");
    let mut events = vec![began((0..10).map(|at| restart(&name(at))).collect())];
    for at in 0..10 {
        events.push(started(restart(&name(at))));
        events.push(pods(restart(&name(at)), at, &["ip-192-168-22-86.us-west-2.compute.internal"]));
    }
    insta::assert_snapshot!("ten-steps", text(&board(&events), 60, 80, 24));
}

#[test]
fn no_row_is_wider_than_the_terminal_and_there_are_fewer_than_it_has() {
    let hostile = "\u{1b}[31mip\u{202e}-\u{65e5}\u{672c}-".repeat(20);
    let one = board(&[began(vec![restart("c")]), started(restart("c")), pods(restart("c"), 0, &[&hostile, &hostile])]);
    for board in [one, fleet()] {
        for columns in (1..60).chain([80, 120, 200]) {
            for rows in 0..=30 {
                let shown = board.rows(seconds(5000), Size { columns, rows }, &Style::plain());
                assert!(shown.len() < rows.max(1), "{columns}x{rows}: {shown:#?}");
                for row in &shown {
                    assert!(layout::columns(row) < columns.max(1), "{columns}x{rows}: {row:?}");
                    assert!(!row.contains(['\u{1b}', '\u{202e}']), "{row:?}");
                }
            }
        }
    }
}

#[test]
fn the_time_alone_changes_the_rows() {
    let board = board(&[began(vec![restart("c")]), started(restart("c"))]);
    let at = |now: u64| board.rows(seconds(now), WIDE, &Style::plain());
    assert_eq!(at(9), at(9));
    assert_ne!(at(9), at(10));
}
