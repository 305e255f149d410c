//! A token for a service account, as the kubelet asks for one for its pods (Kubernetes API,
//! authentication.k8s.io/v1 TokenRequest).

use cni_plan_core::{ProviderError, WebIdentityToken};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::PostParams;

use crate::client::Connection;
use crate::error::Attempt;

/// The shortest life that the API server gives a token, in seconds; longer than IAM's readers lag.
const SHORTEST: i64 = 600;

pub(super) async fn request(
    connection: &Connection,
    namespace: &str,
    service_account: &str,
) -> Result<WebIdentityToken, ProviderError> {
    let doing = format!("make a token for service account {namespace}/{service_account}");
    let attempt = Attempt::new(doing, "create", "serviceaccounts/token", Some(namespace));
    let accounts: Api<ServiceAccount> = Api::namespaced(connection.client().await?, namespace);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            audiences: vec![WebIdentityToken::AUDIENCE.to_owned()],
            expiration_seconds: Some(SHORTEST),
            bound_object_ref: None,
        },
        ..TokenRequest::default()
    };
    let params = PostParams::default();
    let answer = connection.call(&attempt, accounts.create_token_request(service_account, &params, &request)).await?;
    Ok(WebIdentityToken::new(answer.status.map(|status| status.token).unwrap_or_default()))
}
