//! Files that people keep and commit, each written whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::CommandError;

/// Writes a file, and its folder where there is none. A reader sees the old file or the new one, and a full disk
/// leaves the old one.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), CommandError> {
    let replace = || written(path, text)?.persist(path).map_err(|error| error.error);
    replace().map(|_| ()).map_err(|source| failed(path, source))
}

/// Writes a file that is not there yet, and its folder where there is none. `false`: something is there already, and
/// is left as it is.
pub(crate) fn create(path: &Path, text: &str) -> Result<bool, CommandError> {
    let file = written(path, text).map_err(|source| failed(path, source))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed(path, error.error)),
    }
}

/// The text beside where it is to be, on the disk.
fn written(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(no_folder)?;
    let mut file = tempfile::Builder::new().prefix(".cni-plan-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    set_default_mode(file.as_file())?;
    Ok(file)
}

fn failed(path: &Path, source: io::Error) -> CommandError {
    CommandError::File { action: "write", path: PathBuf::from(path), source }
}

/// The system says of a file in a folder's place that it exists, which is no help.
fn no_folder(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
        _ => error,
    }
}

/// A temporary file is private; what is to be committed and reviewed is not.
fn set_default_mode(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Others read what is committed.
    #[test]
    fn a_file_is_for_all_to_read_and_has_its_folder_made() {
        let folder = tempfile::tempdir().unwrap();
        let (replaced, created) = (folder.path().join("plans/one"), folder.path().join("specs/team/two"));
        replace(&replaced, "one").unwrap();
        assert!(create(&created, "two").unwrap());
        for (path, text) in [(&replaced, "one"), (&created, "two")] {
            assert_eq!(std::fs::read_to_string(path).unwrap(), text);
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o644, "{}", path.display());
        }
    }

    #[test]
    fn what_is_there_already_is_replaced_or_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "old").unwrap();
        assert!(!create(&path, "new").unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        replace(&path, "new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
