//! The other forms in which objects are asked for: tables, as `kubectl get` prints them, and metadata
//! alone.
//!
//! Source: k8s.io/kubernetes `pkg/printers/internalversion/printers.go`, v1.33.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::resources::Resource;
use super::time;

/// How the client wants objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As they are.
    Whole,
    /// Their metadata alone.
    Metadata,
    /// A table for people.
    Table,
}

impl Form {
    /// The form that an Accept header asks for.
    pub(super) fn of(accept: &str) -> Form {
        if accept.contains("as=Table") {
            Form::Table
        } else if accept.contains("as=PartialObjectMetadata") {
            Form::Metadata
        } else {
            Form::Whole
        }
    }

    /// One object in this form. Columns are described only where `first`: a watcher gets them once.
    pub(super) fn object<'a>(
        self,
        resource: &Resource,
        object: &'a Value,
        first: bool,
        now: Timestamp,
    ) -> Cow<'a, Value> {
        match self {
            Form::Whole => Cow::Borrowed(object),
            Form::Metadata => Cow::Owned(metadata_only(object)),
            Form::Table => {
                let metadata = json!({ "resourceVersion": object["metadata"]["resourceVersion"] });
                Cow::Owned(table(resource, &metadata, std::iter::once(object), first, now))
            }
        }
    }

    /// A list in this form, as JSON.
    pub(super) fn list(self, resource: &Resource, metadata: &Value, items: &[&Value], now: Timestamp) -> String {
        match self {
            Form::Table => table(resource, metadata, items.iter().copied(), true, now).to_string(),
            Form::Metadata => {
                let items: Vec<Value> = items.iter().map(|item| metadata_only(item)).collect();
                list_text("PartialObjectMetadataList", "meta.k8s.io/v1", metadata, &items)
            }
            Form::Whole => {
                let items: Vec<Untyped<'_>> = items.iter().map(|item| Untyped(item)).collect();
                list_text(&format!("{}List", resource.kind), &resource.api_version(), metadata, &items)
            }
        }
    }
}

fn list_text<T: Serialize>(kind: &str, api_version: &str, metadata: &Value, items: &[T]) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct List<'a, T> {
        kind: &'a str,
        api_version: &'a str,
        metadata: &'a Value,
        items: &'a [T],
    }
    serde_json::to_string(&List { kind, api_version, metadata, items }).expect("JSON values can be written")
}

/// An item of a list, for which the list's own kind and version speak.
struct Untyped<'a>(&'a Value);

impl Serialize for Untyped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.0.as_object().into_iter().flatten();
        serializer.collect_map(fields.filter(|(name, _)| *name != "kind" && *name != "apiVersion"))
    }
}

