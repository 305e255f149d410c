//! The composition root: from clusters to facts and providers.

use std::collections::BTreeSet;
use std::sync::Arc;

use cni_plan_aws::{Associations, Aws, AwsOptions};
use cni_plan_core::{
    AssociationReader, CallObserver, ClusterFacts, ClusterInspector, ClusterLock, ClusterRef, ErrorKind, FactsWanted,
    Neighbour, NodeRole, PlannedCluster, Provider, ProviderError, RoleTrial, Unread, WorkloadInspector,
};
use cni_plan_engine::{Providers, read_facts, read_neighbours};
use cni_plan_kubernetes::ClusterProvider;
use futures::future::{OptionFuture, join_all, join3};

use crate::described::Described;
use crate::error::CommandError;
use crate::recorder::Recorder;

/// Clusters whose facts are read and whose providers are at hand.
pub(crate) struct Connected {
    /// In the order asked.
    pub(crate) clusters: Vec<PlannedCluster>,
    /// All clusters that were found beside them.
    pub(crate) neighbours: Vec<Neighbour>,
    /// For all their accounts and API servers.
    pub(crate) providers: Providers,
}

/// How to reach things: the environment's way, or the sandbox's.
pub(crate) struct Connector {
    aws: Arc<Aws>,
    observer: Arc<Recorder>,
    /// Kubeconfigs do not lead to the sandbox.
    ignore_kubeconfigs: bool,
}

impl Connector {
    pub(crate) fn new(options: AwsOptions, observer: Arc<Recorder>, ignore_kubeconfigs: bool) -> Connector {
        let aws = Arc::new(Aws::new(options, Arc::clone(&observer) as Arc<dyn CallObserver>));
        Connector { aws, observer, ignore_kubeconfigs }
    }

    /// Reads the clusters' facts, all at once, and connects to what they name. Each API server is asked for
    /// `aws-auth` while EKS is asked for the rest.
    pub(crate) async fn connect(&self, clusters: &[(ClusterRef, FactsWanted)]) -> Result<Connected, CommandError> {
        let inspector = self.aws.as_ref();
        let (described, heard) = Described::of(clusters.len());
        let facts = async move {
            // With its end whoever has not been told hears that it will not be.
            read_facts(clusters, inspector, &|at, facts| described.tell(at, facts)).await
        };
        let servers = clusters.iter().zip(heard).map(|((cluster, asked), heard)| async move {
            let server = heard.await.ok().map(|facts| self.server(cluster, asked, facts));
            OptionFuture::from(server).await
        });
        let (facts, servers, beside) = join3(facts, join_all(servers), read_neighbours(clusters, inspector)).await;
        let facts = all_or_errors(facts)?;
        let servers = all_or_errors(servers.into_iter().flatten().collect())?;
        let mut planned: Vec<PlannedCluster> = clusters
            .iter()
            .zip(facts)
            .map(|((cluster, asked), facts)| PlannedCluster { cluster: cluster.clone(), asked: asked.clone(), facts })
            .collect();
        let neighbours = neighbours(beside, &mut planned)?;
        let mut providers = Providers::default();
        let mut accounts = BTreeSet::new();
        let firsts = planned.iter().filter(|cluster| accounts.insert(&cluster.facts.account));
        for (account, provider) in all_or_errors(join_all(firsts.map(|cluster| self.account(cluster))).await)? {
            providers.add_account(&account, provider);
        }
        for (planned, Server { provider, mapped, with_identity }) in planned.iter_mut().zip(servers) {
            mapped.add_to(&mut planned.facts);
            providers.add_lock(&planned.cluster.key, provider);
            providers.add_cluster(&planned.cluster.key, with_identity);
        }
        Ok(Connected { clusters: planned, neighbours, providers })
    }

    /// The names of all clusters that the credentials of `like` may see in its region.
    pub(crate) async fn cluster_names(&self, like: &ClusterRef) -> Result<Vec<String>, CommandError> {
        Ok(self.aws.cluster_names(like).await?)
    }

    /// The way to a cluster's API server, and what that says of node roles where it is asked.
    async fn server(
        &self,
        cluster: &ClusterRef,
        asked: &FactsWanted,
        facts: ClusterFacts,
    ) -> Result<Server, ProviderError> {
        let associations = self.aws.associations(cluster).await?;
        let provider = self.cluster(cluster, &facts, &associations).await?;
        let mapped = match asked.node_roles && facts.uses_aws_auth {
            true => Mapped::read(&provider).await?,
            false => Mapped::default(),
        };
        let with_identity = associations.with(Arc::clone(&provider) as Arc<dyn Provider>);
        Ok(Server { provider, mapped, with_identity })
    }

    async fn account(&self, planned: &PlannedCluster) -> Result<(String, Arc<dyn Provider>), ProviderError> {
        let provider = self.aws.account(&planned.cluster).await?;
        Ok((planned.facts.account.clone(), provider))
    }

