//! The associations of a cluster, for all who ask for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cni_plan_core::{AssociationInEffect, AssociationReader, BoxFuture, ClusterRef, ProviderError};
use futures::FutureExt;
use futures::future::{Shared, WeakShared};

use super::association::{self, Found};
use crate::Aws;
use crate::session::Session;

/// Reads the Pod Identity associations of one cluster. Whoever asks while another is being answered is told
/// the same.
pub struct Associations {
    pub(super) session: Arc<Session>,
    /// As EKS knows it.
    pub(super) cluster: String,
    /// How long it may take until a change is in effect.
    pub(super) lag: Duration,
    under_way: Mutex<HashMap<ServiceAccount, WeakShared<Answer>>>,
}

/// Namespace and name.
type ServiceAccount = (String, String);
type Answer = BoxFuture<'static, Result<Option<Found>, ProviderError>>;

impl Aws {
    /// The associations of a cluster. Calls nobody.
    ///
    /// # Errors
    /// Without usable credentials or a region, and when `CNI_PLAN_IAM_VISIBILITY` is no duration.
    pub async fn associations(&self, cluster: &ClusterRef) -> Result<Arc<Associations>, ProviderError> {
        let session = self.session(cluster).await?;
        // "Several seconds" (EKS API reference, CreatePodIdentityAssociation); IAM's readers are given as long.
        let lag = self.visibility()?.stable_for();
        Ok(Arc::new(Associations { session, cluster: cluster.name.clone(), lag, under_way: Mutex::default() }))
    }
}

impl Associations {
    /// The one of a service account.
    pub(super) async fn of(&self, namespace: &str, service_account: &str) -> Result<Option<Found>, ProviderError> {
        let asked = (namespace.to_owned(), service_account.to_owned());
        let answer = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            match under_way.get(&asked).and_then(WeakShared::upgrade) {
                Some(answer) => answer,
                None => {
                    let answer = self.ask(&asked);
                    under_way.extend(answer.downgrade().map(|answer| (asked, answer)));
                    answer
                }
            }
        };
        answer.await
    }

    fn ask(&self, (namespace, service_account): &ServiceAccount) -> Shared<Answer> {
        let (session, cluster) = (Arc::clone(&self.session), self.cluster.clone());
        let (namespace, service_account) = (namespace.clone(), service_account.clone());
        let answer: Answer =
            Box::pin(async move { association::of(&session, &cluster, &namespace, &service_account).await });
        answer.shared()
    }
}

impl AssociationReader for Associations {
    fn in_effect<'a>(
        &'a self,
        namespace: &'a str,
        service_account: &'a str,
    ) -> BoxFuture<'a, Result<Option<AssociationInEffect>, ProviderError>> {
        Box::pin(async move {
            let found = self.of(namespace, service_account).await?;
            Ok(found.map(|it| AssociationInEffect::new(it.state.role_arn, it.created, it.modified, self.lag)))
        })
    }
}
