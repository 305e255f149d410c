//! JSON Schemas of documents, made of the types that write them, so that they cannot say anything else.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::canonical_json;

/// The schema (2020-12) of what `T` writes, of this version of its form, as a file: indented, ending in a line feed.
pub(crate) fn published<T: JsonSchema>(format_version: u32) -> String {
    canonical_json::to_document(&of::<T>(format_version))
}

/// The same, to be added to.
pub(crate) fn of<T: JsonSchema>(format_version: u32) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    schema["properties"]["formatVersion"]["const"] = format_version.into();
    schema
}
