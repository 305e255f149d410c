//! Whom a statement of a trust document lets into its role (IAM User Guide, "AWS JSON policy elements: Principal").
//! Conditions are looked at only as far as they name the subject of a token: whatever else they ask makes fewer of
//! those who are named, and no others.

use std::fmt;

use serde_json::Value;

use crate::Statement;
use crate::permissions::matches_literally;

/// What lets somebody in (STS API); the rest, such as `sts:TagSession`, is only of use beside one of them.
const WAYS_IN: [&str; 3] = ["sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity"];

/// One who is let in. Shown as a clause that says of what kind they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Entrant<'a> {
    /// Everybody, whose condition, if there is one, says what they have to show.
    Everybody { on_condition: bool },
    /// Everybody who is not named.
    EverybodyBut,
    /// An account, by its number, with all in it that may assume roles.
    Account(&'a str),
    /// A role, a user or a session, by ARN or unique id.
    Principal(&'a str),
    /// A service of Amazon's.
    Service(&'a str),
    /// Tokens of an OIDC provider's with this subject, in which `*` may stand for anything.
    Subject { issuer: &'a str, subject: &'a str },
    /// Every token of an OIDC provider's.
    Issuer(&'a str),
    /// Another identity provider: of SAML, or one that IAM knows by its name.
    Provider(&'a str),
    /// A principal of a kind that is not known here.
    Other { kind: &'a str, name: &'a str },
}

/// All that a statement lets in; nobody, if it denies.
pub(super) fn entrants(statement: &Statement) -> Vec<Entrant<'_>> {
    let written = statement.as_written();
    if written["Effect"] != "Allow" || !is_a_way_in(written) {
        return Vec::new();
    }
    let everybody =
        Entrant::Everybody { on_condition: written["Condition"].as_object().is_some_and(|it| !it.is_empty()) };
    match &written["Principal"] {
        Value::Null if !written["NotPrincipal"].is_null() => vec![Entrant::EverybodyBut],
        Value::Object(kinds) => {
            let named = kinds.iter().flat_map(|(kind, names)| texts(names).map(move |name| (kind.as_str(), name)));
            named
                .flat_map(|(kind, name)| match (kind, name) {
                    ("AWS", "*") => vec![everybody],
                    ("AWS", name) => vec![account_in(name).map_or(Entrant::Principal(name), Entrant::Account)],
                    ("Service", name) => vec![Entrant::Service(name)],
                    ("Federated", name) => federated(name, &written["Condition"]),
                    (kind, name) => vec![Entrant::Other { kind, name }],
                })
                .collect()
        }
        _ => vec![everybody],
    }
}

fn is_a_way_in(written: &Value) -> bool {
    let mut patterns = texts(&written["Action"]).map(str::to_ascii_lowercase);
    written["Action"].is_null() || patterns.any(|pattern| WAYS_IN.iter().any(|way| matches_literally(&pattern, way)))
}

/// The account that a principal names as a whole: by its number, or its root's ARN, which means the same.
fn account_in(name: &str) -> Option<&str> {
    let account = match name.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "iam", "", account, "root"] => account,
        _ => name,
    };
    (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

fn federated<'a>(name: &'a str, condition: &'a Value) -> Vec<Entrant<'a>> {
    let Some((_, issuer)) = name.split_once(":oidc-provider/") else { return vec![Entrant::Provider(name)] };
    match subjects(condition, issuer) {
        Some(subjects) => subjects.into_iter().map(|subject| Entrant::Subject { issuer, subject }).collect(),
        None => vec![Entrant::Issuer(issuer)],
    }
}

/// The subjects that a condition asks of an issuer's tokens, `None` if it asks for none. Of several lists, all of
/// which have to hold, the narrowest.
fn subjects<'a>(condition: &'a Value, issuer: &str) -> Option<Vec<&'a str>> {
    let key = format!("{issuer}:sub");
    let operators = condition.as_object().into_iter().flatten().filter(|(operator, _)| is_positive(operator));
    let keys = operators.filter_map(|(_, keys)| keys.as_object()).flatten();
    let lists = keys.filter(|(name, _)| name.eq_ignore_ascii_case(&key)).map(|(_, values)| texts(values).collect());
    lists.min_by_key(|list: &Vec<&str>| (list.iter().any(|it| it.contains(['*', '?'])), list.len()))
}

/// Whether an operator names those who are let in, and not those who are not.
fn is_positive(operator: &str) -> bool {
    let plain = operator.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
    plain.starts_with("stringequals") || plain.starts_with("stringlike")
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    items.iter().filter_map(Value::as_str)
}

impl fmt::Display for Entrant<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entrant::Everybody { on_condition: false } => out.write_str("everybody"),
            Entrant::Everybody { on_condition: true } => out.write_str("everybody who meets a condition"),
            Entrant::EverybodyBut => out.write_str("everybody but a few"),
            Entrant::Account(number) => write!(out, "account {number}"),
            Entrant::Principal(name) => write!(out, "principal {name}"),
            Entrant::Service(name) => write!(out, "service {name}"),
            Entrant::Subject { issuer, subject } => write!(out, "{subject} of issuer {issuer}"),
            Entrant::Issuer(issuer) => write!(out, "every subject of issuer {issuer}"),
            Entrant::Provider(name) => write!(out, "provider {name}"),
            Entrant::Other { kind, name } => write!(out, "{kind} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn let_in(statement: Value) -> Vec<String> {
        let statement = Statement::try_from(statement).unwrap();
        entrants(&statement).iter().map(ToString::to_string).collect()
    }

    fn by(principal: &Value) -> Vec<String> {
        let_in(json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}))
    }

    /// Those with a token of `issuer/i` whom this condition leaves.
    fn with_token(condition: &Value) -> Vec<String> {
        let provider = "arn:aws:iam::111122223333:oidc-provider/issuer/i";
        let action = "sts:AssumeRoleWithWebIdentity";
        let principal = json!({"Federated": provider});
        let_in(json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}))
    }

    #[test]
    fn each_kind_of_principal_is_named_by_its_kind() {
        let saml = "arn:aws:iam::111122223333:saml-provider/people";
        for (principal, words) in [
            (json!("*"), "everybody"),
            (json!({"AWS": "*"}), "everybody"),
            (json!({"AWS": "111122223333"}), "account 111122223333"),
            (json!({"AWS": "arn:aws-cn:iam::111122223333:root"}), "account 111122223333"),
            (json!({"AWS": "arn:aws:iam::111122223333:role/ci"}), "principal arn:aws:iam::111122223333:role/ci"),
            (json!({"AWS": "AROADECAFBAD"}), "principal AROADECAFBAD"),
            (json!({"Service": "ec2.amazonaws.com"}), "service ec2.amazonaws.com"),
            (json!({"Federated": saml}), "provider arn:aws:iam::111122223333:saml-provider/people"),
            (json!({"CanonicalUser": "79a5"}), "CanonicalUser 79a5"),
        ] {
            assert_eq!(by(&principal), [words], "{principal}");
        }
        let several = json!({"AWS": ["111122223333", "444455556666"], "Service": ["ec2.amazonaws.com"]});
        assert_eq!(by(&several), ["account 111122223333", "account 444455556666", "service ec2.amazonaws.com"]);
        let others = json!({"Effect": "Allow", "NotPrincipal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"});
        assert_eq!(let_in(others), ["everybody but a few"]);
    }

    #[test]
    fn tokens_are_named_by_the_narrowest_list_of_subjects() {
        let subject = |operator: &str, subject: Value| json!({operator: {"issuer/i:sub": subject}});
        assert_eq!(with_token(&subject("StringEquals", json!("a"))), ["a of issuer issuer/i"]);
        assert_eq!(with_token(&json!({"stringlike": {"ISSUER/I:SUB": "a*"}})), ["a* of issuer issuer/i"]);
        let two = ["a of issuer issuer/i", "b of issuer issuer/i"];
        assert_eq!(with_token(&subject("ForAnyValue:StringEquals", json!(["a", "b"]))), two);
        let both = json!({"StringLike": {"issuer/i:sub": "*"}, "StringEquals": {"issuer/i:sub": ["a", "b"]}});
        assert_eq!(with_token(&both), two);
        for open in [json!({}), subject("StringNotEquals", json!("a")), json!({"StringEquals": {"issuer/i:aud": "a"}})]
        {
            assert_eq!(with_token(&open), ["every subject of issuer issuer/i"], "{open}");
        }
    }

    #[test]
    fn a_deny_and_what_is_no_way_in_let_nobody_in() {
        let statement = |effect: &str, action: Value| {
            let_in(json!({"Effect": effect, "Principal": {"AWS": "111122223333"}, "Action": action}))
        };
        assert_eq!(statement("Deny", json!("sts:AssumeRole")), [""; 0]);
        assert_eq!(statement("Allow", json!(["sts:TagSession", "sts:SetSourceIdentity"])), [""; 0]);
        assert_eq!(statement("Allow", json!("sts:*")).len(), 1);
        let all_but = json!({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "NotAction": "sts:TagSession"});
        assert_eq!(let_in(all_but).len(), 1);
    }

    #[test]
    fn everybody_on_a_condition_is_said_so() {
        let condition = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
        let all = json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole", "Condition": condition});
        assert_eq!(let_in(all), ["everybody who meets a condition"]);
    }
}
