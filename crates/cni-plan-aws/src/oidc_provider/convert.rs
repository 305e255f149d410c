//! Between IAM's answer and core's provider.

use aws_sdk_iam::operation::get_open_id_connect_provider::GetOpenIdConnectProviderOutput;
use cni_plan_core::OidcProvider;

/// IAM gives the URL without its scheme (GetOpenIDConnectProvider: Url); one with it is taken too.
/// `None` when the answer has no URL.
pub(super) fn from_wire(answer: GetOpenIdConnectProviderOutput) -> Option<OidcProvider> {
    let url = answer.url?;
    let url = url.strip_prefix("https://").unwrap_or(&url).to_owned();
    Some(OidcProvider { url, client_ids: answer.client_id_list.unwrap_or_default().into_iter().collect() })
}

/// The URL as CreateOpenIDConnectProvider takes it.
pub(super) fn to_wire_url(provider: &OidcProvider) -> String {
    format!("https://{}", provider.url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_comes_off_and_goes_back_on() {
        for url in ["example.test/id/1", "https://example.test/id/1"] {
            let answer = GetOpenIdConnectProviderOutput::builder().url(url).client_id_list("b").client_id_list("a");
            let provider = from_wire(answer.build()).unwrap();
            assert_eq!(provider.url, "example.test/id/1");
            assert_eq!(provider.client_ids.iter().collect::<Vec<_>>(), ["a", "b"]);
            assert_eq!(to_wire_url(&provider), "https://example.test/id/1");
        }
        assert_eq!(from_wire(GetOpenIdConnectProviderOutput::builder().build()), None);
    }
}
