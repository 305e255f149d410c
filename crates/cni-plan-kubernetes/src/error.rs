//! What went wrong with a call, in the three lines a person can act on.

use std::error::Error;
use std::time::Duration;

use cni_plan_core::{ErrorKind, ProviderError, redacted};
use kube::client::AuthError;
use kube::core::Status;

use crate::client::Connection;

/// Why a call gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// The API server, the connection or the credentials.
    #[error(transparent)]
    Kube(#[from] kube::Error),
    /// Nothing came in time.
    #[error("no answer within {} s", .0.as_secs())]
    NoAnswer(Duration),
    /// The task that made the client was stopped.
    #[error("interrupted: {0}")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl CallError {
    /// Whether the server may have done what was asked all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        match self {
            CallError::Kube(kube::Error::Api(status)) => status.code == 429 || status.code >= 500,
            CallError::Kube(kube::Error::Service(cause)) => !cause.is::<ProviderError>() && !cause.is::<AuthError>(),
            // An answer that cannot be read is an answer to something that was done.
            CallError::Kube(kube::Error::HyperError(_) | kube::Error::SerdeError(_)) | CallError::NoAnswer(_) => true,
            CallError::Kube(_) | CallError::Interrupted(_) => false,
        }
    }

    /// The server's status code, where it answered.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            CallError::Kube(kube::Error::Api(status)) => Some(status.code),
            _ => None,
        }
    }
}

/// What a call was meant to do, for the messages about it.
pub(crate) struct Attempt<'a> {
    doing: String,
    verb: &'a str,
    resource: &'a str,
    namespace: Option<&'a str>,
}

impl<'a> Attempt<'a> {
    /// `doing` completes "cannot …"; `verb` and `resource` (with its group, as in
    /// `daemonsets.apps`) are RBAC's.
    pub(crate) fn new(
        doing: impl Into<String>,
        verb: &'a str,
        resource: &'a str,
        namespace: Option<&'a str>,
    ) -> Attempt<'a> {
        Attempt { doing: doing.into(), verb, resource, namespace }
    }

    /// The error for people.
    pub(crate) fn failed(&self, connection: &Connection, error: CallError) -> ProviderError {
        let (kind, why, cure) = match error {
            CallError::Kube(kube::Error::Api(status)) => self.refused(&status),
            CallError::Kube(kube::Error::Service(cause)) => match cause.downcast::<ProviderError>() {
                // The source of tokens has said it better than anyone could here.
                Ok(error) => return *error,
                Err(cause) => match cause.downcast_ref::<AuthError>() {
                    Some(error) => not_signed_in(error),
                    None => not_reached(connection, cause.as_ref()),
                },
            },
            CallError::Kube(kube::Error::Auth(error)) => not_signed_in(&error),
            CallError::Kube(error @ kube::Error::InferKubeconfig(_)) => (
                ErrorKind::Credentials,
                innermost(&error),
                "check the cluster's certificate authority and the proxy variables of the environment".to_owned(),
            ),
            CallError::Kube(kube::Error::SerdeError(error)) => (
                ErrorKind::Refused,
                format!("{} did not answer as an API server does: {error}", connection.server()),
                "check that the URL is the cluster's API server".to_owned(),
            ),
            CallError::Kube(error) => not_reached(connection, &error),
            CallError::NoAnswer(_) => {
                (ErrorKind::Unreachable, format!("{}: {error}", connection.server()), way_there())
            }
            CallError::Interrupted(_) => {
                (ErrorKind::Unreachable, error.to_string(), "run the command again".to_owned())
            }
        };
        ProviderError {
            kind,
            what: format!("cannot {} in cluster {}", self.doing, connection.key()),
            why: one_line(&why),
            cure,
        }
    }

    /// The server's refusal, by its status code.
    fn refused(&self, status: &Status) -> (ErrorKind, String, String) {
        let why = if status.message.is_empty() { format!("status {}", status.code) } else { status.message.clone() };
        let place = self.namespace.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
        match status.code {
            401 => (
                ErrorKind::Credentials,
                why,
                "sign in again; on EKS the caller needs an access entry (or a line in aws-auth) for the cluster"
                    .to_owned(),
            ),
            403 => (
                ErrorKind::Denied,
                why,
                format!("grant the caller `{}` on `{}`{place} (RBAC)", self.verb, self.resource),
            ),
            404 => (ErrorKind::NotFound, why, "plan again: it has gone since".to_owned()),
            409 => (ErrorKind::Conflict, why, "plan again: someone else is changing it".to_owned()),
            429 => (ErrorKind::Throttled, why, "run the command again later, or with less parallelism".to_owned()),
            // A server that failed has not said what it thinks of the request.
            500.. => (ErrorKind::Unreachable, why, "look into the API server's own log or status".to_owned()),
            _ => (ErrorKind::Refused, why, "correct what the API server names, then plan again".to_owned()),
        }
    }
}

