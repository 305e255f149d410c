//! SimulatePrincipalPolicy and SimulateCustomPolicy: what policies would allow, by the same judgement by
//! which pods are Ready.
//!
//! Where in a document a matched statement stands is not said, and resource policies are not taken.

use super::{Answer, Call, no_such_entity, paging::Page};
use crate::policy::{Context, Decision, Grants, Question, Verdict, check_identity_policy};
use crate::wire::{Failure, Params, Xml};
use crate::world::Account;

/// Of a role: what it may do with its policies and, if any are sent, these besides.
pub(super) fn principal(account: &Account, call: &Call<'_>) -> Answer {
    let params = call.params;
    let arn = params.required("PolicySourceArn")?;
    let kinds = [":role/", ":user/", ":group/"];
    if !arn.starts_with("arn:") || !kinds.iter().any(|kind| arn.contains(kind)) {
        return Err(invalid(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.")));
    }
    let name = arn.rsplit('/').next().unwrap_or_default();
    let role = account.roles.get(name).filter(|role| role.arn == arn);
    let role = role.ok_or_else(|| no_such_entity(format!("The specified entity {arn} cannot be found.")))?;
    let sent = Grants::new(documents(params, "PolicyInputList")?, boundary(params)?);
    answer(params, &account.grants_of(role).and(sent))
}

/// Of documents that are sent along.
pub(super) fn custom(_account: &Account, call: &Call<'_>) -> Answer {
    let params = call.params;
    let policies = documents(params, "PolicyInputList")?;
    if policies.is_empty() {
        return Err(Failure::missing("PolicyInputList"));
    }
    answer(params, &Grants::new(policies, boundary(params)?))
}

/// An action on a resource, for an answer of its own.
struct Asked<'a> {
    number: usize,
    action: &'a str,
    resource: &'a str,
}

fn answer(params: &Params, grants: &Grants<'_>) -> Answer {
    let actions = params.list("ActionNames");
    if actions.is_empty() {
        return Err(Failure::missing("ActionNames"));
    }
    if let Some(malformed) = actions.iter().find(|action| !action.contains(':')) {
        return Err(invalid(format!("Invalid Action: {malformed}")));
    }
    if params.get("ResourcePolicy").is_some() {
        return Err(invalid("The sandbox does not judge resource policies".to_owned()));
    }
    let mut resources = params.list("ResourceArns");
    if resources.is_empty() {
        resources.push("*");
    }
    if let Some(malformed) = resources.iter().find(|resource| **resource != "*" && !resource.starts_with("arn:")) {
        return Err(invalid(format!("Invalid ARN: {malformed}")));
    }
    let context = context(params);
    let pairs = actions.iter().flat_map(|action| resources.iter().map(move |resource| (*action, *resource)));
    let asked = pairs.enumerate().map(|(number, (action, resource))| Asked { number, action, resource });
    let page = Page::cut(params, asked, |asked| format!("{:06}", asked.number))?;
    let mut xml = Xml::new();
    xml.list("EvaluationResults", &page.items, |xml, asked| {
        let question = Question { action: asked.action, resource: asked.resource, context: &context };
        write(xml, asked, &grants.decide(&question));
    });
    page.close(&mut xml);
    Ok(xml)
}

fn write(xml: &mut Xml, asked: &Asked<'_>, verdict: &Verdict) {
    let decision = match verdict.decision {
        Decision::Allowed => "allowed",
        Decision::ExplicitDeny => "explicitDeny",
        Decision::ImplicitDeny => "implicitDeny",
    };
    xml.text("EvalActionName", asked.action).text("EvalResourceName", asked.resource).text("EvalDecision", decision);
    xml.list("MatchedStatements", &verdict.matched, |xml, policy| {
        xml.text("SourcePolicyId", policy).text("SourcePolicyType", "IAM Policy");
    });
    let missing = |xml: &mut Xml| {
        xml.list("MissingContextValues", &verdict.missing, |xml, key| xml.escape(key));
    };
    if asked.resource == "*" {
        missing(xml);
    } else {
        // Where resources are named, this is said of each (IAM API reference, EvaluationResult).
        xml.list("ResourceSpecificResults", &[asked.resource], |xml, resource| {
            xml.text("EvalResourceName", resource).text("EvalResourceDecision", decision);
            missing(xml);
        });
    }
    if let Some(allowed) = verdict.within_boundary {
        xml.element("PermissionsBoundaryDecisionDetail", |xml| {
            xml.text("AllowedByPermissionsBoundary", allowed);
        });
    }
}

/// The documents of a list with the names that the simulator gives them.
fn documents<'a>(params: &'a Params, list: &str) -> Result<Vec<(&'a str, &'a str)>, Failure> {
    const NAMES: [&str; 5] =
        ["PolicyInputList.1", "PolicyInputList.2", "PolicyInputList.3", "PolicyInputList.4", "PolicyInputList.5"];
    let texts = params.list(list).into_iter().enumerate();
    texts
        .map(|(index, text)| {
            check_identity_policy(text).map_err(|failure| Failure::new(400, "InvalidInput", failure.message))?;
            Ok((NAMES.get(index).copied().unwrap_or("PolicyInputList"), text))
        })
        .collect()
}

/// A boundary that is sent along in place of the role's.
fn boundary(params: &Params) -> Result<Option<&str>, Failure> {
    let documents = documents(params, "PermissionsBoundaryPolicyInputList")?;
    if documents.len() > 1 {
        return Err(invalid("PermissionsBoundaryPolicyInputList takes one policy".to_owned()));
    }
    Ok(documents.first().map(|(_, text)| *text))
}

/// The context that is sent along. Of a key with several values the first counts.
fn context(params: &Params) -> Context {
    let entry = |index: usize| {
        let name = params.get(&format!("ContextEntries.member.{index}.ContextKeyName"))?;
        let value = params.get(&format!("ContextEntries.member.{index}.ContextKeyValues.member.1"));
        Some((name.to_ascii_lowercase(), value.unwrap_or_default().to_owned()))
    };
    (1..).map_while(entry).collect()
}

fn invalid(message: String) -> Failure {
    Failure::new(400, "InvalidInput", message)
}
