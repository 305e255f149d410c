//! What the API's types say about merging: which lists are maps by key, which are sets, which maps
//! are one value.
//!
//! Source: the `listType`, `listMapKey`, `mapType` and `patchMergeKey` markers of k8s.io/api v0.33, for
//! the kinds in [`super::resources`]. Fields are told apart by name alone, which is enough for these
//! kinds. What is not named here is a granular map or an atomic list, as the real server has it.

use serde_json::{Map, Value, json};

/// How the items of a list are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    /// By the values of these keys, the first of which is also the strategic merge key.
    Map(&'static [&'static str]),
    /// By the items themselves.
    Set,
    /// Not at all: the list is one value.
    Atomic,
}

/// How the list in a field of this name merges.
pub(super) fn list_kind(field: &str) -> ListKind {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets" => ListKind::Map(&["name"]),
        "ports" => ListKind::Map(&["containerPort", "protocol"]),
        "volumeMounts" => ListKind::Map(&["mountPath"]),
        "volumeDevices" => ListKind::Map(&["devicePath"]),
        "hostAliases" | "podIPs" => ListKind::Map(&["ip"]),
        "topologySpreadConstraints" => ListKind::Map(&["topologyKey", "whenUnsatisfiable"]),
        "conditions" | "addresses" => ListKind::Map(&["type"]),
        "ownerReferences" => ListKind::Map(&["uid"]),
        "finalizers" => ListKind::Set,
        _ => ListKind::Atomic,
    }
}

/// Whether the map in a field of this name is one value: owned, and replaced, as a whole.
pub(super) fn is_atomic_map(field: &str) -> bool {
    matches!(
        field,
        "selector"
            | "labelSelector"
            | "nodeSelector"
            | "requiredDuringSchedulingIgnoredDuringExecution"
            | "fieldRef"
            | "resourceFieldRef"
            | "configMapKeyRef"
            | "secretKeyRef"
            | "secretRef"
            | "configMapRef"
    )
}

/// Whether a field of this name is there in every object of its kind, so that nobody owns the field
/// itself, only what is in it.
pub(super) fn is_always_present(field: &str) -> bool {
    matches!(field, "metadata" | "spec" | "status" | "template" | "updateStrategy" | "containers")
}

/// The values by which one item of a keyed list is known, as a JSON object in order of key; nothing if
/// the item lacks one. A port without a protocol is a TCP port.
pub(super) fn item_key(keys: &[&str], item: &Value) -> Option<Value> {
    let mut sorted: Vec<&str> = keys.to_vec();
    sorted.sort_unstable();
    let mut found = Map::new();
    for key in sorted {
        let value = match item.get(key) {
            Some(value) if !value.is_null() => value.clone(),
            _ if key == "protocol" => json!("TCP"),
            _ => return None,
        };
        found.insert(key.to_owned(), value);
    }
    Some(Value::Object(found))
}
