//! HTTP: one pool of connections for every service, how long anything is waited for, and how
//! many calls are under way at once.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use futures::stream::{self, StreamExt};

/// One client for all services. It connects, and reads the system's certificates, when the first
/// request is made; a plain-HTTP endpoint needs none.
pub(crate) fn client(endpoint_url: Option<&str>) -> SharedHttpClient {
    let client = if endpoint_url.is_some_and(|url| url.starts_with("http://")) {
        Builder::new().build_http()
    } else {
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    };
    http_client_fn(move |settings, components| {
        SharedHttpConnector::new(InTurn(client.http_connector(settings, components)))
    })
}

/// Lets whatever is asked for at the same time begin before anything is sent: on a fast wire and a
/// busy machine an answer could otherwise be there before the next call has begun, and the two
/// would look as if one had waited for the other.
#[derive(Debug)]
struct InTurn(SharedHttpConnector);

impl HttpConnector for InTurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.0.clone();
        HttpConnectorFuture::new(async move {
            tokio::task::yield_now().await;
            connector.call(request).await
        })
    }
}

/// Bounds for connecting, for one attempt, and for a call with all of its attempts.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(20))
        .operation_timeout(Duration::from_secs(90))
        .build()
}

/// What the futures answer, in their order, with so many of them under way at once.
pub(crate) async fn at_most<F: Future>(many: usize, futures: Vec<F>) -> Vec<F::Output> {
    stream::iter(futures).buffered(many).collect().await
}
