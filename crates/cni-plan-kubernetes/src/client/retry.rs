//! Repeats what failed for a passing reason and does no harm twice: reads, requests for tokens, which a
//! cluster does not keep, and deletions, each of which names the uid that it means. Any other write is not repeated here: whether it happened is
//! for the caller to find out.

use std::error::Error;
use std::io::ErrorKind;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use tokio::time::Sleep;
use tower::BoxError;
use tower::retry::Policy;
use tower::retry::backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff};

use crate::error::causes;

/// Attempts after the first.
const RETRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
const JITTER: f64 = 0.5;

/// The policy of one request.
#[derive(Clone)]
pub(super) struct RetryIdempotent {
    left: u32,
    backoff: ExponentialBackoff,
}

impl Default for RetryIdempotent {
    fn default() -> Self {
        let mut pauses = ExponentialBackoffMaker::new(FIRST_PAUSE, LONGEST_PAUSE, JITTER, Default::default())
            .expect("the pauses are ordered and the jitter is positive");
        RetryIdempotent { left: RETRIES, backoff: pauses.make_backoff() }
    }
}

impl<B> Policy<Request<Body>, Response<B>, BoxError> for RetryIdempotent {
    type Future = Sleep;

    fn retry(&mut self, _: &mut Request<Body>, result: &mut Result<Response<B>, BoxError>) -> Option<Sleep> {
        let passing = match result {
            Ok(response) => is_passing_status(response.status()),
            Err(error) => is_passing_error(error.as_ref()),
        };
        if !passing || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let pause = self.backoff.next_backoff();
        match result.as_ref().ok().and_then(retry_after) {
            Some(asked) if asked > FIRST_PAUSE && asked <= LONGEST_PAUSE => Some(tokio::time::sleep(asked)),
            _ => Some(pause),
        }
    }

    fn clone_request(&mut self, request: &Request<Body>) -> Option<Request<Body>> {
        if !does_no_harm_twice(request) {
            return None;
        }
        let mut copy = Request::new(request.body().try_clone()?);
        request.method().clone_into(copy.method_mut());
        request.uri().clone_into(copy.uri_mut());
        request.headers().clone_into(copy.headers_mut());
        request.extensions().clone_into(copy.extensions_mut());
        Some(copy)
    }
}

fn does_no_harm_twice(request: &Request<Body>) -> bool {
    let path = request.uri().path();
    match *request.method() {
        Method::GET | Method::DELETE => true,
        Method::POST => path.contains("/serviceaccounts/") && path.ends_with("/token"),
        _ => false,
    }
}

fn is_passing_status(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
}

/// A connection that broke under the request. One that could not be made is not tried again: the
/// server is not there, or is not the one it should be.
fn is_passing_error(error: &(dyn Error + 'static)) -> bool {
    if error.is::<cni_plan_core::ProviderError>() {
        return false;
    }
    let io = causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>()).last();
    if let Some(io) = io {
        return matches!(
            io.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        );
    }
    // hyper's own account of a connection closed in the middle of an answer names no I/O error.
    error.to_string().contains("client error (SendRequest)")
}

fn retry_after<B>(response: &Response<B>) -> Option<Duration> {
    let seconds = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Result<Response<()>, BoxError> {
        Ok(Response::builder().status(status).body(()).unwrap())
    }

    #[tokio::test]
    async fn passing_failures_are_retried_a_few_times() {
        for (status, retried) in [(200, 0), (404, 0), (403, 0), (409, 0), (501, 0), (429, 4), (500, 4), (503, 4)] {
            let mut policy = RetryIdempotent::default();
            let mut count = 0;
            while policy.retry(&mut Request::new(Body::empty()), &mut answered(status)).is_some() {
                count += 1;
            }
            assert_eq!(count, retried, "{status}");
        }
    }

    #[test]
    fn only_what_does_no_harm_twice_is_repeated() {
        let mut policy = RetryIdempotent::default();
        let accounts = "http://a.test/api/v1/namespaces/n/serviceaccounts";
        let token = &*format!("{accounts}/a/token");
        for (method, uri, repeatable) in [
            (Method::GET, accounts, true),
            (Method::PATCH, token, false),
            (Method::DELETE, accounts, true),
            (Method::POST, accounts, false),
            (Method::POST, token, true),
        ] {
            let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
            let copied = <RetryIdempotent as Policy<_, Response<()>, _>>::clone_request(&mut policy, &request);
            assert_eq!(copied.is_some(), repeatable);
        }
    }

    #[test]
    fn a_broken_connection_passes_and_a_refused_one_does_not() {
        for (kind, passing) in [(ErrorKind::ConnectionReset, true), (ErrorKind::ConnectionRefused, false)] {
            let error: BoxError = Box::new(std::io::Error::from(kind));
            assert_eq!(is_passing_error(error.as_ref()), passing, "{kind}");
        }
    }
}
