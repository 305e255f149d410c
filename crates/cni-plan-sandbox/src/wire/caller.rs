//! Who is calling: read from the credential scope of a Signature Version 4 request.
//!
//! Signatures are not verified: the key id says which account the caller belongs to, so that one
//! sandbox can hold many accounts and a real client needs nothing but a key id to be in one.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::{Failure, Params};

/// The account of any key id that does not say otherwise.
pub(crate) const DEFAULT_ACCOUNT: &str = "111122223333";
/// What a key id of the sandbox's own starts with; the 12 digits of the account follow.
pub(crate) const KEY_ID_PREFIX: &str = "SANDBOX";
/// Key ids that stand for credentials gone bad.
const EXPIRED_KEY_ID: &str = "SANDBOXEXPIRED";
const INVALID_KEY_ID: &str = "SANDBOXINVALID";

/// A caller whose credentials are good.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) account: String,
    /// The region of the credential scope.
    pub(crate) region: String,
    /// The signing name of the credential scope: `iam`, `sts`, `eks`.
    pub(crate) service: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
}

/// Why a caller is turned away before anything is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallerRefused {
    /// The request is not signed at all.
    Unsigned,
    /// The key id is one that no account knows.
    UnknownKey,
    /// Temporary credentials past their time.
    Expired,
}

/// What an assumed role's session token holds, so that the caller's identity survives the journey.
#[derive(Debug, Serialize, Deserialize)]
struct Session {
    arn: String,
    user_id: String,
}

impl Caller {
    /// The caller of a request, from its `Authorization` header or its presigned query.
    pub(crate) fn of(headers: &HeaderMap, params: &Params) -> Result<Caller, CallerRefused> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let scope = header("authorization")
            .and_then(|value| value.strip_prefix("AWS4-HMAC-SHA256"))
            .and_then(|value| value.split("Credential=").nth(1))
            .and_then(|value| value.split([',', ' ']).next())
            .or_else(|| params.get("X-Amz-Credential"))
            .ok_or(CallerRefused::Unsigned)?;
        let token = header("x-amz-security-token").or_else(|| params.get("X-Amz-Security-Token"));
        Caller::of_scope(scope, token)
    }

    fn of_scope(scope: &str, token: Option<&str>) -> Result<Caller, CallerRefused> {
        // KEYID/20261123/us-west-2/eks/aws4_request
        let parts: Vec<&str> = scope.split('/').collect();
        let [key_id, _date, region, service, _terminator] = parts[..] else {
            return Err(CallerRefused::Unsigned);
        };
        match key_id {
            EXPIRED_KEY_ID => return Err(CallerRefused::Expired),
            INVALID_KEY_ID => return Err(CallerRefused::UnknownKey),
            _ => {}
        }
        let account = account_of_key(key_id);
        let session = token.and_then(open_session_token).unwrap_or_else(|| Session {
            arn: format!("arn:{}:iam::{account}:user/sandbox", partition_of_region(region)),
            user_id: format!("AIDA{KEY_ID_PREFIX}{}", &account[2..]),
        });
        Ok(Caller {
            account: account.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            arn: session.arn,
            user_id: session.user_id,
        })
    }

    /// The partition the caller is in.
    pub(crate) fn partition(&self) -> &'static str {
        partition_of_region(&self.region)
    }
}

impl CallerRefused {
    /// The refusal as the query services (IAM, STS) word it.
    pub(crate) fn failure(self) -> Failure {
        match self {
            CallerRefused::Unsigned => {
                Failure::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
            }
            CallerRefused::UnknownKey => {
                Failure::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
            }
            CallerRefused::Expired => {
                Failure::new(403, "ExpiredToken", "The security token included in the request is expired")
            }
        }
    }
}

/// The partition of a region, by its prefix (facts: the partition is in every ARN).
pub(crate) fn partition_of_region(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// A session token that brings an assumed role's identity back to the sandbox.
pub(crate) fn session_token(arn: &str, user_id: &str) -> String {
    let session = Session { arn: arn.to_owned(), user_id: user_id.to_owned() };
    let json = serde_json::to_vec(&session).expect("two strings are always JSON");
    URL_SAFE_NO_PAD.encode(json)
}

fn open_session_token(token: &str) -> Option<Session> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()
}

fn account_of_key(key_id: &str) -> &str {
    key_id
        .strip_prefix(KEY_ID_PREFIX)
        .filter(|rest| rest.len() == 12 && rest.bytes().all(|byte| byte.is_ascii_digit()))
        .unwrap_or(DEFAULT_ACCOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_id_says_which_account() {
        let caller = Caller::of_scope("SANDBOX444455556666/20261123/eu-west-1/eks/aws4_request", None).unwrap();
        assert_eq!((caller.account.as_str(), caller.region.as_str()), ("444455556666", "eu-west-1"));
        let other = Caller::of_scope("AKIAIOSFODNN7EXAMPLE/20261123/cn-north-1/iam/aws4_request", None).unwrap();
        assert_eq!(other.arn, "arn:aws-cn:iam::111122223333:user/sandbox");
    }

    #[test]
    fn a_session_token_carries_the_assumed_role() {
        let token = session_token("arn:aws:sts::111122223333:assumed-role/r/s", "AROAX:s");
        let caller = Caller::of_scope("SANDBOX111122223333/20261123/us-west-2/sts/aws4_request", Some(&token)).unwrap();
        assert_eq!(caller.arn, "arn:aws:sts::111122223333:assumed-role/r/s");
    }

    #[test]
    fn bad_credentials_are_told_apart() {
        let refused = |key: &str| Caller::of_scope(&format!("{key}/20261123/us-west-2/sts/aws4_request"), None);
        assert_eq!(refused("SANDBOXEXPIRED").unwrap_err(), CallerRefused::Expired);
        assert_eq!(refused("SANDBOXINVALID").unwrap_err(), CallerRefused::UnknownKey);
        assert_eq!(Caller::of(&HeaderMap::new(), &Params::default()).unwrap_err(), CallerRefused::Unsigned);
    }
}
