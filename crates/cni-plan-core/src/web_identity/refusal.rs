//! Why a role lets a token in or not, from what the token says and what is there to let it in.
//!
//! STS does not tell: one refusal serves a role that is not there, another subject and another audience
//! (STS API, AssumeRoleWithWebIdentity, Errors). So the token's claims are held against the role's trust
//! and the account's OIDC provider, in the order in which a person would set them right.

use serde_json::Value;

use crate::permissions::{Context, Holds, holds, matches_literally};
use crate::{OidcProvider, Role, Statement, TokenClaims, WebIdentityToken};

/// What a role trusts a token with (IAM User Guide, "Creating a role for OpenID Connect Federation").
const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// Which of the things that have to agree does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RefusalCause {
    /// The role is not there, or trusts no web identity, or asks for more than is looked at here.
    Role,
    /// The role trusts another issuer's tokens: often that of a cluster which was made anew.
    Issuer,
    /// The account has no OIDC provider for the issuer.
    Provider,
    /// The token is for another audience than the provider or the trust takes.
    Audience,
    /// The trust is for another service account.
    Subject,
    /// Nothing: all of it agrees.
    Nothing,
}

/// Why a token was refused, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What does not agree.
    pub cause: RefusalCause,
    /// One clause that names both sides.
    pub why: String,
    /// What to do about it.
    pub cure: String,
}

/// Why a token with these `claims` does not get into the role at `role_arn`. `role` and `provider` are as
/// they were found, `None`: not there; the provider is the account's for the token's issuer.
pub fn why_refused(
    claims: &TokenClaims,
    role_arn: &str,
    role: Option<&Role>,
    provider: Option<&OidcProvider>,
) -> Refusal {
    let issuer = claims.issuer_without_scheme();
    let Some(role) = role else {
        return refusal(
            RefusalCause::Role,
            format!("there is no role {role_arn}"),
            "look at who deleted it, then plan again",
        );
    };
    let trusted = trusted(role);
    if trusted.is_empty() {
        let why = format!("the trust of role {} allows {ACTION} to nobody", role.name);
        return refusal(RefusalCause::Role, why, "plan again: the plan puts the plugin into the role's trust");
    }
    let ours: Vec<&Statement> = trusted.iter().copied().filter(|it| lets_in(it, issuer)).collect();
    if ours.is_empty() {
        let others: Vec<String> = trusted.iter().flat_map(|it| federated(it)).map(issuer_of).collect();
        let why = format!(
            "the issuer is wrong: the token is of issuer {issuer}, and role {} trusts {}",
            role.name,
            others.join(", ")
        );
        let cure = "plan again: the cluster has another issuer than when this was planned, or the trust was changed";
        return refusal(RefusalCause::Issuer, why, cure);
    }
    let Some(provider) = provider else {
        let why = format!("the provider is missing: the account has no OIDC provider for issuer {issuer}");
        let cure = "set `oidcProvider: create`, or run `eksctl utils associate-iam-oidc-provider`, then plan again";
        return refusal(RefusalCause::Provider, why, cure);
    };
    let audience = audience(claims);
    if !provider.client_ids.contains(audience) {
        let known: Vec<&str> = provider.client_ids.iter().map(String::as_str).collect();
        let why = format!(
            "the audience is wrong: the token is for {audience}, and the OIDC provider of {issuer} takes {}",
            words(&known)
        );
        return refusal(RefusalCause::Audience, why, "set `oidcProvider: create` to have it added, then plan again");
    }
    of_conditions(claims, role, &ours)
}

/// What the conditions of the statements that name the provider ask: the one that is met furthest is told of.
fn of_conditions(claims: &TokenClaims, role: &Role, ours: &[&Statement]) -> Refusal {
    let (issuer, audience) = (claims.issuer_without_scheme(), audience(claims));
    let (aud, sub) = (format!("{issuer}:aud"), format!("{issuer}:sub"));
    let judge = |statement: &&Statement| {
        let condition = &statement.as_written()["Condition"];
        let fails = |key: &str, value: &str| holds_with(condition, &[(key, value)]) == Holds::No;
        if fails(&aud, audience) {
            RefusalCause::Audience
        } else if fails(&sub, &claims.subject) {
            RefusalCause::Subject
        } else if holds_with(condition, &[(&aud, audience), (&sub, &claims.subject)]) == Holds::Yes {
            RefusalCause::Nothing
        } else {
            RefusalCause::Role
        }
    };
    let nearest = ours.iter().max_by_key(|statement| nearness(judge(statement)));
    let nearest = nearest.expect("a statement names the provider, or this is not asked");
    let asked = |key: &str| words(&asked(nearest, key));
    match judge(nearest) {
        RefusalCause::Audience => {
            let why = format!(
                "the audience is wrong: the token is for {audience}, and role {} asks for {}",
                role.name,
                asked(&aud)
            );
            refusal(RefusalCause::Audience, why, CURE_TRUST)
        }
        RefusalCause::Subject => {
            let why = format!(
                "the subject is wrong: the token is of {}, and role {} asks for {}",
                claims.subject,
                role.name,
                asked(&sub)
            );
            refusal(RefusalCause::Subject, why, CURE_TRUST)
        }
        RefusalCause::Nothing => {
            let why = format!(
                "issuer, provider, audience and subject agree with the trust of role {}: a Deny, a policy of the \
                 organization, or IAM's readers that lag for longer than was waited",
                role.name
            );
            refusal(RefusalCause::Nothing, why, "look at the organization's policies, or apply again in a few minutes")
        }
        _ => {
            let why = format!("the trust of role {} has a condition that the token does not meet", role.name);
            refusal(RefusalCause::Role, why, "look at the conditions in the role's trust, then plan again")
        }
    }
}

