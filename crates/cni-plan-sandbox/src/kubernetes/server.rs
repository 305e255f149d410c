//! From a request to its answer: which verb it is, and what is done about it.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::delete::{DeleteOptions, Deletion};
use super::patch::PatchKind;
use super::request::ApiRequest;
use super::state::State;
use super::status::{ApiError, deleted, json_response, json_text};
use super::write::{Part, Patch, Write};
use super::{ApiServer, discovery, list, protobuf, reviews, token, watch};

/// The largest body that is read, as in the real server.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// Answers a request; refusals are answers too.
pub(super) async fn answer(server: &Arc<ApiServer>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(response) = discovery::answer(server.config(), &parts) {
        return response;
    }
    let Ok(body) = to_bytes(body, LARGEST_BODY).await else {
        return ApiError::too_large().into_response();
    };
    if let Some(review) = reviews::find(parts.uri.path()) {
        return answer_review(review, &parts.method, &body);
    }
    let outcome = ApiRequest::read(&parts, body).and_then(|request| dispatch(server, &request));
    outcome.unwrap_or_else(ApiError::into_response)
}

fn answer_review(review: &reviews::Review, method: &Method, body: &Bytes) -> Response {
    if method != Method::POST {
        return ApiError::method_not_allowed().into_response();
    }
    match serde_json::from_slice(body).ok().or_else(|| protobuf::read(body)) {
        Some(asked) => json_response(StatusCode::CREATED, &review.answer(&asked)),
        None => ApiError::bad_request("the body of the review could not be read").into_response(),
    }
}

