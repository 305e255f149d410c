//! `.cni-plan/`: what the runs and the sandbox of a folder are kept in, which nobody is to commit.

use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

const FOLDER: &str = ".cni-plan";
const IGNORED: &str = ".gitignore";

/// Makes the folder, private, with a `.gitignore` that leaves all of it out. One that is there already, and whatever is
/// in it, is left as it is: whoever took the `.gitignore` away wanted it so.
///
/// Whatever fails here fails again where the folder is written to, and is told there; without the one line a commit is
/// merely asked about the folder.
pub(crate) fn make() {
    make_in(Path::new(""));
}

fn make_in(above: &Path) {
    let folder = above.join(FOLDER);
    if DirBuilder::new().mode(0o700).create(&folder).is_ok()
        && let Ok(mut file) = File::create_new(folder.join(IGNORED))
    {
        let _ = file.write_all(b"*\n");
    }
}

/// Whether a path leads into it.
#[cfg(feature = "sandbox")]
pub(crate) fn holds(path: &Path) -> bool {
    path.strip_prefix(".").unwrap_or(path).starts_with(FOLDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_there_is_left_as_it_is() {
        let above = tempfile::tempdir().unwrap();
        let ignored = above.path().join(FOLDER).join(IGNORED);
        make_in(above.path());
        assert_eq!(std::fs::read_to_string(&ignored).unwrap(), "*\n");
        std::fs::write(&ignored, "runs/\n").unwrap();
        make_in(above.path());
        assert_eq!(std::fs::read_to_string(&ignored).unwrap(), "runs/\n");
        std::fs::remove_file(&ignored).unwrap();
        make_in(above.path());
        assert!(!ignored.exists());
    }

    #[cfg(feature = "sandbox")]
    #[test]
    fn a_path_leads_into_it_or_not() {
        assert!(holds(Path::new(".cni-plan/sandbox/kubeconfig")) && holds(Path::new("./.cni-plan/kubeconfig")));
        assert!(!holds(Path::new("kubeconfig")) && !holds(Path::new(".cni-planner/kubeconfig")));
    }
}