const CURE_TRUST: &str = "someone else has changed the role's trust: look at what, then plan again";

/// The further on the way in, the nearer.
fn nearness(cause: RefusalCause) -> u8 {
    match cause {
        RefusalCause::Nothing => 3,
        RefusalCause::Role => 2,
        RefusalCause::Subject => 1,
        _ => 0,
    }
}

fn refusal(cause: RefusalCause, why: String, cure: &str) -> Refusal {
    Refusal { cause, why, cure: cure.to_owned() }
}

/// The audience that STS looks for among the token's, or the one that it has instead.
fn audience(claims: &TokenClaims) -> &str {
    let is_wanted = |audience: &&String| *audience == WebIdentityToken::AUDIENCE;
    let found = claims.audiences.iter().find(is_wanted).or(claims.audiences.first());
    found.map_or("nobody", String::as_str)
}

/// Statements that let web identities in, whoever's.
fn trusted(role: &Role) -> Vec<&Statement> {
    let lets = |statement: &&Statement| {
        let written = statement.as_written();
        let actions = texts(&written["Action"]);
        let wanted = ACTION.to_ascii_lowercase();
        written["Effect"] == "Allow"
            && actions.iter().any(|action| matches_literally(&action.to_ascii_lowercase(), &wanted))
            && federated(statement).next().is_some()
    };
    role.trust.statements().iter().filter(lets).collect()
}

fn lets_in(statement: &Statement, issuer: &str) -> bool {
    federated(statement).any(|principal| principal == "*" || issuer_of(principal) == issuer)
}

fn federated(statement: &Statement) -> impl Iterator<Item = &str> {
    let principal = &statement.as_written()["Principal"];
    if principal == "*" { vec!["*"] } else { texts(&principal["Federated"]) }.into_iter()
}

/// The issuer in an OIDC provider's ARN; of another principal, all of it.
fn issuer_of(principal: &str) -> String {
    principal.split_once(":oidc-provider/").map_or(principal, |(_, issuer)| issuer).to_owned()
}

fn holds_with(condition: &Value, known: &[(&str, &str)]) -> Holds {
    if condition.is_null() {
        return Holds::Yes;
    }
    let context = known.iter().fold(Context::default(), |context, (key, value)| context.with(key, *value));
    holds(condition, &context)
}

/// The values that a statement asks of a key, whatever the operator.
fn asked<'a>(statement: &'a Statement, key: &str) -> Vec<&'a str> {
    let operators = statement.as_written()["Condition"].as_object().into_iter().flatten();
    let keys = operators.filter_map(|(_, keys)| keys.as_object()).flatten();
    keys.filter(|(name, _)| name.eq_ignore_ascii_case(key)).flat_map(|(_, values)| texts(values)).collect()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        single => single.as_str().into_iter().collect(),
    }
}

