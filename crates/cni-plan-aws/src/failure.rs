//! Failed calls in core's terms: what, why, what to do about it.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use cni_plan_core::{AssumeRole, ErrorKind, ProviderError, redacted};

use crate::endpoint;
use crate::session::Session;

/// What a call is made for, known before it is made, so that its failure can be told.
pub(crate) struct Intent<'a> {
    pub(crate) session: &'a Session,
    /// As IAM policies name it: `iam:GetRole`.
    pub(crate) action: &'static str,
    /// The resource as a person would name it in a policy.
    pub(crate) on: String,
    /// `cannot read role r in account 111122223333`.
    pub(crate) what: String,
}

/// For a write with all of its repetitions. A lock is trusted for 50 s, confirmed at most a second before
/// the write (docs/locks.md), and taken over after 60 s: nothing is sent later than that.
const LONGEST_WRITE: Duration = Duration::from_secs(45);

impl Intent<'_> {
    /// Makes a call that changes something.
    ///
    /// # Errors
    /// When it fails, and when it is not over in time: it may have had its effect then.
    pub(crate) async fn written<T, E>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, ProviderError>
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        match tokio::time::timeout(LONGEST_WRITE, call).await {
            Ok(answer) => answer.map_err(|error| self.failed(&error)),
            Err(_) => {
                let why = format!("it took more than {LONGEST_WRITE:?}");
                Err(self.failed(&SdkError::<E, HttpResponse>::timeout_error(why)))
            }
        }
    }

    /// The error of a call that failed, whichever way it did.
    pub(crate) fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> ProviderError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if let SdkError::ServiceError(refusal) = error {
            let status = refusal.raw().status().as_u16();
            return self.refused(refusal.err().code(), refusal.err().message(), status);
        }
        if let Some(credentials) = find_source::<CredentialsError>(error) {
            return self.without_credentials(credentials);
        }
        let endpoint = endpoint::named(&self.session.config, self.action);
        match error {
            // Whoever sent it, AWS has said nothing by it: neither yes nor no.
            SdkError::ResponseError(response) => ProviderError {
                kind: ErrorKind::Unreachable,
                what: self.what.clone(),
                why: format!("{endpoint} answered HTTP {} with what is no answer of AWS", response.raw().status()),
                cure: "check that AWS_ENDPOINT_URL and the proxy lead to AWS".to_owned(),
            },
            SdkError::ConstructionFailure(_) => ProviderError {
                kind: ErrorKind::Refused,
                what: self.what.clone(),
                why: format!("the request could not be made: {}", causes(error)),
                cure: "check the region and the endpoint in the spec and in the AWS configuration".to_owned(),
            },
            _ => ProviderError {
                kind: ErrorKind::Unreachable,
                what: self.what.clone(),
                why: format!("no answer from {endpoint}: {}", causes(error)),
                cure: CURE_UNREACHABLE.to_owned(),
            },
        }
    }

    /// The error of an answer that lacks what it must have.
    pub(crate) fn unreadable(&self, why: impl Into<String>) -> ProviderError {
        ProviderError {
            kind: ErrorKind::Refused,
            what: self.what.clone(),
            why: one_line(&why.into()),
            cure: format!("check that {} is AWS", endpoint::named(&self.session.config, self.action)),
        }
    }

    /// The error of a write that was not made, because someone else's would have been lost.
    pub(crate) fn conflict(&self, why: impl Into<String>) -> ProviderError {
        ProviderError {
            kind: ErrorKind::Conflict,
            what: self.what.clone(),
            why: one_line(&why.into()),
            cure: CURE_OF_CONFLICT.to_owned(),
        }
    }

    fn refused(&self, code: Option<&str>, message: Option<&str>, status: u16) -> ProviderError {
        if code.is_none() && message.is_none() && status < 500 {
            let endpoint = endpoint::named(&self.session.config, self.action);
            let error = self.unreadable(format!("{endpoint} answered HTTP {status} with what is no answer of AWS"));
            // A yes that cannot be read was cut short or garbled on its way; a no in anyone's words is a no.
            let kind = if status < 300 { ErrorKind::Unreachable } else { error.kind };
            return ProviderError { kind, ..error };
        }
        let kind = match kind_of(code.unwrap_or_default()) {
            // A server that failed has not answered; one that has no such call has.
            ErrorKind::Refused if status >= 500 && status != 501 => ErrorKind::Unreachable,
            kind => kind,
        };
        let why = words_of(code, message);
        ProviderError {
            kind,
            what: self.what.clone(),
            why: one_line(&why),
            cure: self.cure_of(kind, code.unwrap_or_default(), message.unwrap_or_default(), status),
        }
    }

    fn cure_of(&self, kind: ErrorKind, code: &str, message: &str, status: u16) -> String {
        match kind {
            ErrorKind::Denied => {
                // Whose call it was may not be known yet: facts are read at the same time.
                let known = self.session.login.caller.get().map(|caller| caller.arn.as_str());
                let caller = known.or_else(|| caller_named_in(message)).unwrap_or("the caller");
                format!("grant {} on {} to {caller}", self.action, self.on)
            }
            ErrorKind::Credentials => self.cure_of_credentials(code),
            ErrorKind::NotFound => "check the name, the account and the region".to_owned(),
            ErrorKind::Throttled => "run it again later, or with a lower --parallelism".to_owned(),
            ErrorKind::Conflict => CURE_OF_CONFLICT.to_owned(),
            _ => match code {
                "LimitExceeded" => "remove what is no longer used, or have the quota raised".to_owned(),
                "ConcurrentModification" | "ConcurrentModificationException" => {
                    "someone else was changing it at the same moment: look at what, then run it again".to_owned()
                }
                "DeleteConflict" => "take off what others have put on it, then run again".to_owned(),
                "MalformedPolicyDocument" => "correct the document that the service names".to_owned(),
                _ if status >= 500 => "the service failed: run it again later".to_owned(),
                _ => "correct what the service names, then plan again".to_owned(),
            },
        }
    }

    fn cure_of_credentials(&self, code: &str) -> String {
        let key = &self.session.login.key;
        let profile = key.profile().map(|profile| format!(" --profile {profile}")).unwrap_or_default();
        if code.starts_with("Expired") || code.starts_with("RequestExpired") {
            format!("renew the credentials of {key}, e.g. `aws sso login{profile}`, and check the clock")
        } else {
            format!("check the credentials of {key} with `aws sts get-caller-identity{profile}`")
        }
    }

    /// The error of credentials that could not be got: the first ones, or those of a role that
    /// was to be assumed with them.
    pub(crate) fn without_credentials(&self, error: &CredentialsError) -> ProviderError {
        let first = error.source().and_then(find_source::<CredentialsError>);
        let (kind, why, cure) = match (self.session.login.key.assume_role(), first) {
            (Some(role), None) => self.without_role(role, error),
            (_, first) => self.without_first_credentials(first.unwrap_or(error)),
        };
        ProviderError { kind, what: self.what.clone(), why: one_line(&why), cure }
    }

    fn without_first_credentials(&self, error: &CredentialsError) -> (ErrorKind, String, String) {
        if let Some(refusal) = find_source::<AssumeRoleError>(error) {
            return (
                ErrorKind::Credentials,
                format!(
                    "the role of {} cannot be assumed: {}",
                    self.session.login.key,
                    words_of(refusal.code(), refusal.message())
                ),
                "allow sts:AssumeRole to the caller of `source_profile`, and that caller in the role's trust"
                    .to_owned(),
            );
        }
        let (why, cure) = match (error, self.session.login.key.profile()) {
            // The chain ends at the instance's metadata: what failed there has no other source before it.
            (error, None) if is_end_of_chain(error) => (
                "no credentials in the environment, the AWS configuration or the instance's metadata".to_owned(),
                CURE_WITHOUT_CREDENTIALS.to_owned(),
            ),
            (_, None) => {
                (format!("the credentials could not be loaded: {}", causes(error)), CURE_WITHOUT_CREDENTIALS.to_owned())
            }
            (CredentialsError::CredentialsNotLoaded(_), Some(profile)) => (
                format!("the AWS configuration has no profile {profile}, or no credentials in it"),
                format!("run `aws configure sso --profile {profile}`, or name another `profile`"),
            ),
            (_, Some(profile)) => (
                format!("profile {profile} has no usable credentials: {}", causes(error)),
                format!("run `aws sso login --profile {profile}`, or correct the profile in the AWS configuration"),
            ),
        };
        (ErrorKind::Credentials, why, cure)
    }

    fn without_role(&self, role: &AssumeRole, error: &CredentialsError) -> (ErrorKind, String, String) {
        let key = &self.session.login.key;
        let arn = &role.arn;
        if let Some(refusal) = find_source::<AssumeRoleError>(error) {
            return (
                ErrorKind::Credentials,
                format!("{key} cannot assume role {arn}: {}", words_of(refusal.code(), refusal.message())),
                format!("allow sts:AssumeRole on {arn} to that caller, and that caller in the role's trust"),
            );
        }
        let endpoint = endpoint::named(&self.session.config, "sts:AssumeRole");
        (
            ErrorKind::Unreachable,
            format!("role {arn} cannot be assumed without an answer from {endpoint}: {}", causes(error)),
            CURE_UNREACHABLE.to_owned(),
        )
    }
}

