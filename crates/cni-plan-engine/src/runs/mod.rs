//! The runs of a working folder: each has a folder of its own with the change set it applies and its
//! journal, readable by its owner alone.
//!
//! Whoever works on a run holds a lock on its journal, which ends with the process: so a run that
//! nobody holds and that is not over was cut off.

mod folder;
mod state;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_plan_core::{ChangeSet, ChangeSetError, digest_of};

pub use self::state::{RunRecord, RunState};
use crate::journal::{
    FileStorage, JOURNAL_VERSION, Journal, JournalError, NotRecorded, Record, Recovered, RunHeader, Session, Tail,
    recover,
};

/// Where a working folder's runs are.
#[derive(Debug, Clone)]
pub struct Runs {
    root: PathBuf,
}

/// A run that this process works on.
#[derive(Debug)]
pub struct OpenRun {
    /// Its name.
    pub name: String,
    /// What it applies.
    pub change_set: ChangeSet,
    /// What is known of it.
    pub record: RunRecord,
    /// Where what is done is recorded.
    pub journal: Journal,
}

/// A run in a list.
#[derive(Debug)]
pub struct ListedRun {
    /// Its name.
    pub name: String,
    /// What its journal says.
    pub record: Result<RunRecord, JournalError>,
}

/// Why a run cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is none of that name.
    #[error("there is no run {0}")]
    Unknown(String),
    /// Another process works on it.
    #[error("another process is working on run {0}")]
    Busy(String),
    /// Its process ended before it called anything.
    #[error("run {0} was cut off before it did anything")]
    NeverBegan(String),
    /// Its journal cannot be used.
    #[error("the journal of run {run} cannot be used")]
    Journal {
        /// The run.
        run: String,
        /// Why not.
        source: JournalError,
    },
    /// The change set beside the journal is not the one that was applied.
    #[error("the change set of run {run} cannot be used")]
    ChangeSet {
        /// The run.
        run: String,
        /// Why not.
        why: String,
    },
    /// The system refuses.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read`, `write` or `lock`.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The first record could not be made durable.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
}

const CHANGE_SET: &str = "change-set.json";
const JOURNAL: &str = "journal";

impl Runs {
    /// Those under `root`, which need not be there yet.
    pub fn at(root: impl Into<PathBuf>) -> Runs {
        Runs { root: root.into() }
    }

    /// Begins a run. When this returns, what it applies and that it began are durable.
    ///
    /// # Errors
    /// When anything cannot be written; nothing has been called then.
    pub async fn create(
        &self,
        name: &str,
        tool: &str,
        change_set: &ChangeSet,
        session: Session,
    ) -> Result<Journal, RunError> {
        let folder = self.root.join(name);
        let document = change_set.to_json();
        folder::create(&folder).map_err(file("write", &folder))?;
        let path = folder.join(CHANGE_SET);
        folder::write_whole(&path, document.as_bytes()).map_err(file("write", &path))?;
        let path = folder.join(JOURNAL);
        let journal = folder::create_file(&path).map_err(file("write", &path))?;
        take(&journal, name, &path)?;
        folder::sync(&folder).map_err(file("write", &folder))?;
        let journal = start(journal, Tail::empty(), &path)?;
        let header = RunHeader {
            version: JOURNAL_VERSION,
            run: name.to_owned(),
            tool: tool.to_owned(),
            spec: change_set.header.spec.clone(),
            change_set: digest_of(document.as_bytes()),
            steps: Some(change_set.counts().steps()),
        };
        journal.write_all(&[Record::Run(header), Record::Session(session)]).await?;
        Ok(journal)
    }

