//! Sets of fields of an object, as `managedFields` writes them (FieldsV1), and how two objects differ
//! in fields.
//!
//! Source: sigs.k8s.io/structured-merge-diff v4 `fieldpath` and `typed`. Must not know who owns what:
//! that is [`super::managed_fields`].

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::schema::{self, ListKind};

/// A set of fields, as a tree of steps. A step is written as FieldsV1 writes it: `f:NAME` for a field,
/// `k:{"KEY":VALUE}` for an item of a keyed list, `v:VALUE` for an item of a set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSet {
    /// Whether this very field is in the set.
    member: bool,
    children: BTreeMap<String, FieldSet>,
}

impl FieldSet {
    /// Reads FieldsV1.
    pub(super) fn from_value(value: &Value) -> FieldSet {
        let Some(map) = value.as_object() else { return FieldSet::default() };
        let mut set = FieldSet { member: map.is_empty(), children: BTreeMap::new() };
        for (step, below) in map {
            if step == "." {
                set.member = true;
            } else {
                set.children.insert(step.clone(), FieldSet::from_value(below));
            }
        }
        set
    }

    /// Writes FieldsV1.
    pub(super) fn to_value(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.children.is_empty() {
            map.insert(".".to_owned(), json!({}));
        }
        for (step, below) in &self.children {
            map.insert(step.clone(), below.to_value());
        }
        Value::Object(map)
    }

    /// Whether nothing is in the set.
    pub(super) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(FieldSet::is_empty)
    }

    /// Whether this very field is in the set.
    pub(super) fn is_member(&self) -> bool {
        self.member
    }

    /// The set below one step.
    pub(super) fn child(&self, step: &str) -> Option<&FieldSet> {
        self.children.get(step)
    }

    /// Puts a field in.
    pub(super) fn insert(&mut self, path: &[String]) {
        match path.split_first() {
            None => self.member = true,
            Some((step, rest)) => self.children.entry(step.clone()).or_default().insert(rest),
        }
    }

    /// Takes a field and everything below it out.
    pub(super) fn remove_all(&mut self, path: &[&str]) {
        match path {
            [] => *self = FieldSet::default(),
            [step] => {
                self.children.remove(*step);
            }
            [step, rest @ ..] => {
                if let Some(below) = self.children.get_mut(*step) {
                    below.remove_all(rest);
                    if below.is_empty() {
                        self.children.remove(*step);
                    }
                }
            }
        }
    }

    /// Fields in either set.
    pub(super) fn union(&self, other: &FieldSet) -> FieldSet {
        let mut both = self.clone();
        both.member |= other.member;
        for (step, below) in &other.children {
            let merged = both.children.get(step).map_or_else(|| below.clone(), |mine| mine.union(below));
            both.children.insert(step.clone(), merged);
        }
        both
    }

    /// Fields in this set and not in the other.
    pub(super) fn difference(&self, other: &FieldSet) -> FieldSet {
        let mut left = FieldSet { member: self.member && !other.member, children: BTreeMap::new() };
        for (step, below) in &self.children {
            let below = other.children.get(step).map_or_else(|| below.clone(), |theirs| below.difference(theirs));
            if !below.is_empty() {
                left.children.insert(step.clone(), below);
            }
        }
        left
    }

    /// Fields in both sets.
    pub(super) fn intersection(&self, other: &FieldSet) -> FieldSet {
        let mut both = FieldSet { member: self.member && other.member, children: BTreeMap::new() };
        for (step, below) in &self.children {
            if let Some(theirs) = other.children.get(step) {
                let below = below.intersection(theirs);
                if !below.is_empty() {
                    both.children.insert(step.clone(), below);
                }
            }
        }
        both
    }

    /// The fields' paths as people read them: `.spec.containers[name="aws-node"].image`.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.collect_paths(String::new(), &mut found);
        found
    }

    fn collect_paths(&self, here: String, found: &mut Vec<String>) {
        for (step, below) in &self.children {
            below.collect_paths(format!("{here}{}", readable(step)), found);
        }
        if self.member {
            found.push(here);
        }
    }
}

fn readable(step: &str) -> String {
    if let Some(name) = step.strip_prefix("f:") {
        return format!(".{name}");
    }
    if let Some(value) = step.strip_prefix("v:") {
        return format!("[={value}]");
    }
    let key: Value = serde_json::from_str(step.trim_start_matches("k:")).unwrap_or_default();
    let parts: Vec<String> =
        key.as_object().into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
    format!("[{}]", parts.join(","))
}

/// What is in a value that is merged item by item: each with its step and the name that says how it
/// merges in turn. Nothing if the value is owned as a whole, or empty.
pub(super) fn items<'a>(field: &str, value: &'a Value) -> Option<Vec<(String, &'a str, &'a Value)>> {
    match value {
        Value::Object(map) if !map.is_empty() && !schema::is_atomic_map(field) => {
            Some(map.iter().map(|(name, below)| (format!("f:{name}"), name.as_str(), below)).collect())
        }
        Value::Array(list) if !list.is_empty() => list
            .iter()
            .map(|item| match schema::list_kind(field) {
                ListKind::Map(keys) => Some((format!("k:{}", schema::item_key(keys, item)?), "", item)),
                ListKind::Set => Some((format!("v:{item}"), "", item)),
                ListKind::Atomic => None,
            })
            .collect(),
        _ => None,
    }
}

