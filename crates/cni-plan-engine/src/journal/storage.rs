//! Where a journal's bytes go.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

/// An append-only store. A journal is written by one thread.
pub trait Storage: Send {
    /// Puts `bytes` behind what is there, all of them or an error.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything appended survives a loss of power.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file, locked by whoever opened it.
#[derive(Debug)]
pub struct FileStorage {
    file: File,
    length: u64,
    /// Whether something torn stands behind `length`.
    is_longer: bool,
}

impl FileStorage {
    /// Goes on behind the first `length` bytes of `file`. What is behind them is cut off once the
    /// first append, which says that it was there, has taken its place.
    pub fn new(file: File, length: u64) -> io::Result<FileStorage> {
        let is_longer = file.metadata()?.len() > length;
        Ok(FileStorage { file, length, is_longer })
    }
}

impl Storage for FileStorage {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all_at(bytes, self.length) {
            // A disk that is full takes half a record. Without it the file ends in a whole one; if
            // even that fails, the half is recognised when it is read. What was torn before stays until
            // a record says that it was.
            if !self.is_longer {
                let _ = self.file.set_len(self.length);
            }
            return Err(error);
        }
        self.length += bytes.len() as u64;
        if self.is_longer {
            self.file.set_len(self.length)?;
            self.is_longer = false;
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A store in memory, for tests and for those who need no recovery.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    bytes: Vec<u8>,
    synced: usize,
    room: Option<usize>,
}

impl MemoryStorage {
    /// One that holds so many bytes and no more, like a full disk.
    pub fn with_room(bytes: usize) -> MemoryStorage {
        MemoryStorage(Arc::new(Mutex::new(Memory { room: Some(bytes), ..Memory::default() })))
    }

    /// What survives a loss of power.
    pub fn durable(&self) -> Vec<u8> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.bytes[..memory.synced].to_vec()
    }
}

impl Storage for MemoryStorage {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.room.is_some_and(|room| memory.bytes.len() + bytes.len() > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        memory.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.synced = memory.bytes.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_made_durable_says_so() {
        // The null device takes every byte and has no disk behind it: fdatasync(2) refuses it.
        let device = File::options().read(true).write(true).open("/dev/null").unwrap();
        let mut storage = FileStorage::new(device, 0).unwrap();
        storage.append(b"record").unwrap();
        assert_eq!(storage.sync().unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn what_was_torn_is_cut_off_once_its_place_is_taken() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(b"whole\ntorn and long", 0).unwrap();
        let mut storage = FileStorage::new(file.try_clone().unwrap(), 6).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 19, "it is there until something says that it was");
        storage.append(b"next\n").unwrap();
        assert_eq!(file.metadata().unwrap().len(), 11);
    }
}
