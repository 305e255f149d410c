//! The torn journal: cut at every byte, every byte changed.

use cni_plan_core::{Action, Address, Kind, Phase};

use super::*;
use crate::journal::{Intent, Outcome, RunHeader, Session, Verdict};

fn records() -> Vec<Record> {
    let step = Address::new("c", Kind::Role, &["r\u{202e}\n"]);
    vec![
        Record::Run(RunHeader {
            version: JOURNAL_VERSION,
            run: "20261124-014722-7".to_owned(),
            tool: "0.1.0".to_owned(),
            spec: "spec.yaml".to_owned(),
            change_set: "sha256:0".to_owned(),
            steps: Some(3),
        }),
        Record::Session(Session {
            command: "apply".to_owned(),
            who: "me@here, pid 7".to_owned(),
            at: "2026-11-24T01:47:22Z".to_owned(),
            torn: true,
        }),
        Record::Begin(Intent {
            step: step.clone(),
            phase: Phase::Apply,
            action: Action::Create,
            before: None,
            after: None,
            ms: 3,
        }),
        Record::End { step, phase: Phase::Apply, outcome: Outcome::Done, ms: 8 },
        Record::Back { why: vec!["it failed".to_owned()] },
        Record::Close { verdict: Verdict::RolledBack },
    ]
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut tail = Tail::empty();
    let mut bytes = Vec::new();
    for record in records {
        tail.seal(&serde_json::to_string(record).unwrap(), &mut bytes);
    }
    assert_eq!(tail.length, bytes.len() as u64);
    bytes
}

#[test]
fn what_is_written_is_read_back() {
    let bytes = written(&records());
    let recovered = recover(&bytes).unwrap();
    assert_eq!(recovered.records, records());
    assert!(!recovered.torn);
    assert_eq!(recovered.tail.length, bytes.len() as u64);
}

#[test]
fn cut_anywhere_it_is_read_up_to_the_last_whole_record() {
    let all = records();
    let bytes = written(&all);
    let ends: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').map(|at| at + 1).collect();
    for length in 0..bytes.len() {
        let whole = ends.iter().filter(|&&end| end <= length).count();
        let is_at_an_end = length == 0 || ends.contains(&length);
        match recover(&bytes[..length]) {
            Ok(recovered) => {
                assert_eq!(recovered.records, all[..whole], "cut at {length}");
                assert_eq!(recovered.torn, !is_at_an_end, "cut at {length}");
            }
            Err(error) => {
                assert_eq!(error, JournalError::NotAJournal, "cut at {length}");
                assert_eq!(whole, 0, "cut at {length}");
            }
        }
    }
}

#[test]
fn with_any_byte_changed_it_is_a_whole_prefix_or_refused() {
    let all = records();
    let bytes = written(&all);
    for at in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            match recover(&changed) {
                Ok(recovered) => {
                    assert!(recovered.torn, "byte {at} is changed and nobody notices");
                    let whole = recovered.records.len();
                    assert!(whole < all.len());
                    assert_eq!(recovered.records, all[..whole], "byte {at}");
                }
                Err(error) => assert!(
                    matches!(error, JournalError::NotAJournal | JournalError::Damaged { .. }),
                    "byte {at}: {error}"
                ),
            }
        }
    }
}

#[test]
fn a_line_that_is_left_out_repeated_or_exchanged_is_noticed() {
    let bytes = written(&records());
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let joined = |order: &[usize]| order.iter().flat_map(|&at| lines[at].iter().copied()).collect::<Vec<u8>>();
    for order in [&[0, 2, 3, 4, 5][..], &[0, 1, 1, 2, 3, 4, 5], &[0, 1, 3, 2, 4, 5], &[0, 1, 2, 4, 3, 5]] {
        assert!(matches!(recover(&joined(order)), Err(JournalError::Damaged { .. })), "{order:?}");
    }
    assert_eq!(recover(&joined(&[1, 2, 3])), Err(JournalError::NotAJournal));
}

#[test]
fn a_newer_journal_and_an_unknown_record_are_refused_by_name() {
    let sealed = |lines: &[&str]| {
        let (mut tail, mut bytes) = (Tail::empty(), Vec::new());
        lines.iter().for_each(|line| tail.seal(line, &mut bytes));
        bytes
    };
    let newer = sealed(&[r#"{"record":"run","version":2,"more":"than we know"}"#]);
    assert_eq!(recover(&newer), Err(JournalError::Newer { found: 2 }));
    let head = serde_json::to_string(&records()[0]).unwrap();
    let unknown = sealed(&[&head, r#"{"record":"dance"}"#]);
    assert!(matches!(recover(&unknown), Err(JournalError::Unknown { line: 2, .. })));
}
