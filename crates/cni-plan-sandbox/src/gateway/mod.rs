//! The one door: reads what a request is, lets faults strike, has it answered, and keeps the record.
//!
//! `POST /` is the query protocol (IAM, STS), `/clusters…` is EKS, `/k8s/REGION/NAME/…` is a cluster's
//! API server, `/_sandbox/…` is the sandbox's own control. What an operation means is decided behind
//! this door, never here.

mod control;
mod eks;
mod kubernetes;
mod query;
mod response;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::response::Response;
use http::Request;

use self::eks::EksCall;
use self::kubernetes::KubernetesCall;
use self::query::QueryCall;
use crate::calls::{CallLog, Faults};
use crate::fault::{FaultKind, Service};
use crate::held::{Held, HeldCall};
use crate::world::World;

/// The largest body an AWS call may have; IAM's own largest document is far below it.
const LARGEST_BODY: usize = 1 << 20;

/// What stands between the listener and the world.
pub(crate) struct Gateway {
    pub(crate) world: Arc<World>,
    pub(crate) faults: Faults,
    pub(crate) calls: CallLog,
    pub(crate) held: Held,
    pub(crate) latency: Duration,
}

/// There is no answer: the connection is to be reset.
#[derive(Debug, thiserror::Error)]
#[error("a fault resets the connection")]
pub(crate) struct ConnectionReset;

/// A request whose operation is known.
enum Call {
    Query(QueryCall),
    Eks(EksCall),
    Kubernetes(Box<KubernetesCall>),
}

/// The service errors that a fault can answer with, for each protocol to word.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    AccessDenied,
    Throttling,
    InternalError,
}

impl Gateway {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Result<Response, ConnectionReset> {
        if request.uri().path().starts_with("/_sandbox/") {
            return Ok(control::answer(self, request).await);
        }
        let started = Instant::now();
        let call = match Call::read(&self.world, request).await {
            Ok(call) => call,
            Err(unreadable) => return Ok(*unreadable),
        };
        // Should the client go, this future is dropped, and the log has the call all the same.
        let mut under_way = self.calls.begin(call.service(), call.operation(), call.resource(), started);
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let strike = self.faults.strike(call.service(), &call.operation());
        if let Some(kind) = strike {
            under_way.struck(kind);
        }
        let outcome = self.carry_out(call, strike).await;
        if let Ok(response) = &outcome {
            under_way.answered(response.status().as_u16());
        }
        outcome
    }

    async fn carry_out(&self, call: Call, strike: Option<FaultKind>) -> Result<Response, ConnectionReset> {
        match strike {
            None => Ok(call.answer(&self.world).await),
            Some(FaultKind::AccessDenied) => Ok(call.refuse(Refusal::AccessDenied)),
            Some(FaultKind::Throttling) => Ok(call.refuse(Refusal::Throttling)),
            Some(FaultKind::InternalError) => Ok(call.refuse(Refusal::InternalError)),
            Some(FaultKind::FailLater) => match call {
                Call::Eks(call) if call.operation.is_asynchronous() => Ok(call.answer(&self.world, true)),
                call => Ok(call.refuse(Refusal::InternalError)),
            },
            Some(FaultKind::Delay(time)) => {
                tokio::time::sleep(time).await;
                Ok(call.answer(&self.world).await)
            }
            Some(FaultKind::MalformedBody) => {
                let endless = call.operation().starts_with("watch ");
                let answer = call.answer(&self.world).await;
                Ok(if endless { response::garbled(answer) } else { response::halved(answer).await })
            }
            Some(FaultKind::ConnectionReset { after_effect }) => {
                if after_effect {
                    call.answer(&self.world).await;
                }
                Err(ConnectionReset)
            }
            Some(FaultKind::Hold { after_effect }) => {
                let held = call.held(after_effect);
                if after_effect {
                    call.answer(&self.world).await;
                }
                self.held.hold(held).await;
                Err(ConnectionReset)
            }
        }
    }
}

impl Call {
    /// Reads which operation a request is; a request that is none is answered at once.
    async fn read(world: &World, request: Request<Body>) -> Result<Call, Box<Response>> {
        let path = request.uri().path().to_owned();
        if path.starts_with("/k8s/") {
            return KubernetesCall::read(world, request).map(|call| Call::Kubernetes(Box::new(call)));
        }
        let (head, body) = request.into_parts();
        let body: Bytes = axum::body::to_bytes(body, LARGEST_BODY)
            .await
            .map_err(|_| Box::new(response::plain(413, "The request's body is too large.")))?;
        if path == "/" {
            return QueryCall::read(&head, &body).map(Call::Query);
        }
        EksCall::read(&head, body).map(Call::Eks)
    }

    fn service(&self) -> Service {
        match self {
            Call::Query(call) => call.service(),
            Call::Eks(_) => Service::Eks,
            Call::Kubernetes(_) => Service::Kubernetes,
        }
    }

    fn operation(&self) -> String {
        match self {
            Call::Query(call) => call.action.clone(),
            Call::Eks(call) => call.operation.name().to_owned(),
            Call::Kubernetes(call) => call.operation(),
        }
    }

    fn resource(&self) -> String {
        match self {
            Call::Query(call) => call.resource(),
            Call::Eks(call) => call.resource(),
            Call::Kubernetes(call) => call.resource(),
        }
    }

    fn held(&self, carried_out: bool) -> HeldCall {
        HeldCall { service: self.service(), operation: self.operation(), resource: self.resource(), carried_out }
    }

    async fn answer(self, world: &Arc<World>) -> Response {
        match self {
            Call::Query(call) => call.answer(world),
            Call::Eks(call) => call.answer(world, false),
            Call::Kubernetes(call) => call.answer().await,
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        match self {
            Call::Query(call) => call.refuse(refusal),
            Call::Eks(call) => call.refuse(refusal),
            Call::Kubernetes(call) => call.refuse(refusal),
        }
    }
}
