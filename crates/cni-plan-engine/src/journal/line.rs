//! A journal's lines: how a record is sealed, and what can be believed of bytes that were found.
//!
//! `CHECKSUM JSON\n`, the checksum being 16 hexadecimal digits of the SHA-256 of the checksum before
//! and the JSON. So a line stands for every line before it, and none can be left out or exchanged.
//! It guards against accidents and careless edits, not against someone who makes a new journal.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::record::{JOURNAL_VERSION, Record, RunHeader};

/// Where a journal ends, and what its next line is sealed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// Bytes of whole records.
    pub length: u64,
    checksum: String,
}

impl Tail {
    /// Of a journal without a record.
    pub fn empty() -> Tail {
        Tail { length: 0, checksum: "cni-plan journal".to_owned() }
    }

    /// Appends a sealed line to `into`.
    pub(crate) fn seal(&mut self, json: &str, into: &mut Vec<u8>) {
        self.checksum = checksum(&self.checksum, json.as_bytes());
        let start = into.len();
        into.extend_from_slice(self.checksum.as_bytes());
        into.push(b' ');
        into.extend_from_slice(json.as_bytes());
        into.push(b'\n');
        self.length += (into.len() - start) as u64;
    }
}

/// What can be believed of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Its whole records, the first of them [`Record::Run`].
    pub records: Vec<Record>,
    /// Where the next one goes.
    pub tail: Tail,
    /// Whether something stands behind the last whole record: a line that was being written when the
    /// process ended, or one that is damaged. Steps without a record may have been begun then.
    pub torn: bool,
}

impl Recovered {
    /// Which run it is of: what its first record says.
    ///
    /// # Panics
    /// Never of what [`recover`] gave.
    pub fn header(&self) -> &RunHeader {
        match self.records.first() {
            Some(Record::Run(header)) => header,
            _ => unreachable!("recovering a journal has checked what it begins with"),
        }
    }
}

/// Why a journal cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The system does not let it be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It has not one whole record, or does not begin as one does.
    #[error("it is not the journal of a run")]
    NotAJournal,
    /// Made by a program that knows more.
    #[error("its version is {found}, and this cni-plan reads up to {JOURNAL_VERSION}")]
    Newer {
        /// The version it states.
        found: u32,
    },
    /// A line is not as it was written, and others follow it.
    #[error("line {line} is damaged: it is not as it was written")]
    Damaged {
        /// From 1.
        line: usize,
    },
    /// A line is as it was written, and is no record that this program knows.
    #[error("line {line} is not a record: {why}")]
    Unknown {
        /// From 1.
        line: usize,
        /// What the reader says.
        why: String,
    },
}

/// Reads the whole records of a journal. What is torn off at its end is left out; damage anywhere
/// else is refused, because what came after it cannot be believed either.
///
/// # Errors
/// See [`JournalError`]; a journal whose very first record is torn is none.
pub fn recover(bytes: &[u8]) -> Result<Recovered, JournalError> {
    let mut tail = Tail::empty();
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        let Some((checksum, json)) = opened(line, &tail) else {
            if after.is_empty() || records.is_empty() {
                break;
            }
            return Err(JournalError::Damaged { line: records.len() + 1 });
        };
        let number = records.len() + 1;
        let record = parse(json, number)?;
        if matches!(record, Record::Run(_)) != records.is_empty() {
            return Err(JournalError::NotAJournal);
        }
        tail.checksum = checksum;
        tail.length += (end + 1) as u64;
        records.push(record);
        rest = after;
    }
    if records.is_empty() {
        return Err(JournalError::NotAJournal);
    }
    Ok(Recovered { records, tail, torn: !rest.is_empty() })
}

/// The checksum and the JSON of a line that is as it was written.
fn opened<'a>(line: &'a [u8], tail: &Tail) -> Option<(String, &'a [u8])> {
    let (seal, json) = line.split_at_checked(CHECKSUM_DIGITS)?;
    let json = json.strip_prefix(b" ")?;
    let expected = checksum(&tail.checksum, json);
    (seal == expected.as_bytes()).then_some((expected, json))
}

fn parse(json: &[u8], line: usize) -> Result<Record, JournalError> {
    /// What every version's first record has.
    #[derive(serde::Deserialize)]
    struct Version {
        version: Option<u32>,
    }
    if line == 1
        && let Ok(Version { version: Some(found) }) = serde_json::from_slice(json)
        && found > JOURNAL_VERSION
    {
        return Err(JournalError::Newer { found });
    }
    serde_json::from_slice(json).map_err(|error| JournalError::Unknown { line, why: error.to_string() })
}

const CHECKSUM_DIGITS: usize = 16;

fn checksum(before: &str, json: &[u8]) -> String {
    let digest = Sha256::new().chain_update(before).chain_update(json).finalize();
    digest.iter().take(CHECKSUM_DIGITS / 2).fold(String::with_capacity(CHECKSUM_DIGITS), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
