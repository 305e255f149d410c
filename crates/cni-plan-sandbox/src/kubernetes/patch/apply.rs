//! Server-side apply: what a manager declares, merged into what is there; what it declared the last
//! time and no longer does is taken out, unless somebody else owns it.
//!
//! Source: structured-merge-diff v4 `merge.Updater.Apply` and `prune`.

use jiff::Timestamp;
use serde_json::Value;

use super::super::fields::{self, FieldSet};
use super::super::managed_fields::{Owners, Writer, owned_only};
use super::super::schema::{self, ListKind};
use super::ApiError;

/// The live object after an apply, its `managedFields` included. An absent object is null. `finish`
/// completes the object as the server does for every write, before it is compared with what was.
pub(in super::super) fn applied(
    live: &Value,
    config: &Value,
    writer: &Writer,
    force: bool,
    now: Timestamp,
    finish: impl FnOnce(Value) -> Result<Value, ApiError>,
) -> Result<Value, ApiError> {
    let config = without_nulls(config);
    let declared = owned_only(fields::set_of(&config));
    let mut owners = Owners::of(live);
    let no_longer = owners.fields_of(writer).difference(&declared);
    let kept = owners.fields_of_others(writer).union(&declared);
    let mut object = merged(live, &config);
    prune("", &mut object, &no_longer, Some(&kept));
    let mut object = finish(object)?;
    owners.record_apply(live, &object, declared, writer, force, now)?;
    owners.write_to(&mut object);
    Ok(object)
}

/// The live value with the declared one merged in: maps and keyed lists item by item, all else whole.
pub(super) fn merged(live: &Value, config: &Value) -> Value {
    merge_field("", live, config)
}

fn merge_field(field: &str, live: &Value, config: &Value) -> Value {
    match (live, config) {
        (Value::Object(before), Value::Object(declared)) if !schema::is_atomic_map(field) => {
            let mut merged = before.clone();
            for (name, value) in declared {
                let below = merge_field(name, before.get(name).unwrap_or(&Value::Null), value);
                merged.insert(name.clone(), below);
            }
            Value::Object(merged)
        }
        (Value::Array(before), Value::Array(declared)) if schema::list_kind(field) != ListKind::Atomic => {
            let step = |item: &Value| match schema::list_kind(field) {
                ListKind::Map(keys) => schema::item_key(keys, item),
                ListKind::Set | ListKind::Atomic => Some(item.clone()),
            };
            let mut merged = before.clone();
            for item in declared {
                match merged.iter().position(|there| step(there) == step(item)) {
                    Some(place) => merged[place] = merge_field("", &before_or_null(&merged, place), item),
                    None => merged.push(item.clone()),
                }
            }
            Value::Array(merged)
        }
        _ => config.clone(),
    }
}

fn before_or_null(list: &[Value], place: usize) -> Value {
    list.get(place).cloned().unwrap_or_default()
}

/// Takes out the fields in `gone` that are not in `kept`, and what is left empty by that.
fn prune(field: &str, value: &mut Value, gone: &FieldSet, kept: Option<&FieldSet>) {
    let steps: Vec<String> = fields::items(field, value).into_iter().flatten().map(|(step, _, _)| step).collect();
    let mut out: Vec<usize> = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let Some(gone) = gone.child(step) else { continue };
        let kept = kept.and_then(|kept| kept.child(step));
        let wanted = kept.is_some_and(|kept| !kept.is_empty());
        let Some(below) = child_mut(value, step, place) else { continue };
        if gone.is_member() && !wanted {
            out.push(place);
            continue;
        }
        let was_empty = is_empty(below);
        prune(step.strip_prefix("f:").unwrap_or_default(), below, gone, kept);
        if !was_empty && is_empty(below) && !kept.is_some_and(FieldSet::is_member) {
            out.push(place);
        }
    }
    for place in out.into_iter().rev() {
        match value {
            Value::Object(map) => drop(map.remove(steps[place].strip_prefix("f:").unwrap_or_default())),
            Value::Array(list) => drop(list.remove(place)),
            _ => {}
        }
    }
}

