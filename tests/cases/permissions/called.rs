//! A call to AWS that the sandbox saw, as IAM would judge it: action, resource, and what is known of the request.

use cni_plan_core::{Context, Permissions, PolicyDocument, Verdict};
use cni_plan_sandbox::{CallRecord, Service};

/// The account of every world here.
const ACCOUNT: &str = "111122223333";

/// An action on a resource.
#[derive(Debug, Clone)]
pub(super) struct AwsCall {
    pub(super) action: String,
    pub(super) resource: String,
    /// Which policy is attached or detached.
    pub(super) policy_arn: Option<String>,
}

impl AwsCall {
    /// `None` of calls that need no permission: who one is, and what a token may do.
    pub(super) fn of(record: &CallRecord) -> Option<AwsCall> {
        let (operation, subject) = (record.operation.as_str(), record.resource.as_str());
        let action = format!("{}:{operation}", record.service);
        match record.service {
            Service::Iam => Some(AwsCall { action, ..of_iam(operation, subject) }),
            Service::Eks => {
                // Which names no cluster and is about none.
                let resource = if operation == "ListClusters" { "*" } else { subject };
                Some(AwsCall { action, resource: resource.to_owned(), policy_arn: None })
            }
            Service::Kubernetes => None,
            Service::Sts => {
                assert!(["GetCallerIdentity", "AssumeRoleWithWebIdentity"].contains(&operation), "{action}");
                None
            }
        }
    }

    /// By a policy whose verdicts do not outlive it, as a word.
    pub(super) fn verdict_of(&self, policy: &PolicyDocument) -> Told {
        let context = match &self.policy_arn {
            Some(arn) => Context::default().with("iam:PolicyARN", arn.as_str()),
            None => Context::default(),
        };
        let permissions = Permissions::new(context).with_policy("printed", policy);
        let verdict: Verdict<'_> = permissions.verdict(&self.action, &self.resource);
        Told { is_allowed: verdict.is_allowed(), words: format!("{verdict:?}") }
    }
}

/// A verdict.
pub(super) struct Told {
    is_allowed: bool,
    words: String,
}

impl Told {
    pub(super) fn is_allowed(&self) -> bool {
        self.is_allowed
    }
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.words)
    }
}

/// The sandbox says a call's parameters one after another: a policy's ARN, a role's name, a policy's name, and so on.
fn of_iam(operation: &str, subject: &str) -> AwsCall {
    let arn = |kind: &str, name: &str| format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}");
    let parts: Vec<&str> = subject.split(' ').collect();
    let (resource, policy_arn) = match (operation, parts.as_slice()) {
        ("AttachRolePolicy" | "DetachRolePolicy", [policy, role]) => (arn("role", role), Some((*policy).to_owned())),
        ("CreatePolicy", [name]) => (arn("policy", name), None),
        ("CreateOpenIDConnectProvider", [url]) => (arn("oidc-provider", url.trim_start_matches("https://")), None),
        ("GetRolePolicy", [role, _]) => (arn("role", role), None),
        (_, [one]) if one.starts_with("arn:") => ((*one).to_owned(), None),
        (_, [role]) => (arn("role", role), None),
        _ => panic!("it is not told here what {operation} of {subject:?} is about"),
    };
    AwsCall { action: String::new(), resource, policy_arn }
}
