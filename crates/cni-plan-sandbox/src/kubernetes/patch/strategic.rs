//! Strategic merge patch: a merge patch that merges lists whose items have keys.
//!
//! Source: k8s.io/apimachinery `pkg/util/strategicpatch`. The directives `$patch`, `$retainKeys`,
//! `$deleteFromPrimitiveList/…` and `$setElementOrder/…` are understood.

use serde_json::{Map, Value};

use super::super::schema::{ListKind, list_kind};
use super::ApiError;

/// The live object with the patch merged in.
pub(super) fn patched(live: &Value, patch: &Value) -> Result<Value, ApiError> {
    merge_map(live, patch).map(Option::unwrap_or_default)
}

/// Merges a map; nothing if the patch says that the map goes.
fn merge_map(live: &Value, patch: &Value) -> Result<Option<Value>, ApiError> {
    let Value::Object(changes) = patch else { return Ok(Some(patch.clone())) };
    let mut merged = live.as_object().cloned().unwrap_or_default();
    match changes.get("$patch").and_then(Value::as_str) {
        Some("delete") => return Ok(None),
        Some("replace") => merged = Map::new(),
        Some("merge") | None => {}
        Some(other) => return Err(ApiError::bad_request(format!("unknown patch type found in directive: {other}"))),
    }
    if let Some(retained) = changes.get("$retainKeys").and_then(Value::as_array) {
        merged.retain(|name, _| retained.iter().any(|kept| kept == name.as_str()));
    }
    for (name, change) in changes {
        if let Some(list) = name.strip_prefix("$deleteFromPrimitiveList/") {
            if let Some(items) = merged.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !change.as_array().is_some_and(|gone| gone.contains(item)));
            }
            continue;
        }
        if name.starts_with('$') {
            continue;
        }
        let before = merged.get(name).cloned().unwrap_or_default();
        let after = match change {
            Value::Null => None,
            Value::Object(_) => merge_map(&before, change)?,
            Value::Array(items) => Some(merge_list(name, &before, items)?),
            _ => Some(change.clone()),
        };
        match after {
            Some(after) => merged.insert(name.clone(), after),
            None => merged.remove(name),
        };
    }
    for (name, order) in changes {
        if let (Some(list), Some(order)) = (name.strip_prefix("$setElementOrder/"), order.as_array())
            && let Some(items) = merged.get_mut(list).and_then(Value::as_array_mut)
        {
            sort_by_order(items, order, merge_key(list));
        }
    }
    Ok(Some(Value::Object(merged)))
}

fn merge_key(list: &str) -> Option<&'static str> {
    match list_kind(list) {
        ListKind::Map(keys) => keys.first().copied(),
        ListKind::Set | ListKind::Atomic => None,
    }
}

fn merge_list(name: &str, live: &Value, changes: &[Value]) -> Result<Value, ApiError> {
    let replaces = changes.iter().any(|c| c["$patch"] == "replace" && c.as_object().is_some_and(|c| c.len() == 1));
    let mut merged = if replaces { Vec::new() } else { live.as_array().cloned().unwrap_or_default() };
    let changes = changes.iter().filter(|c| !(replaces && c["$patch"] == "replace"));
    match list_kind(name) {
        ListKind::Atomic => Ok(Value::Array(changes.cloned().collect())),
        ListKind::Set => {
            for change in changes {
                if !merged.contains(change) {
                    merged.push(change.clone());
                }
            }
            Ok(Value::Array(merged))
        }
        ListKind::Map(keys) => {
            let key = keys.first().copied().unwrap_or("name");
            for change in changes {
                let id = change.get(key).ok_or_else(|| {
                    ApiError::bad_request(format!("map: {change} does not contain declared merge key: {key}"))
                })?;
                let place = merged.iter().position(|item| item.get(key) == Some(id));
                let before = place.map(|i| merged[i].clone()).unwrap_or_default();
                match (place, merge_map(&before, change)?) {
                    (Some(i), Some(after)) => merged[i] = after,
                    (Some(i), None) => drop(merged.remove(i)),
                    (None, Some(after)) => merged.push(after),
                    (None, None) => {}
                }
            }
            Ok(Value::Array(merged))
        }
    }
}

/// Puts the items that the order names in that order; the others stay where they are among them.
fn sort_by_order(items: &mut [Value], order: &[Value], key: Option<&str>) {
    let id = |value: &Value| key.map_or_else(|| value.clone(), |key| value[key].clone());
    let rank = |item: &Value| order.iter().position(|o| id(o) == id(item));
    let places: Vec<usize> = (0..items.len()).filter(|i| rank(&items[*i]).is_some()).collect();
    let mut named: Vec<Value> = places.iter().map(|i| items[*i].clone()).collect();
    named.sort_by_key(rank);
    for (place, item) in places.into_iter().zip(named) {
        items[place] = item;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template() -> Value {
        json!({ "spec": {
            "containers": [
                { "name": "aws-node", "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "1" }] },
                { "name": "agent", "args": ["x"] },
            ],
            "tolerations": [{ "operator": "Exists" }],
        } })
    }

    #[test]
    fn lists_merge_by_key_and_others_are_replaced() {
        let patch = json!({ "spec": {
            "$setElementOrder/containers": [{ "name": "agent" }, { "name": "aws-node" }],
            "containers": [{ "name": "aws-node", "env": [
                { "name": "A", "value": "2" }, { "name": "B", "$patch": "delete" }, { "name": "C", "value": "3" },
            ] }],
            "tolerations": [{ "key": "x" }],
        } });
        assert_eq!(
            patched(&template(), &patch).unwrap(),
            json!({ "spec": {
                "containers": [
                    { "name": "agent", "args": ["x"] },
                    { "name": "aws-node", "env": [{ "name": "A", "value": "2" }, { "name": "C", "value": "3" }] },
                ],
                "tolerations": [{ "key": "x" }],
            } })
        );
    }

    #[test]
    fn directives_replace_and_delete() {
        let live =
            json!({ "metadata": { "finalizers": ["a", "b"], "labels": { "x": "1" } }, "spec": { "a": 1, "b": 2 } });
        let patch = json!({
            "metadata": { "$deleteFromPrimitiveList/finalizers": ["a"], "labels": { "$patch": "replace", "y": "2" } },
            "spec": { "$retainKeys": ["b", "c"], "c": 3 },
        });
        assert_eq!(
            patched(&live, &patch).unwrap(),
            json!({ "metadata": { "finalizers": ["b"], "labels": { "y": "2" } }, "spec": { "b": 2, "c": 3 } })
        );
    }

    #[test]
    fn an_item_without_its_key_is_refused() {
        assert!(patched(&template(), &json!({ "spec": { "containers": [{ "image": "x" }] } })).is_err());
    }
}
