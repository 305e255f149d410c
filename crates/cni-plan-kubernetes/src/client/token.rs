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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tower::retry::RetryLayer;
    use tower::{BoxError, ServiceBuilder, ServiceExt};

    use super::super::retry::RetryIdempotent;
    use super::*;

    struct Counting(AtomicUsize);

    impl TokenSource for Counting {
        fn token(&self) -> BoxFuture<'_, Result<String, ProviderError>> {
            let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            Box::pin(async move { Ok(format!("token-{count}")) })
        }
    }

    #[tokio::test]
    async fn each_attempt_carries_a_token_of_its_own() {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let server = Arc::clone(&seen);
        let inner = tower::service_fn(move |request: Request<Body>| {
            let mut seen = server.lock().unwrap();
            seen.push(request.headers()[AUTHORIZATION].to_str().unwrap().to_owned());
            let status = if seen.len() == 1 { 503 } else { 200 };
            let response = http::Response::builder().status(status).body(()).unwrap();
            async move { Ok::<_, BoxError>(response) }
        });
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(RetryIdempotent::default()))
            .layer(layer(Some(Arc::new(Counting(AtomicUsize::new(0))))))
            .service(inner);
        let response = service.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(*seen.lock().unwrap(), ["Bearer token-1", "Bearer token-2"]);
    }

    struct Expired;

    impl TokenSource for Expired {
        fn token(&self) -> BoxFuture<'_, Result<String, ProviderError>> {
            let error = ProviderError {
                kind: ErrorKind::Credentials,
                what: "cannot make a token".to_owned(),
                why: "expired".to_owned(),
                cure: "sign in".to_owned(),
            };
            Box::pin(async move { Err(error) })
        }
    }

    #[tokio::test]
    async fn without_a_token_nothing_is_sent_and_the_sources_error_stands() {
        let inner =
            tower::service_fn(|_: Request<Body>| async { Err::<http::Response<()>, BoxError>("it was sent".into()) });
        let service = ServiceBuilder::new()
            .layer(RetryLayer::new(RetryIdempotent::default()))
            .layer(layer(Some(Arc::new(Expired))))
            .service(inner);
        let error = service.oneshot(Request::new(Body::empty())).await.unwrap_err();
        assert_eq!(error.downcast::<ProviderError>().unwrap().why, "expired");
    }
}
