//! IAM of one account behind core's [`Provider`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cni_plan_core::{
    BoxFuture, Change, ErrorKind, Observation, Overseer, Provider, ProviderError, Resource, RoleAsked, Target,
    WithRoles,
};
use futures::future::join;

use crate::attachment::inspect::AttachedPolicies;
use crate::failure::Intent;
use crate::login::Caller;
use crate::recent::{LastWrite, RecentWrites};
use crate::repeats::Repeats;
use crate::role_permissions::{self, RoleAnswers};
use crate::session::Session;
use crate::transition::Transition;
use crate::transport::at_most;
use crate::{Visibility, attachment, oidc_provider, policy, role};

/// Calls under way at once while observing; IAM throttles far below what a connection could carry.
const AT_ONCE: usize = 16;

/// One account's IAM, by one caller.
pub struct IamProvider {
    session: Arc<Session>,
    caller: Caller,
    pub(crate) visibility: Visibility,
    pub(crate) recent: RecentWrites,
}

impl IamProvider {
    pub(crate) fn new(session: Arc<Session>, caller: Caller, visibility: Visibility) -> IamProvider {
        IamProvider { session, caller, visibility, recent: RecentWrites::kept_for(visibility.bound()) }
    }

    /// The account's twelve digits.
    pub fn account(&self) -> &str {
        &self.caller.account
    }

    /// The ARN of the user or role that calls.
    pub fn caller_arn(&self) -> &str {
        &self.caller.arn
    }

    /// The region of the cluster that it was asked for.
    pub(crate) fn region(&self) -> &str {
        &self.session.region
    }

    pub(crate) fn client(&self) -> &aws_sdk_iam::Client {
        &self.session.iam
    }

    pub(crate) fn sts(&self) -> &aws_sdk_sts::Client {
        &self.session.sts
    }