fn child_mut<'a>(value: &'a mut Value, step: &str, place: usize) -> Option<&'a mut Value> {
    match value {
        Value::Object(map) => map.get_mut(step.strip_prefix("f:")?),
        Value::Array(list) => list.get_mut(place),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .filter(|(_, below)| !below.is_null())
            .map(|(name, below)| (name.clone(), without_nulls(below)))
            .collect(),
        Value::Array(list) => list.iter().map(without_nulls).collect(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::managed_fields::Operation;
    use super::*;

    fn applier(manager: &str) -> Writer {
        Writer {
            manager: manager.into(),
            operation: Operation::Apply,
            api_version: "v1".into(),
            subresource: String::new(),
        }
    }

    fn account(annotations: &Value) -> Value {
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "aws-node", "annotations": annotations } })
    }

    fn apply(live: &Value, annotations: &Value, manager: &str, force: bool) -> Result<Value, ApiError> {
        applied(live, &account(annotations), &applier(manager), force, Timestamp::UNIX_EPOCH, Ok)
    }

    fn owned_by_kubectl() -> Value {
        let mut owners = Owners::default();
        let mut object = account(&json!({ "eks.amazonaws.com/role-arn": "old" }));
        let kubectl = Writer { operation: Operation::Update, ..applier("kubectl-annotate") };
        owners.record_update(&json!({}), &object, &kubectl, Timestamp::UNIX_EPOCH);
        owners.write_to(&mut object);
        object
    }

    #[test]
    fn somebody_elses_field_is_a_conflict_until_forced() {
        let live = owned_by_kubectl();
        let wanted = json!({ "eks.amazonaws.com/role-arn": "new" });
        let refusal = apply(&live, &wanted, "cni-plan", false).unwrap_err().to_value();
        assert_eq!(
            refusal["message"],
            "Apply failed with 1 conflict: conflict with \"kubectl-annotate\" using v1: \
             .metadata.annotations.eks.amazonaws.com/role-arn"
        );
        assert_eq!(
            refusal["details"]["causes"],
            json!([{ "reason": "FieldManagerConflict", "message": "conflict with \"kubectl-annotate\" using v1",
                     "field": ".metadata.annotations.eks.amazonaws.com/role-arn" }])
        );
        let forced = apply(&live, &wanted, "cni-plan", true).unwrap();
        let owners: Vec<&Value> =
            forced["metadata"]["managedFields"].as_array().unwrap().iter().map(|e| &e["manager"]).collect();
        assert_eq!(owners, ["cni-plan", "kubectl-annotate"]);
        assert_eq!(
            forced["metadata"]["managedFields"][1]["fieldsV1"],
            json!({ "f:metadata": { "f:annotations": {} } })
        );
    }

    #[test]
    fn the_same_value_is_shared() {
        let live = owned_by_kubectl();
        let shared = apply(&live, &json!({ "eks.amazonaws.com/role-arn": "old" }), "cni-plan", false).unwrap();
        assert_eq!(shared["metadata"]["managedFields"].as_array().unwrap().len(), 2);
        let let_go = apply(&shared, &json!({}), "cni-plan", false).unwrap();
        assert_eq!(let_go["metadata"]["annotations"]["eks.amazonaws.com/role-arn"], "old");
    }

    #[test]
    fn what_is_no_longer_declared_goes() {
        let first = apply(&Value::Null, &json!({ "a": "1", "b": "1" }), "cni-plan", false).unwrap();
        let second = apply(&first, &json!({ "b": "1" }), "cni-plan", false).unwrap();
        assert_eq!(second["metadata"]["annotations"], json!({ "b": "1" }));
        let nothing = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "aws-node" } });
        let third = applied(&second, &nothing, &applier("cni-plan"), false, Timestamp::UNIX_EPOCH, Ok).unwrap();
        assert!(third["metadata"]["annotations"].is_null());
        assert!(third["metadata"]["managedFields"].is_null());
    }

    #[test]
    fn several_conflicts_are_listed_by_owner() {
        let first = apply(&Value::Null, &json!({ "a": "1", "b": "1" }), "one", false).unwrap();
        let refusal = apply(&first, &json!({ "a": "2", "b": "2" }), "two", false).unwrap_err().to_value();
        assert_eq!(
            refusal["message"],
            "Apply failed with 2 conflicts: conflicts with \"one\":\n- .metadata.annotations.a\n- .metadata.annotations.b"
        );
    }

    #[test]
    fn applying_again_changes_nothing() {
        let first = apply(&Value::Null, &json!({ "a": "1" }), "one", false).unwrap();
        let later = Timestamp::from_second(60).unwrap();
        let again = applied(&first, &account(&json!({ "a": "1" })), &applier("one"), false, later, Ok).unwrap();
        assert_eq!(again, first);
    }
}
