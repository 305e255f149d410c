//! The checks IAM makes before it keeps a document, with its words for what is wrong.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::condition::is_operator;
use crate::wire::Failure;

const VERSIONS: [&str; 2] = ["2012-10-17", "2008-10-17"];
const KNOWN_FIELDS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];
/// Of each pair a statement may have one (IAM User Guide, "Grammar of the IAM JSON policy language").
const ALTERNATIVES: [(&str, &str); 3] =
    [("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")];

/// Checks a role's trust policy: principals are needed, resources are not allowed.
pub(crate) fn check_trust_policy(text: &str) -> Result<(), Failure> {
    for statement in statements(text)? {
        for field in ["Resource", "NotResource"] {
            if statement.contains_key(field) {
                return malformed(format!("Has prohibited field {field}"));
            }
        }
        if !statement.contains_key("Principal") && !statement.contains_key("NotPrincipal") {
            return malformed("Missing required field Principal");
        }
        check_principal(statement.get("Principal"))?;
        for action in strings(statement.get("Action")) {
            if action != "*" && !action.to_ascii_lowercase().starts_with("sts:") {
                return malformed("AssumeRole policy may only specify STS AssumeRole actions.");
            }
        }
    }
    Ok(())
}

/// Checks a managed or inline policy: resources are needed, principals are not allowed.
pub(crate) fn check_identity_policy(text: &str) -> Result<(), Failure> {
    for statement in statements(text)? {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return malformed("Policy document should not specify a principal.");
        }
        if !statement.contains_key("Resource") && !statement.contains_key("NotResource") {
            return malformed("Policy statement must contain resources.");
        }
        for action in strings(statement.get("Action")) {
            if action != "*" && !action.contains(':') {
                return malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
            }
        }
        for resource in strings(statement.get("Resource")) {
            if resource != "*" && !resource.starts_with("arn:") {
                return malformed(format!("Resource {resource} must be in ARN format or \"*\"."));
            }
        }
    }
    Ok(())
}

/// The length that counts against IAM's quotas: characters other than white space.
pub(crate) fn significant_length(text: &str) -> usize {
    text.chars().filter(|character| !character.is_whitespace()).count()
}

/// The statements of a document whose outer shape is right.
fn statements(text: &str) -> Result<Vec<Map<String, Value>>, Failure> {
    let Ok(document) = serde_json::from_str::<Value>(text) else {
        return malformed("This policy contains invalid Json");
    };
    let Value::Object(mut fields) = document else {
        return malformed("Syntax errors in policy.");
    };
    if let Some(unknown) = fields.keys().find(|key| !["Version", "Id", "Statement"].contains(&key.as_str())) {
        return malformed(format!("Syntax errors in policy: {unknown} is not a policy element."));
    }
    match fields.get("Version") {
        None => {}
        Some(Value::String(version)) if VERSIONS.contains(&version.as_str()) => {}
        Some(_) => return malformed("The policy must contain a valid version string"),
    }
    let list = match fields.remove("Statement") {
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => vec![one],
        _ => return malformed("Syntax errors in policy."),
    };
    if list.is_empty() {
        return malformed("Policy statement must not be empty.");
    }
    let statements = list.into_iter().map(statement).collect::<Result<Vec<_>, Failure>>()?;
    let mut ids = BTreeSet::new();
    let mut named = statements.iter().filter_map(|statement| statement.get("Sid")?.as_str());
    if !named.all(|id| id.is_empty() || ids.insert(id)) {
        return malformed("Statement IDs (SID) in a single policy must be unique.");
    }
    Ok(statements)
}

