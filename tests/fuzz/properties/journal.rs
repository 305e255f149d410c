//! Journals: whatever became of the file, what is believed of it is a prefix of what was written.

use cni_plan_engine::journal::{JOURNAL_VERSION, Journal, JournalError, MemoryStorage, Record, Tail, recover};
use futures::executor::block_on;

/// The bytes are a journal as it was found, and also records, one a line, that are written and then
/// damaged. A record's checksum is nothing that a fuzzer finds by itself.
pub fn check(bytes: &[u8]) {
    check_found(bytes);
    let records: Vec<Record> =
        bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(json_of(line)).ok()).collect();
    if !records.is_empty() {
        check_written(&records, bytes);
    }
}

/// A line of a real journal begins with its checksum.
fn json_of(line: &[u8]) -> &[u8] {
    line.iter().position(|&byte| byte == b'{').map_or(line, |start| &line[start..])
}

fn check_found(bytes: &[u8]) {
    let Ok(found) = recover(bytes) else { return };
    let length = usize::try_from(found.tail.length).expect("it is as long as a slice at most");
    assert_eq!(found.torn, length < bytes.len(), "whether something is torn off");
    let whole = recover(&bytes[..length]).expect("its whole records alone are a journal");
    assert_eq!((&whole.records, whole.torn, &whole.tail), (&found.records, false, &found.tail));
}

fn check_written(records: &[Record], bytes: &[u8]) {
    let written = write(records, Tail::empty());
    let found = match (recover(&written), &records[0]) {
        (Ok(found), _) => found,
        (Err(JournalError::Newer { found }), Record::Run(header)) => {
            return assert!(found == header.version && found > JOURNAL_VERSION);
        }
        // Only the first record says which run it is.
        (Err(JournalError::NotAJournal), first) => {
            let headers = records.iter().filter(|record| matches!(record, Record::Run(_))).count();
            return assert!(headers > 1 || !matches!(first, Record::Run(_)), "{records:?}");
        }
        (Err(error), _) => panic!("what was written cannot be read: {error}"),
    };
    assert_eq!(found.records, records, "what was written is not read back");
    assert!(!found.torn);
    check_found(&written);

    let draws = Draws(bytes.iter().fold(1, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)));
    for (draw, other) in draws.take(4) {
        let at = draw % written.len();
        assert_prefix(&written[..at], records, at, true);
        let mut changed = written.clone();
        changed[at] ^= u8::try_from(other % 255 + 1).expect("it is a byte");
        assert_prefix(&changed, records, at, false);
        // A session that takes up a torn journal writes over what is torn.
        if let Ok(torn) = recover(&written[..at]) {
            let mut taken_up = written[..usize::try_from(torn.tail.length).expect("it is a part of a slice")].to_vec();
            let more = &records[1..];
            taken_up.extend(write(more, torn.tail));
            let again = recover(&taken_up).expect("it goes on where the whole records end");
            assert_eq!(again.records, [&torn.records, more].concat());
        }
    }
}

/// `damaged` at `at` is read up to a record that ends before that, or refused.
fn assert_prefix(damaged: &[u8], records: &[Record], at: usize, is_cut: bool) {
    match recover(damaged) {
        Ok(found) => {
            assert!(found.tail.length <= at as u64, "a record is believed that is damaged at byte {at}");
            assert!(records.starts_with(&found.records), "records that nobody wrote");
            assert!(is_cut || found.torn, "damage at byte {at} is not noticed");
        }
        Err(JournalError::NotAJournal) => {}
        Err(JournalError::Damaged { line }) => assert!(!is_cut && line <= records.len()),
        Err(error) => panic!("damage is taken for something else: {error}"),
    }
}

fn write(records: &[Record], tail: Tail) -> Vec<u8> {
    let storage = MemoryStorage::default();
    let journal = Journal::start(storage.clone(), tail).expect("a thread can be started");
    for record in records {
        block_on(journal.write(record)).expect("memory takes every record");
    }
    drop(journal);
    storage.durable()
}

/// Numbers that follow from the input alone.
struct Draws(u64);

impl Iterator for Draws {
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = usize::try_from(self.0 >> 33).expect("31 bits");
        Some((bits >> 8, bits & 0xff))
    }
}
