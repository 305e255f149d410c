//! What a role is allowed to do: IAM policies, judged by what they mean.
//!
//! Names say little: there are inline policies, copies under other names, and broader ones. So a role's
//! documents are put together in [`Permissions`] and asked for each [`Need`] of the plugin. The answer
//! is a [`Verdict`], and it errs to one side only: `Allowed` is said where no condition, variable or
//! Deny can make it untrue, `Denied` where none can make the Deny void; between the two it says what
//! stands in the way.
//!
//! The rules are those of the IAM User Guide, "Policy evaluation logic": an explicit Deny wins, then
//! the boundary has to allow it, then a policy of the role. Nothing is asked of AWS here, and documents
//! come parsed: one that cannot be read is the caller's to report, and never to be left out in silence.
//!
//! `pattern` and `inclusion` compare wildcards, `condition` judges what little can be, `rule` is one
//! statement, `bearing` says which statements matter at all, `need` and `plugin_version` are the plugin's side.

mod bearing;
mod condition;
mod inclusion;
mod need;
mod pattern;
mod plugin_version;
mod reach;
mod rule;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use bearing::{Bearing, bearing};
pub use condition::Context;
pub(crate) use condition::{Holds, holds, matches_literally};
pub use need::{Need, NeedKind, PluginProfile, needs};
pub use plugin_version::{PluginVersion, PluginVersionError};
pub use verdict::Verdict;

use reach::Reach;
use rule::{Asked, Rule};

use serde_json::json;

use crate::PolicyDocument;

/// The policies of one role, ready to be asked: attached and inline ones alike, and its boundary.
#[derive(Debug, Clone, Default)]
pub struct Permissions {
    context: Context,
    policies: Vec<Policy>,
    boundary: Option<Policy>,
}

#[derive(Debug, Clone)]
struct Policy {
    name: String,
    rules: Vec<Rule>,
}

/// A need that is not surely met, and what stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lacking<'a> {
    /// What is needed.
    pub need: &'a Need,
    /// Anything but [`Verdict::Allowed`].
    pub verdict: Verdict<'a>,
}

impl Permissions {
    /// Of a role without any policy, where these keys of its requests are known.
    pub fn new(context: Context) -> Permissions {
        Permissions { context, ..Permissions::default() }
    }

    /// Of a role with this one policy and no boundary, where nothing is known of its requests.
    pub fn of(name: impl Into<String>, document: &PolicyDocument) -> Permissions {
        Permissions::default().with_policy(name, document)
    }

    /// The same with one more policy of the role, attached or inline. The name is for people.
    #[must_use]
    pub fn with_policy(mut self, name: impl Into<String>, document: &PolicyDocument) -> Permissions {
        let policy = Policy::new(name.into(), document, &self.context);
        self.policies.push(policy);
        self
    }

    /// The same with a policy that is known to allow whatever is asked for here, and has not been read.
    #[must_use]
    pub fn with_all_allowed_by(self, name: impl Into<String>) -> Permissions {
        let everything =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        self.with_policy(name, &PolicyDocument::try_from(everything).expect("it is a document"))
    }

    /// The same within this boundary, in place of any that was there.
    #[must_use]
    pub fn with_boundary(mut self, name: impl Into<String>, document: &PolicyDocument) -> Permissions {
        self.boundary = Some(Policy::new(name.into(), document, &self.context));
        self
    }

    /// The same without the policies of this name: what is left once one is detached.
    #[must_use]
    pub fn without_policy(mut self, name: &str) -> Permissions {
        self.policies.retain(|policy| policy.name != name);
        self
    }

    /// Whether the role may do this to that. Both can have wildcards, `*` and `?`, and then the answer
    /// is about everything they stand for. Where several policies would do to explain it, the one whose
    /// name sorts first is named, so that their order never shows.
    pub fn verdict(&self, action: &str, resource: &str) -> Verdict<'_> {
        let asked = Asked::new(action, resource);
        let all = self.policies.iter().chain(&self.boundary);
        let (denied, by) = furthest(all, |rule| rule.denies, &asked);
        if denied == Reach::Whole {
            return Verdict::Denied { policy: by };
        }
        let (granted, policy) = furthest(&self.policies, |rule| !rule.denies, &asked);
        if granted == Reach::Nothing {
            return Verdict::NotAllowed;
        }
        let boundary = self.boundary.as_ref().map_or("", |boundary| &boundary.name);
        let within = match &self.boundary {
            Some(boundary) => furthest([boundary], |rule| !rule.denies, &asked).0,
            None => Reach::Whole,
        };
        if within == Reach::Nothing {
            return Verdict::OutsideBoundary { policy: boundary };
        }
        match (granted.min(within), if within < granted { boundary } else { policy }) {
            (Reach::Whole, _) if denied != Reach::Nothing => Verdict::PerhapsDenied { policy: by },
            (Reach::Whole, _) => Verdict::Allowed,
            (Reach::Unjudged, policy) => Verdict::Conditional { policy },
            (Reach::Part | Reach::Nothing, policy) => Verdict::InPart { policy },
        }
    }

    /// The needs that are not surely met, in their order.
    pub fn lacking<'a>(&'a self, needs: &'a [Need]) -> Vec<Lacking<'a>> {
        let lacking = needs.iter().map(|need| Lacking { need, verdict: self.verdict(need.action, &need.resource) });
        lacking.filter(|lacking| !lacking.verdict.is_allowed()).collect()
    }

    /// Whether every one of these needs that `other` may meet is surely met by `self`. So a role whose
    /// own policies cover one that is to be detached keeps what it has of these; and a policy that
    /// `self` covers, and that covers `self`, is an equal one under another name.
    pub fn covers(&self, other: &Permissions, needs: &[Need]) -> bool {
        needs.iter().all(|need| {
            self.verdict(need.action, &need.resource).is_allowed()
                || other.verdict(need.action, &need.resource).is_refused()
        })
    }

    /// Whether both surely meet the same of these needs, and neither may meet any other.
    pub fn is_equal_for(&self, other: &Permissions, needs: &[Need]) -> bool {
        self.covers(other, needs) && other.covers(self, needs)
    }
}

impl Policy {
    fn new(name: String, document: &PolicyDocument, context: &Context) -> Policy {
        let rules = document.statements().iter().filter_map(|statement| Rule::new(statement, context));
        Policy { name, rules: rules.collect() }
    }
}

/// How far the rules of a kind reach at most, and the first name of a policy that reaches as far.
fn furthest<'a>(
    policies: impl IntoIterator<Item = &'a Policy>,
    is_of_kind: impl Fn(&Rule) -> bool,
    asked: &Asked,
) -> (Reach, &'a str) {
    let mut furthest = (Reach::Nothing, "");
    for policy in policies {
        for rule in policy.rules.iter().filter(|rule| is_of_kind(rule)) {
            let reach = rule.reach(asked);
            let is_first = reach == furthest.0 && policy.name.as_str() < furthest.1;
            if reach > furthest.0 || is_first && reach != Reach::Nothing {
                furthest = (reach, &policy.name);
            }
        }
    }
    furthest
}
