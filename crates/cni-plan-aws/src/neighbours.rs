//! The account's other clusters, as far as their nodes' roles go.

use std::collections::BTreeSet;

use cni_plan_core::{BoxFuture, ClusterRef, Neighbour, ProviderError};

use crate::Aws;
use crate::node_roles;
use crate::session::Session;
use crate::transport::at_most;

/// Clusters read at once.
const AT_ONCE: usize = 8;

impl Aws {
    /// The names of all clusters that the credentials of `like` may see in its region; `like` itself need not be there.
    ///
    /// # Errors
    /// Where they may not be listed, or cannot be.
    pub async fn cluster_names(&self, like: &ClusterRef) -> Result<Vec<String>, ProviderError> {
        names(&*self.session(like).await?).await
    }

    pub(crate) fn neighbours_of<'a>(
        &'a self,
        cluster: &'a ClusterRef,
        region: Option<&'a str>,
        known: &'a BTreeSet<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Neighbour>, ProviderError>> {
        Box::pin(async move {
            let in_region = region.map(|region| ClusterRef { region: Some(region.to_owned()), ..cluster.clone() });
            let session = self.session(in_region.as_ref().unwrap_or(cluster)).await?;
            let others = names(&session).await?.into_iter().filter(|name| !known.contains(name.as_str()));
            let clusters = at_most(AT_ONCE, others.map(|name| neighbour(&session, name)).collect()).await;
            clusters.into_iter().collect()
        })
    }
}

async fn names(session: &Session) -> Result<Vec<String>, ProviderError> {
    let what = format!("cannot list the clusters of the account in {}", session.region);
    let intent = session.intent("eks:ListClusters", "*", what);
    let pages = session.eks.list_clusters().into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| intent.failed(&error))
}

async fn neighbour(session: &Session, name: String) -> Result<Neighbour, ProviderError> {
    let read = node_roles::read(session, &name).await?;
    Ok(Neighbour {
        account: session.caller().await?.account.clone(),
        region: session.region.clone(),
        node_roles: read.roles.iter().map(|role| role.name.clone()).collect(),
        unread: read.unread,
        name,
    })
}
