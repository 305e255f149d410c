//! The answer to one question.

use std::fmt;

/// Whether a role may do something, as far as its own policies and its boundary say. Policies of the
/// organization, of a VPC endpoint and of a session are not seen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict<'a> {
    /// For everything that was asked, without a condition.
    Allowed,
    /// Only by a statement that cannot be judged here: it has a condition, or a variable in its resource.
    Conditional {
        /// The policy, or the boundary, that says so.
        policy: &'a str,
    },
    /// For some of the resources that were asked about, or not provably for all.
    InPart {
        /// The policy, or the boundary, that says so.
        policy: &'a str,
    },
    /// No policy of the role allows any of it.
    NotAllowed,
    /// A policy of the role allows it; its boundary does not.
    OutsideBoundary {
        /// The boundary.
        policy: &'a str,
    },
    /// Allowed, but for a Deny that cannot be judged here, or that is about some of the resources.
    PerhapsDenied {
        /// The policy with the Deny.
        policy: &'a str,
    },
    /// A Deny is about all of it and has no condition.
    Denied {
        /// The policy with the Deny.
        policy: &'a str,
    },
}

impl Verdict<'_> {
    /// Whether it is surely allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Verdict::Allowed)
    }

    /// Whether it is surely not allowed, for none of the resources.
    pub fn is_refused(&self) -> bool {
        matches!(self, Verdict::NotAllowed | Verdict::OutsideBoundary { .. } | Verdict::Denied { .. })
    }
}

/// A clause for people: `ec2:CreateTags is …`.
impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Allowed => f.write_str("allowed"),
            Verdict::Conditional { policy } => {
                write!(f, "allowed by `{policy}` on conditions that cannot be judged beforehand")
            }
            Verdict::InPart { policy } => write!(f, "allowed by `{policy}` for some of the resources only"),
            Verdict::NotAllowed => f.write_str("allowed by no policy"),
            Verdict::OutsideBoundary { policy } => write!(f, "outside the permissions boundary `{policy}`"),
            Verdict::PerhapsDenied { policy } => {
                write!(f, "perhaps denied by `{policy}`: on conditions, or for some of the resources")
            }
            Verdict::Denied { policy } => write!(f, "denied by `{policy}`"),
        }
    }
}
