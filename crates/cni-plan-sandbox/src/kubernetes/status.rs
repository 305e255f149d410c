//! What the API server says when it refuses: Kubernetes' Status objects, in the real server's words.
//!
//! Source: k8s.io/apimachinery `pkg/api/errors` and k8s.io/apiserver `pkg/endpoints`, v0.33.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::resources::Resource;

/// A refusal: an HTTP status and the Status object that goes with it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ApiError {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
}

impl ApiError {
    fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> ApiError {
        ApiError { code, reason, message: message.into(), details: None }
    }

    fn about(mut self, resource: &Resource, name: &str) -> ApiError {
        let mut details = json!({ "name": name, "kind": resource.plural });
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        self.details = Some(details);
        self
    }

    /// 404 for an object.
    pub(super) fn not_found(resource: &Resource, name: &str) -> ApiError {
        let message = format!("{} \"{name}\" not found", resource.qualified());
        ApiError::new(StatusCode::NOT_FOUND, "NotFound", message).about(resource, name)
    }

    /// 404 for a path that leads nowhere.
    pub(super) fn no_such_path() -> ApiError {
        let message = "the server could not find the requested resource";
        ApiError { details: Some(json!({})), ..ApiError::new(StatusCode::NOT_FOUND, "NotFound", message) }
    }

    /// 409 where a name is taken.
    pub(super) fn already_exists(resource: &Resource, name: &str) -> ApiError {
        let message = format!("{} \"{name}\" already exists", resource.qualified());
        ApiError::new(StatusCode::CONFLICT, "AlreadyExists", message).about(resource, name)
    }

    /// 409 where the object is not the one the writer had read.
    pub(super) fn modified(resource: &Resource, name: &str) -> ApiError {
        let cause = "the object has been modified; please apply your changes to the latest version and try again";
        ApiError::conflict(resource, name, cause)
    }

    /// 409 with its cause.
    pub(super) fn conflict(resource: &Resource, name: &str, cause: &str) -> ApiError {
        let message = format!("Operation cannot be fulfilled on {} \"{name}\": {cause}", resource.qualified());
        ApiError::new(StatusCode::CONFLICT, "Conflict", message).about(resource, name)
    }

    /// 409 of a server-side apply, one cause a field. Each cause: who owns it, and the field's path.
    pub(super) fn apply_conflict(message: String, causes: &[(String, String)]) -> ApiError {
        let causes: Vec<Value> = causes
            .iter()
            .map(|(owner, field)| {
                json!({
                    "reason": "FieldManagerConflict",
                    "message": format!("conflict with {owner}"),
                    "field": field,
                })
            })
            .collect();
        ApiError {
            details: Some(json!({ "causes": causes })),
            ..ApiError::new(StatusCode::CONFLICT, "Conflict", message)
        }
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// 403 by admission.
    pub(super) fn forbidden(resource: &Resource, name: &str, cause: &str) -> ApiError {
        let message = format!("{} \"{name}\" is forbidden: {cause}", resource.qualified());
        ApiError::new(StatusCode::FORBIDDEN, "Forbidden", message).about(resource, name)
    }

    /// 422: one field of the object is wrong. `problem` is as in `Invalid value: "X": must be …`.
    pub(super) fn invalid(resource: &Resource, name: &str, field: &str, problem: &str) -> ApiError {
        ApiError::invalid_kind(&resource.qualified_kind(), resource.group, resource.kind, name, field, problem)
    }

    /// 422 for the options of a request rather than its object.
    pub(super) fn invalid_options(kind: &str, field: &str, problem: &str) -> ApiError {
        let group = "meta.k8s.io";
        ApiError::invalid_kind(&format!("{kind}.{group}"), group, kind, "", field, problem)
    }

    fn invalid_kind(qualified: &str, group: &str, kind: &str, name: &str, field: &str, problem: &str) -> ApiError {
        let message = format!("{qualified} \"{name}\" is invalid: {field}: {problem}");
        let reason = match problem.split(':').next() {
            Some("Required value") => "FieldValueRequired",
            Some("Forbidden") => "FieldValueForbidden",
            _ => "FieldValueInvalid",
        };
        let mut details = json!({
            "name": name,
            "kind": kind,
            "causes": [{ "reason": reason, "message": problem, "field": field }],
        });
        if !group.is_empty() {
            details["group"] = json!(group);
        }
        ApiError { details: Some(details), ..ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message) }
    }

    /// 422 where a patch cannot be carried out on the object.
    pub(super) fn unprocessable(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
    }

    /// 410: the revision asked for is no longer kept.
    pub(super) fn gone(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::GONE, "Expired", message)
    }

    /// 504: a revision that this server has not come to, in the form that makes clients list anew.
    pub(super) fn too_large_revision(asked: u64, current: u64) -> ApiError {
        let message = format!("Too large resource version: {asked}, current: {current}");
        let cause = json!({ "reason": "ResourceVersionTooLarge", "message": "Too large resource version" });
        ApiError {
            details: Some(json!({ "causes": [cause], "retryAfterSeconds": 1 })),
            ..ApiError::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message)
        }
    }

    /// 405.
    pub(super) fn method_not_allowed() -> ApiError {
        let message = "the server does not allow this method on the requested resource";
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    /// 413.
    pub(super) fn too_large() -> ApiError {
        let message = "Request entity too large: limit is 3145728";
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// 415, naming what would be understood.
    pub(super) fn unsupported_media_type(accepted: &[&str]) -> ApiError {
        let accepted = accepted.join(", ");
        let message =
            format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// The Status object.
    pub(super) fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code.as_u16(),
        });
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        status
    }

    /// The answer on the wire.
    pub(super) fn into_response(self) -> Response {
        json_response(self.code, &self.to_value())
    }
}

/// The Status object of a deletion that left nothing to show.
pub(super) fn deleted(resource: &Resource, name: &str, uid: &Value) -> Value {
    let mut details = json!({ "name": name, "kind": resource.plural, "uid": uid });
    if !resource.group.is_empty() {
        details["group"] = json!(resource.group);
    }
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details })
}

/// A JSON answer.
pub(super) fn json_response(code: StatusCode, value: &Value) -> Response {
    json_text(code, value.to_string())
}

/// An answer that is JSON already.
pub(super) fn json_text(code: StatusCode, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_real_server() {
        let daemonsets = Resource::named("daemonsets").unwrap();
        let status = ApiError::modified(daemonsets, "aws-node").to_value();
        assert_eq!(
            status["message"],
            "Operation cannot be fulfilled on daemonsets.apps \"aws-node\": the object has been modified; \
             please apply your changes to the latest version and try again"
        );
        assert_eq!(status["details"], json!({ "name": "aws-node", "group": "apps", "kind": "daemonsets" }));
        assert_eq!((&status["code"], &status["reason"]), (&json!(409), &json!("Conflict")));
    }

    #[test]
    fn an_invalid_object_names_the_field() {
        let pods = Resource::named("pods").unwrap();
        let status = ApiError::invalid(pods, "x", "spec.containers", "Required value").to_value();
        assert_eq!(status["message"], "Pod \"x\" is invalid: spec.containers: Required value");
        assert_eq!(status["details"]["causes"][0]["reason"], "FieldValueRequired");
    }
}
