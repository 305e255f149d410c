//! A running sandbox, and the few things done to one that is not running.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::calls::{CallLog, CallRecord, Faults};
use crate::error::SandboxError;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::held::{Held, HeldCall};
use crate::options::{ClusterSeed, Options};
use crate::wire::{DEFAULT_ACCOUNT, KEY_ID_PREFIX};
use crate::world::{Pace, Quotas, Store, Visibility, World, comparable};
use crate::{eks, furnish, kubeconfig, listener, scenario};

/// How long to wait for another process that has the world open.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look whether it has gone: a lock has no event to wait for.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// AWS and Kubernetes on one port of this machine, for as long as this value lives.
pub struct Sandbox {
    gateway: Arc<Gateway>,
    runtime: Handle,
    server: AbortHandle,
}

impl Sandbox {
    /// Opens the world, fills it if it is empty and a scenario is asked for, and serves it.
    ///
    /// Needs a Tokio runtime, which it keeps its tasks on. Waits up to ten seconds for another
    /// process that has the same folder open.
    ///
    /// # Errors
    /// When the folder cannot be had or read, the scenario is unknown, or the port is taken.
    pub async fn start(options: Options) -> Result<Sandbox, SandboxError> {
        let store = match &options.store {
            Some(root) => Some(take_when_free(root).await?),
            None => None,
        };
        let quotas = Quotas {
            roles: options.roles_per_account,
            attached_policies_per_role: options.attached_policies_per_role,
            ..Quotas::default()
        };
        let pace = Pace { pods_ready_after: options.pods_ready_after, addon_update_takes: options.addon_update_takes };
        let world = World::open(store, quotas, pace)?;
        if let Some(name) = options.scenario.as_deref().filter(|_| world.is_empty()) {
            scenario::build(&world, name)?;
        }
        let listener = listener::bind(options.port).await?;
        let port = match listener.local_addr() {
            Ok(address) => address.port(),
            Err(source) => return Err(SandboxError::Listen { port: options.port, source }),
        };
        world.set_visibility(options.visibility);
        world.serve_at(format!("http://127.0.0.1:{port}"));
        for cluster in world.clusters() {
            cluster.api.start_controllers();
        }
        eks::resume(&world);
        let faults = Faults::default();
        options.faults.into_iter().for_each(|fault| faults.add(fault));
        let (calls, held) = (CallLog::default(), Held::default());
        let gateway = Arc::new(Gateway { world, faults, calls, held, latency: options.latency });
        let server = tokio::spawn(listener::serve(listener, Arc::clone(&gateway))).abort_handle();
        Ok(Sandbox { gateway, runtime: Handle::current(), server })
    }

    /// Where everything is: `http://127.0.0.1:PORT`, the endpoint of every AWS service.
    pub fn url(&self) -> String {
        self.gateway.world.base_url().to_owned()
    }

    /// The scenario that the world is made of; `None` where nobody has chosen one, and whatever clusters there are
    /// were put in one by one.
    pub fn scenario(&self) -> Option<&str> {
        self.gateway.world.scenario()
    }

    /// Whether there is no cluster at all.
    pub fn has_no_cluster(&self) -> bool {
        self.gateway.world.clusters().is_empty()
    }

    /// Whether there is this cluster, in whichever account.
    pub fn has_cluster(&self, region: &str, name: &str) -> bool {
        self.gateway.world.cluster(region, name).is_some()
    }

    /// Makes the world have this cluster, as it is before the migration. One that is there, in
    /// whatever state, is left as it is; whether it was made.
    ///
    /// # Errors
    /// When the cluster is there in another account, or the world cannot be written.
    pub fn ensure_cluster(&self, seed: &ClusterSeed) -> Result<bool, SandboxError> {
        let _on_this_runtime = self.runtime.enter();
        let world = &self.gateway.world;
        let is_new = world.cluster(&seed.region, &seed.name).is_none();
        furnish::ensure_cluster(world, seed)?;
        if let Some(cluster) = world.cluster(&seed.region, &seed.name).filter(|_| is_new) {
            cluster.api.start_controllers();
        }
        Ok(is_new)
    }

