//! HTTP: one pool of connections for every service, and how long anything is waited for.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use futures::stream::{self, StreamExt};

/// The SDK's own default number of attempts (aws-config: `AWS_MAX_ATTEMPTS`).
const SDK_ATTEMPTS: u32 = 3;

/// Enough for IAM's throttling: with the SDK's backoff, more than a minute.
const ATTEMPTS: u32 = 8;

/// One client for all services. It connects, and reads the system's certificates, when the first
/// request is made; a plain-HTTP endpoint needs none.
pub(crate) fn client(endpoint_url: Option<&str>) -> SharedHttpClient {
    if endpoint_url.is_some_and(|url| url.starts_with("http://")) {
        Builder::new().build_http()
    } else {
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
    }
}

/// Bounds for one attempt. There is none for a whole operation: its attempts are counted.
pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(20))
        .build()
}

/// `AWS_MAX_ATTEMPTS` and `AWS_RETRY_MODE` as they are set; more attempts than the SDK's where
/// they are not.
pub(crate) fn retries(found: Option<&RetryConfig>) -> RetryConfig {
    let found = found.cloned().unwrap_or_else(RetryConfig::standard);
    if found.max_attempts() == SDK_ATTEMPTS { found.with_max_attempts(ATTEMPTS) } else { found }
}

/// What the futures answer, in their order, with so many of them under way at once.
pub(crate) async fn at_most<F: Future>(many: usize, futures: Vec<F>) -> Vec<F::Output> {
    stream::iter(futures).buffered(many).collect().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_number_of_attempts_is_kept() {
        assert_eq!(retries(None).max_attempts(), ATTEMPTS);
        assert_eq!(retries(Some(&RetryConfig::standard().with_max_attempts(1))).max_attempts(), 1);
    }
}
