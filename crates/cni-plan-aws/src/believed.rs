//! Reads of IAM that can be believed, though its readers lag behind its writers.
//!
//! A single answer is the truth where nothing was written lately. Where this process wrote, it knows
//! what to expect and waits for it. Where it is not known what came of a write, or whether another
//! process made one, an answer counts once it has stayed the same for long enough. "Not there yet" is
//! never taken for "not there".

use cni_plan_core::{ErrorKind, Observation, Overseer, Progress, ProviderError, Resource, Target};
use tokio::time::sleep;

use crate::IamProvider;
use crate::known::agrees;
use crate::recent::LastWrite;
use crate::role_permissions::RoleAnswers;
use crate::watch::{Seen, watch};

/// Reads in a row that have to show a write, where the first one does.
const AGREEING_AT_ONCE: usize = 2;

/// Where a reader has shown that it did not know of the write.
const AGREEING_AFTER_DOUBT: usize = 4;

impl IamProvider {
    /// The state of each target. One read, but for targets that this process wrote to lately and that
    /// are not seen as it left them.
    pub(crate) async fn observed(&self, targets: &[&Target]) -> Vec<Observation> {
        self.observed_sharing(targets, &RoleAnswers::default()).await
    }

    /// The same; the first read is by way of answers that others want too.
    pub(crate) async fn observed_sharing(&self, targets: &[&Target], answers: &RoleAnswers) -> Vec<Observation> {
        let mut seen = self.read_sharing(targets, answers).await;
        let is_suspicious =
            |at: &usize| !matches!(seen[*at], Observation::Unseen(_)) && !self.recent.allow(targets[*at], &seen[*at]);
        let suspicious: Vec<usize> = (0..targets.len()).filter(is_suspicious).collect();
        if suspicious.is_empty() {
            return seen;
        }
        let again: Vec<&Target> = suspicious.iter().map(|&at| targets[at]).collect();
        let stable_for = self.visibility.stable_for();
        let believed = watch(
            &again,
            self.visibility.delays(),
            |target, answer, lasted| lasted >= stable_for || self.recent.allow(target, answer),
            |open| async move { self.read(&open).await },
        )
        .await;
        for (at, now) in suspicious.into_iter().zip(believed) {
            seen[at] = self.judged(targets[at], now);
        }
        seen
    }

    /// The state of each target, whoever wrote to it last and whatever came of that.
    pub(crate) async fn settled(&self, targets: &[&Target]) -> Vec<Observation> {
        let stable_for = self.visibility.stable_for();
        let believed = watch(
            targets,
            self.visibility.even_delays(),
            |target, answer, lasted| lasted >= stable_for || self.recent.vouch_for(target, answer),
            |open| async move { self.read(&open).await },
        )
        .await;
        targets.iter().zip(believed).map(|(target, now)| self.judged(target, now)).collect()
    }

    /// [`IamProvider::observed`] of one target.
    pub(crate) async fn observed_one(&self, target: &Target) -> Observation {
        self.observed(&[target]).await.pop().unwrap_or(Observation::Absent)
    }

    /// [`IamProvider::settled`] of one target.
    pub(crate) async fn settled_one(&self, target: &Target) -> Observation {
        self.settled(&[target]).await.pop().unwrap_or(Observation::Absent)
    }

    /// The state of a target that there is reason to take for there: absence is believed only when the
    /// time is up, what `is_it` knows at once, anything else when it has stayed the same.
    pub(crate) async fn shown(&self, target: &Target, is_it: impl Fn(&Observation) -> bool) -> Observation {
        let stable_for = self.visibility.stable_for();
        let seen = watch(
            &[target],
            self.visibility.delays(),
            |_, answer, lasted| match answer {
                Observation::Absent => false,
                _ => lasted >= stable_for || is_it(answer),
            },
            |open| async move { self.read(&open).await },
        )
        .await;
        match seen.into_iter().next() {
            Some(Seen::Believed(answer) | Seen::NotInTime(answer)) => answer,
            None => Observation::Absent,
        }
    }

    /// Waits until readers show what a write left, and tells so where they do not at once. Several in a row
    /// have to: one may be ahead of the others.
    ///
    /// # Errors
    /// When they do not in time, and when they cannot be asked.
    pub(crate) async fn until_visible(
        &self,
        target: &Target,
        left: Option<&Resource>,
        overseer: &dyn Overseer,
    ) -> Result<(), ProviderError> {
        let mut delays = self.visibility.delays();
        let (mut agreeing, mut wanted) = (0, AGREEING_AT_ONCE);
        let mut is_told = false;
        loop {
            match self.read(&[target]).await.pop() {
                Some(Observation::Unseen(error)) => return Err(error),
                Some(seen) if agrees(left, &seen) => agreeing += 1,
                _ => (agreeing, wanted) = (0, AGREEING_AFTER_DOUBT),
            }
            if agreeing == wanted {
                return Ok(());
            }
            if wanted == AGREEING_AFTER_DOUBT {
                let Some(delay) = delays.next() else { return Err(self.not_visible(target)) };
                if !std::mem::replace(&mut is_told, true) {
                    overseer.tell(Progress::Told("waiting for IAM to show it to all its readers".to_owned()));
                }
                // A reader that knows is asked again soon, one that does not is given time.
                sleep(if agreeing > 0 { delay.min(self.visibility.first_delay()) } else { delay }).await;
            }
        }
    }

    fn judged(&self, target: &Target, seen: Seen) -> Observation {
        let answer = match seen {
            Seen::Believed(answer) => answer,
            Seen::NotInTime(_) => return Observation::Unseen(self.restless(target)),
        };
        match &answer {
            Observation::Present(resource) => self.remember(target, Some(resource)),
            Observation::Absent => self.remember(target, None),
            Observation::Unseen(_) => {}
        }
        answer
    }

    /// What one reader shows now and was waited for, another may not show yet.
    fn remember(&self, target: &Target, state: Option<&Resource>) {
        self.recent.record(target, LastWrite::Left(state.cloned()));
    }

    fn not_visible(&self, target: &Target) -> ProviderError {
        ProviderError {
            kind: ErrorKind::Timeout,
            what: format!("cannot see the change of {} in account {}", name_of(target), self.account()),
            why: format!(
                "the change was made, but IAM does not show it to its readers yet, after {:?}",
                self.visibility.bound()
            ),
            cure: "give IAM a few minutes, then look again; CNI_PLAN_IAM_VISIBILITY=5m waits longer".to_owned(),
        }
    }

    pub(crate) fn restless(&self, target: &Target) -> ProviderError {
        ProviderError {
            kind: ErrorKind::Timeout,
            what: format!("cannot tell how {} is in account {}", name_of(target), self.account()),
            why: format!("IAM's answers have not stayed the same within {:?}", self.visibility.bound()),
            cure: "see whether someone else is changing it, then run it again in a few minutes".to_owned(),
        }
    }
}

fn name_of(target: &Target) -> String {
    match target {
        Target::OidcProvider { arn, .. } => format!("OIDC provider {arn}"),
        Target::Policy { arn, .. } => format!("policy {arn}"),
        Target::Role { name, .. } => format!("role {name}"),
        Target::Attachment { role, policy_arn, .. } => format!("policy {policy_arn} on role {role}"),
        Target::ServiceAccount { name, .. } => format!("service account {name}"),
        Target::Pods { service_account, .. } => format!("the pods of service account {service_account}"),
    }
}
