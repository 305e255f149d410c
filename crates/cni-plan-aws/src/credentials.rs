//! Where a cluster's credentials come from.

use std::fmt;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::imds;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::region::Region;
use cni_plan_core::{AssumeRole, ClusterRef};

use crate::{AwsOptions, StaticCredentials};

/// What tells one set of credentials from another; clusters of the same key share a login.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum CredentialsKey {
    /// Set by the options.
    Static { key_id: String, secret: String },
    /// Found by profile or default chain, then perhaps exchanged for a role's.
    Chain { profile: Option<String>, assume_role: Option<AssumeRole> },
}

impl CredentialsKey {
    pub(crate) fn of(options: &AwsOptions, cluster: &ClusterRef) -> CredentialsKey {
        match &options.credentials {
            Some(choose) => {
                let StaticCredentials { key_id, secret } = choose(cluster);
                CredentialsKey::Static { key_id, secret }
            }
            None => {
                CredentialsKey::Chain { profile: cluster.profile.clone(), assume_role: cluster.assume_role.clone() }
            }
        }
    }

    pub(crate) fn profile(&self) -> Option<&str> {
        match self {
            CredentialsKey::Static { .. } => None,
            CredentialsKey::Chain { profile, .. } => profile.as_deref(),
        }
    }

    pub(crate) fn assume_role(&self) -> Option<&AssumeRole> {
        match self {
            CredentialsKey::Static { .. } => None,
            CredentialsKey::Chain { assume_role, .. } => assume_role.as_ref(),
        }
    }

    /// The credentials before any role is assumed. A profile that the spec names is taken even
    /// where `AWS_ACCESS_KEY_ID` is set, as `aws --profile` does; the SDK's default chain would
    /// take the variables.
    pub(crate) async fn provider(&self, region: &Region, http: &SharedHttpClient) -> SharedCredentialsProvider {
        let config = ProviderConfig::without_region().with_http_client(http.clone()).with_region(Some(region.clone()));
        match self {
            CredentialsKey::Static { key_id, secret } => {
                SharedCredentialsProvider::new(Credentials::new(key_id, secret, None, None, "cni-plan"))
            }
            CredentialsKey::Chain { profile: Some(profile), .. } => SharedCredentialsProvider::new(
                ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile).build(),
            ),
            CredentialsKey::Chain { profile: None, .. } => {
                let metadata_service = metadata_service(&config);
                SharedCredentialsProvider::new(
                    DefaultCredentialsChain::builder()
                        .configure(config)
                        .region(region.clone())
                        .imds_client(metadata_service)
                        .build()
                        .await,
                )
            }
        }
    }
}

/// For messages: whose credentials these are, without them.
impl fmt::Display for CredentialsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialsKey::Static { key_id, .. } => write!(f, "access key {key_id}"),
            CredentialsKey::Chain { profile: Some(profile), .. } => write!(f, "profile {profile}"),
            CredentialsKey::Chain { profile: None, .. } => match std::env::var("AWS_PROFILE") {
                Ok(profile) if !profile.is_empty() => write!(f, "the AWS environment (AWS_PROFILE={profile})"),
                _ => f.write_str("the AWS environment"),
            },
        }
    }
}

/// The instance metadata service, given up on after a second where there is none: a laptop
/// without credentials should say so at once.
pub(crate) fn metadata_service(config: &ProviderConfig) -> imds::Client {
    const PATIENCE: Duration = Duration::from_secs(1);
    imds::Client::builder()
        .configure(config)
        .max_attempts(1)
        .connect_timeout(PATIENCE)
        .read_timeout(PATIENCE)
        .operation_timeout(2 * PATIENCE)
        .build()
}