fn words(values: &[&str]) -> String {
    if values.is_empty() { "nothing".to_owned() } else { values.join(", ") }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;

    use super::*;
    use crate::PolicyDocument;

    const ISSUER: &str = "oidc.eks.us-west-2.amazonaws.com/id/NEW";
    const SUBJECT: &str = "system:serviceaccount:kube-system:aws-node";
    const ARN: &str = "arn:aws:iam::111122223333:role/r";

    fn claims() -> TokenClaims {
        TokenClaims {
            issuer: format!("https://{ISSUER}"),
            subject: SUBJECT.to_owned(),
            audiences: vec!["sts.amazonaws.com".to_owned()],
        }
    }

    fn role(statements: &Value) -> Role {
        Role {
            name: "r".to_owned(),
            path: "/".to_owned(),
            trust: PolicyDocument::try_from(json!({"Version": "2012-10-17", "Statement": statements})).unwrap(),
            description: None,
            permissions_boundary: None,
            tags: BTreeMap::new(),
            id: None,
        }
    }

    fn statement(issuer: &str, condition: &Value) -> Value {
        json!({
            "Effect": "Allow",
            "Principal": {"Federated": format!("arn:aws:iam::111122223333:oidc-provider/{issuer}")},
            "Action": ACTION,
            "Condition": condition,
        })
    }

    fn for_whom(aud: &str, sub: &str) -> Value {
        json!({"StringEquals": {format!("{ISSUER}:aud"): aud, format!("{ISSUER}:sub"): sub}})
    }

    fn provider(audiences: &[&str]) -> OidcProvider {
        OidcProvider {
            url: ISSUER.to_owned(),
            client_ids: audiences.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<String>>(),
        }
    }

    fn refused(statements: &Value, provider: Option<&OidcProvider>) -> (RefusalCause, String) {
        let refusal = why_refused(&claims(), ARN, Some(&role(statements)), provider);
        assert!(!refusal.cure.is_empty(), "{refusal:?}");
        (refusal.cause, refusal.why)
    }

    #[test]
    fn a_role_that_is_not_there_or_trusts_no_web_identity() {
        let provider = provider(&["sts.amazonaws.com"]);
        let gone = why_refused(&claims(), ARN, None, Some(&provider));
        assert_eq!((gone.cause, gone.why.as_str()), (RefusalCause::Role, &*format!("there is no role {ARN}")));
        let people = json!([{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]);
        assert_eq!(refused(&people, Some(&provider)).0, RefusalCause::Role);
        let denied = json!([{"Effect": "Deny", "Principal": "*", "Action": ACTION}]);
        assert_eq!(refused(&denied, Some(&provider)).0, RefusalCause::Role);
    }

    #[test]
    fn a_stale_issuer_is_named_with_the_tokens_own_whether_its_provider_is_there_or_not() {
        let statements = json!([statement("oidc.eks.us-west-2.amazonaws.com/id/OLD", &for_whom("a", "b"))]);
        for provider in [None, Some(&provider(&["sts.amazonaws.com"]))] {
            let (cause, why) = refused(&statements, provider);
            assert_eq!(cause, RefusalCause::Issuer);
            assert!(why.contains("/id/OLD") && why.contains("/id/NEW"), "{why}");
        }
    }

    #[test]
    fn a_provider_that_is_missing_or_takes_another_audience() {
        let statements = json!([statement(ISSUER, &for_whom("sts.amazonaws.com", SUBJECT))]);
        assert_eq!(refused(&statements, None).0, RefusalCause::Provider);
        let (cause, why) = refused(&statements, Some(&provider(&["example.org"])));
        assert_eq!(cause, RefusalCause::Audience);
        assert!(why.ends_with("takes example.org"), "{why}");
        let (_, why) = refused(&statements, Some(&provider(&[])));
        assert!(why.ends_with("takes nothing"), "{why}");
    }

    #[test]
    fn a_trust_for_another_audience_or_another_subject() {
        let provider = provider(&["sts.amazonaws.com"]);
        let (cause, why) = refused(&json!([statement(ISSUER, &for_whom("other", SUBJECT))]), Some(&provider));
        assert_eq!(cause, RefusalCause::Audience);
        assert!(why.ends_with("the token is for sts.amazonaws.com, and role r asks for other"), "{why}");
        let theirs = "system:serviceaccount:default:app";
        let (cause, why) =
            refused(&json!([statement(ISSUER, &for_whom("sts.amazonaws.com", theirs))]), Some(&provider));
        assert_eq!(cause, RefusalCause::Subject);
        assert!(why.contains(SUBJECT) && why.ends_with(theirs), "{why}");
        // Both are wrong: what is asked first is told first.
        let both = json!([statement(ISSUER, &for_whom("other", theirs))]);
        assert_eq!(refused(&both, Some(&provider)).0, RefusalCause::Audience);
    }

    #[test]
    fn the_statement_that_comes_nearest_is_told_of() {
        let provider = provider(&["sts.amazonaws.com"]);
        let theirs = statement(ISSUER, &for_whom("other", "someone"));
        let nearly = statement(ISSUER, &for_whom("sts.amazonaws.com", "someone"));
        assert_eq!(refused(&json!([theirs, nearly]), Some(&provider)).0, RefusalCause::Subject);
        let ours = statement(ISSUER, &for_whom("sts.amazonaws.com", SUBJECT));
        assert_eq!(refused(&json!([nearly, ours, theirs]), Some(&provider)).0, RefusalCause::Nothing);
    }

    #[test]
    fn patterns_case_and_lists_are_read_as_iam_reads_them() {
        let provider = provider(&["sts.amazonaws.com"]);
        let like = json!({
            "StringLike": {format!("{}:SUB", ISSUER): ["x", "system:serviceaccount:kube-system:*"]},
            "StringEquals": {format!("{ISSUER}:aud"): ["y", "sts.amazonaws.com"]},
        });
        let mut statement = statement(ISSUER, &like);
        statement["Action"] = json!(["sts:TagSession", "sts:assumerole*"]);
        assert_eq!(refused(&json!([statement]), Some(&provider)).0, RefusalCause::Nothing);
    }

    #[test]
    fn a_condition_on_something_else_is_told_as_such() {
        let mut condition = for_whom("sts.amazonaws.com", SUBJECT);
        condition["IpAddress"] = json!({"aws:SourceIp": "192.0.2.0/24"});
        let (cause, why) = refused(&json!([statement(ISSUER, &condition)]), Some(&provider(&["sts.amazonaws.com"])));
        assert_eq!(cause, RefusalCause::Role);
        assert!(why.contains("condition"), "{why}");
    }
}
