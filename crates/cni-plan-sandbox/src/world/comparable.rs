//! The world without what differs between two runs that did the same: ids, instants, revisions,
//! generated names, the record of updates, and the text form of documents.

use serde_json::{Map, Value};

/// Keys whose values differ from run to run, wherever they stand.
const VOLATILE: [&str; 22] = [
    "roleId",
    "addonUpdates",
    "clientRequestToken",
    "issuedEksIds",
    "modifiedAt",
    "policyId",
    "createDate",
    "updateDate",
    "createdAt",
    "issuedIds",
    "nextVersion",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "managedFields",
    "generation",
    "observedGeneration",
    "lastTransitionTime",
    "lastProbeTime",
    "lastHeartbeatTime",
    "acquireTime",
    "renewTime",
];
/// Keys whose text is a policy document, to be compared by what it says.
const DOCUMENTS: [&str; 2] = ["trust", "document"];

/// A copy of a state that equals another run's copy if the worlds are the same.
///
/// Pods are reduced to what identifies them: their node, labels, service account, the environment of
/// their containers, and whether they are Ready.
pub(crate) fn comparable(state: &Value) -> Value {
    match state {
        Value::Object(fields) => Value::Object(fields.iter().filter_map(field).collect()),
        Value::Array(items) => Value::Array(items.iter().map(comparable).collect()),
        plain => plain.clone(),
    }
}

fn field((key, value): (&String, &Value)) -> Option<(String, Value)> {
    if VOLATILE.contains(&key.as_str()) {
        return None;
    }
    let value = match (key.as_str(), value) {
        // IAM can empty a role's description and not take it away.
        ("description", Value::String(text)) if text.is_empty() => Value::Null,
        (document, Value::String(text)) if DOCUMENTS.contains(&document) => {
            serde_json::from_str(text).unwrap_or_else(|_| value.clone())
        }
        ("inline", Value::Object(policies)) => Value::Object(
            policies
                .iter()
                .map(|(name, text)| {
                    let text = text.as_str().unwrap_or_default();
                    (name.clone(), serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)))
                })
                .collect(),
        ),
        ("podIdentityAssociations", Value::Object(by_id)) => {
            let mut associations: Vec<Value> = by_id.values().map(comparable).collect();
            associations.sort_by_key(ToString::to_string);
            Value::Array(associations)
        }
        ("pods", Value::Array(pods)) => {
            let mut pods: Vec<Value> = pods.iter().map(pod).collect();
            pods.sort_by_key(ToString::to_string);
            Value::Array(pods)
        }
        _ => comparable(value),
    };
    // An annotations map that was emptied says the same as none.
    let emptied = ["annotations", "labels"].contains(&key.as_str()) && value.as_object().is_some_and(Map::is_empty);
    (!emptied).then(|| (key.clone(), value))
}

fn pod(pod: &Value) -> Value {
    let containers = |field: &str| -> Value {
        let containers = pod["spec"][field].as_array().into_iter().flatten();
        containers.map(|container| serde_json::json!({ "name": container["name"], "env": container["env"] })).collect()
    };
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let ready =
        conditions.filter(|condition| condition["type"] == "Ready").any(|condition| condition["status"] == "True");
    serde_json::json!({
        "node": pod["spec"]["nodeName"],
        "namespace": pod["metadata"]["namespace"],
        "labels": pod["metadata"]["labels"],
        "annotations": pod["metadata"]["annotations"],
        "serviceAccountName": pod["spec"]["serviceAccountName"],
        "initContainers": containers("initContainers"),
        "containers": containers("containers"),
        "ready": ready,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_times_and_the_form_of_documents_do_not_count() {
        let one = json!({ "roles": { "r": { "roleId": "AROA1", "trust": "{\"a\": 1}", "metadata": { "annotations": {} } } } });
        let other = json!({ "roles": { "r": { "roleId": "AROA2", "trust": "{\"a\":1}", "metadata": {} } } });
        assert_eq!(comparable(&one), comparable(&other));
    }

    #[test]
    fn what_a_document_says_counts() {
        let one = json!({ "trust": "{\"a\":1}" });
        assert_ne!(comparable(&one), comparable(&json!({ "trust": "{\"a\":2}" })));
    }

    #[test]
    fn associations_are_compared_by_what_they_say_and_past_updates_not_at_all() {
        let world = |id: &str, role: &str| {
            json!({ "addonUpdates": { id: { "status": "Successful" } },
                    "podIdentityAssociations": { id: { "roleArn": role, "modifiedAt": 1 } } })
        };
        assert_eq!(comparable(&world("a-1", "r")), comparable(&world("a-2", "r")));
        assert_ne!(comparable(&world("a-1", "r")), comparable(&world("a-1", "s")));
    }
}
