//! The reviewed document: header, findings, safety verdict and steps, as canonical JSON.
//!
//! Same spec and same live state give the same bytes. The digest covers all of it, so that a
//! change set that was edited after it was written is not applied.

mod document;
mod resource_change;
mod schema;

use std::collections::HashSet;

use schemars::JsonSchema;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use self::schema::change_set_schema;
use crate::canonical_json::write_document;
use crate::{Address, Change, Counts, Finding, OutsideUse, PlannedCluster, RoleRecord, SafetyVerdict};

/// Version of the document's form. An older one is read, and kept; a newer one is refused. See
/// `docs/changeset-format.md`.
pub const FORMAT_VERSION: u32 = 2;

/// A plan as people review and apply it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "document::Read")]
pub struct ChangeSet {
    /// What it was made of.
    pub header: Header,
    /// Hazards seen, the worst first.
    pub findings: Vec<Finding>,
    /// Whether every pod keeps its permissions on the way there and back. Whoever makes a document can
    /// write what they like here: [`prove`](crate::prove) it again before relying on it.
    pub safety: SafetyVerdict,
    /// All steps in an order in which they could be done one by one.
    pub changes: Vec<Change>,
}

/// What a change set was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Of the document's form: [`FORMAT_VERSION`], or less where it was made by an earlier program.
    pub format_version: u32,
    /// Version of the program that made it.
    pub tool_version: String,
    /// The spec's path, names joined with `/`, seen from where it was planned; of a path that is absolute or leads
    /// upwards, and in documents of earlier programs, the file's name alone.
    pub spec: String,
    /// [`digest_of`] the spec's bytes.
    pub spec_digest: String,
    /// Its clusters, sorted by key.
    pub clusters: Vec<PlannedCluster>,
    /// Clusters of nobody's plan whose nodes have a role that a step takes a policy off, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub outside: Vec<OutsideUse>,
    /// What is on its roles beside its steps, as far as it bears on the plugin, sorted.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub roles: Vec<RoleRecord>,
}

/// Why a file is not a change set that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeSetError {
    /// Not JSON, or JSON of another form.
    #[error("it is not a change set: {0}")]
    Malformed(String),
    /// Made by a program that knows more.
    #[error("its format version is {found}, and this cni-plan reads up to {FORMAT_VERSION}")]
    Newer {
        /// The version it states.
        found: u32,
    },
    /// A step that comes twice, or waits for one that does not come before it: nobody's plan.
    #[error("it is not a change set: its step {0} is out of order")]
    OutOfOrder(Address),
    /// A step with a state of another kind than what it is about.
    #[error("it is not a change set: a state of its step {0} is of another kind")]
    OfAnotherKind(Address),
    /// Its bytes are not those that were written.
    #[error("it was edited after it was written: its digest does not match its content")]
    Edited,
}

/// `sha256:` and the hex digest of these bytes.
pub fn digest_of(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let mut text = String::with_capacity(7 + 64);
    text.push_str("sha256:");
    for byte in digest {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("four bits are a digit"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("four bits are a digit"));
    }
    text
}

/// The document's two halves: the digest is the first line, of all that follows.
const DIGEST_PREFIX: &[u8] = b"{\n  \"digest\": \"";
const DIGEST_LENGTH: usize = "sha256:".len() + 64;

impl ChangeSet {
    /// How many steps do what.
    pub fn counts(&self) -> Counts {
        Counts::of(&self.changes)
    }

    /// The document: indented JSON in ASCII that ends in a line feed, its first member the digest of
    /// every byte after that member.
    pub fn to_json(&self) -> String {
        // Everything is written once, into its place: the digest last, over a space kept for it. The
        // document's own brace becomes the comma after the digest.
        let mut bytes = Vec::with_capacity(1536 * (1 + self.changes.len()));
        bytes.extend_from_slice(DIGEST_PREFIX);
        bytes.resize(DIGEST_PREFIX.len() + DIGEST_LENGTH, b'0');
        bytes.push(b'"');
        let brace = bytes.len();
        write_document(self, &mut bytes);
        bytes[brace] = b',';
        bytes.push(b'\n');
        let digest = digest_of(&bytes[brace + ",\n".len()..]);
        bytes[DIGEST_PREFIX.len()..][..DIGEST_LENGTH].copy_from_slice(digest.as_bytes());
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    /// The digest that its document has: what stands for what was reviewed.
    pub fn digest(&self) -> String {
        ChangeSet::digest_in(&self.to_json())
    }

    /// The digest in a document: the same, for whoever has what [`ChangeSet::to_json`] writes.
    ///
    /// # Panics
    /// If this is no such document; any that [`ChangeSet::from_json`] takes is one.
    pub fn digest_in(document: &str) -> String {
        document[DIGEST_PREFIX.len()..][..DIGEST_LENGTH].to_owned()
    }

    /// The same change set in today's form, for programs that know no other. Its digest is another's than the
    /// reviewed document's: it is to be looked at, not applied.
    #[must_use]
    pub fn in_todays_form(&self) -> ChangeSet {
        let mut today = self.clone();
        today.header.format_version = FORMAT_VERSION;
        today
    }

    /// Reads a document and checks that it is, byte for byte, one that was written.
    pub fn from_json(document: &str) -> Result<ChangeSet, ChangeSetError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Version {
            format_version: u32,
        }
        let malformed = |error: serde_json::Error| ChangeSetError::Malformed(error.to_string());
        let version: Version = serde_json::from_str(document).map_err(malformed)?;
        if version.format_version > FORMAT_VERSION {
            return Err(ChangeSetError::Newer { found: version.format_version });
        }
        let change_set: ChangeSet = serde_json::from_str(document).map_err(malformed)?;
        if change_set.to_json() != document {
            return Err(ChangeSetError::Edited);
        }
        change_set.check_steps()?;
        Ok(change_set)
    }

