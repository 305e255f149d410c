//! Group commit: records that come while the disk is busy are made durable together, so that
//! independent steps do not wait for one another.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use cni_plan_core::canonical_json::to_line;
use futures::channel::oneshot;

use super::line::Tail;
use super::record::Record;
use super::storage::Storage;

/// A journal that is being written. Dropping it writes what was handed in and ends its thread.
#[derive(Debug)]
pub struct Journal {
    entries: Option<Mutex<Sender<Entry>>>,
    thread: Option<JoinHandle<()>>,
    began: Instant,
}

/// A record could not be made durable. Nothing may be called that it was the intent of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the run's journal cannot be written: {0}")]
pub struct NotRecorded(String);

struct Entry {
    lines: Vec<String>,
    durable: oneshot::Sender<Result<(), NotRecorded>>,
}

impl Journal {
    /// Goes on writing behind `tail`, on a thread of its own.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(storage: impl Storage + 'static, tail: Tail) -> io::Result<Journal> {
        let (entries, received) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || commit_groups(&received, storage, tail))?;
        Ok(Journal { entries: Some(Mutex::new(entries)), thread: Some(thread), began: Instant::now() })
    }

    /// Returns when `record` is durable, and every record handed in before it.
    ///
    /// # Errors
    /// When the storage fails. From then on every record fails: what comes after a gap says nothing.
    pub async fn write(&self, record: &Record) -> Result<(), NotRecorded> {
        self.write_all(std::slice::from_ref(record)).await
    }

    /// [`Journal::write`] of several records with one append and one sync.
    ///
    /// # Errors
    /// As there.
    pub async fn write_all(&self, records: &[Record]) -> Result<(), NotRecorded> {
        let (durable, answer) = oneshot::channel();
        let entry = Entry { lines: records.iter().map(to_line).collect(), durable };
        let gone = || NotRecorded("its thread has ended".to_owned());
        let entries = self.entries.as_ref().ok_or_else(gone)?;
        entries.lock().unwrap_or_else(PoisonError::into_inner).send(entry).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Milliseconds since this session began.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.entries = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing left to tell: each record was answered for.
            let _ = thread.join();
        }
    }
}

/// Takes whatever is waiting, writes it in one go, syncs once, and answers for all of it.
fn commit_groups(received: &Receiver<Entry>, mut storage: impl Storage, mut tail: Tail) {
    let mut broken: Option<NotRecorded> = None;
    while let Ok(first) = received.recv() {
        let group: Vec<Entry> = std::iter::once(first).chain(received.try_iter()).collect();
        if broken.is_none() {
            let lines = || group.iter().flat_map(|entry| &entry.lines);
            let mut bytes = Vec::with_capacity(lines().map(|line| line.len() + 18).sum());
            lines().for_each(|line| tail.seal(line, &mut bytes));
            let written = storage.append(&bytes).and_then(|()| storage.sync());
            broken = written.err().map(|error| NotRecorded(error.to_string()));
        }
        let outcome = broken.clone().map_or(Ok(()), Err);
        for entry in group {
            // Whoever waited may have been dropped; the record counts all the same.
            let _ = entry.durable.send(outcome.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::executor::block_on;
    use futures::future::join_all;

    use super::*;
    use crate::journal::{MemoryStorage, Outcome, RunHeader, Verdict, recover};

    fn header() -> Record {
        let text = "x".to_owned();
        Record::Run(RunHeader {
            version: 1,
            run: text.clone(),
            tool: text.clone(),
            spec: text.clone(),
            change_set: text,
            steps: None,
        })
    }

    fn back(number: usize) -> Record {
        Record::Back { why: vec![number.to_string()] }
    }

    #[test]
    fn what_is_answered_for_is_durable() {
        let storage = MemoryStorage::default();
        let journal = Journal::start(storage.clone(), Tail::empty()).unwrap();
        for record in [header(), back(1), Record::Close { verdict: Verdict::Applied }] {
            block_on(journal.write(&record)).unwrap();
            assert_eq!(recover(&storage.durable()).unwrap().records.last(), Some(&record));
        }
    }

    /// Counts how often it is synced, each time slowly enough for others to come meanwhile.
    struct Slow(MemoryStorage, Arc<AtomicUsize>);

    impl Storage for Slow {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.0.append(bytes)
        }

        fn sync(&mut self) -> io::Result<()> {
            self.1.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(20));
            self.0.sync()
        }
    }

    #[test]
    fn records_that_come_together_are_synced_together() {
        let (storage, syncs) = (MemoryStorage::default(), Arc::new(AtomicUsize::new(0)));
        let journal = Journal::start(Slow(storage.clone(), Arc::clone(&syncs)), Tail::empty()).unwrap();
        block_on(journal.write(&header())).unwrap();
        let records: Vec<Record> = (0..200).map(back).collect();
        block_on(join_all(records.iter().map(|record| journal.write(record))))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        assert_eq!(recover(&storage.durable()).unwrap().records.len(), 201);
        assert!(syncs.load(Ordering::SeqCst) < 20, "{syncs:?} syncs for 201 records");
    }

    #[test]
    fn after_a_failure_nothing_more_is_recorded() {
        let storage = MemoryStorage::with_room(300);
        let journal = Journal::start(storage.clone(), Tail::empty()).unwrap();
        block_on(journal.write(&header())).unwrap();
        let long = Outcome::Failed { why: "w".repeat(300) };
        let step = cni_plan_core::Address::new("c", cni_plan_core::Kind::Role, &["r"]);
        let record = Record::End { step, phase: cni_plan_core::Phase::Apply, outcome: long, ms: 0 };
        assert!(block_on(journal.write(&record)).is_err());
        assert!(block_on(journal.write(&back(1))).is_err(), "there is room for it, but not for what came before it");
        assert_eq!(recover(&storage.durable()).unwrap().records, [header()]);
    }
}
