//! The world: accounts and clusters, and their copy on disk.
//!
//! Whatever changes a part of the world writes that part's file before the change is answered, so a
//! killed process has lost nothing it acknowledged. IAM's readers may lag behind its writers
//! (`visibility`); everything else sees the world as it is. Accounts share one lock, and nothing is called
//! under it that takes another: the Kubernetes half may ask for a pod's credentials at any time.

mod account;
mod cluster;
mod comparable;
mod credentials;
mod oidc;
mod store;
mod visibility;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::SandboxError;
use crate::kubernetes::{ApiServer, ClusterConfig, Snapshot};
use crate::wire::{Caller, Failure};

pub(crate) use account::{Account, OidcProvider, Policy, PolicyVersion, Quotas, Role, unique_id};
pub(crate) use cluster::{Cluster, ClusterKey, EksCluster, Nodegroup};
pub(crate) use comparable::comparable;
pub(crate) use oidc::{WebIdentity, WebIdentityRefused, may_assume};
pub(crate) use store::Store;
pub use visibility::{Visibility, VisibilitySyntax};

use cluster::ClusterFile;
use visibility::Past;

/// All accounts and clusters of one sandbox.
pub(crate) struct World {
    accounts: Mutex<Accounts>,
    clusters: RwLock<BTreeMap<ClusterKey, Arc<Cluster>>>,
    store: Option<Store>,
    quotas: Quotas,
    ready_after: Duration,
    base_url: OnceLock<String>,
}

/// The accounts as they are, and as they were a moment ago.
struct Accounts {
    live: BTreeMap<String, Account>,
    past: Past,
}

impl World {
    /// The world of a folder, or an empty one where there is no folder or nothing in it.
    pub(crate) fn open(
        store: Option<Store>,
        quotas: Quotas,
        ready_after: Duration,
    ) -> Result<Arc<World>, SandboxError> {
        let (accounts, clusters) = match &store {
            Some(store) => (store.read_accounts()?, store.read_clusters()?),
            None => (Vec::new(), Vec::new()),
        };
        let opened = accounts.into_iter().map(|account| (account.id.clone(), account.opened(quotas)));
        let world = Arc::new(World {
            accounts: Mutex::new(Accounts { live: opened.collect(), past: Past::default() }),
            clusters: RwLock::new(BTreeMap::new()),
            store,
            quotas,
            ready_after,
            base_url: OnceLock::new(),
        });
        for file in clusters {
            world.hold(file.eks, file.kubernetes);
        }
        Ok(world)
    }

