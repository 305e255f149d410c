//! Reads one service account.

use cni_plan_core::{ProviderError, Resource};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;

use super::convert;
use crate::client::Connection;
use crate::error::Attempt;

/// Its identity annotations; `None`: the server says that it is not there.
pub(crate) async fn observe(
    connection: &Connection,
    namespace: &str,
    name: &str,
) -> Result<Option<Resource>, ProviderError> {
    let account = get(connection, namespace, name).await?;
    Ok(account.map(|account| Resource::ServiceAccount(convert::identity(&account, namespace, name))))
}

/// The object itself.
pub(super) async fn get(
    connection: &Connection,
    namespace: &str,
    name: &str,
) -> Result<Option<ServiceAccount>, ProviderError> {
    let api: Api<ServiceAccount> = Api::namespaced(connection.client().await?, namespace);
    let doing = format!("read service account {namespace}/{name}");
    connection.call(&Attempt::new(doing, "get", "serviceaccounts", Some(namespace)), api.get_opt(name)).await
}