    /// A call on `on`; `doing` completes "cannot … in account …".
    pub(crate) fn intent(&self, action: &'static str, on: &str, doing: &str) -> Intent<'_> {
        self.session.intent(action, on, format!("cannot {doing} in account {}", self.caller.account))
    }

    /// One answer about each target, whatever readers may not know yet.
    pub(crate) async fn read(&self, targets: &[&Target]) -> Vec<Observation> {
        self.read_sharing(targets, &RoleAnswers::default()).await
    }

    /// The same, by way of answers that others want too.
    pub(crate) async fn read_sharing(&self, targets: &[&Target], answers: &RoleAnswers) -> Vec<Observation> {
        // Each thing is read once, however many targets name it.
        let distinct: BTreeSet<&Target> = targets.iter().copied().collect();
        let roles: BTreeSet<&str> = distinct.iter().filter_map(|target| role_of_attachment(target)).collect();
        let (alone, listed): (Vec<&Target>, Vec<&Target>) =
            distinct.into_iter().partition(|target| role_of_attachment(target).is_none());
        let none = AttachedPolicies::default();
        let read_alone: Vec<_> = alone.iter().map(|target| self.read_one(target, &none, answers)).collect();
        let lists = AttachedPolicies::read(self, roles, answers, AT_ONCE);
        let (found, attached) = join(at_most(AT_ONCE, read_alone), lists).await;
        let mut seen: BTreeMap<&Target, Observation> = alone.into_iter().zip(found).collect();
        for target in listed {
            seen.insert(target, self.read_one(target, &attached, answers).await);
        }
        targets
            .iter()
            .map(|target| seen.get(target).cloned().expect("every target is among the distinct ones"))
            .collect()
    }

    async fn read_one(&self, target: &Target, attached: &AttachedPolicies, answers: &RoleAnswers) -> Observation {
        let found = match target {
            Target::OidcProvider { arn, .. } => {
                oidc_provider::inspect::inspect(self, arn).await.map(|it| it.map(Resource::OidcProvider))
            }
            Target::Policy { arn, .. } => {
                policy::inspect::inspect(self, target, arn).await.map(|it| it.map(Resource::Policy))
            }
            Target::Role { name, .. } => answers.role(self, name).await.map(|it| it.map(Resource::Role)),
            Target::Attachment { role, policy_arn, .. } => {
                attached.find(role, policy_arn).map(|it| it.map(Resource::Attachment))
            }
            Target::ServiceAccount { .. } | Target::Pods { .. } => Err(not_iam(target)),
        };
        match found {
            Ok(Some(resource)) => Observation::Present(resource),
            Ok(None) => Observation::Absent,
            Err(error) => Observation::Unseen(error),
        }
    }

    async fn carry_out(&self, change: &Change, overseer: &dyn Overseer) -> Result<(), ProviderError> {
        let (written, was_repeated) = Repeats::noticed(self.write(change, overseer)).await;
        match written {
            Ok(left) => {
                self.recent.record(&change.target, LastWrite::Left(left.clone()));
                self.until_visible(&change.target, left.as_ref(), overseer).await
            }
            Err(error) => {
                // What a repetition is refused may have been done by the call before it.
                if is_refusal_of_all(change, &error) && !was_repeated {
                    self.recent.record_refusal(&change.target);
                } else {
                    self.recent.record(&change.target, LastWrite::InDoubt);
                }
                Err(error)
            }
        }
    }

    /// Returns what it left behind, as far as IAM's answers say.
    async fn write(&self, change: &Change, overseer: &dyn Overseer) -> Result<Option<Resource>, ProviderError> {
        match &change.target {
            Target::OidcProvider { arn, .. } => {
                let states = Transition::of(change, overseer, |it| match it {
                    Resource::OidcProvider(provider) => Some(provider),
                    _ => None,
                })?;
                Ok(oidc_provider::apply::apply(self, arn, &states).await?.map(Resource::OidcProvider))
            }
            Target::Policy { arn, .. } => {
                let states = Transition::of(change, overseer, |it| match it {
                    Resource::Policy(policy) => Some(policy),
                    _ => None,
                })?;
                Ok(policy::apply::apply(self, arn, &states).await?.map(Resource::Policy))
            }
            Target::Role { name, .. } => {
                let states = Transition::of(change, overseer, |it| match it {
                    Resource::Role(role) => Some(role),
                    _ => None,
                })?;
                Ok(role::apply::apply(self, name, &states).await?.map(Resource::Role))
            }
            Target::Attachment { role, policy_arn, .. } => {
                let states = Transition::of(change, overseer, |it| match it {
                    Resource::Attachment(attachment) => Some(attachment),
                    _ => None,
                })?;
                attachment::apply::apply(self, role, policy_arn, &states).await?;
                Ok(change.after.clone())
            }
            Target::ServiceAccount { .. } | Target::Pods { .. } => Err(not_iam(&change.target)),
        }
    }
}

impl Provider for IamProvider {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(self.observed(targets))
    }

    fn observe_with_roles<'a>(
        &'a self,
        targets: &'a [&'a Target],
        roles: &'a [&'a RoleAsked],
    ) -> BoxFuture<'a, WithRoles> {
        Box::pin(async move {
            let answers = RoleAnswers::default();
            join(self.observed_sharing(targets, &answers), role_permissions::read(self, roles, &answers)).await
        })
    }

    fn settle<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(self.settled(targets))
    }

    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(self.carry_out(change, overseer))
    }
}

/// Whether a failed change is known to have changed nothing: its one call was refused to this caller,
/// or in view of what is there.
fn is_refusal_of_all(change: &Change, error: &ProviderError) -> bool {
    let is_one_call = match (&change.before, &change.after) {
        (Some(Resource::Policy(_)), None) | (Some(_), Some(_)) => false,
        (None | Some(_), _) => true,
    };
    is_one_call && matches!(error.kind, ErrorKind::Denied | ErrorKind::Credentials | ErrorKind::Conflict)
}

fn role_of_attachment(target: &Target) -> Option<&str> {
    match target {
        Target::Attachment { role, .. } => Some(role),
        _ => None,
    }
}

