//! How often a failed call is repeated, and how soon.
//!
//! Throttling is waited out with the SDK's exponential backoff. A connection that fails, or a
//! server that does, is tried again as often but soon: a wrong endpoint should be told in seconds.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_sdk_iam::config::retry::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority};
use aws_smithy_types::retry::ErrorKind;

/// The SDK's own default number of attempts (aws-config: `AWS_MAX_ATTEMPTS`).
const SDK_ATTEMPTS: u32 = 3;

/// Enough for IAM's throttling: with the SDK's backoff, half a minute and more.
const ATTEMPTS: u32 = 8;

/// For AssumeRole, whose connection failures are waited for as throttling is.
const ATTEMPTS_OF_ASSUME_ROLE: u32 = 5;

/// Between attempts to connect.
const SOON: Duration = Duration::from_millis(300);

/// `AWS_MAX_ATTEMPTS` and `AWS_RETRY_MODE` as they are set; more attempts than the SDK's where
/// they are not.
pub(crate) fn of_services(found: Option<&RetryConfig>) -> RetryConfig {
    at_least(ATTEMPTS, found)
}

/// The same for the call that a role's credentials come from.
pub(crate) fn of_assume_role(found: Option<&RetryConfig>) -> RetryConfig {
    let found = at_least(ATTEMPTS, found);
    let fewer = found.max_attempts().min(ATTEMPTS_OF_ASSUME_ROLE);
    found.with_max_attempts(fewer)
}

fn at_least(attempts: u32, found: Option<&RetryConfig>) -> RetryConfig {
    let found = found.cloned().unwrap_or_else(RetryConfig::standard);
    if found.max_attempts() == SDK_ATTEMPTS { found.with_max_attempts(attempts) } else { found }
}

/// The SDK rations retries: 500 tokens a client, 5 a retry, so a hundred throttled calls would use
/// them up for everyone. How many attempts a call has is bound enough.
pub(crate) fn unrationed(name: &'static str) -> RetryPartition {
    RetryPartition::custom(name).token_bucket(TokenBucket::unlimited()).build()
}

/// Sets the delay after a failure that says nothing of load. 503 is not among them: it is what
/// some services answer when they are asked too much.
#[derive(Debug)]
pub(crate) struct SoonAgain;

impl ClassifyRetry for SoonAgain {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let unconnected = error.as_connector_error().is_some_and(|error| error.is_io() || error.is_timeout());
        let server_failed =
            context.response().is_some_and(|response| matches!(response.status().as_u16(), 500 | 502 | 504));
        // `Whole` is the one that looks at answers.
        let cut_short = error.is_interceptor_error() && context.response().is_some();
        if unconnected || server_failed || cut_short {
            RetryAction::retryable_error_with_explicit_delay(ErrorKind::TransientError, SOON)
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "SoonAgain"
    }

    /// Last, so that its delay is the one that counts.
    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_number_of_attempts_is_kept() {
        let once = RetryConfig::standard().with_max_attempts(1);
        assert_eq!(of_services(None).max_attempts(), ATTEMPTS);
        assert_eq!(of_services(Some(&once)).max_attempts(), 1);
        assert_eq!(of_assume_role(None).max_attempts(), ATTEMPTS_OF_ASSUME_ROLE);
        assert_eq!(of_assume_role(Some(&once)).max_attempts(), 1);
    }
}
