//! EKS's part in what gives the plugin's pods their identity: the add-on that writes the annotation, the
//! Pod Identity association that comes before it.
//!
//! The service account itself is another provider's, which this one stands around: what EKS says is joined
//! to what that has seen, and of a change each does its own share.

mod addon;
mod association;
mod associations;
mod wait;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use cni_plan_core::{
    AddonRole, Association, BoxFuture, Change, Observation, Overseer, Provider, ProviderError, Resource,
    ServiceAccount, Target,
};
use futures::future::{OptionFuture, join, join_all, try_join};

use crate::session::Session;

pub use associations::Associations;

/// A cluster's provider, with EKS behind the targets that ask for it.
struct EksIdentity {
    associations: Arc<Associations>,
    api_server: Arc<dyn Provider>,
}

impl Associations {
    /// `api_server`, which answers for the cluster, together with what EKS has of its service accounts.
    pub fn with(self: Arc<Self>, api_server: Arc<dyn Provider>) -> Arc<dyn Provider> {
        Arc::new(EksIdentity { associations: self, api_server })
    }
}

impl Provider for EksIdentity {
    fn observe<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(async move {
            let (seen, shares) = join(self.api_server.observe(targets), self.shares(targets)).await;
            seen.into_iter().zip(shares).map(joined).collect()
        })
    }

    /// An update of the add-on may be under way that nobody waits for any more: what it comes to is waited for.
    fn settle<'a>(&'a self, targets: &'a [&'a Target]) -> BoxFuture<'a, Vec<Observation>> {
        Box::pin(async move {
            let asks = |target: &Target| matches!(target, Target::ServiceAccount { addon: true, .. });
            let is_asked = targets.iter().any(|target| asks(target));
            let at_rest =
                OptionFuture::from(is_asked.then(|| addon::at_rest(self.session(), self.cluster(), || ()))).await;
            // What may still come is not to be seen, and is never taken for what there was before.
            let restless = at_rest.and_then(Result::err);
            let (seen, shares) = join(self.api_server.settle(targets), self.shares(targets)).await;
            let shares = shares.into_iter().zip(targets).map(|(share, target)| match &restless {
                Some(error) if asks(target) => Err(error.clone()),
                _ => share,
            });
            seen.into_iter().zip(shares).map(joined).collect()
        })
    }

    fn apply<'a>(&'a self, change: &'a Change, overseer: &'a dyn Overseer) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async move {
            match (&change.target, change.service_accounts()) {
                (Target::ServiceAccount { addon, association, .. }, [Some(before), Some(after)])
                    if *addon || *association =>
                {
                    self.give(change, before, after, overseer).await
                }
                _ => self.api_server.apply(change, overseer).await,
            }
        })
    }
}

/// What EKS says of a service account.
#[derive(Debug, Default)]
struct Share {
    addon: Option<AddonRole>,
    association: Option<Association>,
}

impl EksIdentity {
    fn session(&self) -> &Session {
        &self.associations.session
    }

    fn cluster(&self) -> &str {
        &self.associations.cluster
    }

    async fn shares(&self, targets: &[&Target]) -> Vec<Result<Share, ProviderError>> {
        join_all(targets.iter().map(|target| self.share(target))).await
    }

    async fn share(&self, target: &Target) -> Result<Share, ProviderError> {
        let Target::ServiceAccount { namespace, name, addon, association, .. } = target else {
            return Ok(Share::default());
        };
        let (session, cluster) = (self.session(), self.cluster());
        let (addon, association) = try_join(
            async { OptionFuture::from(addon.then(|| addon::role(session, cluster))).await.transpose() },
            async {
                let asked = association.then(|| self.associations.of(namespace, name));
                OptionFuture::from(asked).await.transpose()
            },
        )
        .await?;
        Ok(Share { addon: addon.flatten(), association: association.flatten().map(|found| found.state) })
    }

