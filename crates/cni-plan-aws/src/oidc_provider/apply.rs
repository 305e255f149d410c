//! Makes a provider, changes its audiences, or takes it away.

use cni_plan_core::{ErrorKind, OidcProvider, ProviderError};

use super::convert;
use crate::IamProvider;
use crate::failure::if_there;
use crate::transition::{Standing, Transition};

/// Returns the provider as it is left.
pub(crate) async fn apply(
    iam: &IamProvider,
    arn: &str,
    states: &Transition<'_, OidcProvider>,
) -> Result<Option<OidcProvider>, ProviderError> {
    match (states.before, states.after) {
        (None, None) => Ok(None),
        (None, Some(after)) => create(iam, arn, after, states).await.map(Some),
        (Some(before), Some(after)) => change_audiences(iam, arn, before, after, states).await.map(Some),
        (Some(_), None) => delete(iam, arn, states).await.map(|()| None),
    }
}

/// Without a thumbprint: IAM finds the certificate's itself (CreateOpenIDConnectProvider:
/// ThumbprintList).
async fn create(
    iam: &IamProvider,
    arn: &str,
    after: &OidcProvider,
    states: &Transition<'_, OidcProvider>,
) -> Result<OidcProvider, ProviderError> {
    let intent = iam.intent("iam:CreateOpenIDConnectProvider", arn, &format!("create OIDC provider {arn}"));
    let call = iam
        .client()
        .create_open_id_connect_provider()
        .url(convert::to_wire_url(after))
        .set_client_id_list(Some(after.client_ids.iter().cloned().collect()));
    match intent.written(call.send()).await {
        Ok(_) => Ok(after.clone()),
        Err(error) if error.kind == ErrorKind::Conflict => states.met(iam, error, &intent).await,
        Err(error) => Err(error),
    }
}

/// Adding and removing name one audience each, so those that others added meanwhile stay.
async fn change_audiences(
    iam: &IamProvider,
    arn: &str,
    before: &OidcProvider,
    after: &OidcProvider,
    states: &Transition<'_, OidcProvider>,
) -> Result<OidcProvider, ProviderError> {
    let live = states.live(iam).await?;
    let mut client_ids = live.map_or_else(|| before.client_ids.clone(), |live| live.client_ids);
    for audience in after.client_ids.difference(&before.client_ids) {
        let intent = iam.intent(
            "iam:AddClientIDToOpenIDConnectProvider",
            arn,
            &format!("add audience {audience} to OIDC provider {arn}"),
        );
        let call = iam.client().add_client_id_to_open_id_connect_provider();
        let call = call.open_id_connect_provider_arn(arn).client_id(audience);
        states.may_write().await?;
        intent.written(call.send()).await?;
        client_ids.insert(audience.clone());
    }
    for audience in before.client_ids.difference(&after.client_ids) {
        let intent = iam.intent(
            "iam:RemoveClientIDFromOpenIDConnectProvider",
            arn,
            &format!("remove audience {audience} from OIDC provider {arn}"),
        );
        let call = iam.client().remove_client_id_from_open_id_connect_provider();
        let call = call.open_id_connect_provider_arn(arn).client_id(audience);
        states.may_write().await?;
        if_there(intent.written(call.send()).await)?;
        client_ids.remove(audience);
    }
    Ok(OidcProvider { client_ids, ..after.clone() })
}

async fn delete(iam: &IamProvider, arn: &str, states: &Transition<'_, OidcProvider>) -> Result<(), ProviderError> {
    let intent = iam.intent("iam:DeleteOpenIDConnectProvider", arn, &format!("delete OIDC provider {arn}"));
    if let (_, Standing::Done) = states.look(iam, &intent).await? {
        return Ok(());
    }
    let call = iam.client().delete_open_id_connect_provider().open_id_connect_provider_arn(arn);
    if_there(intent.written(call.send()).await)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cni_plan_core::{Resource, Target};

    use crate::scripted::{ACCOUNT, Scripted, apply, change, identity, refusal, xml};

    use super::*;

    const ARN: &str = "arn:aws:iam::111122223333:oidc-provider/issuer";

    fn provider(audiences: &[&str]) -> OidcProvider {
        let client_ids: BTreeSet<String> = audiences.iter().map(|&audience| audience.to_owned()).collect();
        OidcProvider { url: "issuer".to_owned(), client_ids }
    }

    #[tokio::test]
    async fn a_provider_that_someone_changed_meanwhile_is_neither_deleted_nor_taken_for_ones_own() {
        let (ours, other) = (provider(&["sts"]), "<member>sts</member><member>theirs</member>");
        for (before, after, written) in [(Some(ours.clone()), None, 0), (None, Some(ours), 1)] {
            let aws = Scripted::start(move |asked| match asked.operation.as_str() {
                "GetOpenIDConnectProvider" => {
                    xml("GetOpenIDConnectProvider", &format!("<Url>issuer</Url><ClientIDList>{other}</ClientIDList>"))
                }
                "CreateOpenIDConnectProvider" => refusal(409, "EntityAlreadyExists"),
                "GetCallerIdentity" => identity(),
                other => xml(other, ""),
            })
            .await;
            let target = Target::OidcProvider { account: ACCOUNT.to_owned(), arn: ARN.to_owned() };
            let change = change(target, before.map(Resource::OidcProvider), after.map(Resource::OidcProvider));
            let error = apply(&*aws.iam().await, &change).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Conflict, "{error:?}");
            let operations = aws.operations();
            let writes = operations.iter().filter(|operation| !operation.starts_with("Get"));
            assert_eq!(writes.count(), written, "{operations:?}");
        }
    }
}
