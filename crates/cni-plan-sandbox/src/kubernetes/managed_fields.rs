//! Who owns which field: `metadata.managedFields`, kept for every writer.
//!
//! Source: k8s.io/apimachinery `pkg/util/managedfields` and structured-merge-diff v4 `merge`. Must not
//! decide what an object becomes; that is the writer's, and for applies [`super::patch::apply`].

use jiff::Timestamp;
use serde_json::{Value, json};

use super::fields::{self, FieldSet};
use super::status::ApiError;
use super::time;

/// Fields that nobody owns, because the server sets them or they name the object.
const UNOWNED: [&[&str]; 11] = [
    &["f:apiVersion"],
    &["f:kind"],
    &["f:metadata", "f:name"],
    &["f:metadata", "f:namespace"],
    &["f:metadata", "f:creationTimestamp"],
    &["f:metadata", "f:deletionTimestamp"],
    &["f:metadata", "f:deletionGracePeriodSeconds"],
    &["f:metadata", "f:uid"],
    &["f:metadata", "f:generation"],
    &["f:metadata", "f:resourceVersion"],
    &["f:metadata", "f:managedFields"],
];

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

/// A writer, as `managedFields` tells writers apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Writer {
    /// `fieldManager`, or the user agent's first part.
    pub(super) manager: String,
    pub(super) operation: Operation,
    /// The version in which the object is written: `apps/v1`.
    pub(super) api_version: String,
    /// `status`, or empty.
    pub(super) subresource: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    writer: Writer,
    time: String,
    fields: FieldSet,
}

/// The owners of an object's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Owners(Vec<Entry>);

impl Owners {
    /// Reads an object's `managedFields`; entries that make no sense are left out.
    pub(super) fn of(object: &Value) -> Owners {
        let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
        Owners(entries.filter_map(read_entry).collect())
    }

    /// Writes the object's `managedFields`: applies first, then by time and name, as the real server.
    pub(super) fn write_to(mut self, object: &mut Value) {
        self.0.retain(|entry| !entry.fields.is_empty());
        self.0.sort_by(|a, b| {
            let key = |e: &Entry| {
                (e.writer.operation, e.time.clone(), e.writer.manager.clone(), e.writer.subresource.clone())
            };
            key(a).cmp(&key(b))
        });
        if self.0.is_empty() {
            if let Some(metadata) = object["metadata"].as_object_mut() {
                metadata.remove("managedFields");
            }
        } else {
            object["metadata"]["managedFields"] = self.0.iter().map(write_entry).collect();
        }
    }

    /// Records a write that was no apply: the writer takes over what it changed, everybody loses what
    /// is gone.
    pub(super) fn record_update(&mut self, old: &Value, new: &Value, writer: &Writer, now: Timestamp) {
        let comparison = fields::compare(old, new);
        let changed = owned_only(comparison.changed);
        let removed = comparison.removed;
        for entry in &mut self.0 {
            let left = if entry.writer == *writer { entry.fields.clone() } else { entry.fields.difference(&changed) };
            entry.fields = left.difference(&removed);
        }
        if !changed.is_empty() {
            let fields = self.fields_of(writer).union(&changed);
            self.set(writer, fields, now);
        }
        self.0.retain(|entry| !entry.fields.is_empty());
    }

    /// Records an apply: the writer owns what it applied, shared where the value was the same before.
    /// Fails where it would change what others own, unless forced.
    pub(super) fn record_apply(
        &mut self,
        old: &Value,
        new: &Value,
        applied: FieldSet,
        writer: &Writer,
        force: bool,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let comparison = fields::compare(old, new);
        let changed = owned_only(comparison.changed);
        let mut conflicts: Vec<(String, FieldSet)> = Vec::new();
        for entry in self.0.iter_mut().filter(|entry| entry.writer != *writer) {
            let contested = entry.fields.intersection(&changed);
            if !contested.is_empty() {
                conflicts.push((readable_owner(&entry.writer), contested.clone()));
                entry.fields = entry.fields.difference(&contested);
            }
            entry.fields = entry.fields.difference(&comparison.removed);
        }
        if !force && !conflicts.is_empty() {
            return Err(conflict(&conflicts));
        }
        if self.fields_of(writer) != applied || old_differs(old, new) {
            self.set(writer, applied, now);
        }
        self.0.retain(|entry| !entry.fields.is_empty());
        Ok(())
    }

    /// The managers that own a field, by its path as conflicts write it.
    pub(super) fn of_field(&self, path: &str) -> Vec<&str> {
        let owning = self.0.iter().filter(|entry| entry.fields.paths().iter().any(|owned| owned == path));
        owning.map(|entry| entry.writer.manager.as_str()).collect()
    }

    /// What this writer owns.
    pub(super) fn fields_of(&self, writer: &Writer) -> FieldSet {
        self.0.iter().find(|entry| entry.writer == *writer).map(|entry| entry.fields.clone()).unwrap_or_default()
    }

