//! The world's folder: one JSON file an account and one a cluster, and one that says of which scenario the world is
//! made, if of any. Each is written whole and in one step.
//!
//! ```text
//! lock
//! scenario.json
//! accounts/111122223333.json
//! clusters/us-west-2/my-cluster.json
//! ```
//!
//! Each file carries its format's number; a newer one is refused. One process at a time has the
//! folder, which the lock file's lock says; it goes with the process, however that ends.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::cluster::{ClusterFile, EksCluster};
use crate::error::SandboxError;
use crate::kubernetes::Snapshot;

/// The newest format this program writes and reads.
const FORMAT: u32 = 1;

/// A world's folder, held under its lock.
#[derive(Debug)]
pub(crate) struct Store {
    root: PathBuf,
    /// Held open for its lock. Writers take the mutex, so that two never share a temporary file.
    lock: Mutex<File>,
}

/// A cluster as read from its file.
pub(super) struct StoredCluster {
    pub(super) eks: EksCluster,
    pub(super) kubernetes: Option<Snapshot>,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    format: u32,
    content: T,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Store {
    /// Takes the folder, making it if need be. `None` while another process has it.
    pub(crate) fn take(root: &Path) -> Result<Option<Store>, SandboxError> {
        fs::create_dir_all(root).map_err(failed("create", root))?;
        let path = root.join("lock");
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(failed("create", &path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Store { root: root.to_owned(), lock: Mutex::new(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(SandboxError::File { action: "lock", path, source }),
        }
    }

    /// Empties the folder.
    pub(crate) fn clear(&self) -> Result<(), SandboxError> {
        for part in ["accounts", "clusters"] {
            let path = self.root.join(part);
            removed(fs::remove_dir_all(&path), &path)?;
        }
        let path = self.scenario();
        removed(fs::remove_file(&path), &path)
    }

    /// The scenario that the world is made of.
    pub(super) fn read_scenario(&self) -> Result<Option<String>, SandboxError> {
        let path = self.scenario();
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }

    pub(super) fn write_scenario(&self, name: &str) -> Result<(), SandboxError> {
        self.write(&self.root, "scenario", name)
    }

    fn scenario(&self) -> PathBuf {
        self.root.join("scenario.json")
    }

    pub(super) fn read_accounts(&self) -> Result<Vec<Account>, SandboxError> {
        json_files(&self.root.join("accounts"))?.iter().map(|path| read(path)).collect()
    }

    pub(super) fn read_clusters(&self) -> Result<Vec<StoredCluster>, SandboxError> {
        let mut clusters = Vec::new();
        for region in entries(&self.root.join("clusters"))? {
            for path in json_files(&region)? {
                let file: ClusterFile<'static> = read(&path)?;
                clusters
                    .push(StoredCluster { eks: file.eks.into_owned(), kubernetes: Some(file.kubernetes.into_owned()) });
            }
        }
        Ok(clusters)
    }

    pub(super) fn write_account(&self, account: &Account) -> Result<(), SandboxError> {
        self.write(&self.root.join("accounts"), &account.id, account)
    }

    pub(super) fn write_cluster(&self, file: &ClusterFile<'_>) -> Result<(), SandboxError> {
        self.write(&self.root.join("clusters").join(&file.eks.region), &file.eks.name, file)
    }

    /// Writes beside the file and renames over it: a reader finds the old one or the new one.
    fn write(&self, folder: &Path, name: &str, content: impl Serialize) -> Result<(), SandboxError> {
        let path = folder.join(format!("{name}.json"));
        let temporary = folder.join(format!("{name}.json.new"));
        let json = serde_json::to_vec(&Versioned { format: FORMAT, content })
            .map_err(|source| SandboxError::Damaged { path: path.clone(), source })?;
        let _one_at_a_time = self.lock.lock();
        if let Err(error) = fs::write(&temporary, &json) {
            if error.kind() != ErrorKind::NotFound {
                return Err(SandboxError::File { action: "write", path: temporary, source: error });
            }
            fs::create_dir_all(folder).map_err(failed("create", folder))?;
            fs::write(&temporary, &json).map_err(failed("write", &temporary))?;
        }
        fs::rename(&temporary, &path).map_err(failed("write", &path))
    }
}

/// That nothing was there to be removed is as good.
fn removed(outcome: std::io::Result<()>, path: &Path) -> Result<(), SandboxError> {
    match outcome {
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(SandboxError::File { action: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, SandboxError> {
    let bytes = fs::read(path).map_err(failed("read", path))?;
    let damaged = |source| SandboxError::Damaged { path: path.to_owned(), source };
    let FormatOnly { format } = serde_json::from_slice(&bytes).map_err(damaged)?;
    if format > FORMAT {
        return Err(SandboxError::Newer { path: path.to_owned(), found: format, known: FORMAT });
    }
    let versioned: Versioned<T> = serde_json::from_slice(&bytes).map_err(damaged)?;
    Ok(versioned.content)
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, SandboxError> {
    let mut files = entries(folder)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    Ok(files)
}

/// What is in a folder, in order; nothing where there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, SandboxError> {
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(failed("read", folder))?,
    };
    let paths: Result<Vec<PathBuf>, _> = listing.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed("read", folder))?;
    paths.sort();
    Ok(paths)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> SandboxError {
    let path = path.to_owned();
    move |source| SandboxError::File { action, path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &Path) -> Store {
        Store::take(folder).unwrap().expect("nobody else has a folder made for this test")
    }

    #[test]
    fn one_at_a_time_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let first = store(folder.path());
        assert!(Store::take(folder.path()).unwrap().is_none());
        drop(first);
        assert!(Store::take(folder.path()).unwrap().is_some());
    }

    #[test]
    fn what_is_written_is_read_and_a_half_written_file_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.write_account(&Account::new("111122223333", "aws")).unwrap();
        fs::write(folder.path().join("accounts/444455556666.json.new"), "{\"form").unwrap();
        let accounts = store.read_accounts().unwrap();
        assert_eq!(accounts.iter().map(|account| account.id.as_str()).collect::<Vec<_>>(), ["111122223333"]);
        store.clear().unwrap();
        assert!(store.read_accounts().unwrap().is_empty());
    }

    #[test]
    fn a_newer_format_is_refused_rather_than_misread() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        store.write_account(&Account::new("111122223333", "aws")).unwrap();
        fs::write(folder.path().join("accounts/111122223333.json"), r#"{"format":2,"content":{}}"#).unwrap();
        let error = store.read_accounts().unwrap_err();
        assert!(matches!(error, SandboxError::Newer { found: 2, known: FORMAT, .. }), "{error}");
    }
}
