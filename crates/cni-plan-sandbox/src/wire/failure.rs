//! A refusal as an AWS service words it, whichever protocol carries it.

use std::borrow::Cow;

/// An error answer: HTTP status, AWS's error code, and the message people read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl Failure {
    /// An error with this status and code.
    pub(crate) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Failure {
        Failure { status, code: code.into(), message: message.into() }
    }

    /// A parameter that breaks its constraint, in the words all query services share.
    pub(crate) fn constraint(value: &str, parameter: &str, constraint: &str) -> Failure {
        Failure::new(
            400,
            "ValidationError",
            format!(
                "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: {constraint}",
                lower_first(parameter)
            ),
        )
    }

    /// A parameter that is required and was not sent.
    pub(crate) fn missing(parameter: &str) -> Failure {
        Failure::new(
            400,
            "ValidationError",
            format!(
                "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
                lower_first(parameter)
            ),
        )
    }

    /// A caller without the permission, worded as IAM's authorisation does.
    pub(crate) fn access_denied(caller_arn: &str, permission: &str, resource: &str) -> Failure {
        Failure::new(
            403,
            "AccessDenied",
            format!(
                "User: {caller_arn} is not authorized to perform: {permission} on resource: {resource} \
                 because no identity-based policy allows the {permission} action"
            ),
        )
    }
}

/// AWS names parameters in these messages by their wire name with a small first letter.
fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}
