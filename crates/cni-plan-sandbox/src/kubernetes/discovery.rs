//! What the API server says of itself: version, health, groups, resources, and as much of an OpenAPI
//! document as kubectl needs to learn that fields are validated by the server.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::ClusterConfig;
use super::resources::{RESOURCES, Resource, group_versions};
use super::reviews;
use super::status::{ApiError, json_response};

/// Under this type an empty body is an empty document, which keeps kubectl up to 1.27 from insisting
/// on checking fields itself.
const OPEN_API_V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const OBJECT_VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// Answers a path that leads to no resource; nothing if it may lead to one.
pub(super) fn answer(config: &ClusterConfig, parts: &Parts) -> Option<Response> {
    let (method, path) = (&parts.method, parts.uri.path());
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let value = match segments.as_slice() {
        ["healthz" | "livez" | "readyz", ..] => return Some(well(method)),
        ["openapi", "v2"] if wants_protobuf(parts) => return Some(plain(OPEN_API_V2_PROTOBUF, "")),
        ["openapi", "v2"] => json!({ "swagger": "2.0", "info": {}, "paths": {}, "definitions": {} }),
        ["version"] => version(config),
        [] => json!({ "paths": paths() }),
        ["api"] => json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }),
        ["apis"] => {
            let groups: Vec<Value> = groups().into_iter().map(|(group, version)| api_group(group, version)).collect();
            json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
        }
        ["apis", group] => {
            let (group, version) = groups().into_iter().find(|(name, _)| name == group)?;
            api_group(group, version)
        }
        ["api", version] => resource_list("", version)?,
        ["apis", group, version] => resource_list(group, version)?,
        ["openapi", "v3"] => open_api_index(),
        ["openapi", "v3", "api", version] => open_api(config, "", version)?,
        ["openapi", "v3", "apis", group, version] => open_api(config, group, version)?,
        _ => return None,
    };
    if method != Method::GET {
        return Some(ApiError::method_not_allowed().into_response());
    }
    Some(json_response(StatusCode::OK, &value))
}

fn well(method: &Method) -> Response {
    if method != Method::GET {
        return ApiError::method_not_allowed().into_response();
    }
    plain("text/plain; charset=utf-8", "ok")
}

fn plain(content_type: &'static str, body: &'static str) -> Response {
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

fn wants_protobuf(parts: &Parts) -> bool {
    let accept = parts.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("protobuf"))
}

fn version(config: &ClusterConfig) -> Value {
    let (major, minor) = config.version.split_once('.').unwrap_or(("1", "33"));
    json!({
        "major": major,
        "minor": minor,
        "gitVersion": format!("v{major}.{minor}.0-eks-sandbox"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    })
}

/// Every group but the core one, with its one version.
fn groups() -> Vec<(&'static str, &'static str)> {
    let stored = group_versions().into_iter().filter(|(group, _)| !group.is_empty());
    stored.chain(reviews::REVIEWS.iter().map(|review| (review.group, review.version))).collect()
}

fn paths() -> Vec<String> {
    let mut paths = vec!["/api".to_owned(), "/api/v1".to_owned(), "/apis".to_owned()];
    for (group, version) in groups() {
        paths.extend([format!("/apis/{group}"), format!("/apis/{group}/{version}")]);
    }
    paths.extend(["/healthz", "/livez", "/openapi/v3", "/readyz", "/version"].map(str::to_owned));
    paths
}

fn api_group(group: &str, version: &str) -> Value {
    let version = json!({ "groupVersion": format!("{group}/{version}"), "version": version });
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": group,
        "versions": [version],
        "preferredVersion": version,
    })
}

fn resource_list(group: &str, version: &str) -> Option<Value> {
    let mut resources: Vec<Value> = Vec::new();
    for resource in RESOURCES.iter().filter(|r| r.group == group && r.version == version) {
        resources.push(json!({
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": OBJECT_VERBS,
            "shortNames": resource.short,
            "categories": resource.categories,
        }));
        resources.extend(subresources(resource));
    }
    for review in reviews::REVIEWS.iter().filter(|r| r.group == group && r.version == version) {
        resources.push(json!({
            "name": review.plural,
            "singularName": review.kind.to_lowercase(),
            "namespaced": false,
            "kind": review.kind,
            "verbs": ["create"],
        }));
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (!resources.is_empty()).then(|| {
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources })
    })
}

fn subresources(resource: &Resource) -> Vec<Value> {
    let entry = |name: &str, kind: &str, verbs: &[&str]| {
        json!({ "name": format!("{}/{name}", resource.plural), "singularName": "", "namespaced": resource.namespaced,
                "kind": kind, "verbs": verbs })
    };
    let of_group = |mut entry: Value, group: &str| {
        entry["group"] = json!(group);
        entry["version"] = json!("v1");
        entry
    };
    let mut found = Vec::new();
    if resource.status {
        found.push(entry("status", resource.kind, &["get", "patch", "update"]));
    }
    match resource.plural {
        "serviceaccounts" => {
            found.push(of_group(entry("token", "TokenRequest", &["create"]), "authentication.k8s.io"));
        }
        "pods" => found.push(of_group(entry("eviction", "Eviction", &["create"]), "policy")),
        _ => {}
    }
    found
}

fn open_api_index() -> Value {
    let path = |group: &str, version: &str| {
        if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
    };
    let paths: Map<String, Value> = group_versions()
        .into_iter()
        .map(|(group, version)| {
            let path = path(group, version);
            let url = json!({ "serverRelativeURL": format!("/openapi/v3/{path}") });
            (path, url)
        })
        .collect();
    json!({ "paths": paths })
}

/// The patch operations of a group, which is where kubectl looks for `fieldValidation`.
fn open_api(config: &ClusterConfig, group: &str, version: &str) -> Option<Value> {
    let mut paths = Map::new();
    for resource in RESOURCES.iter().filter(|r| r.group == group && r.version == version) {
        let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        let namespaces = if resource.namespaced { "/namespaces/{namespace}" } else { "" };
        let parameter = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string" } });
        let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
        let operation = json!({
            "operationId": format!("patch{}", resource.kind),
            "parameters": parameters,
            "responses": { "200": { "description": "OK" } },
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": { "group": group, "version": version, "kind": resource.kind },
        });
        paths.insert(format!("{root}{namespaces}/{}/{{name}}", resource.plural), json!({ "patch": operation }));
    }
    (!paths.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0",
            "info": { "title": "Kubernetes", "version": format!("v{}.0", config.version) },
            "paths": paths,
            "components": { "schemas": {} },
        })
    })
}