    async fn cluster(
        &self,
        cluster: &ClusterRef,
        facts: &ClusterFacts,
        associations: &Arc<Associations>,
    ) -> Result<Arc<ClusterProvider>, ProviderError> {
        let provider = match self.through_kubeconfig(cluster).await {
            Some(provider) => provider?,
            None => self.through_endpoint(cluster, facts)?,
        };
        // In the cluster's own region, where its pods will ask.
        let trial: Arc<dyn RoleTrial> = self.aws.account(cluster).await?;
        let associations: Arc<dyn AssociationReader> = Arc::clone(associations) as _;
        Ok(Arc::new(provider.with_trial(trial).with_associations(associations)))
    }

    /// The locks of clusters by their keys, in the order asked. Needs no more of AWS than the way to
    /// an API server, and nothing of it where a kubeconfig leads there.
    pub(crate) async fn locks(
        &self,
        clusters: &[ClusterRef],
    ) -> Result<Vec<(String, Arc<dyn ClusterLock>)>, CommandError> {
        all_or_errors(join_all(clusters.iter().map(|cluster| self.lock(cluster))).await)
    }

    async fn lock(&self, cluster: &ClusterRef) -> Result<(String, Arc<dyn ClusterLock>), ProviderError> {
        let provider = match self.through_kubeconfig(cluster).await {
            Some(provider) => provider?,
            None => {
                let facts = self.aws.facts(cluster, FactsWanted::default()).await?;
                self.through_endpoint(cluster, &facts)?
            }
        };
        Ok((cluster.key.clone(), Arc::new(provider)))
    }

    /// What speaks against the kubeconfig of each cluster, in the order asked. Reads files and calls nobody.
    pub(crate) async fn kubeconfig_problems(&self, clusters: &[ClusterRef]) -> Vec<Option<ProviderError>> {
        let problem = async |cluster| self.through_kubeconfig(cluster).await?.err();
        join_all(clusters.iter().map(problem)).await
    }

    /// `None`: no kubeconfig leads there.
    async fn through_kubeconfig(&self, cluster: &ClusterRef) -> Option<Result<ClusterProvider, ProviderError>> {
        let access = cluster.kubernetes.as_ref().filter(|_| !self.ignore_kubeconfigs)?;
        Some(ClusterProvider::from_kubeconfig(&cluster.key, access, self.observer()).await)
    }

    fn through_endpoint(&self, cluster: &ClusterRef, facts: &ClusterFacts) -> Result<ClusterProvider, ProviderError> {
        let endpoint = facts.endpoint.as_deref().unwrap_or_default();
        let tokens = self.aws.token_source(cluster, facts);
        let authority = facts.certificate_authority.as_deref();
        ClusterProvider::from_endpoint(&cluster.key, endpoint, authority, tokens, self.observer())
    }

    fn observer(&self) -> Arc<dyn CallObserver> {
        Arc::clone(&self.observer) as Arc<dyn CallObserver>
    }
}

/// The clusters beside those of a plan. What may not be read of them is told at a cluster that asked.
fn neighbours(
    beside: Vec<(usize, Result<Vec<Neighbour>, ProviderError>)>,
    planned: &mut [PlannedCluster],
) -> Result<Vec<Neighbour>, CommandError> {
    let mut all = Vec::new();
    let mut errors = Vec::new();
    for (at, found) in beside {
        let unread = &mut planned[at].facts.unread;
        match found {
            Ok(found) => {
                for neighbour in found {
                    let whose = format!("cluster {} in {}", neighbour.name, neighbour.region);
                    let told = |it: &Unread| Unread { what: format!("{} of {whose}", it.what), ..it.clone() };
                    unread.extend(neighbour.unread.iter().map(told));
                    all.push(neighbour);
                }
            }
            Err(error) => match Unread::unless_failed("the account's other clusters", error) {
                Ok(it) => unread.push(it),
                Err(error) => errors.push(Err(error)),
            },
        }
    }
    all_or_errors::<()>(errors)?;
    Ok(all)
}

/// A cluster's API server.
struct Server {
    provider: Arc<ClusterProvider>,
    mapped: Mapped,
    /// The provider with EKS's part in what gives pods their identity.
    with_identity: Arc<dyn Provider>,
}

/// What `aws-auth` says of node roles.
#[derive(Default)]
struct Mapped {
    roles: Vec<NodeRole>,
    unread: Option<Unread>,
}

impl Mapped {
    async fn read(provider: &ClusterProvider) -> Result<Mapped, ProviderError> {
        match provider.mapped_node_roles().await {
            Ok(roles) => Ok(Mapped { roles, unread: None }),
            // Every API server has ConfigMaps: whatever else it answers is a failure of its own.
            Err(error) if error.kind == ErrorKind::Denied => {
                Ok(Mapped { roles: Vec::new(), unread: Some(Unread::new("the ConfigMap aws-auth", error)) })
            }
            Err(error) => Err(error),
        }
    }

    fn add_to(self, facts: &mut ClusterFacts) {
        facts.add_node_roles(self.roles);
        facts.unread.extend(self.unread);
        facts.unread.sort();
    }
}

/// All of them, or every error once.
fn all_or_errors<T>(results: Vec<Result<T, ProviderError>>) -> Result<Vec<T>, CommandError> {
    let mut errors: Vec<ProviderError> = Vec::new();
    let mut all = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(value) => all.push(value),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(all) } else { Err(CommandError::Provider(errors)) }
}
