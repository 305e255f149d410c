//! Answers as HTTP has them, and the two ways a fault spoils one.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use serde_json::Value;

/// A text for a person.
pub(super) fn plain(status: u16, text: impl Into<String>) -> Response {
    with_body(status, "text/plain; charset=utf-8", text.into())
}

/// A JSON document.
pub(super) fn json(status: u16, value: &Value) -> Response {
    with_body(status, "application/json", value.to_string())
}

/// A body of some type.
pub(super) fn with_body(status: u16, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// Adds a header whose value is known to be plain text.
pub(super) fn header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = http::HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}

/// The first half of an answer's body, as if that were all.
pub(super) async fn halved(answer: Response) -> Response {
    let (mut head, body) = answer.into_parts();
    let whole = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(whole.slice(..whole.len() / 2)))
}

/// For an answer that never ends: the beginning of an event in place of it.
pub(super) fn garbled(answer: Response) -> Response {
    let (head, _) = answer.into_parts();
    Response::from_parts(head, Body::from("{\"type\":\"ADD"))
}