    /// The environment that brings a real AWS client here: into the account that has all the
    /// clusters, or else 111122223333, and the region of the first cluster.
    pub fn environment(&self) -> Vec<(String, String)> {
        let clusters: Vec<_> = self.gateway.world.clusters().iter().map(|cluster| cluster.eks()).collect();
        let region = clusters.first().map_or("us-west-2", |cluster| &cluster.region);
        let account = match &clusters[..] {
            [first, rest @ ..] if rest.iter().all(|cluster| cluster.account == first.account) => &first.account,
            _ => DEFAULT_ACCOUNT,
        };
        self.environment_of(account, region)
    }

    /// The environment that brings a real AWS client into this account and region.
    pub fn environment_of(&self, account: &str, region: &str) -> Vec<(String, String)> {
        let key_id = format!("{KEY_ID_PREFIX}{account}");
        [
            ("AWS_ENDPOINT_URL", self.url().as_str()),
            ("AWS_ACCESS_KEY_ID", &key_id),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_REGION", region),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// A kubeconfig with one context a cluster, called as the cluster is.
    pub fn kubeconfig(&self) -> String {
        kubeconfig::write(&self.gateway.world)
    }

    /// The whole world as JSON: `accounts` by id, `clusters` by `REGION/NAME`.
    pub fn state(&self) -> Value {
        self.gateway.world.state()
    }

    /// The same without what differs between two runs that did the same: ids, dates, revisions,
    /// generated names, field managers, and how documents are written rather than what they say.
    pub fn comparable_state(&self) -> Value {
        comparable(&self.state())
    }

    /// Adds a fault, which counts calls from now on.
    pub fn add_fault(&self, fault: Fault) {
        self.gateway.faults.add(fault);
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.gateway.faults.clear();
    }

    /// Has IAM's readers lag behind its writers from now on; what was written before is seen by all.
    pub fn set_visibility(&self, visibility: Visibility) {
        self.gateway.world.set_visibility(visibility);
    }

    /// The calls so far, in the order they were answered: the last hundred thousand.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.gateway.calls.all()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.gateway.calls.clear();
    }

    /// Waits until a fault holds a call, if none is held yet; the calls that are held then.
    pub async fn until_held(&self) -> Vec<HeldCall> {
        self.gateway.held.until_any().await
    }

    /// Ends the calls that are held: each has its connection reset.
    pub fn release_held(&self) {
        self.gateway.held.release();
    }

    /// Waits until no call is under way: what a killed client had sent is over then. Watches whose
    /// first byte was sent do not count.
    pub async fn until_idle(&self) {
        self.gateway.calls.until_none_is_under_way().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// Empties the world of a folder and fills it with a scenario, if one is named. Needs no runtime.
///
/// # Errors
/// When the scenario is unknown, another process has the folder for more than ten seconds, or
/// the folder cannot be written.
pub fn reset(store: &Path, scenario: Option<&str>) -> Result<(), SandboxError> {
    // A name that is not known must not cost the old world.
    if let Some(scenario) = scenario {
        let dry_run = World::open(None, Quotas::default(), Pace::default())?;
        scenario::build(&dry_run, scenario)?;
    }
    let begun = Instant::now();
    let folder = loop {
        match Store::take(store)? {
            Some(folder) => break folder,
            None if begun.elapsed() < PATIENCE => std::thread::sleep(LOOK_AGAIN),
            None => return Err(SandboxError::InUse { store: store.to_owned() }),
        }
    };
    folder.clear()?;
    let world = World::open(Some(folder), Quotas::default(), Pace::default())?;
    scenario.map_or(Ok(()), |scenario| scenario::build(&world, scenario))
}

async fn take_when_free(root: &Path) -> Result<Store, SandboxError> {
    let begun = Instant::now();
    loop {
        match Store::take(root)? {
            Some(store) => return Ok(store),
            None if begun.elapsed() < PATIENCE => tokio::time::sleep(LOOK_AGAIN).await,
            None => return Err(SandboxError::InUse { store: root.to_owned() }),
        }
    }
}
