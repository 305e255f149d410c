//! A call of the query protocol: IAM or STS.

use axum::response::Response;
use http::request::Parts;

use super::{Refusal, response};
use crate::fault::Service;
use crate::wire::{Caller, CallerRefused, Failure, Params, Xml, query_answer, query_failure, request_id};
use crate::world::World;
use crate::{iam, sts};

/// The API version that each service's requests carry.
const STS_VERSION: &str = "2011-06-15";

/// The parameters that name what a call is about, in the order they are looked for.
const SUBJECTS: [&str; 7] =
    ["PolicyArn", "RoleArn", "RoleName", "PolicyName", "OpenIDConnectProviderArn", "Url", "PolicySourceArn"];

/// A call whose action and caller are known.
pub(super) struct QueryCall {
    pub(super) action: String,
    sts: bool,
    caller: Result<Caller, CallerRefused>,
    params: Params,
}

impl QueryCall {
    pub(super) fn read(head: &Parts, body: &[u8]) -> Result<QueryCall, Box<Response>> {
        let params = Params::parse(&[head.uri.query().unwrap_or_default().as_bytes(), body]);
        let caller = Caller::of(&head.headers, &params);
        let sts = match params.get("Version") {
            Some(version) => version == STS_VERSION,
            None => caller.as_ref().is_ok_and(|caller| caller.service == "sts"),
        };
        let Some(action) = params.get("Action").map(str::to_owned) else {
            let failure = Failure::new(400, "MissingAction", "The request must contain the parameter Action.");
            return Err(Box::new(refused(sts, &failure)));
        };
        Ok(QueryCall { action, sts, caller, params })
    }

    pub(super) fn service(&self) -> Service {
        if self.sts { Service::Sts } else { Service::Iam }
    }

    pub(super) fn resource(&self) -> String {
        let subjects: Vec<&str> = SUBJECTS.iter().filter_map(|name| self.params.get(name)).collect();
        subjects.join(" ")
    }

    pub(super) fn answer(&self, world: &World) -> Response {
        match self.result(world) {
            Ok(result) => {
                let id = request_id();
                let body = query_answer(namespace(self.sts), &self.action, &result, &id);
                with_request_id(response::with_body(200, "text/xml", body), &id)
            }
            Err(failure) => refused(self.sts, &failure),
        }
    }

    fn result(&self, world: &World) -> Result<Xml, Failure> {
        if self.sts && self.action == sts::UNSIGNED_ACTION {
            return sts::answer_unsigned(world, &self.params);
        }
        let caller = self.caller.as_ref().map_err(|refused| refused.failure())?;
        if self.sts {
            sts::answer(world, &self.action, caller, &self.params)
        } else {
            iam::answer(world, &iam::Call { action: &self.action, caller, params: &self.params })
        }
    }

    pub(super) fn refuse(&self, refusal: Refusal) -> Response {
        let failure = match refusal {
            Refusal::AccessDenied => self.access_denied(),
            Refusal::Throttling => Failure::new(400, "Throttling", "Rate exceeded"),
            Refusal::InternalError => Failure::new(
                500,
                "ServiceFailure",
                "The request processing has failed because of an unknown error, exception or failure.",
            ),
        };
        refused(self.sts, &failure)
    }

    fn access_denied(&self) -> Failure {
        if self.action == sts::UNSIGNED_ACTION {
            return Failure::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
        }
        let (arn, account, partition) = match &self.caller {
            Ok(caller) => (caller.arn.as_str(), caller.account.as_str(), caller.partition()),
            Err(_) => ("anonymous", "*", "aws"),
        };
        let iam_arn = |kind: &str, name: &str| format!("arn:{partition}:iam::{account}:{kind}/{name}");
        let resource = match (self.params.get("RoleName"), self.params.get("PolicyArn")) {
            (Some(role), _) => format!("role {role}"),
            (None, Some(policy)) => format!("policy {policy}"),
            (None, None) => match self.params.get("PolicyName") {
                Some(policy) => iam_arn("policy", policy),
                None => {
                    let subject = self.resource();
                    if subject.is_empty() { "*".to_owned() } else { subject }
                }
            },
        };
        Failure::access_denied(arn, &format!("{}:{}", self.service(), self.action), &resource)
    }
}

fn refused(sts: bool, failure: &Failure) -> Response {
    let id = request_id();
    let body = query_failure(namespace(sts), failure, &id);
    with_request_id(response::with_body(failure.status, "text/xml", body), &id)
}

fn with_request_id(answer: Response, id: &str) -> Response {
    response::header(answer, "x-amzn-requestid", id)
}

fn namespace(sts: bool) -> &'static str {
    if sts { sts::NAMESPACE } else { iam::NAMESPACE }
}
