//! The document's JSON Schema, made of the types that write it, so that it cannot say anything else.

use serde_json::{Value, json};

use super::FORMAT_VERSION;
use super::document::Written;
use crate::{canonical_json, json_schema};

/// The JSON Schema (2020-12) of a change set as this program writes it, as a file: indented, ending in a line feed.
///
/// # Panics
/// Never: the document's type has properties.
pub fn change_set_schema() -> String {
    let mut schema = json_schema::of::<Written<'_>>(FORMAT_VERSION);
    // The digest is not of the type: it is made of all the rest while that is written.
    schema["properties"]["digest"] = json!({
        "description": "`sha256:` and the hex digest of every byte after this member's line.",
        "type": "string",
        "pattern": "^sha256:[0-9a-f]{64}$"
    });
    let required = schema["required"].as_array_mut().expect("members are required");
    required.insert(0, Value::from("digest"));
    canonical_json::to_document(&schema)
}