fn metadata_only(object: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

fn table<'a>(
    resource: &Resource,
    metadata: &Value,
    objects: impl Iterator<Item = &'a Value>,
    described: bool,
    now: Timestamp,
) -> Value {
    let columns = columns(resource);
    let rows: Vec<Value> = objects
        .map(|object| {
            let cells: Vec<Value> = columns.iter().map(|column| (column.cell)(object, now)).collect();
            json!({ "cells": cells, "object": metadata_only(object) })
        })
        .collect();
    let definitions: Vec<Value> = columns.iter().filter(|_| described).map(Column::definition).collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

struct Column {
    name: &'static str,
    kind: &'static str,
    /// Shown with `-o wide` alone.
    wide: bool,
    cell: fn(&Value, Timestamp) -> Value,
}

impl Column {
    const fn new(name: &'static str, kind: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Column {
        Column { name, kind, wide: false, cell }
    }

    const fn wide(name: &'static str, cell: fn(&Value, Timestamp) -> Value) -> Column {
        Column { name, kind: "string", wide: true, cell }
    }

    fn definition(&self) -> Value {
        let format = if self.name == "Name" { "name" } else { "" };
        json!({
            "name": self.name, "type": self.kind, "format": format, "description": "",
            "priority": i32::from(self.wide),
        })
    }
}

fn columns(resource: &Resource) -> Vec<Column> {
    let name = Column::new("Name", "string", |o, _| o["metadata"]["name"].clone());
    let age = Column::new("Age", "string", |o, now| age(&o["metadata"]["creationTimestamp"], now));
    let count = |name, cell| Column::new(name, "integer", cell);
    let text = |name, cell| Column::new(name, "string", cell);
    match resource.plural {
        "pods" => vec![
            name,
            text("Ready", |o, _| ready_containers(o)),
            text("Status", |o, _| json!(pod_status(o))),
            text("Restarts", |o, _| json!(restarts(o).to_string())),
            age,
            Column::wide("IP", |o, _| or_none(&o["status"]["podIP"])),
            Column::wide("Node", |o, _| or_none(&o["spec"]["nodeName"])),
            Column::wide("Nominated Node", |o, _| or_none(&o["status"]["nominatedNodeName"])),
            Column::wide("Readiness Gates", |_, _| json!("<none>")),
        ],
        "nodes" => vec![
            name,
            text("Status", |o, _| json!(node_status(o))),
            text("Roles", |_, _| json!("<none>")),
            age,
            text("Version", |o, _| o["status"]["nodeInfo"]["kubeletVersion"].clone()),
            Column::wide("Internal-IP", |o, _| or_none(&o["status"]["addresses"][0]["address"])),
            Column::wide("External-IP", |_, _| json!("<none>")),
            Column::wide("OS-Image", |o, _| or_none(&o["status"]["nodeInfo"]["osImage"])),
            Column::wide("Kernel-Version", |o, _| or_none(&o["status"]["nodeInfo"]["kernelVersion"])),
            Column::wide("Container-Runtime", |o, _| or_none(&o["status"]["nodeInfo"]["containerRuntimeVersion"])),
        ],
        "daemonsets" => vec![
            name,
            count("Desired", |o, _| number(&o["status"]["desiredNumberScheduled"])),
            count("Current", |o, _| number(&o["status"]["currentNumberScheduled"])),
            count("Ready", |o, _| number(&o["status"]["numberReady"])),
            count("Up-to-date", |o, _| number(&o["status"]["updatedNumberScheduled"])),
            count("Available", |o, _| number(&o["status"]["numberAvailable"])),
            text("Node Selector", |o, _| pairs(&o["spec"]["template"]["spec"]["nodeSelector"])),
            age,
            Column::wide("Containers", |o, _| of_containers(o, "name")),
            Column::wide("Images", |o, _| of_containers(o, "image")),
            Column::wide("Selector", |o, _| pairs(&o["spec"]["selector"]["matchLabels"])),
        ],
        "serviceaccounts" => vec![name, text("Secrets", |o, _| length(&o["secrets"])), age],
        "configmaps" => vec![name, text("Data", |o, _| length(&o["data"])), age],
        "secrets" => {
            vec![name, text("Type", |o, _| o["type"].clone()), text("Data", |o, _| length(&o["data"])), age]
        }
        "namespaces" => vec![name, text("Status", |o, _| o["status"]["phase"].clone()), age],
        "leases" => vec![name, text("Holder", |o, _| o["spec"]["holderIdentity"].clone()), age],
        "events" => vec![
            text("Last Seen", age_of_event),
            text("Type", |o, _| o["type"].clone()),
            text("Reason", |o, _| o["reason"].clone()),
            text("Object", |o, _| {
                let kind = o["involvedObject"]["kind"].as_str().unwrap_or_default().to_lowercase();
                json!(format!("{kind}/{}", o["involvedObject"]["name"].as_str().unwrap_or_default()))
            }),
            text("Message", |o, _| o["message"].clone()),
        ],
        _ => vec![name, age],
    }
}

fn age(since: &Value, now: Timestamp) -> Value {
    json!(time::age(since.as_str().unwrap_or_default(), now))
}

fn age_of_event(event: &Value, now: Timestamp) -> Value {
    let seen = &event["lastTimestamp"];
    age(if seen.is_string() { seen } else { &event["metadata"]["creationTimestamp"] }, now)
}

fn container_statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["status"]["containerStatuses"].as_array().into_iter().flatten()
}

