//! What the role allows, by IAM's own judgement: its policies, its boundary, the organization's policies
//! (IAM API, SimulatePrincipalPolicy). Not every caller may ask; then only that the role answers is known.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::operation::simulate_principal_policy::SimulatePrincipalPolicyError;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use cni_plan_core::{ErrorKind, Need, Overseer, Progress, ProviderError, Trial};
use tokio::time::sleep;

use super::name_of;
use crate::IamProvider;

/// Stands for the one thing that is not to matter.
const ANY: &str = "0a1b2c3d4e5f60001";

/// Asks until every need is met. A need that IAM cannot judge without a request's context is not held
/// against the role.
pub(super) async fn until_allowed(
    iam: &IamProvider,
    trial: Trial<'_>,
    overseer: &dyn Overseer,
) -> Result<(), ProviderError> {
    let mut delays = iam.visibility.delays();
    let mut is_told = false;
    loop {
        overseer.may_go_on().await?;
        let lacking = match denied(iam, trial).await {
            Ok(Asked::Judged(denied)) if denied.is_empty() => return Ok(()),
            Ok(Asked::Judged(denied)) => lacking(iam, trial, &denied),
            Ok(Asked::NotToBeAsked(why)) => {
                let told = format!("the role answers; what it allows could not be asked ({why})");
                overseer.tell(Progress::Noted(told));
                return Ok(());
            }
            // It has just answered: this reader does not know of it yet.
            Err(error) if error.kind == ErrorKind::NotFound => error,
            Err(error) => return Err(error),
        };
        let Some(delay) = delays.next() else { return Err(lacking) };
        if !std::mem::replace(&mut is_told, true) {
            overseer.tell(Progress::Told("waiting for the role to allow what the plugin needs".to_owned()));
        }
        sleep(delay).await;
    }
}

enum Asked {
    /// Actions that are denied, with IAM's word for how.
    Judged(BTreeSet<String>),
    /// Why nobody judges.
    NotToBeAsked(String),
}

/// One question for all actions on one resource.
async fn denied(iam: &IamProvider, trial: Trial<'_>) -> Result<Asked, ProviderError> {
    let mut by_resource: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for need in trial.needs {
        by_resource.entry(example(need, iam)).or_default().push(need.action);
    }
    let role = name_of(trial.role_arn);
    let intent = iam.intent("iam:SimulatePrincipalPolicy", trial.role_arn, &format!("ask what role {role} allows"));
    let mut denied = BTreeSet::new();
    for (resource, actions) in by_resource {
        let call = iam
            .client()
            .simulate_principal_policy()
            .policy_source_arn(trial.role_arn)
            .set_action_names(Some(actions.into_iter().map(str::to_owned).collect()))
            .resource_arns(resource)
            .set_context_entries(Some(context(iam)));
        match call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await {
            Ok(results) => denied.extend(results.iter().filter_map(denial)),
            Err(error) if knows_no_such_call(&error) => return Ok(Asked::NotToBeAsked("no simulator".to_owned())),
            Err(error) => {
                let error = intent.failed(&error);
                if error.kind == ErrorKind::Denied {
                    return Ok(Asked::NotToBeAsked(error.cure));
                }
                return Err(error);
            }
        }
    }
    Ok(Asked::Judged(denied))
}

/// A decision that may hang on what is not known here, either way, is none. Where resources are named, what is
/// not known is said of each (IAM API reference, EvaluationResult).
fn denial(result: &EvaluationResult) -> Option<String> {
    let by_resource = result.resource_specific_results().iter();
    let is_open = !result.missing_context_values().is_empty()
        || by_resource.into_iter().any(|result| !result.missing_context_values().is_empty());
    match &result.eval_decision {
        PolicyEvaluationDecisionType::Allowed => None,
        _ if is_open => None,
        decision => Some(format!("{} ({})", result.eval_action_name, decision.as_str())),
    }
}

/// What the plugin's requests have whatever they are about.
fn context(iam: &IamProvider) -> Vec<ContextEntry> {
    let entry = |key: &str| {
        ContextEntry::builder()
            .context_key_name(key)
            .context_key_type(ContextKeyTypeEnum::String)
            .context_key_values(iam.region())
            .build()
    };
    vec![entry("aws:RequestedRegion"), entry("ec2:Region")]
}

/// One of the things that a need is about: the simulator takes a pattern for a name.
fn example(need: &Need, iam: &IamProvider) -> String {
    let mut parts: Vec<&str> = need.resource.splitn(6, ':').collect();
    let [_, _, _, region, account, resource] = parts.as_mut_slice() else { return need.resource.clone() };
    for (part, known) in [(region, iam.region()), (account, iam.account())] {
        if *part == "*" {
            *part = known;
        }
    }
    let kind = resource.strip_suffix("/*").map(str::to_owned);
    let start = parts[..5].join(":");
    match kind {
        Some(kind) => format!("{start}:{kind}/{}-{ANY}", prefix(&kind)),
        None => format!("{start}:{}", parts[5]),
    }
}

/// How names of EC2's things begin.
fn prefix(kind: &str) -> &'static str {
    match kind {
        "network-interface" => "eni",
        "instance" => "i",
        "security-group" => "sg",
        _ => "subnet",
    }
}

/// As stand-ins for AWS answer that have no simulator: AWS itself never fails without a code (IAM API,
/// "Common Errors").
fn knows_no_such_call(error: &SdkError<SimulatePrincipalPolicyError, HttpResponse>) -> bool {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let is_without_a_word = error.as_service_error().is_some_and(|error| error.code().is_none());
    status == Some(501) || is_without_a_word && status.is_some_and(|status| status >= 500)
}

fn lacking(iam: &IamProvider, trial: Trial<'_>, denied: &BTreeSet<String>) -> ProviderError {
    let role = name_of(trial.role_arn);
    let told: Vec<&str> = denied.iter().map(String::as_str).collect();
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("role {role} in account {} does not allow what the plugin needs", iam.account()),
        why: told.join(", "),
        cure: "look at the policies on the role, its boundary and the organization's policies".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::ResourceSpecificResult;

    use super::*;

    #[test]
    fn a_decision_that_hangs_on_what_is_not_known_is_none() {
        use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
        let result = |decision: &PolicyEvaluationDecisionType| {
            EvaluationResult::builder().eval_action_name("ec2:CreateTags").eval_decision(decision.clone())
        };
        let of_resource = |decision: &PolicyEvaluationDecisionType| {
            let specific =
                ResourceSpecificResult::builder().eval_resource_name("eni").eval_resource_decision(decision.clone());
            specific.missing_context_values("ec2:Vpc").build().unwrap()
        };
        assert_eq!(denial(&result(&Allowed).build().unwrap()), None);
        for decision in [ImplicitDeny, ExplicitDeny] {
            let told = denial(&result(&decision).build().unwrap());
            assert_eq!(told, Some(format!("ec2:CreateTags ({})", decision.as_str())));
            assert_eq!(denial(&result(&decision).missing_context_values("aws:SourceIp").build().unwrap()), None);
            let by_resource = result(&decision).resource_specific_results(of_resource(&decision));
            assert_eq!(denial(&by_resource.build().unwrap()), None, "as IAM says it where a resource is named");
        }
    }
}
