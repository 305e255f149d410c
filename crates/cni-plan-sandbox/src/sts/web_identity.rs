//! AssumeRoleWithWebIdentity: a service account's token against providers and trust.
//!
//! The token's claims are read and its expiry is honoured; its signature is taken on trust, as all
//! signatures are here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{RoleArn, UNSIGNED_ACTION, first_string, session_name, write_session};
use crate::wire::{Failure, Params, Xml, timestamp};
use crate::world::{WebIdentity, WebIdentityRefused, World, may_assume};

pub(super) fn assume(world: &World, params: &Params) -> Result<Xml, Failure> {
    let arn = RoleArn::parse(params.required("RoleArn")?)?;
    let session = session_name(params)?;
    let token = read_token(params.required("WebIdentityToken")?, jiff::Timestamp::now())?;
    let what = format!("{UNSIGNED_ACTION} {}", arn.name);
    let assumed = world.look_as_a_reader(arn.account, &what, |account| {
        let role = may_assume(account, arn.name, &token).map_err(|refused| failure(&refused, &token))?;
        let mut xml = Xml::new();
        xml.text("SubjectFromWebIdentityToken", &token.subject).text("Audience", &token.audience);
        write_session(&mut xml, &arn, role, session, params)?;
        xml.text("Provider", account.arn(&format!("oidc-provider/{}", token.issuer.trim_start_matches("https://"))));
        Ok(xml)
    });
    assumed.unwrap_or_else(|| Err(failure(&WebIdentityRefused::NoProvider, &token)))
}

fn failure(refused: &WebIdentityRefused, token: &WebIdentity) -> Failure {
    match refused {
        WebIdentityRefused::NoProvider => Failure::new(
            400,
            "InvalidIdentityToken",
            format!("No OpenIDConnect provider found in your account for {}", token.issuer),
        ),
        WebIdentityRefused::WrongAudience => Failure::new(400, "InvalidIdentityToken", "Incorrect token audience"),
        // AWS does not tell strangers which roles exist.
        WebIdentityRefused::NoRole | WebIdentityRefused::NotTrusted => {
            Failure::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        }
    }
}

fn read_token(token: &str, now: jiff::Timestamp) -> Result<WebIdentity, Failure> {
    let invalid = |what: &str| {
        let message = format!("The ID Token provided is not a valid JWT. ({what})");
        Failure::new(400, "InvalidIdentityToken", message)
    };
    let [_header, payload, _signature] = token.split('.').collect::<Vec<_>>()[..] else {
        return Err(invalid("it does not have three parts"));
    };
    let bytes = URL_SAFE_NO_PAD.decode(payload).map_err(|_| invalid("its payload is not base64url"))?;
    let claims: Value = serde_json::from_slice(&bytes).map_err(|_| invalid("its payload is not JSON"))?;
    let expires = claims["exp"].as_i64().ok_or_else(|| invalid("it has no exp"))?;
    if expires <= now.as_second() {
        let expired = jiff::Timestamp::from_second(expires).unwrap_or_default();
        return Err(Failure::new(
            400,
            "ExpiredTokenException",
            format!(
                "Token expired: current date/time {} must be before the expiration date/time {}",
                timestamp(now),
                timestamp(expired)
            ),
        ));
    }
    let claim = |name: &str| {
        first_string(&claims, name).map(str::to_owned).ok_or_else(|| invalid(&format!("it has no {name}")))
    };
    Ok(WebIdentity { issuer: claim("iss")?, audience: claim("aud")?, subject: claim("sub")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn claims_are_read_whether_the_audience_is_one_or_a_list() {
        let now: jiff::Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let exp = now.as_second() + 60;
        for audience in ["\"a\"", "[\"a\"]"] {
            let claims = format!(r#"{{"iss":"https://i","sub":"s","aud":{audience},"exp":{exp}}}"#);
            let read = read_token(&token(&claims), now).unwrap();
            assert_eq!((read.issuer.as_str(), read.audience.as_str(), read.subject.as_str()), ("https://i", "a", "s"));
        }
    }

    #[test]
    fn an_expired_or_broken_token_is_told_apart() {
        let now: jiff::Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let expired = read_token(&token(r#"{"iss":"i","sub":"s","aud":"a","exp":1}"#), now).unwrap_err();
        assert_eq!(expired.code, "ExpiredTokenException");
        assert_eq!(read_token("nonsense", now).unwrap_err().code, "InvalidIdentityToken");
    }
}
