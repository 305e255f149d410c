//! A service account's token, and what it says.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::{HIDDEN, ProviderError};

/// The audience of every token that STS takes, in every partition (IAM User Guide, "Create an OpenID
/// Connect (OIDC) identity provider in IAM"; EKS's webhook asks for it by default).
const AUDIENCE: &str = "sts.amazonaws.com";

/// A service account's token (JWT). Whoever has it is the service account until it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct WebIdentityToken(String);

/// What a token says of itself. No secret: its parts are in every trust document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenClaims {
    /// `iss`: the cluster's issuer, with `https://`.
    pub issuer: String,
    /// `sub`: `system:serviceaccount:NAMESPACE:NAME`.
    pub subject: String,
    /// `aud`, one or several.
    pub audiences: Vec<String>,
}

impl WebIdentityToken {
    /// The audience that a token is asked for with.
    pub const AUDIENCE: &str = AUDIENCE;

    /// From what an API server has answered.
    pub fn new(secret: String) -> WebIdentityToken {
        WebIdentityToken(secret)
    }

    /// The token itself, for the one request that it is made for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What it says, unverified: that is STS's to do. `None` where it is no JWT with these claims.
    pub fn claims(&self) -> Option<TokenClaims> {
        let payload = self.0.split('.').nth(1)?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let audiences = match &claims["aud"] {
            Value::Array(audiences) => audiences.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect(),
        };
        Some(TokenClaims {
            issuer: claims["iss"].as_str()?.to_owned(),
            subject: claims["sub"].as_str()?.to_owned(),
            audiences,
        })
    }

    /// The same error without the token, should a service have repeated it.
    #[must_use]
    pub fn hidden_in(&self, error: ProviderError) -> ProviderError {
        let hide = |text: String| if self.0.is_empty() { text } else { text.replace(&self.0, HIDDEN) };
        ProviderError { kind: error.kind, what: hide(error.what), why: hide(error.why), cure: hide(error.cure) }
    }
}

impl fmt::Debug for WebIdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WebIdentityToken").field(&HIDDEN).finish()
    }
}

impl TokenClaims {
    /// The issuer as ARNs and condition keys have it: without its scheme.
    pub fn issuer_without_scheme(&self) -> &str {
        self.issuer.strip_prefix("https://").unwrap_or(&self.issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn token(claims: &str) -> WebIdentityToken {
        WebIdentityToken::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)))
    }

    #[test]
    fn claims_are_read_whether_the_audience_is_one_or_a_list() {
        for audience in ["\"a\"", "[\"a\"]"] {
            let claims = token(&format!(r#"{{"iss":"https://i/id/1","sub":"s","aud":{audience}}}"#)).claims().unwrap();
            assert_eq!((claims.issuer_without_scheme(), claims.subject.as_str()), ("i/id/1", "s"));
            assert_eq!(claims.audiences, ["a"]);
        }
    }

    #[test]
    fn what_is_no_token_has_no_claims() {
        for text in ["", "nonsense", "e30.%%.c2ln", "e30.e30.c2ln"] {
            assert_eq!(WebIdentityToken::new(text.to_owned()).claims(), None, "{text}");
        }
    }

    #[test]
    fn it_is_in_no_text() {
        let token = token(r#"{"sub":"s"}"#);
        assert!(!format!("{token:?}").contains(token.expose()));
        let told = |text: &str| format!("{text} {} there", token.expose());
        let error =
            ProviderError { kind: ErrorKind::Refused, what: told("what"), why: told("why"), cure: told("cure") };
        let hidden = token.hidden_in(error);
        assert_eq!(hidden.why, "why (hidden) there");
        assert!(!format!("{hidden:?}").contains(token.expose()));
    }
}
