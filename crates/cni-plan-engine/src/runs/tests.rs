use futures::executor::block_on;
use std::os::unix::fs::PermissionsExt;

use cni_plan_core::Phase;

use super::*;
use crate::journal::Verdict;

fn change_set() -> ChangeSet {
    crate::tests::chain_of(3)
}

fn session(command: &str) -> Session {
    Session {
        command: command.to_owned(),
        who: "me@here".to_owned(),
        at: "2026-11-24T01:47:22Z".to_owned(),
        torn: false,
    }
}

fn runs() -> (tempfile::TempDir, Runs) {
    let folder = tempfile::tempdir().unwrap();
    let runs = Runs::at(folder.path().join(".cni-plan/runs"));
    (folder, runs)
}

fn states(runs: &Runs) -> Vec<RunState> {
    runs.list().unwrap().into_iter().map(|run| run.record.unwrap().state).collect()
}

#[test]
fn a_run_is_its_owners_alone_and_one_process_works_on_it() {
    let (folder, runs) = runs();
    assert!(runs.list().unwrap().is_empty());
    let journal = block_on(runs.create("one", "0.1.0", &change_set(), session("apply"))).unwrap();
    assert_eq!(states(&runs), [RunState::InProgress]);
    assert!(matches!(block_on(runs.open("one", session("resume"))), Err(RunError::Busy(_))));
    drop(journal);
    assert_eq!(states(&runs), [RunState::Unfinished(Phase::Apply)]);
    let run = block_on(runs.open("one", session("resume"))).unwrap();
    assert_eq!(run.change_set, change_set());
    assert_eq!(run.record.sessions.len(), 1, "the sessions before this one");
    for name in ["", "journal", "change-set.json"] {
        let path = folder.path().join(".cni-plan/runs/one").join(name);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn a_run_that_is_over_says_so() {
    let (_folder, runs) = runs();
    for (name, verdict) in [("a", Verdict::Applied), ("b", Verdict::RolledBack), ("c", Verdict::Interrupted)] {
        let journal = block_on(runs.create(name, "0.1.0", &change_set(), session("apply"))).unwrap();
        block_on(journal.write(&Record::Close { verdict })).unwrap();
    }
    assert_eq!(states(&runs), [RunState::Applied, RunState::RolledBack, RunState::Unfinished(Phase::Apply)]);
}

#[test]
fn what_is_not_there_or_was_never_begun_is_told_apart() {
    let (folder, runs) = runs();
    assert!(matches!(block_on(runs.open("one", session("resume"))), Err(RunError::Unknown(_))));
    drop(block_on(runs.create("one", "0.1.0", &change_set(), session("apply"))).unwrap());
    let journal = folder.path().join(".cni-plan/runs/one/journal");
    std::fs::write(&journal, b"0123456789abcdef {\"rec").unwrap();
    assert!(matches!(block_on(runs.open("one", session("resume"))), Err(RunError::NeverBegan(_))));
    assert!(runs.list().unwrap().is_empty(), "nothing was called, so there is nothing to tell");
    std::fs::remove_file(&journal).unwrap();
    assert!(matches!(block_on(runs.open("one", session("resume"))), Err(RunError::NeverBegan(_))));
}

#[test]
fn another_change_set_than_the_one_begun_with_is_refused() {
    let (folder, runs) = runs();
    drop(block_on(runs.create("one", "0.1.0", &change_set(), session("apply"))).unwrap());
    let path = folder.path().join(".cni-plan/runs/one/change-set.json");
    let mut other = change_set();
    other.header.spec = "another.yaml".to_owned();
    std::fs::write(&path, other.to_json()).unwrap();
    assert!(matches!(block_on(runs.open("one", session("resume"))), Err(RunError::ChangeSet { .. })));
}

#[test]
fn a_torn_end_is_remembered_by_whoever_takes_the_run_up() {
    let (folder, runs) = runs();
    drop(block_on(runs.create("one", "0.1.0", &change_set(), session("apply"))).unwrap());
    let path = folder.path().join(".cni-plan/runs/one/journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(&[b'x'; 4000]);
    std::fs::write(&path, bytes).unwrap();
    for _ in 0..2 {
        let run = block_on(runs.open("one", session("resume"))).unwrap();
        assert!(run.record.torn);
        assert!(run.record.standings.iter().all(|&standing| standing == cni_plan_core::Standing::InDoubt));
    }
    assert!(recover(&std::fs::read(&path).unwrap()).is_ok_and(|recovered| !recovered.torn));
}
