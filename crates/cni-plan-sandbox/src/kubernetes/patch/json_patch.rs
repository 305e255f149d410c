//! JSON patch, RFC 6902.

use serde_json::Value;

use super::ApiError;

/// The live object after each operation in turn; none takes effect if one fails.
pub(super) fn patched(live: &Value, patch: &Value) -> Result<Value, ApiError> {
    let operations = patch
        .as_array()
        .ok_or_else(|| ApiError::bad_request("error decoding patch: a JSON patch is a list of operations"))?;
    let mut document = live.clone();
    for operation in operations {
        carry_out(&mut document, operation).map_err(|problem| {
            ApiError::unprocessable(format!(
                "the server rejected our request due to an error in our request: {problem}"
            ))
        })?;
    }
    Ok(document)
}

fn carry_out(document: &mut Value, operation: &Value) -> Result<(), String> {
    let text = |key: &str| operation[key].as_str().ok_or_else(|| format!("operation lacks \"{key}\": {operation}"));
    let value = || operation.get("value").cloned().ok_or_else(|| format!("operation lacks \"value\": {operation}"));
    let path = text("path")?;
    match text("op")? {
        "add" => add(document, path, value()?),
        "remove" => remove(document, path).map(drop),
        "replace" => {
            *find(document, path)? = value()?;
            Ok(())
        }
        "move" => {
            let from = text("from")?;
            if path.starts_with(&format!("{from}/")) {
                return Err(format!("cannot move {from} into itself"));
            }
            let moved = remove(document, from)?;
            add(document, path, moved)
        }
        "copy" => {
            let copied = find(document, text("from")?)?.clone();
            add(document, path, copied)
        }
        "test" if document.pointer(path).unwrap_or(&Value::Null) == &value()? => Ok(()),
        "test" => Err(format!("testing path {path} failed: test failed")),
        other => Err(format!("unexpected kind: {other}")),
    }
}

fn find<'a>(document: &'a mut Value, path: &str) -> Result<&'a mut Value, String> {
    document.pointer_mut(path).ok_or_else(|| format!("path {path} does not exist: missing value"))
}

fn add(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let Some((parent, last)) = path.rsplit_once('/') else {
        *document = value;
        return Ok(());
    };
    match find(document, parent)? {
        Value::Object(map) => {
            map.insert(unescaped(last), value);
            Ok(())
        }
        Value::Array(list) => {
            let index = if last == "-" { Some(list.len()) } else { last.parse().ok() };
            let index = index.filter(|i| *i <= list.len()).ok_or_else(|| format!("no place {last} in {parent}"))?;
            list.insert(index, value);
            Ok(())
        }
        _ => Err(format!("path {parent} is no object or list")),
    }
}

fn remove(document: &mut Value, path: &str) -> Result<Value, String> {
    let missing = || format!("path {path} does not exist: missing value");
    let (parent, last) = path.rsplit_once('/').ok_or_else(|| "the whole object cannot be removed".to_owned())?;
    match find(document, parent)? {
        Value::Object(map) => map.remove(&unescaped(last)).ok_or_else(missing),
        Value::Array(list) => {
            let index = last.parse().ok().filter(|i: &usize| *i < list.len()).ok_or_else(missing)?;
            Ok(list.remove(index))
        }
        _ => Err(missing()),
    }
}

fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_operation() {
        let live = json!({ "metadata": { "annotations": { "a/b": "1" } }, "list": [1, 2], "x": 1 });
        let patch = json!([
            { "op": "test", "path": "/metadata/annotations/a~1b", "value": "1" },
            { "op": "replace", "path": "/metadata/annotations/a~1b", "value": "2" },
            { "op": "add", "path": "/list/-", "value": 4 },
            { "op": "add", "path": "/list/2", "value": 3 },
            { "op": "remove", "path": "/list/0" },
            { "op": "copy", "from": "/x", "path": "/y" },
            { "op": "move", "from": "/x", "path": "/z" },
        ]);
        let expected = json!({ "metadata": { "annotations": { "a/b": "2" } }, "list": [2, 3, 4], "y": 1, "z": 1 });
        assert_eq!(patched(&live, &patch).unwrap(), expected);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let live = json!({ "x": [1] });
        for operation in [
            json!({ "op": "test", "path": "/x", "value": 2 }),
            json!({ "op": "remove", "path": "/y" }),
            json!({ "op": "replace", "path": "/y", "value": 1 }),
            json!({ "op": "add", "path": "/x/5", "value": 1 }),
            json!({ "op": "add", "path": "/y/z", "value": 1 }),
            json!({ "op": "explode", "path": "/x" }),
        ] {
            assert!(patched(&live, &json!([operation])).is_err(), "{operation}");
        }
        assert!(patched(&live, &json!({})).is_err());
    }
}
