//! A step in a few words: what is done to what.

use std::borrow::Cow;
use std::fmt;

use cni_plan_core::{Action, Change, Run, Target};

use crate::lines::Mark;

/// `role` and `AmazonEKSVPCCNIRole`, `attach` and `AmazonEKS_CNI_Policy -> AmazonEKSVPCCNIRole`.
pub(crate) struct Headline<'a> {
    pub(crate) mark: Mark,
    pub(crate) noun: &'static str,
    pub(crate) name: Cow<'a, str>,
}

impl fmt::Display for Headline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun, self.name)
    }
}

/// Names a step by its target.
pub(crate) fn headline(change: &Change) -> Headline<'_> {
    let mark = match change.action {
        Action::Create => Mark::Add,
        Action::Update => Mark::Alter,
        Action::Delete => Mark::Remove,
        Action::Run => Mark::Run,
        Action::None => Mark::Same,
    };
    let (noun, name) = match &change.target {
        Target::OidcProvider { arn, .. } => ("oidc-provider", after(arn, ":oidc-provider/").into()),
        Target::Policy { arn, .. } => ("policy", last(arn).into()),
        Target::Role { name, .. } => ("role", name.into()),
        Target::Attachment { role, policy_arn, .. } => {
            // By what it leaves behind and not by its kind: rolling a detach back attaches.
            let (noun, arrow) = if change.after.is_some() { ("attach", "->") } else { ("detach", "off") };
            (noun, format!("{} {arrow} {role}", last(policy_arn)).into())
        }
        Target::ServiceAccount { namespace, name, .. } => ("annotate", format!("{namespace}/{name}").into()),
        Target::Pods { namespace, service_account, .. } => {
            let noun = match change.run {
                Some(Run::Probe { .. }) => "probe",
                Some(Run::Restart { .. }) => "restart",
                Some(Run::Verify { .. }) => "verify",
                Some(Run::Confirm { .. }) => "confirm",
                None => "pods",
            };
            (noun, format!("{namespace}/{service_account}").into())
        }
    };
    Headline { mark, noun, name }
}

fn after<'a>(arn: &'a str, mark: &str) -> &'a str {
    arn.split_once(mark).map_or(arn, |(_, name)| name)
}

/// A policy's name is the last part of its ARN, after its path.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