/// Whether nothing was found anywhere: not even the instance's metadata service, if there is one,
/// had credentials. The SDK tells that failure by its text alone.
fn is_end_of_chain(error: &CredentialsError) -> bool {
    matches!(error, CredentialsError::CredentialsNotLoaded(_)) || causes(error).contains("IMDS")
}

/// The caller in a refusal: `User: ARN is not authorized to perform: …` (IAM User Guide, "Troubleshoot
/// access denied error messages").
fn caller_named_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("User: ")?;
    rest.split_whitespace().next().filter(|word| word.starts_with("arn:"))
}

/// Tells "not there" from every other failure.
pub(crate) fn if_there<T>(answer: Result<T, ProviderError>) -> Result<Option<T>, ProviderError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

const CURE_WITHOUT_CREDENTIALS: &str =
    "run `aws sso login` or `aws configure`, or set AWS_PROFILE to a profile that has some";

const CURE_UNREACHABLE: &str = "check the network, the proxy, the region and AWS_ENDPOINT_URL";

const CURE_OF_CONFLICT: &str = "look at what changed it, then plan again";

/// Sorts error codes: those common to all services (AWS query and JSON protocols, "Common Errors"
/// of the STS, IAM and EKS API references) and IAM's and EKS's own that matter here.
fn kind_of(code: &str) -> ErrorKind {
    match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "NotAuthorized" | "OptInRequired" => {
            ErrorKind::Denied
        }
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => ErrorKind::Credentials,
        "NoSuchEntity" | "NoSuchEntityException" | "ResourceNotFoundException" | "NotFoundException" => {
            ErrorKind::NotFound
        }
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "SlowDown"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => ErrorKind::Throttled,
        "EntityAlreadyExists" | "EntityAlreadyExistsException" | "ResourceInUseException" => ErrorKind::Conflict,
        _ => ErrorKind::Refused,
    }
}

