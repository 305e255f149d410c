//! What a document allows. A document that cannot be read allows nothing.

use std::collections::BTreeMap;

use serde_json::Value;

/// The values of the condition keys of one request, by lower-case key.
pub(crate) type Context = BTreeMap<String, String>;

/// Whether these identity policies together allow an action: some statement allows it and none
/// denies it. Statements with conditions or narrowed resources count as they stand.
pub(crate) fn allows_action<'a>(documents: impl IntoIterator<Item = &'a str>, action: &str) -> bool {
    let mut allowed = false;
    for document in documents {
        for statement in statements(document) {
            if names_action(&statement, action) {
                match statement["Effect"].as_str() {
                    Some("Deny") => return false,
                    Some("Allow") => allowed = true,
                    _ => {}
                }
            }
        }
    }
    allowed
}

/// Whether a trust policy lets one of `principals` of this kind (`AWS`, `Federated`) call `action`
/// in this context.
pub(crate) fn trusts(trust: &str, kind: &str, principals: &[String], action: &str, context: &Context) -> bool {
    let mut trusted = false;
    for statement in statements(trust) {
        let meant = names_principal(&statement["Principal"], kind, principals)
            && names_action(&statement, action)
            && conditions_hold(&statement["Condition"], context);
        if meant {
            match statement["Effect"].as_str() {
                Some("Deny") => return false,
                Some("Allow") => trusted = true,
                _ => {}
            }
        }
    }
    trusted
}

fn statements(document: &str) -> Vec<Value> {
    let mut document: Value = serde_json::from_str(document).unwrap_or_default();
    match document.get_mut("Statement").map(Value::take) {
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    }
}

fn names_action(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let named = |field: &str| {
        strings(&statement[field]).any(|pattern| wildcard_matches(&pattern.to_ascii_lowercase(), &action))
    };
    if statement.get("NotAction").is_some() { !named("NotAction") } else { named("Action") }
}

fn names_principal(principal: &Value, kind: &str, principals: &[String]) -> bool {
    if principal.as_str() == Some("*") {
        return true;
    }
    strings(&principal[kind]).any(|named| named == "*" || principals.iter().any(|principal| principal == named))
}

/// Every operator and every key must hold; an operator not known here does not hold.
fn conditions_hold(conditions: &Value, context: &Context) -> bool {
    let Value::Object(operators) = conditions else {
        return conditions.is_null();
    };
    operators.iter().all(|(operator, keys)| {
        let Value::Object(keys) = keys else { return false };
        keys.iter().all(|(key, wanted)| {
            condition_holds(operator, context.get(&key.to_ascii_lowercase()).map(String::as_str), wanted)
        })
    })
}

fn condition_holds(operator: &str, found: Option<&str>, wanted: &Value) -> bool {
    let operator = operator.rsplit(':').next().unwrap_or(operator).to_ascii_lowercase();
    let (operator, if_exists) = match operator.strip_suffix("ifexists") {
        Some(stem) => (stem, true),
        None => (operator.as_str(), false),
    };
    if operator == "null" {
        return strings(wanted).any(|absent| (absent == "true") == found.is_none());
    }
    let any = |same: &dyn Fn(&str, &str) -> bool| found.map(|found| strings(wanted).any(|want| same(want, found)));
    // With no value a negated operator holds, and any other only with `IfExists`.
    match operator {
        "stringequals" => any(&|want, found| want == found).unwrap_or(if_exists),
        "stringequalsignorecase" => any(&|want, found| want.eq_ignore_ascii_case(found)).unwrap_or(if_exists),
        "stringlike" | "arnlike" | "arnequals" => any(&wildcard_matches).unwrap_or(if_exists),
        "stringnotequals" => !any(&|want, found| want == found).unwrap_or(false),
        "stringnotlike" => !any(&wildcard_matches).unwrap_or(false),
        _ => false,
    }
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    let one = value.as_str().into_iter();
    let many = value.as_array().into_iter().flatten().filter_map(Value::as_str);
    one.chain(many)
}

/// `*` stands for any run of characters and `?` for one, as in IAM's patterns.
fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut read) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                last_star = Some((at, read));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[read] => {
                at += 1;
                read += 1;
            }
            _ => match last_star {
                // Let the last star swallow one more character, and try again from there.
                Some((star, swallowed)) => {
                    last_star = Some((star, swallowed + 1));
                    at = star + 1;
                    read = swallowed + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_as_iam_reads_them() {
        assert!(wildcard_matches("ec2:assign*addresses", "ec2:assignipv6addresses"));
        assert!(wildcard_matches("*", "anything"));
        assert!(wildcard_matches("a?c", "abc"));
        assert!(!wildcard_matches("a?c", "ac"));
        assert!(!wildcard_matches("ec2:assign*x", "ec2:assignipv6addresses"));
    }

    #[test]
    fn a_deny_outweighs_an_allow() {
        let allow = r#"{"Statement":{"Effect":"Allow","Action":"EC2:Assign*","Resource":"*"}}"#;
        let deny = r#"{"Statement":[{"Effect":"Deny","Action":["ec2:AssignIpv6Addresses"],"Resource":"*"}]}"#;
        assert!(allows_action([allow], "ec2:AssignIpv6Addresses"));
        assert!(!allows_action([allow, deny], "ec2:AssignIpv6Addresses"));
        assert!(!allows_action([deny], "ec2:AssignPrivateIpAddresses"));
    }

    #[test]
    fn web_identity_trust_needs_principal_action_and_every_condition() {
        let trust = r#"{"Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:p"},
            "Action":"sts:AssumeRoleWithWebIdentity",
            "Condition":{"StringEquals":{"iss:aud":"sts.amazonaws.com","iss:sub":["a","b"]}}}]}"#;
        let ask = |principal: &str, sub: &str| {
            let context = Context::from([
                ("iss:aud".to_owned(), "sts.amazonaws.com".to_owned()),
                ("iss:sub".to_owned(), sub.to_owned()),
            ]);
            trusts(trust, "Federated", &[principal.to_owned()], "sts:AssumeRoleWithWebIdentity", &context)
        };
        assert!(ask("arn:p", "b"));
        assert!(!ask("arn:p", "c"));
        assert!(!ask("arn:q", "b"));
    }
}
