//! What a command may set in place of the AWS environment.

use std::fmt;
use std::sync::Arc;

use cni_plan_core::ClusterRef;

use crate::Visibility;

/// Replaces parts of what the environment and the configuration files say. Empty by default:
/// then everything is found as every AWS SDK program finds it.
#[derive(Clone, Default)]
pub struct AwsOptions {
    /// One URL for every service, before `AWS_ENDPOINT_URL` and its kin: the sandbox's.
    pub endpoint_url: Option<String>,
    /// The region of clusters that name none, before `AWS_REGION` and the profile's.
    pub default_region: Option<String>,
    /// Keys for a cluster, in place of its profile, its `assumeRole` and the default chain.
    pub credentials: Option<Arc<ChooseCredentials>>,
    /// How long IAM's readers may take to see a write, in place of `CNI_PLAN_IAM_VISIBILITY` and the
    /// two minutes that are the default.
    pub visibility: Option<Visibility>,
}

/// Finds the keys of a cluster.
pub type ChooseCredentials = dyn Fn(&ClusterRef) -> StaticCredentials + Send + Sync;

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticCredentials {
    /// The access key's id.
    pub key_id: String,
    /// The secret key.
    pub secret: String,
}

impl fmt::Debug for StaticCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticCredentials").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for AwsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsOptions")
            .field("endpoint_url", &self.endpoint_url)
            .field("default_region", &self.default_region)
            .field("credentials", &self.credentials.is_some())
            .field("visibility", &self.visibility)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let credentials = StaticCredentials { key_id: "AKIA1".to_owned(), secret: "hush".to_owned() };
        assert!(!format!("{credentials:?}").contains("hush"));
    }
}
