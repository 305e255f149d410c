//! Makes a provider, changes its audiences, or takes it away.

use cni_plan_core::{ErrorKind, OidcProvider, ProviderError};

use super::{convert, inspect::inspect};
use crate::IamProvider;
use crate::failure::if_there;
use crate::transition::{Standing, Transition};

pub(crate) async fn apply(
    iam: &IamProvider,
    arn: &str,
    states: &Transition<'_, OidcProvider>,
) -> Result<(), ProviderError> {
    match (states.before, states.after) {
        (None, None) => Ok(()),
        (None, Some(after)) => create(iam, arn, after, states).await,
        (Some(before), Some(after)) => change_audiences(iam, arn, before, after).await,
        (Some(_), None) => delete(iam, arn, states).await,
    }
}

/// Without a thumbprint: IAM finds the certificate's itself (CreateOpenIDConnectProvider:
/// ThumbprintList).
async fn create(
    iam: &IamProvider,
    arn: &str,
    after: &OidcProvider,
    states: &Transition<'_, OidcProvider>,
) -> Result<(), ProviderError> {
    let intent = iam.intent("iam:CreateOpenIDConnectProvider", arn, &format!("create OIDC provider {arn}"));
    let call = iam
        .client()
        .create_open_id_connect_provider()
        .url(convert::to_wire_url(after))
        .set_client_id_list(Some(after.client_ids.iter().cloned().collect()));
    match call.send().await.map_err(|error| intent.failed(&error)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind == ErrorKind::Conflict => {
            let live = inspect(iam, arn).await?;
            match states.standing(live.as_ref(), PartialEq::eq, &intent)? {
                Standing::Done => Ok(()),
                Standing::AsPlanned => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Adding and removing name one audience each, so those that others added meanwhile stay.
async fn change_audiences(
    iam: &IamProvider,
    arn: &str,
    before: &OidcProvider,
    after: &OidcProvider,
) -> Result<(), ProviderError> {
    for audience in after.client_ids.difference(&before.client_ids) {
        let intent = iam.intent(
            "iam:AddClientIDToOpenIDConnectProvider",
            arn,
            &format!("add audience {audience} to OIDC provider {arn}"),
        );
        let call = iam.client().add_client_id_to_open_id_connect_provider();
        let call = call.open_id_connect_provider_arn(arn).client_id(audience);
        call.send().await.map_err(|error| intent.failed(&error))?;
    }
    for audience in before.client_ids.difference(&after.client_ids) {
        let intent = iam.intent(
            "iam:RemoveClientIDFromOpenIDConnectProvider",
            arn,
            &format!("remove audience {audience} from OIDC provider {arn}"),
        );
        let call = iam.client().remove_client_id_from_open_id_connect_provider();
        let call = call.open_id_connect_provider_arn(arn).client_id(audience);
        if_there(call.send().await.map_err(|error| intent.failed(&error)))?;
    }
    Ok(())
}

async fn delete(iam: &IamProvider, arn: &str, states: &Transition<'_, OidcProvider>) -> Result<(), ProviderError> {
    let intent = iam.intent("iam:DeleteOpenIDConnectProvider", arn, &format!("delete OIDC provider {arn}"));
    let live = inspect(iam, arn).await?;
    if let Standing::Done = states.standing(live.as_ref(), PartialEq::eq, &intent)? {
        return Ok(());
    }
    let call = iam.client().delete_open_id_connect_provider().open_id_connect_provider_arn(arn);
    if_there(call.send().await.map_err(|error| intent.failed(&error)))?;
    Ok(())
}
