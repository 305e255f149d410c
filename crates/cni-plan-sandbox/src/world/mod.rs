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
mod needs;
mod node_role;
mod oidc;
mod pod_identity;
mod records;
mod store;
mod visibility;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, Weak};
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::SandboxError;
use crate::kubernetes::{ApiServer, ClusterConfig, Snapshot};
use crate::wire::{Caller, Failure};

pub(crate) use account::{Account, OidcProvider, Policy, PolicyVersion, Quotas, Role, unique_id};
pub(crate) use cluster::{AUTO_MODE_ROLE, Cluster, ClusterKey, EksCluster, EksRecord, Nodegroup};
pub(crate) use comparable::comparable;
pub(crate) use oidc::{WebIdentity, WebIdentityRefused, may_assume};
pub(crate) use records::{
    AccessEntry, Addon, Association, Pending, PendingKind, ResolveConflicts, Update, WantedAddon,
};
pub(crate) use store::Store;
pub use visibility::{Visibility, VisibilitySyntax};

use cluster::ClusterFile;
use visibility::Past;

/// All accounts and clusters of one sandbox.
pub(crate) struct World {
    accounts: Mutex<Accounts>,
    clusters: RwLock<BTreeMap<ClusterKey, Arc<Cluster>>>,
    store: Option<Store>,
    /// Held while a cluster's file is written, so that EKS's half and Kubernetes' are of one time.
    files: Mutex<()>,
    quotas: Quotas,
    pace: Pace,
    /// The scenario it is made of.
    scenario: OnceLock<String>,
    base_url: OnceLock<String>,
}

/// How long what happens by itself takes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    /// A pod with working credentials, to become Ready.
    pub(crate) pods_ready_after: Duration,
    /// A change of an add-on.
    pub(crate) addon_update_takes: Duration,
}

/// The accounts as they are, and as they were a moment ago.
struct Accounts {
    live: BTreeMap<String, Account>,
    past: Past,
}

impl World {
    /// The world of a folder, or an empty one where there is no folder or nothing in it.
    pub(crate) fn open(store: Option<Store>, quotas: Quotas, pace: Pace) -> Result<Arc<World>, SandboxError> {
        let (accounts, clusters, scenario) = match &store {
            Some(store) => (store.read_accounts()?, store.read_clusters()?, store.read_scenario()?),
            None => (Vec::new(), Vec::new(), None),
        };
        let opened = accounts.into_iter().map(|account| (account.id.clone(), account.opened(quotas)));
        let world = Arc::new(World {
            accounts: Mutex::new(Accounts { live: opened.collect(), past: Past::default() }),
            clusters: RwLock::new(BTreeMap::new()),
            store,
            files: Mutex::new(()),
            quotas,
            pace,
            scenario: scenario.map_or_else(OnceLock::new, OnceLock::from),
            base_url: OnceLock::new(),
        });
        for file in clusters {
            world.hold(file.eks, file.kubernetes);
        }
        Ok(world)
    }

    /// How long what happens by itself takes.
    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Whether nothing has ever been put in.
    pub(crate) fn is_empty(&self) -> bool {
        self.accounts().live.is_empty() && self.clusters().is_empty()
    }

    /// The scenario that the world is made of; `None` where nobody has chosen one.
    pub(crate) fn scenario(&self) -> Option<&str> {
        self.scenario.get().map(String::as_str)
    }

    /// Says which scenario the world is going to be made of.
    pub(crate) fn make_of(&self, scenario: &str) -> Result<(), SandboxError> {
        let name = self.scenario.get_or_init(|| scenario.to_owned());
        self.store.as_ref().map_or(Ok(()), |store| store.write_scenario(name))
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

    /// Looks into an account by its number as IAM's readers are shown it, of which STS is one; `what` tells
    /// one question from another. `None` where there is no such account.
    pub(crate) fn look_as_a_reader<T>(&self, id: &str, what: &str, read: impl FnOnce(&Account) -> T) -> Option<T> {
        let mut accounts = self.accounts();
        match accounts.past.shown(id, what) {
            Some(as_it_was) => Some(read(&as_it_was)),
            None => accounts.live.get(id).map(read),
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
        let files = lock(&self.files);
        self.write_cluster(&cluster.eks(), &cluster.api.snapshot())?;
        drop(files);
        Ok(cluster)
    }

    /// Changes what EKS knows of a cluster; a change that succeeds is on disk when this returns, and
    /// its webhook knows of it. Must not be called from within a change.
    pub(crate) fn write_eks<T>(
        &self,
        cluster: &Cluster,
        write: impl FnOnce(&mut EksCluster) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let _one_at_a_time = lock(&self.files);
        let before = cluster.eks();
        let mut eks = EksCluster::clone(&before);
        let answer = write(&mut eks)?;
        if eks.pod_identity_associations != before.pod_identity_associations {
            cluster.api.set_pod_identities(pod_identities(&eks));
        }
        cluster.record.set(eks);
        self.write_cluster(&cluster.eks(), &cluster.api.snapshot())
            .map_err(|error| Failure::new(500, "ServerException", error.to_string()))?;
        Ok(answer)
    }

    /// The whole world as JSON.
    pub(crate) fn state(&self) -> Value {
        let accounts = json!(self.accounts().live);
        let clusters: serde_json::Map<String, Value> = self
            .clusters()
            .iter()
            .map(|cluster| {
                let eks = cluster.eks();
                let state = json!({ "eks": *eks, "kubernetes": cluster.objects() });
                (format!("{}/{}", eks.region, eks.name), state)
            })
            .collect();
        json!({ "accounts": accounts, "clusters": clusters })
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        lock(&self.accounts)
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
            ready_after: self.pace.pods_ready_after,
        };
        let (key, identities) = (eks.key(), pod_identities(&eks));
        let record = EksRecord::new(eks);
        let server: Arc<OnceLock<Weak<ApiServer>>> = Arc::default();
        let credentials = credentials::check(Arc::downgrade(self), Arc::clone(&record), Arc::clone(&server));
        let on_change = {
            let (world, record) = (Arc::downgrade(self), Arc::clone(&record));
            Arc::new(move |snapshot: &Snapshot| {
                let Some(world) = world.upgrade() else { return };
                let _one_at_a_time = lock(&world.files);
                if let Err(error) = world.write_cluster(&record.get(), snapshot) {
                    tracing::error!(%error, cluster = record.get().name, "a cluster's change is not on disk");
                }
            })
        };
        let api = match snapshot {
            Some(snapshot) => ApiServer::restore(config, snapshot, credentials, on_change),
            None => ApiServer::new(config, credentials, on_change),
        };
        api.set_pod_identities(identities);
        // The cell was made above and is set only here.
        let _ = server.set(Arc::downgrade(&api));
        let cluster = Arc::new(Cluster { record, api });
        let mut clusters = self.clusters.write().unwrap_or_else(PoisonError::into_inner);
        clusters.insert(key, Arc::clone(&cluster));
        cluster
    }

    fn write_cluster(&self, eks: &EksCluster, snapshot: &Snapshot) -> Result<(), SandboxError> {
        match &self.store {
            Some(store) => store.write_cluster(&ClusterFile::of(eks, snapshot)),
            None => Ok(()),
        }
    }
}

/// The service accounts that have a Pod Identity association, by namespace and name.
fn pod_identities(eks: &EksCluster) -> BTreeSet<(String, String)> {
    let associations = eks.pod_identity_associations.values();
    associations.map(|one| (one.namespace.clone(), one.service_account.clone())).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under a lock here is a bug in one action; the others may still answer.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
