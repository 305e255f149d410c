//! Change sets on disk: `NAME.plan.json` and its readable twin `NAME.plan.md`.

use std::path::{Path, PathBuf};

use cni_plan_core::ChangeSet;
use cni_plan_render::{Forge, plan_markdown_within, quoted};

use crate::error::CommandError;
use crate::whole_file;

/// Where change sets are, seen from where the command runs.
pub(crate) const FOLDER: &str = "plans";
const ENDING: &str = ".plan.json";

/// `plans/NAME.plan.json` for a spec called `NAME.yaml`.
pub(crate) fn default_path(spec: &Path) -> PathBuf {
    let stem = spec.file_stem().unwrap_or_default().to_string_lossy();
    Path::new(FOLDER).join(format!("{stem}{ENDING}"))
}

/// Whether a path looks like a change set and not like a spec.
pub(crate) fn is_change_set(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Writes both files, each whole or not at all; the Markdown first, so that a change set that can
/// be applied always has its twin.
pub(crate) fn write(path: &Path, change_set: &ChangeSet) -> Result<PathBuf, CommandError> {
    let (markdown, document) = (twin(path), change_set.to_json());
    whole_file::replace(&markdown, &page(change_set, &document))?;
    whole_file::replace(path, &document)?;
    Ok(markdown)
}

/// Where the readable twin of a change set is.
fn twin(path: &Path) -> PathBuf {
    let name = path.to_string_lossy();
    PathBuf::from(format!("{}.md", name.strip_suffix(".json").unwrap_or(&name)))
}

/// What it says.
fn page(change_set: &ChangeSet, document: &str) -> String {
    plan_markdown_within(change_set, &ChangeSet::digest_in(document), Forge::GitHub.limit())
}

/// The readable twin, where there is one, and whether it says what the change set does.
pub(crate) fn read_twin(
    path: &Path,
    change_set: &ChangeSet,
    document: &str,
) -> Result<Option<(PathBuf, bool)>, CommandError> {
    let path = twin(path);
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some((path, bytes == page(change_set, document).as_bytes()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CommandError::File { action: "read", path, source }),
    }
}

pub(crate) fn read(path: &Path) -> Result<ChangeSet, CommandError> {
    read_with_text(path).map(|(change_set, _)| change_set)
}

/// The change set and its document: what the change set is written as, since one that is not is never read.
pub(crate) fn read_with_text(path: &Path) -> Result<(ChangeSet, String), CommandError> {
    let text = std::fs::read_to_string(path).map_err(|source| CommandError::File {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    refuse_page(path, &text)?;
    match ChangeSet::from_json(&text) {
        Ok(change_set) => Ok((change_set, text)),
        Err(source) => Err(CommandError::ChangeSet { path: path.to_owned(), source }),
    }
}

/// Refuses the readable twin of a change set, named where its JSON or a spec is meant.
pub(crate) fn refuse_page(path: &Path, text: &str) -> Result<(), CommandError> {
    let is_page = path.extension().is_some_and(|extension| extension == "md") && text.starts_with("# Plan for ");
    if !is_page {
        return Ok(());
    }
    let change_set = path.with_extension("json").display().to_string();
    let why = format!("the change set itself is {change_set}");
    let change_set = quoted(&change_set);
    Err(CommandError::plain(
        format!("{} is the page of a change set, for people to read", path.display()),
        why,
        format!("`cni-plan show {change_set}` shows it, `cni-plan apply {change_set}` applies it"),
    ))
}

/// The path that was named, or the one change set in the folder: for commands that ask no cluster which of several
/// is meant.
pub(crate) fn named_or_only(named: Option<&Path>, command: &str) -> Result<PathBuf, CommandError> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    match list()?.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(CommandError::plain(
            format!("there is nothing to {command}"),
            format!("no change set lies under {FOLDER}/"),
            format!("make one with `cni-plan plan SPEC`, or name one: `cni-plan {command} CHANGE_SET`"),
        )),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            Err(CommandError::plain(
                format!("it is not clear which change set to {command}"),
                format!("several lie under {FOLDER}/: {}", names.join(", ")),
                format!("name one: `cni-plan {command} {}`", quoted(&names[0])),
            ))
        }
    }
}

/// The change sets in the folder, by name. None where there is no folder.
pub(crate) fn list() -> Result<Vec<PathBuf>, CommandError> {
    let failed = |source| CommandError::File { action: "read", path: PathBuf::from(FOLDER), source };
    let entries = match std::fs::read_dir(FOLDER) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.to_string_lossy().ends_with(ENDING) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