    /// What anybody but this writer owns.
    pub(super) fn fields_of_others(&self, writer: &Writer) -> FieldSet {
        self.0
            .iter()
            .filter(|entry| entry.writer != *writer)
            .fold(FieldSet::default(), |all, entry| all.union(&entry.fields))
    }

    fn set(&mut self, writer: &Writer, fields: FieldSet, now: Timestamp) {
        self.0.retain(|entry| entry.writer != *writer);
        self.0.push(Entry { writer: writer.clone(), time: time::seconds(now), fields });
    }
}

/// Leaves out what nobody owns.
pub(super) fn owned_only(mut set: FieldSet) -> FieldSet {
    for path in UNOWNED {
        set.remove_all(path);
    }
    set
}

fn old_differs(old: &Value, new: &Value) -> bool {
    let comparison = fields::compare(old, new);
    !owned_only(comparison.changed).is_empty() || !owned_only(comparison.removed).is_empty()
}

fn conflict(conflicts: &[(String, FieldSet)]) -> ApiError {
    let causes: Vec<(String, String)> = conflicts
        .iter()
        .flat_map(|(owner, fields)| fields.paths().into_iter().map(|path| (owner.clone(), path)))
        .collect();
    let text = if let [(owner, path)] = causes.as_slice() {
        format!("Apply failed with 1 conflict: conflict with {owner}: {path}")
    } else {
        let mut owners: Vec<&String> = conflicts.iter().map(|(owner, _)| owner).collect();
        owners.sort();
        let mut lines = Vec::new();
        for owner in owners {
            lines.push(format!("conflicts with {owner}:"));
            lines.extend(causes.iter().filter(|(o, _)| o == owner).map(|(_, path)| format!("- {path}")));
        }
        format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n"))
    };
    ApiError::apply_conflict(text, &causes)
}

fn readable_owner(writer: &Writer) -> String {
    let mut text = format!("\"{}\"", writer.manager);
    if !writer.subresource.is_empty() {
        text.push_str(&format!(" with subresource \"{}\"", writer.subresource));
    }
    if writer.operation == Operation::Update {
        text.push_str(&format!(" using {}", writer.api_version));
    }
    text
}

fn read_entry(value: &Value) -> Option<Entry> {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let operation = match value["operation"].as_str()? {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return None,
    };
    let writer = Writer {
        manager: text("manager"),
        operation,
        api_version: text("apiVersion"),
        subresource: text("subresource"),
    };
    Some(Entry { writer, time: text("time"), fields: FieldSet::from_value(&value["fieldsV1"]) })
}

fn write_entry(entry: &Entry) -> Value {
    let mut value = json!({
        "manager": entry.writer.manager,
        "operation": match entry.writer.operation {
            Operation::Apply => "Apply",
            Operation::Update => "Update",
        },
        "apiVersion": entry.writer.api_version,
        "time": entry.time,
        "fieldsType": "FieldsV1",
        "fieldsV1": entry.fields.to_value(),
    });
    if !entry.writer.subresource.is_empty() {
        value["subresource"] = json!(entry.writer.subresource);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(manager: &str, operation: Operation) -> Writer {
        Writer { manager: manager.into(), operation, api_version: "v1".into(), subresource: String::new() }
    }

    fn annotated(value: &str) -> Value {
        json!({ "metadata": { "name": "x", "annotations": { "a/b": value } } })
    }

    #[test]
    fn a_changed_value_changes_hands() {
        let mut owners = Owners::default();
        let now = Timestamp::UNIX_EPOCH;
        owners.record_update(&json!({}), &annotated("1"), &writer("kubectl", Operation::Update), now);
        owners.record_update(&annotated("1"), &annotated("2"), &writer("eksctl", Operation::Update), now);
        let owned = |manager| owners.fields_of(&writer(manager, Operation::Update)).paths();
        assert_eq!(owned("kubectl"), [".metadata.annotations"]);
        assert_eq!(owned("eksctl"), [".metadata.annotations.a/b"]);
    }

    #[test]
    fn a_field_that_goes_is_nobodys() {
        let mut owners = Owners::default();
        let now = Timestamp::UNIX_EPOCH;
        owners.record_update(&json!({}), &annotated("1"), &writer("kubectl", Operation::Update), now);
        owners.record_update(
            &annotated("1"),
            &json!({ "metadata": { "name": "x" } }),
            &writer("x", Operation::Update),
            now,
        );
        assert_eq!(owners, Owners::default());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut owners = Owners::default();
        let status = Writer { subresource: "status".into(), ..writer("kubelet", Operation::Update) };
        owners.record_update(&json!({}), &annotated("1"), &status, Timestamp::UNIX_EPOCH);
        let mut object = annotated("1");
        owners.clone().write_to(&mut object);
        assert_eq!(Owners::of(&object), owners);
        assert_eq!(object["metadata"]["managedFields"][0]["time"], "1970-01-01T00:00:00Z");
    }
}
