//! Puts a fresh token on each request. Keeps none: the source does, and knows when one ends.

use std::sync::Arc;

use cni_plan_core::{BoxFuture, ErrorKind, ProviderError, TokenSource};
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};
use kube::client::Body;
use tower::filter::AsyncFilterLayer;

type WithToken = BoxFuture<'static, Result<Request<Body>, ProviderError>>;

/// Asks the source, if there is one, before each attempt: a retry may outlive a token.
pub(super) fn layer(
    tokens: Option<Arc<dyn TokenSource>>,
) -> AsyncFilterLayer<impl FnMut(Request<Body>) -> WithToken + Clone + Send + 'static> {
    AsyncFilterLayer::new(move |request| -> WithToken { Box::pin(authorized(request, tokens.clone())) })
}

async fn authorized(
    mut request: Request<Body>,
    tokens: Option<Arc<dyn TokenSource>>,
) -> Result<Request<Body>, ProviderError> {
    let Some(tokens) = tokens else { return Ok(request) };
    let token = tokens.token().await?;
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| ProviderError {
        kind: ErrorKind::Credentials,
        what: "cannot sign in to the API server".to_owned(),
        why: "the token holds characters that no header can".to_owned(),
        cure: "check the AWS credentials that it was made from".to_owned(),
    })?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(request)
}
