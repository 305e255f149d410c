//! Where a service is reached, by the rules that its own client follows.

use aws_config::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

/// The URL of STS in the configuration's region: `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the
/// profile's, or the region's own. `None` where the SDK knows no such endpoint.
pub(crate) async fn of_sts(config: &SdkConfig) -> Option<String> {
    use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
    let params = Params::builder()
        .set_endpoint(configured(config, "STS"))
        .set_region(config.region().map(ToString::to_string))
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack())
        .build()
        .ok()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.ok()?;
    Some(endpoint.url().to_owned())
}

/// The endpoint of the service that `action` belongs to, for a message: the configured one, or
/// the service and the region in words.
pub(crate) fn named(config: &SdkConfig, action: &str) -> String {
    let service = action.split(':').next().unwrap_or_default().to_ascii_uppercase();
    configured(config, &service).unwrap_or_else(|| match config.region() {
        Some(region) => format!("{service} in {region}"),
        None => service,
    })
}

/// The URL that options, environment or profile set, as the clients of the SDK look for it: the
/// options' before the service's before everyone's.
fn configured(config: &SdkConfig, service_id: &str) -> Option<String> {
    let shared = || config.endpoint_url().map(str::to_owned);
    if config.get_origin("endpoint_url").is_client_config() {
        return shared();
    }
    let key = ServiceConfigKey::builder()
        .service_id(service_id)
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all three parts are set");
    config.service_config().and_then(|services| services.load_config(key)).or_else(shared)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_types::region::Region;

    fn config(region: &'static str) -> aws_types::sdk_config::Builder {
        SdkConfig::builder().region(Region::from_static(region))
    }

    #[tokio::test]
    async fn sts_is_regional_and_follows_the_partition() {
        assert_eq!(of_sts(&config("us-west-2").build()).await.as_deref(), Some("https://sts.us-west-2.amazonaws.com"));
        assert_eq!(
            of_sts(&config("cn-north-1").build()).await.as_deref(),
            Some("https://sts.cn-north-1.amazonaws.com.cn")
        );
    }

    #[tokio::test]
    async fn a_configured_url_wins() {
        let config = config("us-west-2").endpoint_url("http://127.0.0.1:5000").build();
        assert_eq!(of_sts(&config).await.as_deref(), Some("http://127.0.0.1:5000"));
        assert_eq!(named(&config, "iam:GetRole"), "http://127.0.0.1:5000");
    }
}