fn not_iam(target: &Target) -> ProviderError {
    ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot look for {target:?} in IAM"),
        why: "it belongs to a cluster's API server".to_owned(),
        cure: "this is a defect of cni-plan: please report it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::scripted::{ACCOUNT, Scripted, identity, refusal, xml};

    fn role(name: &str) -> Target {
        Target::Role { account: ACCOUNT.to_owned(), name: name.to_owned() }
    }

    fn attachment(role: &str, policy: &str) -> Target {
        let policy_arn = format!("arn:aws:iam::aws:policy/{policy}");
        Target::Attachment { account: ACCOUNT.to_owned(), role: role.to_owned(), policy_arn }
    }

    #[tokio::test]
    async fn one_list_answers_for_all_attachments_of_a_role_page_by_page() {
        let page = |policy: &str, more: &str| {
            let arn = format!("arn:aws:iam::aws:policy/{policy}");
            let member = format!("<member><PolicyName>{policy}</PolicyName><PolicyArn>{arn}</PolicyArn></member>");
            xml("ListAttachedRolePolicies", &format!("<AttachedPolicies>{member}</AttachedPolicies>{more}"))
        };
        let aws = Scripted::start(move |asked| match asked.operation.as_str() {
            "ListAttachedRolePolicies" if asked.body.contains("Marker=more") => {
                page("second", "<IsTruncated>false</IsTruncated>")
            }
            "ListAttachedRolePolicies" => page("first", "<IsTruncated>true</IsTruncated><Marker>more</Marker>"),
            _ => identity(),
        })
        .await;
        let iam = aws.iam().await;
        let targets = [attachment("r", "first"), attachment("r", "second"), attachment("r", "third")];
        let seen = iam.observe(&targets.iter().collect::<Vec<_>>()).await;
        assert!(
            matches!(seen[..], [Observation::Present(_), Observation::Present(_), Observation::Absent]),
            "{seen:?}"
        );
        assert_eq!(aws.operations(), ["ListAttachedRolePolicies"; 2]);
    }

    #[tokio::test]
    async fn an_answer_cut_between_two_elements_is_asked_for_again() {
        let asked_before = AtomicUsize::new(0);
        let aws = Scripted::start(move |asked| {
            let member = "<member><PolicyName>p</PolicyName><PolicyArn>arn:aws:iam::aws:policy/p</PolicyArn></member>";
            let (status, whole) =
                xml("ListAttachedRolePolicies", &format!("<AttachedPolicies>{member}</AttachedPolicies>"));
            match asked.operation.as_str() {
                "ListAttachedRolePolicies" if asked_before.fetch_add(1, Ordering::SeqCst) == 0 => {
                    (status, whole[..whole.find("<member>").unwrap()].to_owned())
                }
                "ListAttachedRolePolicies" => (status, whole),
                _ => identity(),
            }
        })
        .await;
        let seen = aws.iam().await.observe(&[&attachment("r", "p")]).await;
        assert!(matches!(seen[..], [Observation::Present(_)]), "{seen:?}");
        assert_eq!(aws.operations(), ["ListAttachedRolePolicies"; 2]);
    }

    #[tokio::test]
    async fn absent_and_not_to_be_seen_are_told_apart_and_asked_once() {
        let aws = Scripted::start(|asked| match asked.operation.as_str() {
            "GetRole" if asked.body.contains("RoleName=secret") => refusal(403, "AccessDenied"),
            "GetRole" | "ListAttachedRolePolicies" => refusal(404, "NoSuchEntity"),
            _ => identity(),
        })
        .await;
        let iam = aws.iam().await;
        let targets = [role("gone"), role("secret"), attachment("gone", "p"), role("gone")];
        let seen = iam.observe(&targets.iter().collect::<Vec<_>>()).await;
        assert_eq!([&seen[0], &seen[2], &seen[3]], [&Observation::Absent; 3]);
        let Observation::Unseen(error) = &seen[1] else { panic!("{:?}", seen[1]) };
        assert_eq!(error.kind, ErrorKind::Denied);
        assert_eq!(error.what, "cannot read role secret in account 111122223333");
        assert_eq!(error.why, "AccessDenied: because");
        assert_eq!(error.cure, "grant iam:GetRole on role secret to arn:aws:iam::111122223333:user/tester");
        assert_eq!(aws.operations().len(), 3, "{:?}", aws.operations());
    }
}
