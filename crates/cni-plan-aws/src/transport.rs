//! HTTP: one pool of connections for every service, how long anything is waited for, and how
//! many calls are under way at once.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures::stream::{self, StreamExt};

/// One client for all services. It connects, and reads the system's certificates, when the first
/// request is made; a plain-HTTP endpoint needs none.
pub(crate) fn client(endpoint_url: Option<&str>) -> SharedHttpClient {
    if endpoint_url.is_some_and(|url| url.starts_with("http://")) {
        Builder::new().build_http()
    } else {
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
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