    /// Whether nothing has ever been put in.
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts().live.is_empty() && self.clusters().is_empty()
    }

    /// Says where the world is served, once that is known.
    pub(crate) fn serve_at(&self, base_url: String) {
        // A second call would come from a second server of one world, which start() never makes.
        let _ = self.base_url.set(base_url);
    }

    /// Where the world is served: `http://127.0.0.1:PORT`.
    pub(crate) fn base_url(&self) -> &str {
        self.base_url.get().map_or("", String::as_str)
    }

    /// Has IAM's readers lag behind its writers from now on.
    pub(crate) fn set_visibility(&self, visibility: Visibility) {
        self.accounts().past.set(visibility);
    }

    /// How IAM's readers lag behind its writers.
    pub(crate) fn visibility(&self) -> Visibility {
        self.accounts().past.visibility()
    }

    /// Looks into the caller's account as its readers are shown it; `what` tells one question from
    /// another.
    pub(crate) fn read_account<T>(&self, caller: &Caller, what: &str, read: impl FnOnce(&Account) -> T) -> T {
        let mut accounts = self.accounts();
        match accounts.past.shown(&caller.account, what) {
            Some(as_it_was) => read(&as_it_was),
            None => read(self.account(&mut accounts.live, &caller.account, caller.partition())),
        }
    }

    /// Looks into an account by its number; `None` where there is no such account.
    pub(crate) fn look_into_account<T>(&self, id: &str, read: impl FnOnce(&Account) -> T) -> Option<T> {
        self.accounts().live.get(id).map(read)
    }

    /// Changes the caller's account; a change that succeeds is on disk when this returns.
    pub(crate) fn write_account<T>(
        &self,
        caller: &Caller,
        write: impl FnOnce(&mut Account) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut accounts = self.accounts();
        let Accounts { live, past } = &mut *accounts;
        let account = self.account(live, &caller.account, caller.partition());
        let before = past.before_write(account);
        let answer = write(account)?;
        past.written(before, account);
        if let Some(store) = &self.store {
            store.write_account(account).map_err(|error| Failure::new(500, "ServiceFailure", error.to_string()))?;
        }
        Ok(answer)
    }

    /// Changes an account from within: for seeds and scenarios.
    pub(crate) fn furnish_account<T>(
        &self,
        id: &str,
        partition: &str,
        write: impl FnOnce(&mut Account) -> T,
    ) -> Result<T, SandboxError> {
        let mut accounts = self.accounts();
        let account = self.account(&mut accounts.live, id, partition);
        let result = write(account);
        if let Some(store) = &self.store {
            store.write_account(account)?;
        }
        Ok(result)
    }

    /// Every cluster, in order of region and name.
    pub(crate) fn clusters(&self) -> Vec<Arc<Cluster>> {
        let clusters = self.clusters.read().unwrap_or_else(PoisonError::into_inner);
        clusters.values().cloned().collect()
    }

    /// The cluster of this region and name.
    pub(crate) fn cluster(&self, region: &str, name: &str) -> Option<Arc<Cluster>> {
        let key = ClusterKey { region: region.to_owned(), name: name.to_owned() };
        self.clusters.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }

    /// Adds a cluster with an API server that holds nothing yet.
    pub(crate) fn add_cluster(self: &Arc<Self>, eks: EksCluster) -> Result<Arc<Cluster>, SandboxError> {
        let cluster = self.hold(eks, None);
        self.write_cluster(&cluster.eks, &cluster.api.snapshot())?;
        Ok(cluster)
    }

    /// The whole world as JSON.
    pub(crate) fn state(&self) -> Value {
        let accounts = json!(self.accounts().live);
        let clusters: serde_json::Map<String, Value> = self
            .clusters()
            .iter()
            .map(|cluster| {
                let state = json!({ "eks": *cluster.eks, "kubernetes": cluster.objects() });
                (format!("{}/{}", cluster.eks.region, cluster.eks.name), state)
            })
            .collect();
        json!({ "accounts": accounts, "clusters": clusters })
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        // A panic under this lock is a bug in one action; the others may still answer.
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn account<'a>(&self, accounts: &'a mut BTreeMap<String, Account>, id: &str, partition: &str) -> &'a mut Account {
        accounts.entry(id.to_owned()).or_insert_with(|| Account::new(id, partition).opened(self.quotas))
    }

    /// Brings a cluster's API server to life and takes both in.
    fn hold(self: &Arc<Self>, eks: EksCluster, snapshot: Option<Snapshot>) -> Arc<Cluster> {
        let config = ClusterConfig {
            name: eks.name.clone(),
            region: eks.region.clone(),
            issuer: eks.issuer.clone(),
            version: eks.version.clone(),
            regional_sts_default: true,
            webhook: true,
            ready_after: self.ready_after,
        };
        let eks = Arc::new(eks);
        let server: Arc<OnceLock<Weak<ApiServer>>> = Arc::default();
        let credentials = credentials::check(Arc::downgrade(self), Arc::clone(&eks), Arc::clone(&server));
        let on_change = {
            let (world, eks) = (Arc::downgrade(self), Arc::clone(&eks));
            Arc::new(move |snapshot: &Snapshot| {
                if let Some(world) = world.upgrade()
                    && let Err(error) = world.write_cluster(&eks, snapshot)
                {
                    tracing::error!(%error, cluster = eks.name, "a cluster's change is not on disk");
                }
            })
        };
        let api = match snapshot {
            Some(snapshot) => ApiServer::restore(config, snapshot, credentials, on_change),
            None => ApiServer::new(config, credentials, on_change),
        };
        // The cell was made above and is set only here.
        let _ = server.set(Arc::downgrade(&api));
        let cluster = Arc::new(Cluster { eks, api });
        let mut clusters = self.clusters.write().unwrap_or_else(PoisonError::into_inner);
        clusters.insert(cluster.key(), Arc::clone(&cluster));
        cluster
    }

    fn write_cluster(&self, eks: &EksCluster, snapshot: &Snapshot) -> Result<(), SandboxError> {
        match &self.store {
            Some(store) => store.write_cluster(&ClusterFile::of(eks, snapshot)),
            None => Ok(()),
        }
    }
}
