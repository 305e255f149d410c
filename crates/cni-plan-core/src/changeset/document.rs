//! The two forms in which a change set is written: version 2, and version 1, which had each change in this
//! project's own words.
//!
//! A document keeps its version for good: it is read and written back in the form it was made in, so that the
//! digest of one that was reviewed, or that a run was begun with, stays what it is.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

use super::resource_change::{Mismatch, ResourceChange};
use super::{ChangeSet, Header};
use crate::{Change, Finding, SafetyVerdict};

/// The last version whose changes are in the project's own words.
const OWN_WORDS: u32 = 1;

/// Either form, with whichever list of changes the file has.
#[derive(Deserialize)]
pub(super) struct Read {
    #[serde(flatten)]
    header: Header,
    findings: Vec<Finding>,
    safety: SafetyVerdict,
    changes: Option<Vec<Change>>,
    resource_changes: Option<Vec<ResourceChange>>,
}

/// Why a document is none, although each of its parts is something.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoDocument {
    #[error("missing field `{0}`")]
    Missing(&'static str),
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
}

impl TryFrom<Read> for ChangeSet {
    type Error = NoDocument;

    fn try_from(read: Read) -> Result<ChangeSet, NoDocument> {
        let Read { header, findings, safety, changes, resource_changes } = read;
        let changes = if header.format_version <= OWN_WORDS {
            changes.ok_or(NoDocument::Missing("changes"))?
        } else {
            let changes = resource_changes.ok_or(NoDocument::Missing("resource_changes"))?;
            changes.into_iter().map(Change::try_from).collect::<Result<_, _>>()?
        };
        Ok(ChangeSet { header, findings, safety, changes })
    }
}

/// Version 1.
#[derive(Serialize)]
struct InOwnWords<'a> {
    #[serde(flatten)]
    header: &'a Header,
    findings: &'a [Finding],
    safety: &'a SafetyVerdict,
    changes: &'a [Change],
}

/// Version 2.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChangeSet", title = "A change set of cni-plan")]
pub(super) struct Written<'a> {
    #[serde(flatten)]
    header: Cow<'a, Header>,
    /// Hazards seen, the worst first.
    findings: &'a [Finding],
    /// Whether every pod keeps its permissions on the way there and back, as the program that made this found it.
    safety: &'a SafetyVerdict,
    /// All steps in an order in which they could be done one by one, those that do nothing included.
    resource_changes: ResourceChanges<'a>,
}

impl Serialize for ChangeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ChangeSet { header, findings, safety, changes } = self;
        if header.format_version <= OWN_WORDS {
            return InOwnWords { header, findings, safety, changes }.serialize(serializer);
        }
        let (header, resource_changes) = (Cow::Borrowed(header), ResourceChanges(changes));
        Written { header, findings, safety, resource_changes }.serialize(serializer)
    }
}

/// Made one at a time while they are written: a fleet's plan is not held twice.
struct ResourceChanges<'a>(&'a [Change]);

impl Serialize for ResourceChanges<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(ResourceChange::from))
    }
}

impl JsonSchema for ResourceChanges<'_> {
    fn schema_name() -> Cow<'static, str> {
        "ResourceChanges".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<ResourceChange>::json_schema(generator)
    }
}