    /// The digest is no signature: whoever makes a document can make its digest. What the executor
    /// takes for granted is therefore looked at, so that no step is without the ones that guard it.
    fn check_steps(&self) -> Result<(), ChangeSetError> {
        let mut before: HashSet<&Address> = HashSet::with_capacity(self.changes.len());
        for change in &self.changes {
            let is_in_order = change.depends_on.iter().all(|on| before.contains(on));
            if [&change.before, &change.after].into_iter().flatten().any(|state| !change.target.takes(state)) {
                return Err(ChangeSetError::OfAnotherKind(change.address.clone()));
            }
            if !is_in_order || !before.insert(&change.address) {
                return Err(ChangeSetError::OutOfOrder(change.address.clone()));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{fresh, graph, planned_cluster};
    use crate::{diff, prove};

    fn change_set() -> ChangeSet {
        let diff = diff(graph(&["c"]), fresh(&["c"])).unwrap();
        ChangeSet {
            header: Header {
                format_version: FORMAT_VERSION,
                tool_version: "0.1.0".to_owned(),
                spec: "c.yaml".to_owned(),
                spec_digest: digest_of(b"spec"),
                clusters: vec![planned_cluster("c")],
                outside: Vec::new(),
                roles: Vec::new(),
            },
            findings: diff.findings,
            safety: prove(&diff.changes),
            changes: diff.changes,
        }
    }

    #[test]
    fn a_document_is_read_back_as_it_was_written() {
        let document = change_set().to_json();
        let read = ChangeSet::from_json(&document).unwrap();
        assert_eq!(read.changes, change_set().changes);
        assert_eq!(read.to_json(), document);
        assert_eq!(read.digest(), serde_json::from_str::<serde_json::Value>(&document).unwrap()["digest"]);
        assert!(!document.contains("https://example"), "the way to a cluster is not part of what is reviewed");
    }

    #[test]
    fn a_document_is_ascii_and_its_text_is_read_back() {
        let mut hostile = change_set();
        hostile.changes[0].why = "safe\u{202e}gnp.exe \u{9b}2J \u{7f} \u{1f980}".to_owned();
        let document = hostile.to_json();
        assert!(document.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{document}");
        assert_eq!(ChangeSet::from_json(&document).unwrap().changes, hostile.changes);
    }

    #[test]
    fn an_edit_of_any_byte_is_noticed() {
        let document = change_set().to_json();
        for at in 0..document.len() {
            let mut bytes = document.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let Ok(edited) = String::from_utf8(bytes) else { continue };
            assert!(ChangeSet::from_json(&edited).is_err(), "byte {at}");
        }
        assert_eq!(ChangeSet::from_json(&format!("{document} ")), Err(ChangeSetError::Edited));
    }

    #[test]
    fn a_step_without_those_that_guard_it_is_refused_whatever_the_digest() {
        let mut unguarded = change_set();
        unguarded.changes.retain(|change| change.address.kind() != crate::Kind::Verify);
        let detach = unguarded.changes.last().unwrap().address.clone();
        assert_eq!(ChangeSet::from_json(&unguarded.to_json()), Err(ChangeSetError::OutOfOrder(detach)));
        let mut twice = change_set();
        twice.changes.insert(1, twice.changes[0].clone());
        let first = twice.changes[0].address.clone();
        assert_eq!(ChangeSet::from_json(&twice.to_json()), Err(ChangeSetError::OutOfOrder(first)));
    }

    #[test]
    fn a_state_of_another_kind_is_refused() {
        let mut forged = ChangeSet { header: Header { format_version: 1, ..change_set().header }, ..change_set() };
        forged.changes[1].after = forged.changes[0].after.clone();
        let attach = forged.changes[1].address.clone();
        assert_eq!(ChangeSet::from_json(&forged.to_json()), Err(ChangeSetError::OfAnotherKind(attach)));
    }

    #[test]
    fn a_document_without_a_verdict_is_none() {
        let mut value: serde_json::Value = serde_json::from_str(&change_set().to_json()).unwrap();
        assert_eq!(value["safety"]["verdict"], "safe");
        value.as_object_mut().unwrap().remove("safety");
        let told = ChangeSet::from_json(&value.to_string()).unwrap_err();
        assert!(matches!(&told, ChangeSetError::Malformed(why) if why.contains("safety")), "{told}");
    }

    #[test]
    fn an_earlier_form_is_read_and_kept() {
        let earlier = ChangeSet { header: Header { format_version: 1, ..change_set().header }, ..change_set() };
        let document = earlier.to_json();
        let value: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert!(value.get("resource_changes").is_none(), "{document}");
        assert_eq!(value["changes"][1]["action"], "create");
        let read = ChangeSet::from_json(&document).unwrap();
        assert!(read.changes == earlier.changes && read.to_json() == document);
        assert!(read.in_todays_form().to_json() == change_set().to_json());
    }

    #[test]
    fn the_changes_of_another_form_are_none() {
        let earlier = ChangeSet { header: Header { format_version: 1, ..change_set().header }, ..change_set() };
        let claimed = earlier.to_json().replace("\"formatVersion\": 1", "\"formatVersion\": 2");
        let told = ChangeSet::from_json(&claimed).unwrap_err();
        assert!(matches!(&told, ChangeSetError::Malformed(why) if why.contains("resource_changes")), "{told}");
    }

    #[test]
    fn a_newer_form_is_named_as_such() {
        let newer = change_set().to_json().replace("\"formatVersion\": 2", "\"formatVersion\": 3");
        assert_eq!(ChangeSet::from_json(&newer), Err(ChangeSetError::Newer { found: 3 }));
    }
}
