//! The way in: sessions of clusters, shared between those that share credentials.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use cni_plan_core::{CallObserver, ClusterFacts, ClusterRef, ProviderError, TokenSource};

use crate::credentials::CredentialsKey;
use crate::login::Login;
use crate::once::Once;
use crate::session::Session;
use crate::token::ClusterToken;
use crate::{AwsOptions, IamProvider, Visibility, region, transport};

/// Amazon, as the environment and the spec's profiles give access to it. Making one calls nothing;
/// configuration, credentials and certificates are loaded when the first cluster needs them.
pub struct Aws {
    options: AwsOptions,
    observer: Arc<dyn CallObserver>,
    http: SharedHttpClient,
    regions: Once<Option<String>, String>,
    logins: Once<CredentialsKey, Arc<Login>>,
    sessions: Once<(CredentialsKey, String), Arc<Session>>,
}

impl Aws {
    /// With these options; every call is told to `observer`.
    pub fn new(options: AwsOptions, observer: Arc<dyn CallObserver>) -> Aws {
        let http = transport::client(options.endpoint_url.as_deref());
        Aws { options, observer, http, regions: Once::default(), logins: Once::default(), sessions: Once::default() }
    }

    /// IAM of the account that the cluster's credentials belong to. Clients are shared between
    /// clusters of the same credentials and region.
    ///
    /// # Errors
    /// Without usable credentials or a region, when the spec names another account, and when
    /// `CNI_PLAN_IAM_VISIBILITY` is no duration.
    pub async fn account(&self, cluster: &ClusterRef) -> Result<Arc<IamProvider>, ProviderError> {
        let visibility = self.visibility()?;
        let session = self.session(cluster).await?;
        let caller = session.caller().await?.clone();
        caller.must_be_of(cluster)?;
        Ok(Arc::new(IamProvider::new(session, caller, visibility)))
    }

    /// For how long readers may lag behind writers.
    pub(crate) fn visibility(&self) -> Result<Visibility, ProviderError> {
        self.options.visibility.map_or_else(Visibility::of_environment, Ok)
    }

    /// Tokens for the cluster's API server, made in process. Calls nothing before the first token
    /// is asked for.
    pub fn token_source(self: &Arc<Self>, cluster: &ClusterRef, facts: &ClusterFacts) -> Arc<dyn TokenSource> {
        let cluster = ClusterRef { region: Some(facts.region.clone()), ..cluster.clone() };
        Arc::new(ClusterToken::new(Arc::clone(self), cluster))
    }

    /// The session of a cluster's credentials in its region.
    pub(crate) async fn session(&self, cluster: &ClusterRef) -> Result<Arc<Session>, ProviderError> {
        let key = CredentialsKey::of(&self.options, cluster);
        let region = match &cluster.region {
            Some(region) => region.clone(),
            None => self.default_region(cluster).await?,
        };
        let login = self
            .logins
            .get(key.clone(), || async {
                Ok(Arc::new(Login::load(&self.options, &key, &region, &self.http, &self.observer).await))
            })
            .await?;
        self.sessions
            .get((key, region.clone()), || async { Ok(Arc::new(Session::new(login, region, &self.observer))) })
            .await
    }

    async fn default_region(&self, cluster: &ClusterRef) -> Result<String, ProviderError> {
        if let Some(region) = &self.options.default_region {
            return Ok(region.clone());
        }
        self.regions.get(cluster.profile.clone(), || region::of_environment(cluster, &self.http)).await
    }
}

#[cfg(test)]
mod tests {
    use cni_plan_core::{ClusterInspector, FactsWanted};

    use super::*;
    use crate::scripted::{ACCOUNT, Scripted, cluster, identity};

    async fn any_cluster() -> Scripted {
        Scripted::start(|asked| match asked.operation.as_str() {
            path if path.starts_with("GET ") => {
                (200, r#"{"cluster":{"arn":"arn:aws:eks:r:1:cluster/c","version":"1.33"}}"#.to_owned())
            }
            _ => identity(),
        })
        .await
    }

    #[tokio::test]
    async fn clusters_of_the_same_credentials_ask_once_whose_they_are() {
        let script = any_cluster().await;
        let aws = script.aws();
        for region in [None, Some("us-west-2"), Some("eu-west-1")] {
            let cluster = ClusterRef { region: region.map(str::to_owned), ..cluster() };
            let facts = aws.facts(&cluster, FactsWanted::default()).await.unwrap();
            assert_eq!(facts.region, region.unwrap_or("us-west-2"), "the default is the options'");
            assert_eq!(aws.account(&cluster).await.unwrap().account(), ACCOUNT);
        }
        let asked = script.calls().iter().filter(|call| call.operation == "GetCallerIdentity").count();
        assert_eq!(asked, 1);
    }

    #[tokio::test]
    async fn a_token_is_kept_and_needs_no_call() {
        let script = any_cluster().await;
        let aws = script.aws();
        let facts = aws.facts(&cluster(), FactsWanted::default()).await.unwrap();
        let before = script.calls().len();
        let tokens = aws.token_source(&cluster(), &facts);
        let first = tokens.token().await.unwrap();
        assert!(first.starts_with("k8s-aws-v1."), "{first}");
        assert_eq!(tokens.token().await.unwrap(), first);
        assert_eq!(script.calls().len(), before);
    }
}
