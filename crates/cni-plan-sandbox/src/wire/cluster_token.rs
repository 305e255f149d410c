//! The token that opens an EKS cluster, checked as the cluster's authenticator does.
//!
//! facts.md: `k8s-aws-v1.` plus the unpadded base64url of a presigned STS GetCallerIdentity URL with
//! the signed header `x-k8s-aws-id: CLUSTER`, good for 15 minutes. The signature itself is not
//! verified, as nowhere in the sandbox.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;

use super::{Caller, Params};

const PREFIX: &str = "k8s-aws-v1.";
/// How long a token is honoured, in seconds from its `X-Amz-Date`.
const LIFETIME: i64 = 15 * 60;

/// Checks a bearer token that claims to be an EKS one. `None` when it is some other kind of token;
/// otherwise the caller's ARN, or the reason why it opens nothing.
pub(crate) fn check_cluster_token(token: &str, now: jiff::Timestamp) -> Option<Result<String, String>> {
    let encoded = token.strip_prefix(PREFIX)?;
    Some(check(encoded, now))
}

fn check(encoded: &str, now: jiff::Timestamp) -> Result<String, String> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| "the token is not unpadded base64url")?;
    let url = String::from_utf8(bytes).map_err(|_| "the token does not hold a URL")?;
    let (_, query) = url.split_once('?').ok_or("the token's URL has no query")?;
    let params = Params::parse(&[query.as_bytes()]);
    if params.get("Action") != Some("GetCallerIdentity") {
        return Err("the token's URL is not for GetCallerIdentity".to_owned());
    }
    let signed = params.get("X-Amz-SignedHeaders").unwrap_or_default();
    if !signed.split(';').any(|header| header == "x-k8s-aws-id") {
        return Err("the token's URL does not sign the header x-k8s-aws-id".to_owned());
    }
    let date = params.get("X-Amz-Date").ok_or("the token's URL has no X-Amz-Date")?;
    let signed_at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .ok()
        .and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .ok_or("the token's X-Amz-Date is not a date")?
        .timestamp();
    if now.as_second() - signed_at.as_second() > LIFETIME {
        return Err("the token has expired".to_owned());
    }
    let caller = Caller::of(&HeaderMap::new(), &params)
        .map_err(|refused| format!("STS refuses the token's credentials: {}", refused.failure().message))?;
    Ok(caller.arn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(signed_headers: &str) -> String {
        let url = format!(
            "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15\
             &X-Amz-Credential=SANDBOX111122223333%2F20261123%2Fus-west-2%2Fsts%2Faws4_request\
             &X-Amz-Date=20261123T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders={signed_headers}&X-Amz-Signature=0"
        );
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url))
    }

    fn at(text: &str) -> jiff::Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_good_token_names_its_caller_until_it_expires() {
        let good = token("host%3Bx-k8s-aws-id");
        let soon = check_cluster_token(&good, at("2026-11-23T12:10:00Z"));
        assert_eq!(soon, Some(Ok("arn:aws:iam::111122223333:user/sandbox".to_owned())));
        let late = check_cluster_token(&good, at("2026-11-23T12:16:00Z"));
        assert_eq!(late, Some(Err("the token has expired".to_owned())));
    }

    #[test]
    fn a_token_that_does_not_sign_the_cluster_opens_nothing() {
        assert!(check_cluster_token(&token("host"), at("2026-11-23T12:00:30Z")).unwrap().is_err());
        assert_eq!(check_cluster_token("some-other-token", at("2026-11-23T12:00:30Z")), None);
    }
}
