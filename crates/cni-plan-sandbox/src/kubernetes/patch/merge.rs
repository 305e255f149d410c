//! JSON merge patch, RFC 7386.

use serde_json::Value;

/// The live object with the patch merged in: null removes, objects merge, all else replaces.
pub(super) fn patched(live: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut merged = live.as_object().cloned().unwrap_or_default();
    for (name, change) in changes {
        if change.is_null() {
            merged.remove(name);
        } else {
            let below = patched(merged.get(name).unwrap_or(&Value::Null), change);
            merged.insert(name.clone(), below);
        }
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_rfc_s_own_example() {
        let live = json!({ "title": "Goodbye!", "author": { "givenName": "John", "familyName": "Doe" },
                           "tags": ["example", "sample"], "content": "This will be unchanged" });
        let patch = json!({ "title": "Hello!", "phoneNumber": "+01-123-456-7890",
                            "author": { "familyName": null }, "tags": ["example"] });
        assert_eq!(
            patched(&live, &patch),
            json!({ "title": "Hello!", "author": { "givenName": "John" }, "tags": ["example"],
                    "content": "This will be unchanged", "phoneNumber": "+01-123-456-7890" })
        );
    }

    #[test]
    fn nothing_of_a_new_object_is_null() {
        assert_eq!(patched(&json!({}), &json!({ "a": { "b": null, "c": 1 } })), json!({ "a": { "c": 1 } }));
    }
}
