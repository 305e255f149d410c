//! A call of EKS: REST with JSON.

use axum::response::Response;
use http::request::Parts;
use serde_json::json;

use super::{Refusal, response};
use std::sync::Arc;

use axum::body::Bytes;

use crate::eks::{self, Operation, Request};
use crate::wire::{Caller, CallerRefused, Failure, Params, request_id};
use crate::world::World;

/// A call whose operation and caller are known.
pub(super) struct EksCall {
    pub(super) operation: Operation,
    caller: Result<Caller, CallerRefused>,
    params: Params,
    body: Bytes,
}

impl EksCall {
    pub(super) fn read(head: &Parts, body: Bytes) -> Result<EksCall, Box<Response>> {
        let path = head.uri.path();
        let decoded: Vec<String> = path.split('/').skip(1).map(decode).collect();
        let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let Some(operation) = eks::route(&head.method, &segments) else {
            let message = format!("No operation answers {} {path}", head.method);
            return Err(Box::new(refused(&Failure::new(404, "UnknownOperationException", message))));
        };
        let params = Params::parse(&[head.uri.query().unwrap_or_default().as_bytes()]);
        let caller = Caller::of(&head.headers, &params);
        Ok(EksCall { operation, caller, params, body })
    }

    pub(super) fn resource(&self) -> String {
        self.caller.as_ref().map_or_else(|_| String::new(), |caller| self.operation.resource(caller))
    }

    /// Answers it; where it only begins something, a fault may have that fail later.
    pub(super) fn answer(&self, world: &Arc<World>, fails_later: bool) -> Response {
        let caller = match &self.caller {
            Ok(caller) => caller,
            Err(refusal) => return refused(&eks::caller_refused(*refusal)),
        };
        let request = Request { world, caller, params: &self.params, body: &self.body, fails_later };
        match eks::answer(&self.operation, &request) {
            Ok(value) => with_request_id(response::json(200, &value)),
            Err(failure) => refused(&failure),
        }
    }

    pub(super) fn refuse(&self, refusal: Refusal) -> Response {
        refused(&match refusal {
            Refusal::AccessDenied => {
                let arn = self.caller.as_ref().map_or("anonymous", |caller| &caller.arn);
                let permission = format!("eks:{}", self.operation.name());
                let denied = Failure::access_denied(arn, &permission, &self.resource());
                Failure { code: "AccessDeniedException".into(), ..denied }
            }
            Refusal::Throttling => Failure::new(429, "TooManyRequestsException", "Too Many Requests"),
            Refusal::InternalError => {
                Failure::new(500, "ServerException", "These errors are usually caused by a server-side issue.")
            }
        })
    }
}

fn refused(failure: &Failure) -> Response {
    let body = json!({ "__type": failure.code, "message": failure.message });
    let answer = with_request_id(response::json(failure.status, &body));
    response::header(answer, "x-amzn-errortype", &failure.code)
}

fn with_request_id(answer: Response) -> Response {
    response::header(answer, "x-amzn-requestid", &request_id())
}

fn decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