fn words_of(code: Option<&str>, message: Option<&str>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(word), None) | (None, Some(word)) => word.to_owned(),
        (None, None) => "the service failed without a word".to_owned(),
    }
}

/// The innermost reasons of an error, each once: what wraps them only says that it failed.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut chain: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !chain.iter().any(|before| before.contains(&text)) {
            chain.push(text);
        }
        next = cause.source();
    }
    if chain.is_empty() {
        chain.push(error.to_string());
    }
    const MOST: usize = 3;
    one_line(&chain.split_off(chain.len().saturating_sub(MOST)).join(": "))
}

fn find_source<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn one_line(text: &str) -> String {
    redacted(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use cni_plan_core::{ClusterInspector, FactsWanted};

    use crate::scripted::{Scripted, cluster, identity, refusal};

    use super::*;

    async fn failure_of_identity(status: u16, code: &'static str) -> ProviderError {
        let aws = Scripted::start(move |_| refusal(status, code)).await;
        aws.aws().account(&cluster()).await.err().unwrap()
    }

    #[tokio::test]
    async fn credentials_that_are_refused_say_how_to_renew_them() {
        let expired = failure_of_identity(403, "ExpiredToken").await;
        assert_eq!(expired.kind, ErrorKind::Credentials);
        assert_eq!(expired.what, "cannot tell whose the credentials of access key AKIA1 are");
        assert!(expired.cure.contains("aws sso login"), "{}", expired.cure);
        let invalid = failure_of_identity(403, "InvalidClientTokenId").await;
        assert_eq!(invalid.kind, ErrorKind::Credentials);
        assert!(invalid.cure.contains("get-caller-identity"), "{}", invalid.cure);
    }

    #[tokio::test]
    async fn what_is_no_answer_of_aws_names_the_endpoint() {
        let aws = Scripted::start(|_| (404, "<html>not here</html>".to_owned())).await;
        let error = aws.aws().account(&cluster()).await.err().unwrap();
        assert!(error.why.contains(aws.url()) || error.cure.contains(aws.url()), "{error:?}");
    }

    #[tokio::test]
    async fn an_endpoint_that_nobody_serves_is_told_within_seconds() {
        let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let aws = Scripted::start(|_| identity()).await;
        let options = crate::AwsOptions {
            endpoint_url: Some(format!("http://{nobody}")),
            default_region: Some("us-west-2".to_owned()),
            credentials: Some(std::sync::Arc::new(|_| crate::StaticCredentials {
                key_id: "AKIA1".to_owned(),
                secret: "s".to_owned(),
            })),
            ..crate::AwsOptions::default()
        };
        let aws = crate::Aws::new(options, aws.observer());
        let cluster = cluster();
        let facts = aws.facts(&cluster, FactsWanted::default());
        let error = tokio::time::timeout(Duration::from_secs(10), facts).await.expect("it is told").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unreachable);
        assert!(error.why.contains(&nobody.to_string()), "{}", error.why);
    }

    #[tokio::test]
    async fn throttling_is_waited_out() {
        let asked = AtomicUsize::new(0);
        let aws = Scripted::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
            0 => refusal(400, "Throttling"),
            _ => identity(),
        })
        .await;
        aws.aws().account(&cluster()).await.unwrap();
        assert_eq!(aws.calls().len(), 1, "retries are part of one call");
    }

    #[test]
    fn a_reason_is_on_one_line() {
        assert_eq!(one_line(" a\n  b\tc "), "a b c");
    }
}
