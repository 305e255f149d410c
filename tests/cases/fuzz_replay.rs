//! What the fuzzer starts from, and all that it ever found, through the properties that it checks.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../fuzz/properties/mod.rs"]
#[expect(unreachable_pub, reason = "public for the fuzzer's targets, which are another package")]
mod properties;

/// Folders whose files a reader's property is tried on, beside its own seeds: as in `.ci/fuzz`.
const MORE: &[(&str, &str)] = &[
    ("spec", "../examples"),
    ("spec", "../crates/cni-plan-spec/tests/bad"),
    ("change_set", "../plans"),
    ("policy_document", "../crates/cni-plan-spec/tests/bad/documents"),
];

#[test]
fn seeds_and_findings_hold() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (reader, check) in properties::ALL {
        let own = tests.join("fuzz/seeds").join(reader);
        let more = MORE.iter().filter(|(of, _)| *of == reader).map(|(_, folder)| tests.join(folder));
        let files: Vec<PathBuf> = std::iter::once(own).chain(more).flat_map(|folder| files_in(&folder)).collect();
        assert!(files.len() >= 5, "{reader}: only {} files", files.len());
        for file in files {
            let bytes = fs::read(&file).unwrap();
            // Cut in two places as well: every reader meets files that are not whole.
            for bytes in [&bytes[..], &bytes[..bytes.len() / 3], &bytes[..bytes.len() * 2 / 3]] {
                let held = catch_unwind(AssertUnwindSafe(|| check(bytes)));
                assert!(held.is_ok(), "{reader}, the first {} bytes of {}", bytes.len(), file.display());
            }
        }
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}