fn ready_containers(pod: &Value) -> Value {
    let ready = container_statuses(pod).filter(|status| status["ready"] == true).count();
    let all = pod["spec"]["containers"].as_array().map_or(0, Vec::len);
    json!(format!("{ready}/{all}"))
}

fn restarts(pod: &Value) -> u64 {
    container_statuses(pod).filter_map(|status| status["restartCount"].as_u64()).sum()
}

fn pod_status(pod: &Value) -> String {
    if pod["metadata"]["deletionTimestamp"].is_string() {
        return "Terminating".to_owned();
    }
    let initializing = container_statuses(pod).any(|s| s["state"]["waiting"]["reason"] == "PodInitializing");
    if initializing {
        let init = pod["spec"]["initContainers"].as_array().map_or(0, Vec::len);
        return if init > 0 { format!("Init:0/{init}") } else { "ContainerCreating".to_owned() };
    }
    pod["status"]["phase"].as_str().unwrap_or("Unknown").to_owned()
}

fn node_status(node: &Value) -> String {
    let conditions = node["status"]["conditions"].as_array();
    let ready = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
    let mut status = if ready { "Ready" } else { "NotReady" }.to_owned();
    if node["spec"]["unschedulable"] == true {
        status.push_str(",SchedulingDisabled");
    }
    status
}

fn number(value: &Value) -> Value {
    json!(value.as_u64().unwrap_or(0))
}

fn length(value: &Value) -> Value {
    json!(value.as_array().map(Vec::len).or(value.as_object().map(serde_json::Map::len)).unwrap_or(0).to_string())
}

fn or_none(value: &Value) -> Value {
    if value.is_string() { value.clone() } else { json!("<none>") }
}

fn pairs(map: &Value) -> Value {
    let pairs: Vec<String> = map
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    json!(if pairs.is_empty() { "<none>".to_owned() } else { pairs.join(",") })
}

fn of_containers(set: &Value, field: &str) -> Value {
    let containers = set["spec"]["template"]["spec"]["containers"].as_array();
    let values: Vec<&str> = containers.into_iter().flatten().filter_map(|c| c[field].as_str()).collect();
    json!(values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_s_row() {
        let pod = json!({
            "metadata": { "name": "aws-node-x", "creationTimestamp": "1970-01-01T00:00:00Z" },
            "spec": { "containers": [{}, {}], "nodeName": "n1" },
            "status": { "phase": "Running", "containerStatuses": [
                { "ready": true, "restartCount": 2, "state": {} }, { "ready": false, "restartCount": 1, "state": {} },
            ] },
        });
        let pods = Resource::named("pods").unwrap();
        let now = Timestamp::from_second(30).unwrap();
        let table: Value = serde_json::from_str(&Form::Table.list(pods, &json!({}), &[&pod], now)).unwrap();
        let cells = json!(["aws-node-x", "1/2", "Running", "3", "30s", "<none>", "n1", "<none>", "<none>"]);
        assert_eq!(table["rows"][0]["cells"], cells);
        assert_eq!(table["columnDefinitions"].as_array().unwrap().len(), 9);
        assert_eq!(Form::Table.object(pods, &pod, false, now)["columnDefinitions"], json!([]));
    }

    #[test]
    fn a_list_speaks_for_its_items() {
        let pods = Resource::named("pods").unwrap();
        let pod = json!({ "kind": "Pod", "apiVersion": "v1", "metadata": { "name": "x" } });
        let text = Form::Whole.list(pods, &json!({}), &[&pod], Timestamp::UNIX_EPOCH);
        let list: Value = serde_json::from_str(&text).unwrap();
        let items = json!([{ "metadata": { "name": "x" } }]);
        assert_eq!(list, json!({ "kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items }));
    }

    #[test]
    fn the_accept_header_chooses() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(Form::of(kubectl), Form::Table);
        assert_eq!(Form::of("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"), Form::Metadata);
        assert_eq!(Form::of("*/*"), Form::Whole);
    }
}