fn statement(value: Value) -> Result<Map<String, Value>, Failure> {
    let Value::Object(fields) = value else {
        return malformed("Syntax errors in policy.");
    };
    if let Some(unknown) = fields.keys().find(|key| !KNOWN_FIELDS.contains(&key.as_str())) {
        return malformed(format!("Syntax errors in policy: {unknown} is not a statement element."));
    }
    if !matches!(fields.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return malformed("Syntax errors in policy: Effect must be Allow or Deny.");
    }
    if !fields.contains_key("Action") && !fields.contains_key("NotAction") {
        return malformed("Policy statement must contain actions.");
    }
    for (one, other) in ALTERNATIVES {
        if fields.contains_key(one) && fields.contains_key(other) {
            return malformed(format!("Syntax errors in policy: a statement has either {one} or {other}."));
        }
    }
    for field in ["Action", "NotAction", "Resource", "NotResource"] {
        let well_formed = match fields.get(field) {
            None | Some(Value::String(_)) => true,
            Some(Value::Array(items)) => !items.is_empty() && items.iter().all(Value::is_string),
            Some(_) => false,
        };
        if !well_formed {
            return malformed(format!("Syntax errors in policy: {field} must be a string or a list of strings."));
        }
    }
    let unknown = match fields.get("Condition") {
        None => None,
        Some(Value::Object(operators)) => operators.keys().find(|operator| !is_operator(operator)),
        Some(_) => return malformed("Syntax errors in policy: Condition must be an object."),
    };
    if let Some(unknown) = unknown {
        return malformed(format!("Syntax errors in policy: {unknown} is not a condition operator."));
    }
    Ok(fields)
}

fn check_principal(principal: Option<&Value>) -> Result<(), Failure> {
    match principal {
        None => Ok(()),
        Some(Value::String(all)) if all == "*" => Ok(()),
        Some(Value::Object(kinds)) => {
            if let Some(kind) =
                kinds.keys().find(|kind| !["AWS", "Federated", "Service", "CanonicalUser"].contains(&kind.as_str()))
            {
                return malformed(format!("Invalid principal in policy: {kind} is not a kind of principal."));
            }
            for federated in strings(kinds.get("Federated")) {
                // IAM checks the form here, not whether the provider exists.
                if federated.starts_with("arn:") && !federated.contains("-provider/") {
                    return malformed("Federated principals must be valid domain names or SAML metadata ARNs");
                }
            }
            Ok(())
        }
        Some(_) => malformed("Invalid principal in policy."),
    }
}

fn strings(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn malformed<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::new(400, "MalformedPolicyDocument", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(result: Result<(), Failure>) -> String {
        let failure = result.unwrap_err();
        assert_eq!((failure.status, failure.code.as_ref()), (400, "MalformedPolicyDocument"));
        failure.message
    }

    #[test]
    fn a_documented_trust_policy_is_taken() {
        let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
            "Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.example/id/A"},
            "Action":"sts:AssumeRoleWithWebIdentity",
            "Condition":{"StringEquals":{"oidc.example/id/A:aud":"sts.amazonaws.com"}}}]}"#;
        check_trust_policy(trust).unwrap();
        assert_eq!(complaint(check_identity_policy(trust)), "Policy document should not specify a principal.");
    }

    #[test]
    fn what_the_grammar_has_no_place_for_is_refused() {
        let refused = |statements: &str| {
            let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
            complaint(check_identity_policy(&document))
        };
        let with = |more: &str| format!(r#"{{"Effect":"Allow","Action":"ec2:*","Resource":"*"{more}}}"#);
        let twice = [with(r#","Sid":"A""#), with(r#","Sid":"A""#)].join(",");
        assert_eq!(refused(&twice), "Statement IDs (SID) in a single policy must be unique.");
        assert!(refused(&with(r#","NotAction":"ec2:Run*""#)).contains("either Action or NotAction"));
        assert!(refused(&with(r#","Condition":{"StringAlike":{"a:b":"c"}}"#)).contains("StringAlike"));
        let known = with(r#","Condition":{"ForAllValues:StringEqualsIfExists":{"a:b":"c"},"stringlike":{"a:b":"c"}}"#);
        check_identity_policy(&format!(r#"{{"Statement":{known}}}"#)).unwrap();
    }

    #[test]
    fn what_iam_refuses_is_refused_in_its_words() {
        assert_eq!(complaint(check_identity_policy("{")), "This policy contains invalid Json");
        let no_resource = r#"{"Statement":{"Effect":"Allow","Action":"ec2:DescribeTags"}}"#;
        assert_eq!(complaint(check_identity_policy(no_resource)), "Policy statement must contain resources.");
        let old = r#"{"Version":"2020-01-01","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        assert_eq!(complaint(check_identity_policy(old)), "The policy must contain a valid version string");
    }
}
