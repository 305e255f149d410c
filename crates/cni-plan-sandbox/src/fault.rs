//! Faults on demand: which call goes wrong, in which way, and how often.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

/// What answers a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// IAM, query protocol.
    Iam,
    /// STS, query protocol.
    Sts,
    /// EKS, REST JSON.
    Eks,
    /// A cluster's API server.
    Kubernetes,
}

/// In which way a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The service refuses the caller: 403.
    AccessDenied,
    /// The service asks to slow down, as each does: IAM and STS 400, EKS and Kubernetes 429.
    Throttling,
    /// The service has an accident of its own: 500.
    InternalError,
    /// The connection is reset instead of an answer.
    ConnectionReset {
        /// Whether the call was carried out before the connection broke.
        after_effect: bool,
    },
    /// The call is carried out that much later.
    Delay(Duration),
    /// The call is carried out, and its answer is cut in half.
    MalformedBody,
    /// The call is accepted, and what it began fails at its end: for EKS's `CreateAddon`, `UpdateAddon`
    /// and `DeleteAddon`. Any other call fails at once, as by `InternalError`.
    FailLater,
    /// The call is held and never answered: until its client is gone, or until it is released,
    /// which resets its connection.
    Hold {
        /// Whether it is carried out before it is held. If not, it never is.
        after_effect: bool,
    },
}

/// A fault waiting for its calls.
///
/// Its text form is `SERVICE:OPERATION=KIND[@SKIP][xCOUNT]`, for example `iam:AttachRolePolicy=AccessDenied`,
/// `kubernetes:patch serviceaccounts=ConnectionResetAfter@1x2`, `eks:*=Delay(200)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which service.
    pub service: Service,
    /// The action's name; for Kubernetes `verb resource`, with a subresource as `create serviceaccounts/token`;
    /// `*` for all.
    pub operation: String,
    /// In which way.
    pub kind: FaultKind,
    /// How many matching calls pass unharmed first.
    pub from: usize,
    /// How many matching calls it strikes after that; `None` for all.
    pub count: Option<usize>,
}

/// A fault's text form that is not understood: what is wrong, and what the form is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the fault {text:?} is not understood: {problem}; write SERVICE:OPERATION=KIND[@SKIP][xCOUNT], \
     such as iam:AttachRolePolicy=AccessDenied@1x2"
)]
pub struct FaultSyntax {
    text: String,
    problem: String,
}

impl Fault {
    /// A fault that strikes every call of one operation.
    pub fn new(service: Service, operation: impl Into<String>, kind: FaultKind) -> Fault {
        Fault { service, operation: operation.into(), kind, from: 0, count: None }
    }

    /// Whether the fault is about this call at all.
    pub(crate) fn matches(&self, service: Service, operation: &str) -> bool {
        self.service == service && (self.operation == "*" || self.operation.eq_ignore_ascii_case(operation))
    }
}

impl FromStr for Fault {
    type Err = FaultSyntax;

    fn from_str(text: &str) -> Result<Fault, FaultSyntax> {
        parse(text.trim()).map_err(|problem| FaultSyntax { text: text.to_owned(), problem })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}={}", self.service, self.operation, self.kind)?;
        if self.from > 0 {
            write!(f, "@{}", self.from)?;
        }
        self.count.map_or(Ok(()), |count| write!(f, "x{count}"))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Service::Iam => "iam",
            Service::Sts => "sts",
            Service::Eks => "eks",
            Service::Kubernetes => "kubernetes",
        })
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultKind::AccessDenied => "AccessDenied",
            FaultKind::Throttling => "Throttling",
            FaultKind::InternalError => "InternalError",
            FaultKind::ConnectionReset { after_effect: false } => "ConnectionReset",
            FaultKind::ConnectionReset { after_effect: true } => "ConnectionResetAfter",
            FaultKind::MalformedBody => "MalformedBody",
            FaultKind::FailLater => "FailLater",
            FaultKind::Hold { after_effect: false } => "Hold",
            FaultKind::Hold { after_effect: true } => "HoldAfter",
            FaultKind::Delay(time) => return write!(f, "Delay({})", time.as_millis()),
        })
    }
}

fn parse(text: &str) -> Result<Fault, String> {
    let (service, rest) = text.split_once(':').ok_or("there is no colon after the service")?;
    let (operation, kind) = rest.split_once('=').ok_or("there is no = after the operation")?;
    let service = match service {
        "iam" => Service::Iam,
        "sts" => Service::Sts,
        "eks" => Service::Eks,
        "kubernetes" => Service::Kubernetes,
        other => return Err(format!("the service is iam, sts, eks or kubernetes, not {other:?}")),
    };
    if operation.is_empty() {
        return Err("the operation is empty (* stands for all)".to_owned());
    }
    let number = |text: &str, what: &str| text.parse().map_err(|_| format!("{what} is a whole number, not {text:?}"));
    // A kind may hold an x of its own; a count is digits to the end.
    let (kind, count) = match kind.rsplit_once('x') {
        Some((kind, count)) if count.starts_with(|first: char| first.is_ascii_digit()) => {
            (kind, Some(number(count, "the count after x")?))
        }
        _ => (kind, None),
    };
    let (kind, from) = match kind.split_once('@') {
        Some((kind, skip)) => (kind, number(skip, "the number after @")?),
        None => (kind, 0),
    };
    Ok(Fault { service, operation: operation.to_owned(), kind: parse_kind(kind)?, from, count })
}

fn parse_kind(text: &str) -> Result<FaultKind, String> {
    Ok(match text {
        "AccessDenied" => FaultKind::AccessDenied,
        "Throttling" => FaultKind::Throttling,
        "InternalError" => FaultKind::InternalError,
        "ConnectionReset" => FaultKind::ConnectionReset { after_effect: false },
        "ConnectionResetAfter" => FaultKind::ConnectionReset { after_effect: true },
        "MalformedBody" => FaultKind::MalformedBody,
        "FailLater" => FaultKind::FailLater,
        "Hold" => FaultKind::Hold { after_effect: false },
        "HoldAfter" => FaultKind::Hold { after_effect: true },
        other => {
            let milliseconds = other.strip_prefix("Delay(").and_then(|rest| rest.strip_suffix(')'));
            match milliseconds.map(str::parse) {
                Some(Ok(milliseconds)) => FaultKind::Delay(Duration::from_millis(milliseconds)),
                _ => {
                    return Err(format!(
                        "the kind is AccessDenied, Throttling, InternalError, ConnectionReset, ConnectionResetAfter, \
                         MalformedBody, FailLater, Hold, HoldAfter or Delay(MILLISECONDS), not {other:?}"
                    ));
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_reads_back() {
        for text in [
            "iam:AttachRolePolicy=AccessDenied",
            "kubernetes:patch serviceaccounts=ConnectionResetAfter@1x2",
            "eks:*=Delay(200)@3",
            "sts:GetCallerIdentity=Throttlingx1",
            "kubernetes:delete pods=Hold@2x1",
            "iam:CreateRole=HoldAfterx1",
            "eks:UpdateAddon=FailLaterx1",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_fault_that_is_not_understood_says_why_and_how() {
        let message = |text: &str| text.parse::<Fault>().unwrap_err().to_string();
        assert!(message("iam").contains("no colon"), "{}", message("iam"));
        assert!(message("ec2:Run=AccessDenied").contains("not \"ec2\""));
        assert!(message("iam:GetRole=Explode").contains("Delay(MILLISECONDS)"));
        assert!(message("iam:GetRole=AccessDenied@x").contains("SERVICE:OPERATION=KIND"));
    }
}