    /// Takes up a run that was begun.
    ///
    /// # Errors
    /// When there is none, another process works on it, or its files are not as they were written.
    pub async fn open(&self, name: &str, session: Session) -> Result<OpenRun, RunError> {
        let path = self.root.join(name).join(JOURNAL);
        let file_of_journal = match folder::open_file(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.missing(name)),
            Err(error) => return Err(file("write", &path)(error)),
        };
        take(&file_of_journal, name, &path)?;
        let bytes = std::fs::read(&path).map_err(file("read", &path))?;
        let recovered = whole(name, &bytes)?;
        let change_set = self.change_set(name, recovered.header())?;
        let record = RunRecord::of(&recovered, &change_set.changes);
        let session = Session { torn: recovered.torn, ..session };
        let journal = start(file_of_journal, recovered.tail, &path)?;
        journal.write(&Record::Session(session)).await?;
        Ok(OpenRun { name: name.to_owned(), change_set, record, journal })
    }

    /// All runs, the oldest first; those that were cut off before they did anything are left out.
    ///
    /// # Errors
    /// When the folder cannot be read. A journal that cannot be read or used is listed with the reason.
    pub fn list(&self) -> Result<Vec<ListedRun>, RunError> {
        let mut runs = Vec::new();
        for name in folder::names(&self.root).map_err(file("read", &self.root))? {
            let path = self.root.join(&name).join(JOURNAL);
            // Before it is read: what a process writes that has let go of it since is all there.
            let is_held = is_held(&path);
            let record = match std::fs::read(&path) {
                Ok(bytes) => whole(&name, &bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    Err(RunError::Journal { run: name.clone(), source: JournalError::Unreadable(error.to_string()) })
                }
            };
            let record = match record {
                // A listing needs no plan, so it does not read the change set.
                Ok(recovered) => Ok(RunRecord::of(&recovered, &[])),
                Err(RunError::Journal { source, .. }) => Err(source),
                Err(_) => continue,
            };
            let in_progress = |record| RunRecord { state: RunState::InProgress, ..record };
            runs.push(ListedRun { name, record: if is_held { record.map(in_progress) } else { record } });
        }
        Ok(runs)
    }

    fn missing(&self, name: &str) -> RunError {
        if self.root.join(name).is_dir() {
            RunError::NeverBegan(name.to_owned())
        } else {
            RunError::Unknown(name.to_owned())
        }
    }

    /// What a run applies, as it was when the run was begun.
    ///
    /// # Errors
    /// When it cannot be read, or is not the one that the journal was begun with.
    pub fn change_set(&self, name: &str, header: &RunHeader) -> Result<ChangeSet, RunError> {
        let path = self.root.join(name).join(CHANGE_SET);
        let document = std::fs::read_to_string(&path).map_err(file("read", &path))?;
        let unusable = |why: String| RunError::ChangeSet { run: name.to_owned(), why };
        let change_set =
            ChangeSet::from_json(&document).map_err(|error: ChangeSetError| unusable(error.to_string()))?;
        if header.change_set != digest_of(document.as_bytes()) {
            return Err(unusable("it is not the one that the journal was begun with".to_owned()));
        }
        Ok(change_set)
    }
}

/// A journal's records. Without even a first line nothing can have been called.
fn whole(name: &str, bytes: &[u8]) -> Result<Recovered, RunError> {
    if !bytes.contains(&b'\n') {
        return Err(RunError::NeverBegan(name.to_owned()));
    }
    recover(bytes).map_err(|source| RunError::Journal { run: name.to_owned(), source })
}

/// Locks a journal for this process. Whoever lists the runs has each one's lock for an instant, which
/// no other process at work would let go of so soon.
fn take(journal: &File, name: &str, path: &Path) -> Result<(), RunError> {
    const LOOKS: u32 = 10;
    const BETWEEN: Duration = Duration::from_millis(20);
    for look in 1.. {
        match journal.try_lock() {
            Ok(()) => break,
            Err(std::fs::TryLockError::WouldBlock) if look < LOOKS => std::thread::sleep(BETWEEN),
            Err(std::fs::TryLockError::WouldBlock) => return Err(RunError::Busy(name.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => return Err(file("lock", path)(error)),
        }
    }
    Ok(())
}

fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

fn start(journal: File, tail: Tail, path: &Path) -> Result<Journal, RunError> {
    let storage = FileStorage::new(journal, tail.length).map_err(file("write", path))?;
    Journal::start(storage, tail).map_err(file("write", path))
}

fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::File { action, path, source }
}

#[cfg(test)]
mod tests;
