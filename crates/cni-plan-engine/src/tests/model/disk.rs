//! A disk that a process dies over: before a record is on it, with a part of it, with the whole of it
//! and no answer.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use cni_plan_core::Address;

use crate::journal::{Intent, Record, Recovered, Storage, recover};
use crate::tests::world::Process;

/// What is left of the record over which a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::tests) enum Cut {
    Nothing,
    /// So many bytes of it, or all but one.
    Torn(usize),
    /// All of it, but not for certain yet: the power may go with the process.
    Unsynced {
        power_is_lost: bool,
    },
    Whole,
}

/// Shared by the processes that use it one after another.
#[derive(Debug, Clone, Default)]
pub(in crate::tests) struct Disk(Arc<Mutex<Medium>>);

#[derive(Debug, Default)]
struct Medium {
    bytes: Vec<u8>,
    /// Where the process at work writes next.
    at: usize,
    /// How much of it survives a loss of power.
    synced: usize,
    /// How much there is room for.
    room: Option<usize>,
    process: Process,
    /// At which record of the process it dies.
    killed_at: Option<(usize, Cut)>,
    records: usize,
}

impl Disk {
    /// `process` writes behind the first `at` bytes, with room for so many.
    pub(in crate::tests) fn take_up(
        &self,
        process: &Process,
        at: usize,
        room: Option<usize>,
        killed_at: Option<(usize, Cut)>,
    ) {
        let mut medium = self.medium();
        let room = room.map(|room| at + room);
        *medium = Medium {
            bytes: std::mem::take(&mut medium.bytes),
            at,
            synced: at,
            room,
            process: process.clone(),
            killed_at,
            records: 0,
        };
    }

    pub(in crate::tests) fn bytes(&self) -> Vec<u8> {
        self.medium().bytes.clone()
    }

    /// What can be believed of it; `None` where no run was begun.
    pub(in crate::tests) fn recovered(&self) -> Option<Recovered> {
        recover(&self.medium().bytes).ok()
    }

    /// What is durably said of a step last, if that is an intent.
    pub(in crate::tests) fn intent_of(&self, step: &Address) -> Option<Intent> {
        let medium = self.medium();
        let durable = std::str::from_utf8(&medium.bytes[..medium.synced]).ok()?;
        let name = format!(r#""step":{}"#, serde_json::to_string(step).ok()?);
        let line = durable.lines().rfind(|line| line.contains(&name))?;
        match serde_json::from_str(line.split_once(' ')?.1).ok()? {
            Record::Begin(intent) => Some(intent),
            _ => None,
        }
    }

    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.0.lock().unwrap()
    }
}

impl Storage for Disk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut medium = self.medium();
        // By records, not by groups: how they are grouped is a matter of chance.
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            medium.append(line)?;
        }
        let end = medium.at;
        medium.bytes.truncate(end);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut medium = self.medium();
        if medium.process.is_dead() {
            return Err(gone());
        }
        medium.synced = medium.at;
        Ok(())
    }
}

impl Medium {
    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if self.process.is_dead() {
            return Err(gone());
        }
        if self.room.is_some_and(|room| self.at + line.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let cut = self.killed_at.filter(|(at, _)| *at == self.records).map(|(_, cut)| cut);
        self.records += 1;
        let written = match cut {
            Some(Cut::Nothing | Cut::Unsynced { power_is_lost: true }) => 0,
            Some(Cut::Torn(bytes)) => bytes.min(line.len() - 1),
            Some(Cut::Unsynced { power_is_lost: false } | Cut::Whole) | None => line.len(),
        };
        let end = (self.at + written).min(self.bytes.len());
        self.bytes.splice(self.at..end, line[..written].iter().copied());
        self.at += written;
        if cut.is_some() {
            self.process.kill();
            return Err(gone());
        }
        Ok(())
    }
}

fn gone() -> io::Error {
    io::Error::other("the process is dead")
}
