//! TokenRequest: tokens for service accounts.
//!
//! The tokens are JWTs with the claims that the real server puts in. They are signed with HS256 under a
//! key that is printed here: they prove nothing, and whoever takes them reads the claims alone.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::delete::uid_of;
use super::resources::Resource;
use super::state::State;
use super::status::ApiError;
use super::time;

const KEY: &[u8] = b"the sandbox's tokens are worth nothing";
const KEY_ID: &str = "sandbox";
/// The audience of a token for the API server itself.
const OWN_AUDIENCE: &str = "https://kubernetes.default.svc";
const DEFAULT_LIFE: i64 = 3600;
const SHORTEST_LIFE: i64 = 600;

/// Answers a TokenRequest for a service account with the request, its status filled in.
pub(super) fn issue(
    state: &mut State,
    namespace: &str,
    name: &str,
    request: &Value,
    now: Timestamp,
) -> Result<Value, ApiError> {
    let accounts = Resource::named("serviceaccounts").expect("service accounts are in the table");
    let account =
        state.object("serviceaccounts", namespace, name).ok_or_else(|| ApiError::not_found(accounts, name))?;
    let life = request["spec"]["expirationSeconds"].as_i64().unwrap_or(DEFAULT_LIFE);
    if life < SHORTEST_LIFE {
        let problem = format!("Invalid value: {life}: may not specify a duration less than 10 minutes");
        return Err(ApiError::invalid(accounts, name, "spec.expirationSeconds", &problem));
    }
    let audiences = match request["spec"]["audiences"].as_array() {
        Some(list) if !list.is_empty() => json!(list),
        _ => json!([OWN_AUDIENCE]),
    };
    let mut claims = json!({
        "aud": audiences,
        "exp": now.as_second() + life,
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "iss": state.config.issuer,
        "jti": state.new_uid(),
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "kubernetes.io": {
            "namespace": namespace,
            "serviceaccount": { "name": name, "uid": uid_of(&account) },
        },
    });
    if let Some(pod) = bound_pod(state, namespace, request)? {
        claims["kubernetes.io"]["pod"] = pod;
    }
    let expiry = Timestamp::from_second(now.as_second() + life).unwrap_or(Timestamp::MAX);
    let mut spec = request["spec"].clone();
    spec["audiences"] = audiences;
    spec["expirationSeconds"] = json!(life);
    Ok(json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": { "name": name, "namespace": namespace, "creationTimestamp": time::seconds(now) },
        "spec": spec,
        "status": { "token": signed(&claims), "expirationTimestamp": time::seconds(expiry) },
    }))
}

/// The pod that a token is bound to, which must be there and be the one meant.
fn bound_pod(state: &State, namespace: &str, request: &Value) -> Result<Option<Value>, ApiError> {
    let reference = &request["spec"]["boundObjectRef"];
    if reference["kind"] != "Pod" {
        return Ok(None);
    }
    let name = reference["name"].as_str().unwrap_or_default();
    let pods = Resource::named("pods").expect("pods are in the table");
    let pod = state.object("pods", namespace, name).ok_or_else(|| ApiError::not_found(pods, name))?;
    let uid = uid_of(&pod);
    match reference["uid"].as_str() {
        Some(wanted) if !wanted.is_empty() && wanted != uid => {
            let cause =
                format!("the UID in the bound object reference ({wanted}) does not match the UID in record ({uid})");
            Err(ApiError::conflict(pods, name, &cause))
        }
        _ => Ok(Some(json!({ "name": name, "uid": uid }))),
    }
}

fn signed(claims: &Value) -> String {
    let header = json!({ "alg": "HS256", "kid": KEY_ID, "typ": "JWT" });
    let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encoded(&header), encoded(claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(hmac_sha256(KEY, message.as_bytes()));
    format!("{message}.{signature}")
}

/// RFC 2104, for a key no longer than a block.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_hmac() {
        let hex: String =
            hmac_sha256(b"Jefe", b"what do ya want for nothing?").iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
