//! What the policies of an identity allow: every statement of every document, within a permissions
//! boundary where there is one.

use std::collections::BTreeSet;

use serde_json::Value;

use super::condition::{Context, conditions_hold, keys};
use super::statement::{names_action, names_resource, statements};

/// Something an identity may or may not do.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    /// An ARN, or `*` for an action that is about no resource of its own.
    pub(crate) resource: &'a str,
    pub(crate) context: &'a Context,
}

/// The documents that decide what an identity may do, read once for many questions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grants<'a> {
    /// Name and statements of each identity policy.
    policies: Vec<(&'a str, Vec<Value>)>,
    /// The statements of the permissions boundary, which allows nothing if it is not there to be read.
    boundary: Option<Vec<Value>>,
}

/// What comes of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Allowed,
    /// Some statement denies it.
    ExplicitDeny,
    /// No statement allows it.
    ImplicitDeny,
}

/// A decision and what led to it.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) decision: Decision,
    /// The policies whose statements decided, by name.
    pub(crate) matched: Vec<String>,
    /// Condition keys that statements about the action asked for and the context did not have.
    pub(crate) missing: BTreeSet<String>,
    /// Whether the boundary allows it, where there is one.
    pub(crate) within_boundary: Option<bool>,
}

impl<'a> Grants<'a> {
    /// The name and text of each identity policy, and the text of the boundary.
    pub(crate) fn new(policies: impl IntoIterator<Item = (&'a str, &'a str)>, boundary: Option<&str>) -> Grants<'a> {
        let read = |(name, text): (&'a str, &'a str)| (name, statements(text));
        Grants { policies: policies.into_iter().map(read).collect(), boundary: boundary.map(statements) }
    }

    /// The same with further policies, and within another boundary if one is given.
    pub(crate) fn and(mut self, more: Grants<'a>) -> Grants<'a> {
        self.policies.extend(more.policies);
        self.boundary = more.boundary.or(self.boundary);
        self
    }

    /// Whether the identity may do it.
    pub(crate) fn allow(&self, question: &Question<'_>) -> bool {
        self.decide(question).decision == Decision::Allowed
    }

    /// The whole decision.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Verdict {
        let mut missing = BTreeSet::new();
        let (mut allowing, mut denying) = (Vec::new(), Vec::new());
        for (name, statements) in &self.policies {
            let effects = effects(statements, question, &mut missing);
            allowing.extend(effects.iter().filter(|effect| *effect == "Allow").map(|_| (*name).to_owned()));
            denying.extend(effects.iter().filter(|effect| *effect == "Deny").map(|_| (*name).to_owned()));
        }
        let bounds = self.boundary.as_ref().map(|boundary| effects(boundary, question, &mut missing));
        let bound = |effect: &str| bounds.as_ref().is_some_and(|bounds| bounds.iter().any(|found| found == effect));
        let within_boundary = bounds.as_ref().map(|_| bound("Allow") && !bound("Deny"));
        let decision = if !denying.is_empty() || bound("Deny") {
            Decision::ExplicitDeny
        } else if allowing.is_empty() || within_boundary == Some(false) {
            Decision::ImplicitDeny
        } else {
            Decision::Allowed
        };
        let matched = if decision == Decision::ExplicitDeny { denying } else { allowing };
        Verdict { decision, matched, missing, within_boundary }
    }
}

/// The effects of the statements that apply; the keys that some of them missed are added.
fn effects(statements: &[Value], question: &Question<'_>, missing: &mut BTreeSet<String>) -> Vec<String> {
    let about =
        |statement: &&Value| names_action(statement, question.action) && names_resource(statement, question.resource);
    let mut effects = Vec::new();
    for statement in statements.iter().filter(about) {
        missing.extend(keys(&statement["Condition"]).filter(|key| !question.context.contains_key(key)));
        if conditions_hold(&statement["Condition"], question.context) {
            effects.extend(statement["Effect"].as_str().map(str::to_owned));
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(policies: &[&str], boundary: Option<&str>, action: &str, resource: &str) -> Decision {
        let policies = policies.iter().map(|document| ("p", *document));
        let context = Context::from([("aws:requestedregion".to_owned(), "us-west-2".to_owned())]);
        Grants::new(policies, boundary).decide(&Question { action, resource, context: &context }).decision
    }

    const ENI: &str = "arn:aws:ec2:us-west-2:111122223333:network-interface/eni-1";

    #[test]
    fn a_deny_outweighs_an_allow() {
        let allow = r#"{"Statement":{"Effect":"Allow","Action":"EC2:Assign*","Resource":"*"}}"#;
        let deny = r#"{"Statement":[{"Effect":"Deny","Action":["ec2:AssignIpv6Addresses"],"Resource":"*"}]}"#;
        assert_eq!(decide(&[allow], None, "ec2:AssignIpv6Addresses", ENI), Decision::Allowed);
        assert_eq!(decide(&[allow, deny], None, "ec2:AssignIpv6Addresses", ENI), Decision::ExplicitDeny);
        assert_eq!(decide(&[deny], None, "ec2:AssignPrivateIpAddresses", ENI), Decision::ImplicitDeny);
    }

    #[test]
    fn not_action_is_every_action_but_those() {
        let deny = r#"{"Statement":{"Effect":"Deny","NotAction":["ec2:*"],"Resource":"*"}}"#;
        let allow = r#"{"Statement":{"Effect":"Allow","NotAction":"ec2:DescribeSubnets","Resource":"*"}}"#;
        assert_eq!(decide(&[allow, deny], None, "ec2:DescribeTags", "*"), Decision::Allowed);
        assert_eq!(decide(&[allow, deny], None, "ec2:DescribeSubnets", "*"), Decision::ImplicitDeny);
        assert_eq!(decide(&[allow, deny], None, "iam:GetRole", "*"), Decision::ExplicitDeny);
    }

    #[test]
    fn a_boundary_gives_nothing_and_takes_what_it_does_not_allow() {
        let allow = r#"{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}"#;
        let narrow = r#"{"Statement":{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}}"#;
        let denying = r#"{"Statement":{"Effect":"Deny","Action":"ec2:*","Resource":"*"}}"#;
        assert_eq!(decide(&[allow], Some(narrow), "ec2:DescribeTags", "*"), Decision::Allowed);
        assert_eq!(decide(&[allow], Some(narrow), "ec2:CreateTags", ENI), Decision::ImplicitDeny);
        assert_eq!(decide(&[], Some(narrow), "ec2:DescribeTags", "*"), Decision::ImplicitDeny);
        assert_eq!(decide(&[allow], Some(denying), "ec2:DescribeTags", "*"), Decision::ExplicitDeny);
        assert_eq!(decide(&[allow], Some(""), "ec2:DescribeTags", "*"), Decision::ImplicitDeny);
    }

    #[test]
    fn a_condition_decides_and_says_what_it_missed() {
        let allow = r#"{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*",
            "Condition":{"StringEquals":{"aws:RequestedRegion":"us-west-2"}}}}"#;
        assert_eq!(decide(&[allow], None, "ec2:DescribeTags", "*"), Decision::Allowed);
        let context = Context::new();
        let question = Question { action: "ec2:DescribeTags", resource: "*", context: &context };
        let verdict = Grants::new([("p", allow)], None).decide(&question);
        assert_eq!(verdict.decision, Decision::ImplicitDeny);
        assert_eq!(verdict.missing.into_iter().collect::<Vec<_>>(), ["aws:requestedregion"]);
    }
}
