//! Each file under `examples/` is planned and applied, and its change set under `plans/` is, byte
//! for byte, what `plan` writes. `UPDATE_SNAPSHOTS=1` writes the change sets anew.

use std::collections::BTreeSet;
use std::path::Path;

use cni_plan_tests::command::{Workspace, repository};

/// All of them.
pub(crate) const EXAMPLES: [&str; 5] = ["every-key", "ipv4", "ipv6", "quickstart", "two-clusters"];

#[test]
fn quickstart() {
    check("quickstart");
}

#[test]
fn ipv4() {
    check("ipv4");
}

#[test]
fn ipv6() {
    check("ipv6");
}

#[test]
fn every_key() {
    check("every-key");
}

#[test]
fn two_clusters() {
    check("two-clusters");
}

#[test]
fn every_example_is_checked_and_every_change_set_has_an_example() {
    let checked = BTreeSet::from(EXAMPLES.map(str::to_owned));
    assert_eq!(stems("examples", ".yaml"), checked);
    assert_eq!(stems("plans", ".plan.json"), checked);
    assert_eq!(stems("plans", ".plan.md"), checked);
}

/// Planned twice, on two sandboxes that know nothing of each other; then applied, by its plan.
fn check(name: &str) {
    let workspace = Workspace::with_examples();
    let spec = format!("examples/{name}.yaml");
    workspace.run(["plan", "--sandbox", &spec]).expect(0);
    let other = Workspace::with_examples();
    other.run(["plan", "--sandbox", &spec]).expect(0);
    for ending in ["plan.json", "plan.md"] {
        let path = format!("plans/{name}.{ending}");
        let written = workspace.read(&path);
        assert_eq!(written, other.read(&path), "{path} differs between two fresh sandboxes");
        compare_with_committed(&path, &written);
    }

    workspace.run(["apply", "--sandbox"]).expect(0);
    let again = workspace.run(["plan", "--sandbox", "--detailed-exitcode", "--no-save", &spec]).expect(0);
    assert!(again.stdout.contains("\nNothing to do: "), "{again}");
    let fresh = Workspace::with_examples();
    fresh.run(["apply", "--sandbox", "--auto-approve", &spec]).expect(0);
}

fn compare_with_committed(path: &str, written: &str) {
    let committed = repository().join(path);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(repository().join("plans")).unwrap();
        std::fs::write(&committed, written).unwrap();
    }
    let committed = std::fs::read_to_string(&committed).unwrap_or_default();
    let differs = committed.lines().zip(written.lines()).position(|(committed, written)| committed != written);
    assert!(
        committed == written,
        "{path} is not what `plan` writes (first at line {:?}); UPDATE_SNAPSHOTS=1 writes it anew",
        differs.map_or(committed.lines().count() + 1, |line| line + 1)
    );
}

fn stems(folder: &str, ending: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(repository().join(Path::new(folder))).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}
