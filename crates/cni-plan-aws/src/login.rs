//! One set of credentials, and whose they are.

use std::sync::Arc;
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::app_name::AppName;
use aws_types::region::Region;
use cni_plan_core::{CallObserver, ClusterRef, ErrorKind, ProviderError};
use tokio::sync::OnceCell;

use crate::credentials::CredentialsKey;
use crate::timing::TimedAssumeRole;
use crate::{AwsOptions, retry, transport};

/// Credentials with the configuration that they were found with. Regions share it.
pub(crate) struct Login {
    pub(crate) key: CredentialsKey,
    /// Everything but the region, which a session sets.
    pub(crate) config: SdkConfig,
    /// STS GetCallerIdentity, asked once.
    pub(crate) caller: OnceCell<Caller>,
}

/// Whose the credentials are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Twelve digits.
    pub(crate) account: String,
    /// A user's or an assumed role's.
    pub(crate) arn: String,
}

impl Login {
    /// Reads the AWS configuration as every SDK program does. Calls nothing: credentials are got
    /// when the first request is signed.
    pub(crate) async fn load(
        options: &AwsOptions,
        key: &CredentialsKey,
        region: &str,
        http: &SharedHttpClient,
        observer: &Arc<dyn CallObserver>,
    ) -> Login {
        let region = Region::new(region.to_owned());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .app_name(AppName::new("cni-plan").expect("the name is of letters and a dash"))
            .credentials_provider(key.provider(&region, http).await)
            .http_client(http.clone())
            .identity_cache(patient_cache())
            .region(region)
            .timeout_config(transport::timeouts());
        if let Some(profile) = key.profile() {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &options.endpoint_url {
            // The SDK refuses an endpoint together with either of these.
            loader = loader.endpoint_url(url).use_fips(false).use_dual_stack(false);
        }
        let config = loader.load().await;
        let retries = retry::of_services(config.retry_config());
        let config = config.into_builder().retry_config(retries).build();
        let config = with_role_of(key, config, observer).await;
        Login { key: key.clone(), config, caller: OnceCell::new() }
    }
}

async fn with_role_of(key: &CredentialsKey, config: SdkConfig, observer: &Arc<dyn CallObserver>) -> SdkConfig {
    let Some(role) = key.assume_role() else { return config };
    let calling = config.to_builder().retry_config(retry::of_assume_role(config.retry_config())).build();
    let mut provider = AssumeRoleProvider::builder(&role.arn).session_name("cni-plan").configure(&calling);
    if let Some(external_id) = &role.external_id {
        provider = provider.external_id(external_id);
    }
    let provider = TimedAssumeRole::new(provider.build().await, observer);
    config
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(provider))
        .identity_cache(patient_cache())
        .build()
}

/// Caches credentials, and waits for them as long as a throttled AssumeRole may take; the SDK's
/// own five seconds are fewer than its retries need.
fn patient_cache() -> impl aws_smithy_runtime_api::client::identity::ResolveCachedIdentity + 'static {
    IdentityCache::lazy().load_timeout(Duration::from_secs(60)).build()
}

impl Caller {
    /// Refuses a cluster whose spec names another account.
    pub(crate) fn must_be_of(&self, cluster: &ClusterRef) -> Result<(), ProviderError> {
        match &cluster.account {
            Some(wanted) if *wanted != self.account => Err(ProviderError {
                kind: ErrorKind::Refused,
                what: format!("cluster {}: the credentials belong to account {}", cluster.name, self.account),
                why: format!("the spec names account {wanted}, and the caller is {}", self.arn),
                cure: format!(
                    "set `profile` or `assumeRole` to one of account {wanted}, or correct the cluster's `account`"
                ),
            }),
            _ => Ok(()),
        }
    }
}