fn dispatch(server: &Arc<ApiServer>, request: &ApiRequest) -> Result<Response, ApiError> {
    let Some(name) = request.name.as_deref() else { return on_collection(server, request) };
    let part = match request.subresource.as_deref() {
        None => Part::Main,
        Some("status") if request.resource.status => Part::Status,
        Some("token") if request.resource.plural == "serviceaccounts" => return issue_token(server, request, name),
        Some("eviction") if request.resource.plural == "pods" => return evict(server, request, name),
        Some(_) => return Err(ApiError::no_such_path()),
    };
    match (&request.method, part) {
        (&Method::GET, _) if request.flag("watch") == Some(true) => watch::respond(server, request),
        (&Method::GET, _) => {
            let object = server.read(|state| writing(request, "", part, Timestamp::now())?.live(state, name))?;
            Ok(shown(request, StatusCode::OK, &object))
        }
        (&Method::PUT, _) => {
            let body = request.object()?;
            let manager = request.manager()?;
            let (existed, object) = server.mutate(|state, now| {
                let write = writing(request, &manager, part, now)?;
                let existed = write.live(state, name).is_ok();
                Ok((existed, write.update(state, name, body)?))
            })?;
            Ok(shown(request, if existed { StatusCode::OK } else { StatusCode::CREATED }, &object))
        }
        (&Method::PATCH, _) => patch(server, request, name, part),
        (&Method::DELETE, Part::Main) => delete(server, request, name),
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn on_collection(server: &Arc<ApiServer>, request: &ApiRequest) -> Result<Response, ApiError> {
    match request.method {
        Method::GET if request.flag("watch") == Some(true) => watch::respond(server, request),
        Method::GET => {
            let list = server.read(|state| list::list(state, request, Timestamp::now()))?;
            Ok(json_text(StatusCode::OK, list))
        }
        Method::POST if request.namespace.is_some() || !request.resource.namespaced => {
            let body = request.object()?;
            let manager = request.manager()?;
            let object =
                server.mutate(|state, now| writing(request, &manager, Part::Main, now)?.create(state, body))?;
            Ok(shown(request, StatusCode::CREATED, &object))
        }
        Method::DELETE if request.namespace.is_some() || !request.resource.namespaced => delete_all(server, request),
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn patch(server: &Arc<ApiServer>, request: &ApiRequest, name: &str, part: Part) -> Result<Response, ApiError> {
    let kind = PatchKind::of(request.content_type())?;
    let force = request.flag("force");
    let wrong = |field: &str, problem: &str| Err(ApiError::invalid_options("PatchOptions", field, problem));
    if kind == PatchKind::Apply && request.parameter("fieldManager").is_empty() {
        return wrong("fieldManager", "Required value: is required for apply patch");
    }
    if kind != PatchKind::Apply && force.is_some() {
        return wrong("force", "Forbidden: may not be specified for non-apply patch");
    }
    let body = kind.read(request.body())?;
    let manager = request.manager()?;
    let patch = Patch { kind, body: &body, force: force == Some(true) };
    let (existed, object) = server.mutate(|state, now| {
        let write = writing(request, &manager, part, now)?;
        let existed = write.live(state, name).is_ok();
        Ok((existed, write.patch(state, name, patch)?))
    })?;
    Ok(shown(request, if existed { StatusCode::OK } else { StatusCode::CREATED }, &object))
}

fn delete(server: &Arc<ApiServer>, request: &ApiRequest, name: &str) -> Result<Response, ApiError> {
    let options = delete_options(request, &request.optional_object()?)?;
    let deletion = server.mutate(|state, now| writing(request, "", Part::Main, now)?.delete(state, name, &options))?;
    Ok(match deletion {
        Deletion::Begun(object) => shown(request, StatusCode::OK, &object),
        Deletion::Done(object) if request.resource.returns_deleted => shown(request, StatusCode::OK, &object),
        Deletion::Done(object) => {
            json_response(StatusCode::OK, &deleted(request.resource, name, &object["metadata"]["uid"]))
        }
    })
}

fn delete_all(server: &Arc<ApiServer>, request: &ApiRequest) -> Result<Response, ApiError> {
    let options = delete_options(request, &request.optional_object()?)?;
    let selector = request.selector()?;
    let list = server.mutate(|state, now| {
        let list = list::list(state, request, now)?;
        let selected: Vec<Arc<Value>> = state.objects(request.resource.plural, request.namespace.as_deref());
        let write = writing(request, "", Part::Main, now)?;
        for object in selected.iter().filter(|object| selector.matches(object)) {
            write.delete(state, object["metadata"]["name"].as_str().unwrap_or_default(), &options)?;
        }
        Ok(list)
    })?;
    Ok(json_text(StatusCode::OK, list))
}

/// The options stand in the body, or else in the query.
fn delete_options(request: &ApiRequest, body: &Value) -> Result<DeleteOptions, ApiError> {
    let mut options = DeleteOptions::read(body);
    if options.grace_period_seconds.is_none() {
        options.grace_period_seconds = request.number("gracePeriodSeconds")?;
    }
    options.orphan |= request.parameter("propagationPolicy") == "Orphan";
    options.dry_run |= request.dry_run()?;
    Ok(options)
}

fn issue_token(server: &Arc<ApiServer>, request: &ApiRequest, name: &str) -> Result<Response, ApiError> {
    if request.method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let body = request.object()?;
    let namespace = request.namespace.as_deref().unwrap_or_default();
    let token = server.mutate(|state, now| token::issue(state, namespace, name, &body, now))?;
    Ok(json_response(StatusCode::CREATED, &token))
}

/// Evicts a pod. There are no disruption budgets here that could forbid it.
fn evict(server: &Arc<ApiServer>, request: &ApiRequest, name: &str) -> Result<Response, ApiError> {
    if request.method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let options = delete_options(request, &request.object()?["deleteOptions"])?;
    server.mutate(|state: &mut State, now| writing(request, "", Part::Main, now)?.delete(state, name, &options))?;
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201 });
    Ok(json_response(StatusCode::CREATED, &status))
}

fn writing<'a>(request: &'a ApiRequest, manager: &'a str, part: Part, now: Timestamp) -> Result<Write<'a>, ApiError> {
    Ok(Write {
        resource: request.resource,
        namespace: request.namespace.as_deref().unwrap_or_default(),
        part,
        manager,
        dry_run: request.dry_run()?,
        now,
    })
}

fn shown(request: &ApiRequest, code: StatusCode, object: &Value) -> Response {
    json_response(code, &request.form.object(request.resource, object, true, Timestamp::now()))
}