    /// What comes before everything else is made first and taken away last, so that a pod born in between
    /// takes what one takes before the change or after it.
    async fn give(
        &self,
        change: &Change,
        before: &ServiceAccount,
        after: &ServiceAccount,
        overseer: &dyn Overseer,
    ) -> Result<(), ProviderError> {
        if after.association.is_some() {
            self.associate(before, after, overseer).await?;
            self.until_known(before, after, overseer).await;
        }
        match (&before.addon, &after.addon) {
            (Some(found), Some(wanted)) => {
                let now = self.account(change).await?;
                let is_to_write = now.is_none_or(|now| unlike(&now, after).is_some());
                addon::set_role(self.session(), self.cluster(), found, wanted, is_to_write, overseer).await?;
                self.until_annotated(change, after, overseer).await?;
            }
            _ if before.annotations != after.annotations => {
                overseer.holds_locks().await?;
                self.api_server.apply(&without_shares(change), overseer).await?;
            }
            _ => {}
        }
        if after.association.is_none() {
            self.associate(before, after, overseer).await?;
        }
        Ok(())
    }

    /// EKS does not say when an association that was made or changed is in effect: until then pods are born by the
    /// annotation, which may be about to go, or with the role from before it.
    async fn until_known(&self, before: &ServiceAccount, after: &ServiceAccount, overseer: &dyn Overseer) {
        /// A pod is told from one that was born before by the second of its birth.
        const TO_THE_NEXT_SECOND: Duration = Duration::from_secs(1);
        let lag = self.associations.lag;
        let wait = match &before.association {
            None if before.annotations != after.annotations => lag,
            Some(_) if before.association != after.association => lag + TO_THE_NEXT_SECOND,
            _ => return,
        };
        addon::tell(overseer, "waiting until EKS knows everywhere of the Pod Identity association");
        tokio::time::sleep(wait).await;
    }

    async fn associate(
        &self,
        before: &ServiceAccount,
        after: &ServiceAccount,
        overseer: &dyn Overseer,
    ) -> Result<(), ProviderError> {
        if before.association == after.association {
            return Ok(());
        }
        association::set(self.session(), self.cluster(), before, after, overseer).await
    }

    /// EKS has said that the add-on is updated; that its service account names the role is to be seen.
    async fn until_annotated(
        &self,
        change: &Change,
        after: &ServiceAccount,
        overseer: &dyn Overseer,
    ) -> Result<(), ProviderError> {
        let waits = || addon::tell(overseer, "waiting for EKS to annotate the service account");
        let annotated = wait::until(wait::FOR_THE_ANNOTATION, waits, || async {
            let Some(now) = self.account(change).await? else {
                return Err(addon::not_annotated(self.session(), self.cluster(), "the service account has gone"));
            };
            let Some(key) = unlike(&now, after) else { return Ok(ControlFlow::Break(())) };
            let found = now.annotations.get(key);
            let found = found.map_or_else(|| "is not there".to_owned(), |found| format!("is {}", found.value));
            Ok(ControlFlow::Continue(format!("annotation {key} {found}")))
        });
        match annotated.await? {
            ControlFlow::Break(()) => Ok(()),
            ControlFlow::Continue(why) => Err(addon::not_annotated(self.session(), self.cluster(), &why)),
        }
    }

    /// The service account as its API server has it; `None`: it is not there.
    async fn account(&self, change: &Change) -> Result<Option<ServiceAccount>, ProviderError> {
        match self.api_server.observe(&[&change.target]).await.pop() {
            Some(Observation::Present(Resource::ServiceAccount(now))) => Ok(Some(now)),
            Some(Observation::Unseen(error)) => Err(error),
            _ => Ok(None),
        }
    }
}

/// The first annotation that is not as it is to be.
fn unlike<'a>(now: &ServiceAccount, after: &'a ServiceAccount) -> Option<&'a String> {
    let value = |account: &ServiceAccount, key: &String| account.annotations.get(key).map(|it| it.value.clone());
    after.annotations.keys().find(|key| value(now, key) != value(after, key))
}

/// What the API server has to do of a change.
fn without_shares(change: &Change) -> Change {
    let plain = |state: &Option<Resource>| match state {
        Some(Resource::ServiceAccount(account)) => {
            Some(Resource::ServiceAccount(ServiceAccount { addon: None, association: None, ..account.clone() }))
        }
        other => other.clone(),
    };
    Change { before: plain(&change.before), after: plain(&change.after), ..change.clone() }
}

fn joined((seen, share): (Observation, Result<Share, ProviderError>)) -> Observation {
    match (seen, share) {
        (Observation::Present(Resource::ServiceAccount(account)), Ok(Share { addon, association })) => {
            Observation::Present(Resource::ServiceAccount(ServiceAccount { addon, association, ..account }))
        }
        (Observation::Present(_), Err(error)) => Observation::Unseen(error),
        (seen, _) => seen,
    }
}

#[cfg(test)]
mod tests;
