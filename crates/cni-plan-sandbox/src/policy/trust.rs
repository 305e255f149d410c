//! What a role's trust policy lets in.

use serde_json::Value;

use super::condition::{Context, conditions_hold};
use super::statement::{names_action, statements, strings};

/// Whether a trust policy lets one of `principals` of this kind (`AWS`, `Federated`, `Service`) call `action`
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

fn names_principal(principal: &Value, kind: &str, principals: &[String]) -> bool {
    if principal.as_str() == Some("*") {
        return true;
    }
    strings(&principal[kind]).any(|named| named == "*" || principals.iter().any(|principal| principal == named))
}

#[cfg(test)]
mod tests {
    use super::*;

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
