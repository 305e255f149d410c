//! What a request is about, as its path, query and headers say.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, header};
use serde_json::Value;

use super::protobuf;
use super::resources::Resource;
use super::selector::Selector;
use super::status::ApiError;
use super::table::Form;

/// The media types of bodies that are read whatever they hold.
const READ_BODIES: [&str; 2] = ["application/json", "application/yaml"];

/// The longest name of a field manager.
const LONGEST_MANAGER: usize = 128;

/// A request for a resource.
#[derive(Debug)]
pub(super) struct ApiRequest {
    pub(super) method: Method,
    pub(super) resource: &'static Resource,
    /// Absent for cluster-scoped resources, and where all namespaces are meant.
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) subresource: Option<String>,
    /// The form in which objects are wanted.
    pub(super) form: Form,
    query: HashMap<String, String>,
    content_type: String,
    user_agent: String,
    body: Bytes,
}

impl ApiRequest {
    /// Reads a request whose path leads to a resource of the table.
    pub(super) fn read(parts: &Parts, body: Bytes) -> Result<ApiRequest, ApiError> {
        let segments: Vec<&str> = parts.uri.path().split('/').filter(|segment| !segment.is_empty()).collect();
        let place = Place::of(&segments).ok_or_else(ApiError::no_such_path)?;
        let header = |name: HeaderName| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|error| ApiError::bad_request(format!("the query cannot be read: {error}")))?;
        Ok(ApiRequest {
            method: parts.method.clone(),
            resource: place.resource,
            namespace: place.namespace.map(str::to_owned),
            name: place.name.map(str::to_owned),
            subresource: place.subresource.map(str::to_owned),
            form: Form::of(&header(header::ACCEPT)),
            query: query.0.into_iter().collect(),
            content_type: header(header::CONTENT_TYPE),
            user_agent: header(header::USER_AGENT),
            body,
        })
    }

    /// A parameter of the query; empty if it is not there.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A parameter that says yes or no; nothing if it is not there.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.query.get(name).map(|value| value != "false" && value != "0")
    }

    /// A parameter that is a number; nothing if it is not there.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        match self.parameter(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| ApiError::bad_request(format!("invalid {name}: {text:?}"))),
        }
    }

    /// What the request selects.
    pub(super) fn selector(&self) -> Result<Selector, ApiError> {
        Selector::parse(self.resource, self.parameter("labelSelector"), self.parameter("fieldSelector"))
    }

    /// Whether anything is selected out of the whole.
    pub(super) fn is_selective(&self) -> bool {
        !self.parameter("labelSelector").is_empty() || !self.parameter("fieldSelector").is_empty()
    }

    /// Whether nothing is to be stored.
    pub(super) fn dry_run(&self) -> Result<bool, ApiError> {
        match self.parameter("dryRun") {
            "" => Ok(false),
            "All" => Ok(true),
            other => {
                let problem = format!("Unsupported value: \"{other}\": supported values: \"All\"");
                Err(ApiError::invalid_options(self.options_kind(), "dryRun", &problem))
            }
        }
    }

    /// The field manager: as stated, or else the user agent's first part.
    pub(super) fn manager(&self) -> Result<String, ApiError> {
        let stated = self.parameter("fieldManager");
        if stated.chars().count() > LONGEST_MANAGER {
            let problem = format!("Too long: may not be more than {LONGEST_MANAGER} bytes");
            return Err(ApiError::invalid_options(self.options_kind(), "fieldManager", &problem));
        }
        if !stated.is_empty() {
            return Ok(stated.to_owned());
        }
        let program = self.user_agent.split('/').next().unwrap_or_default();
        let program: String = program.chars().take(LONGEST_MANAGER).collect();
        Ok(if program.is_empty() { "unknown".to_owned() } else { program })
    }

    /// The media type of the body.
    pub(super) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The body as it came.
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, which must be JSON or YAML.
    pub(super) fn object(&self) -> Result<Value, ApiError> {
        let media_type = self.content_type.split(';').next().unwrap_or_default().trim();
        match media_type {
            "" | "application/json" => serde_json::from_slice(&self.body).map_err(|error| {
                ApiError::bad_request(format!("couldn't get version/kind; json parse error: {error}"))
            }),
            "application/yaml" => std::str::from_utf8(&self.body)
                .ok()
                .and_then(|text| serde_yaml::from_str(text).ok())
                .ok_or_else(|| ApiError::bad_request("error decoding YAML")),
            "application/vnd.kubernetes.protobuf" => {
                protobuf::read(&self.body).ok_or_else(|| ApiError::unsupported_media_type(&READ_BODIES))
            }
            _ => Err(ApiError::unsupported_media_type(&READ_BODIES)),
        }
    }

    /// The body of a request that may come without one.
    pub(super) fn optional_object(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() { Ok(Value::Null) } else { self.object() }
    }

    fn options_kind(&self) -> &'static str {
        match self.method {
            Method::POST => "CreateOptions",
            Method::PUT => "UpdateOptions",
            Method::DELETE => "DeleteOptions",
            _ => "PatchOptions",
        }
    }
}

#[derive(Debug, PartialEq)]
struct Place<'a> {
    resource: &'static Resource,
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    subresource: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(path: &[&'a str]) -> Option<Place<'a>> {
        let (group, version, rest) = match path {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        if let ["namespaces", namespace, plural, rest @ ..] = rest
            && let Some(resource) = Resource::find(group, version, plural).filter(|r| r.namespaced)
        {
            return Place::within(resource, Some(namespace), rest);
        }
        let (plural, rest) = rest.split_first()?;
        let resource = Resource::find(group, version, plural)?;
        if resource.namespaced && !rest.is_empty() {
            return None;
        }
        Place::within(resource, None, rest)
    }

    fn within(resource: &'static Resource, namespace: Option<&'a str>, rest: &[&'a str]) -> Option<Place<'a>> {
        let (name, subresource) = match rest {
            [] => (None, None),
            [name] => (Some(*name), None),
            [name, subresource] => (Some(*name), Some(*subresource)),
            _ => return None,
        };
        Some(Place { resource, namespace, name, subresource })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path's plural name, namespace, name and sub-resource; `-` for what it does not have.
    fn place(path: &str) -> Option<[&str; 4]> {
        let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
        let place = Place::of(&segments)?;
        let parts = [place.namespace, place.name, place.subresource].map(|part| part.unwrap_or("-"));
        Some([place.resource.plural, parts[0], parts[1], parts[2]])
    }

    #[test]
    fn paths() {
        assert_eq!(place("/api/v1/pods"), Some(["pods", "-", "-", "-"]));
        assert_eq!(place("/api/v1/namespaces/x/pods/p/status"), Some(["pods", "x", "p", "status"]));
        assert_eq!(place("/api/v1/namespaces/x"), Some(["namespaces", "-", "x", "-"]));
        assert_eq!(place("/api/v1/namespaces/x/status"), Some(["namespaces", "-", "x", "status"]));
        assert_eq!(place("/apis/apps/v1/daemonsets"), Some(["daemonsets", "-", "-", "-"]));
        for nowhere in ["/api/v1", "/api/v1/pods/x", "/api/v1/daemonsets", "/api/v2/pods", "/api/v1/nodes/a/b/c"] {
            assert_eq!(place(nowhere), None, "{nowhere}");
        }
    }
}