/// Every field that an applied configuration sets.
pub(super) fn set_of(config: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    collect(&mut set, "", config, &mut Vec::new());
    set
}

fn collect(set: &mut FieldSet, field: &str, value: &Value, path: &mut Vec<String>) {
    match items(field, value) {
        None => set.insert(path),
        Some(items) => {
            if path.last().is_some_and(|step| !step.starts_with("f:")) {
                set.insert(path);
            }
            for (step, name, below) in items {
                path.push(step);
                collect(set, name, below, path);
                path.pop();
            }
        }
    }
}

/// How two states of an object differ.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Fields that are new or have another value.
    pub(super) changed: FieldSet,
    /// Fields that are gone.
    pub(super) removed: FieldSet,
}

/// Compares two states of an object; an absent one is an empty object.
pub(super) fn compare(old: &Value, new: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    comparison.step("", present(old), present(new), &mut Vec::new());
    comparison
}

fn present(value: &Value) -> Option<&Value> {
    (!value.is_null()).then_some(value)
}

impl Comparison {
    fn step(&mut self, field: &str, old: Option<&Value>, new: Option<&Value>, path: &mut Vec<String>) {
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => self.whole(field, new, path, true),
            (Some(old), None) => self.whole(field, old, path, false),
            (Some(old), Some(new)) if old == new => {}
            (Some(old), Some(new)) => self.both(field, old, new, path),
        }
    }

    fn both(&mut self, field: &str, old: &Value, new: &Value, path: &mut Vec<String>) {
        let (before, after) = (items(field, old), items(field, new));
        let comparable = old.is_object() == new.is_object()
            && old.is_array() == new.is_array()
            && (before.is_some() || after.is_some())
            && (before.is_some() || is_empty(old))
            && (after.is_some() || is_empty(new));
        if !comparable {
            if before.is_some() {
                self.whole(field, old, path, false);
            }
            self.changed.insert(path);
            return;
        }
        let mut after: BTreeMap<String, (&str, &Value)> =
            after.unwrap_or_default().into_iter().map(|(step, name, value)| (step, (name, value))).collect();
        for (step, name, value) in before.unwrap_or_default() {
            let new = after.remove(&step).and_then(|(_, new)| present(new));
            path.push(step);
            self.step(name, present(value), new, path);
            path.pop();
        }
        for (step, (name, value)) in after {
            path.push(step);
            self.step(name, None, present(value), path);
            path.pop();
        }
    }

    /// Everything in a value came or went.
    fn whole(&mut self, field: &str, value: &Value, path: &mut Vec<String>, came: bool) {
        let items = items(field, value);
        let own = items.is_none() || !(path.is_empty() || schema::is_always_present(field));
        if own {
            if came { self.changed.insert(path) } else { self.removed.insert(path) }
        }
        for (step, name, below) in items.unwrap_or_default() {
            if !below.is_null() {
                path.push(step);
                self.whole(name, below, path, came);
                path.pop();
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_as_fields_v1_and_read_back() {
        let config = json!({
            "metadata": { "annotations": { "a/b": "c" } },
            "spec": { "template": { "spec": { "containers": [
                { "name": "aws-node", "env": [{ "name": "X", "value": "1" }], "args": ["a", "b"],
                  "ports": [{ "containerPort": 80 }] } ] } } },
        });
        let written = set_of(&config).to_value();
        assert_eq!(
            written,
            json!({
                "f:metadata": { "f:annotations": { "f:a/b": {} } },
                "f:spec": { "f:template": { "f:spec": { "f:containers": { "k:{\"name\":\"aws-node\"}": {
                    ".": {}, "f:name": {}, "f:args": {},
                    "f:env": { "k:{\"name\":\"X\"}": { ".": {}, "f:name": {}, "f:value": {} } },
                    "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } },
                } } } } },
            })
        );
        assert_eq!(FieldSet::from_value(&written), set_of(&config));
    }

    #[test]
    fn a_difference_says_what_came_changed_and_went() {
        let old = json!({ "metadata": { "annotations": { "same": "1", "other": "1", "gone": "1" } } });
        let new = json!({ "metadata": { "annotations": { "same": "1", "other": "2", "came": "1" } } });
        let comparison = compare(&old, &new);
        assert_eq!(comparison.changed.paths(), [".metadata.annotations.came", ".metadata.annotations.other"]);
        assert_eq!(comparison.removed.paths(), [".metadata.annotations.gone"]);
    }

    #[test]
    fn the_first_annotation_brings_the_map_with_it() {
        let old = json!({ "metadata": { "name": "x" } });
        let new = json!({ "metadata": { "name": "x", "annotations": { "a": "1" } } });
        let changed = compare(&old, &new).changed;
        assert_eq!(changed.to_value(), json!({ "f:metadata": { "f:annotations": { ".": {}, "f:a": {} } } }));
    }

    #[test]
    fn set_arithmetic() {
        let a = set_of(&json!({ "x": 1, "y": { "z": 1 } }));
        let b = set_of(&json!({ "y": { "z": 1, "w": 1 } }));
        assert_eq!(a.union(&b).paths(), [".x", ".y.w", ".y.z"]);
        assert_eq!(a.difference(&b).paths(), [".x"]);
        assert_eq!(a.intersection(&b).paths(), [".y.z"]);
        let mut less = a.clone();
        less.remove_all(&["f:y"]);
        assert_eq!(less.paths(), [".x"]);
    }
}
