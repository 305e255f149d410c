//! Lists: selected, in pages, each page as the world was when the first was read.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

use super::request::ApiRequest;
use super::state::State;
use super::status::ApiError;
use super::store::Key;

const TOKEN_VERSION: &str = "meta.k8s.io/v1";
const TOO_OLD: &str = "The provided continue parameter is too old to display a consistent list result. You must start \
    a new list without the continue parameter.";

/// Objects in order of namespace and name.
type Objects = Vec<(Key, Arc<Value>)>;

/// Where the next page begins.
#[derive(Serialize, Deserialize)]
struct Continue {
    v: String,
    /// The revision of the whole list.
    rv: u64,
    /// The last namespace and name of the page before.
    after: (String, String),
}

/// Answers a list, as JSON.
pub(super) fn list(state: &State, request: &ApiRequest, now: Timestamp) -> Result<String, ApiError> {
    let selector = request.selector()?;
    let limit = request.number("limit")?.filter(|limit| *limit > 0).and_then(|limit| usize::try_from(limit).ok());
    let token = read_token(request)?;
    let (revision, objects) = snapshot(state, request, token.as_ref())?;
    let mut rest = objects
        .iter()
        .filter(|(key, _)| token.as_ref().is_none_or(|t| (&key.namespace, &key.name) > (&t.after.0, &t.after.1)))
        .filter(|(_, object)| selector.matches(object));
    let page: Vec<&(Key, Arc<Value>)> = rest.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
    let left = rest.count();
    let mut metadata = json!({ "resourceVersion": revision.to_string() });
    if left > 0
        && let Some((last, _)) = page.last()
    {
        let after = (last.namespace.clone(), last.name.clone());
        let next = Continue { v: TOKEN_VERSION.to_owned(), rv: revision, after };
        metadata["continue"] = json!(BASE64_URL_SAFE_NO_PAD.encode(json!(next).to_string()));
        // With a selector the real server does not count what it has not read.
        if !request.is_selective() {
            metadata["remainingItemCount"] = json!(left);
        }
    }
    let items: Vec<&Value> = page.iter().map(|(_, object)| &**object).collect();
    Ok(request.form.list(request.resource, &metadata, &items, now))
}

/// All objects that the request is about, at the revision that it asks for.
fn snapshot(state: &State, request: &ApiRequest, token: Option<&Continue>) -> Result<(u64, Objects), ApiError> {
    let current = state.store.revision();
    let namespace = request.namespace.as_deref();
    let asked = request.number("resourceVersion")?;
    let exact = (request.parameter("resourceVersionMatch") == "Exact").then_some(asked).flatten();
    let revision = token.map(|t| t.rv).or(exact).unwrap_or(current);
    if token.is_some_and(|token| token.rv > current) {
        return Err(ApiError::gone(TOO_OLD));
    }
    if revision > current || asked.is_some_and(|asked| asked > current) {
        let asked = asked.unwrap_or(revision);
        return Err(ApiError::too_large_revision(asked, current));
    }
    if revision == current {
        let objects = state.store.list(request.resource, namespace);
        return Ok((current, objects.map(|(key, object)| (key.clone(), object.clone())).collect()));
    }
    let objects = state.store.list_at(request.resource, namespace, revision).ok_or_else(|| match token {
        Some(_) => ApiError::gone(TOO_OLD),
        None => ApiError::gone(format!("The resourceVersion for the provided list is too old: {revision}")),
    })?;
    Ok((revision, objects.into_iter().collect()))
}

fn read_token(request: &ApiRequest) -> Result<Option<Continue>, ApiError> {
    let text = request.parameter("continue");
    if text.is_empty() {
        return Ok(None);
    }
    if !request.parameter("resourceVersionMatch").is_empty() {
        return Err(ApiError::invalid_options(
            "ListOptions",
            "resourceVersionMatch",
            "Forbidden: resourceVersionMatch is forbidden when continue is provided",
        ));
    }
    if request.number("resourceVersion")?.is_some_and(|revision| revision != 0) {
        return Err(ApiError::bad_request("specifying resource version is not allowed when using continue"));
    }
    let token = BASE64_URL_SAFE_NO_PAD
        .decode(text)
        .ok()
        .and_then(|json| serde_json::from_slice::<Continue>(&json).ok())
        .filter(|token| token.v == TOKEN_VERSION);
    token.map(Some).ok_or_else(|| ApiError::bad_request("continue key is not valid: it was not made by this server"))
}
