//! Reads one provider.

use cni_plan_core::{OidcProvider, ProviderError};

use super::convert;
use crate::IamProvider;
use crate::failure::if_there;

pub(crate) async fn inspect(iam: &IamProvider, arn: &str) -> Result<Option<OidcProvider>, ProviderError> {
    let intent = iam.intent("iam:GetOpenIDConnectProvider", arn, &format!("read OIDC provider {arn}"));
    let answer = iam.client().get_open_id_connect_provider().open_id_connect_provider_arn(arn).send().await;
    match if_there(answer.map_err(|error| intent.failed(&error)))? {
        None => Ok(None),
        Some(answer) => convert::from_wire(answer).map(Some).ok_or_else(|| intent.unreadable("the answer has no URL")),
    }
}
