//! Tokens for an EKS cluster's API server, made in process: a presigned STS GetCallerIdentity
//! URL that the server shows to STS (kubernetes-sigs/aws-iam-authenticator, "API authorization
//! from outside a cluster").

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SignatureLocation, SigningParams, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cni_plan_core::{BoxFuture, ClusterRef, ProviderError, TokenSource};
use tokio::sync::Mutex;

use crate::Aws;
use crate::endpoint;

/// What the cluster's authenticator looks for before the URL.
const PREFIX: &str = "k8s-aws-v1.";

/// How long STS takes the URL for once it is shown to it; the authenticator asks for no other.
const URL_LIFETIME: Duration = Duration::from_secs(60);

/// A token is good for fifteen minutes from its signature; the last is left unused.
const TOKEN_LIFETIME: Duration = Duration::from_secs(14 * 60);

/// How long before the end of the credentials a token made with them is given up.
const MARGIN: Duration = Duration::from_secs(60);

/// Makes tokens for one cluster and keeps the last while it is good.
pub(crate) struct ClusterToken {
    aws: Arc<Aws>,
    cluster: ClusterRef,
    last: Mutex<Option<Token>>,
}

struct Token {
    secret: String,
    good_until: SystemTime,
}

impl ClusterToken {
    pub(crate) fn new(aws: Arc<Aws>, cluster: ClusterRef) -> ClusterToken {
        ClusterToken { aws, cluster, last: Mutex::new(None) }
    }

    async fn make(&self) -> Result<Token, ProviderError> {
        let name = &self.cluster.name;
        let session = self.aws.session(&self.cluster).await?;
        let intent =
            session.intent("sts:GetCallerIdentity", "*", format!("cannot make a token for the API server of {name}"));
        let url = endpoint::of_sts(&session.config).await.ok_or_else(|| intent.unreadable("STS has no endpoint"))?;
        let provider = session.config.credentials_provider().ok_or_else(|| intent.unreadable("no credentials"))?;
        let credentials = provider.provide_credentials().await.map_err(|error| intent.without_credentials(&error))?;
        let now = SystemTime::now();
        let secret = token(&url, name, &session.region, &credentials, now)
            .map_err(|error| intent.unreadable(format!("the request could not be signed: {error}")))?;
        let end_of_credentials = credentials.expiry().map(|expiry| expiry.checked_sub(MARGIN).unwrap_or(expiry));
        let end = now + TOKEN_LIFETIME;
        Ok(Token { secret, good_until: end_of_credentials.map_or(end, |other| end.min(other)) })
    }
}

impl TokenSource for ClusterToken {
    fn token(&self) -> BoxFuture<'_, Result<String, ProviderError>> {
        Box::pin(async {
            let mut last = self.last.lock().await;
            if let Some(token) = last.as_ref().filter(|token| SystemTime::now() < token.good_until) {
                return Ok(token.secret.clone());
            }
            let token = self.make().await?;
            Ok(last.insert(token).secret.clone())
        })
    }
}

impl fmt::Debug for ClusterToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterToken").field("cluster", &self.cluster.name).finish_non_exhaustive()
    }
}

/// The token of `cluster`, signed at `now` for STS at `endpoint`.
fn token(
    endpoint: &str,
    cluster: &str,
    region: &str,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<String, String> {
    let url = format!("{}/?Action=GetCallerIdentity&Version=2011-06-15", endpoint.trim_end_matches('/'));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(URL_LIFETIME);
    let identity = credentials.clone().into();
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("sts")
        .time(now)
        .settings(settings)
        .build()
        .expect("every required part is set")
        .into();
    let headers = std::iter::once(("x-k8s-aws-id", cluster));
    let request = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]));
    let request = request.map_err(|error| error.to_string())?;
    let (instructions, _signature) = sign(request, &params).map_err(|error| error.to_string())?.into_parts();
    let mut presigned = http::Request::new(());
    *presigned.uri_mut() = url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
    instructions.apply_to_request_http1x(&mut presigned);
    Ok(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(presigned.uri().to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "https://sts.us-west-2.amazonaws.com";

    fn url_of(token: &str) -> String {
        let encoded = token.strip_prefix("k8s-aws-v1.").unwrap();
        assert!(!encoded.contains(['=', '+', '/']), "unpadded base64url");
        String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
    }

    fn signed(cluster: &str) -> String {
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("session/+=".to_owned()), None, "test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        url_of(&token(ENDPOINT, cluster, "us-west-2", &credentials, now).unwrap())
    }

    #[test]
    fn the_url_is_what_the_authenticator_asks_for() {
        let url = signed("my-cluster");
        for part in [
            "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15&",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Credential=AKIDEXAMPLE%2F20270115%2Fus-west-2%2Fsts%2Faws4_request",
            "X-Amz-Date=20270115T080000Z",
            "X-Amz-Expires=60",
            "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id",
            "X-Amz-Security-Token=session%2F%2B%3D",
            "X-Amz-Signature=",
        ] {
            assert!(url.contains(part), "{part} in {url}");
        }
        assert!(!url.contains("secret"));
    }

    #[test]
    fn the_cluster_is_signed_in() {
        assert_ne!(signed("one"), signed("other"), "the header is part of the signature");
        assert_eq!(signed("one"), signed("one"));
    }
}
