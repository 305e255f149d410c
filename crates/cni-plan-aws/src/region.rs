//! The region of a cluster that names none.

use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::region::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use cni_plan_core::{ClusterRef, ErrorKind, ProviderError};

use crate::credentials::metadata_service;

/// `AWS_REGION`, the profile's region, the instance's: as the SDK's default chain, with a metadata
/// service that is given up on quickly where there is none.
pub(crate) async fn of_environment(cluster: &ClusterRef, http: &SharedHttpClient) -> Result<String, ProviderError> {
    let config = ProviderConfig::without_region().with_http_client(http.clone());
    let mut profile = ProfileFileRegionProvider::builder().configure(&config);
    if let Some(name) = &cluster.profile {
        profile = profile.profile_name(name);
    }
    let instance = ImdsRegionProvider::builder().configure(&config).imds_client(metadata_service(&config)).build();
    let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
        .or_else(profile.build())
        .or_else(instance);
    chain.region().await.map(|region| region.to_string()).ok_or_else(|| ProviderError {
        kind: ErrorKind::Refused,
        what: match cluster.name.as_str() {
            // Whoever lists clusters has none in mind.
            "" => "cannot tell which region to look into".to_owned(),
            name => format!("cannot tell the region of cluster {name}"),
        },
        why: "neither the spec nor the AWS environment names one".to_owned(),
        cure: "give the cluster a `region` (`init`: with `--region`), or set AWS_REGION".to_owned(),
    })
}