fn not_reached(connection: &Connection, error: &(dyn Error + 'static)) -> (ErrorKind, String, String) {
    let cause = innermost(error);
    let server = connection.server();
    if is_tls(error) {
        return (
            ErrorKind::Unreachable,
            format!("{server} does not prove to be the cluster's API server: {cause}"),
            "check the certificate authority of the cluster or kubeconfig".to_owned(),
        );
    }
    (ErrorKind::Unreachable, format!("{server}: {cause}"), way_there())
}

fn way_there() -> String {
    "check the network, VPN and proxy on the way to the API server; a private endpoint answers inside its VPC only"
        .to_owned()
}

/// A kubeconfig's credentials that could not be had. What a plugin printed on standard output may
/// be a token and is not repeated.
fn not_signed_in(error: &AuthError) -> (ErrorKind, String, String) {
    let why = match error {
        AuthError::AuthExecStart(error) => format!("the kubeconfig's credential plugin cannot be run: {error}"),
        // What it had to say went to standard error, as with kubectl, before this.
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let separator = if said.trim().is_empty() { "" } else { ": " };
            format!("the kubeconfig's credential plugin ended with {}{separator}{said}", out.status)
        }
        AuthError::AuthExecParse(_) => "the kubeconfig's credential plugin did not print a credential".to_owned(),
        error => error.to_string(),
    };
    (ErrorKind::Credentials, why, "check that `kubectl get nodes` works with the same context".to_owned())
}

/// An error and what caused it, outermost first.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        // The source of an I/O error skips the error that it was made of.
        let made_of = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        made_of.map(|error| error as &'a (dyn Error + 'static)).or_else(|| error.source())
    })
}

/// The last cause, which names what happened; the others name layers.
fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// rustls reports what it does not accept as an I/O error of invalid data.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut io = causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.any(|io| io.kind() == std::io::ErrorKind::InvalidData)
}

/// Text of others on one line, without the credentials that it repeats.
pub(crate) fn one_line(text: &str) -> String {
    redacted(&text.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_missing_permission() {
        let attempt = Attempt::new("list pods", "list", "daemonsets.apps", Some("kube-system"));
        let status = |code| Status { code, message: "no".to_owned(), ..Status::failure("no", "Forbidden") };
        let (kind, _, cure) = attempt.refused(&status(403));
        assert_eq!(kind, ErrorKind::Denied);
        assert_eq!(cure, "grant the caller `list` on `daemonsets.apps` in namespace kube-system (RBAC)");
        let kinds = [401, 404, 409, 429, 422, 500, 503].map(|code| attempt.refused(&status(code)).0);
        let expected = [
            ErrorKind::Credentials,
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::Throttled,
            ErrorKind::Refused,
            ErrorKind::Unreachable,
            ErrorKind::Unreachable,
        ];
        assert_eq!(kinds, expected);
    }

    #[test]
    fn an_untrusted_certificate_is_told_from_a_refused_connection() {
        let tls = std::io::Error::new(std::io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer");
        assert!(is_tls(&tls));
        assert!(is_tls(&std::io::Error::other(tls)), "also when a layer has wrapped it");
        assert!(!is_tls(&std::io::Error::from(std::io::ErrorKind::ConnectionRefused)));
    }

    #[test]
    fn a_credential_plugin_that_failed_is_told_without_what_it_printed() {
        let status = std::process::Command::new("false").status().unwrap();
        let out = Box::new(std::process::Output { status, stdout: b"a-token".to_vec(), stderr: Vec::new() });
        let (kind, why, _) = not_signed_in(&AuthError::AuthExecRun { cmd: "plugin --secret".to_owned(), out });
        assert_eq!(kind, ErrorKind::Credentials);
        assert_eq!(why, "the kubeconfig's credential plugin ended with exit status: 1");
    }

    #[test]
    fn text_of_others_stays_on_one_line() {
        assert_eq!(one_line("a\n  b\tc"), "a b c");
    }
}
