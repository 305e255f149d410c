//! One cluster's Kubernetes API server, with the controllers and the webhook that the CNI plugin's
//! migration meets, in memory.
//!
//! A request comes in through [`ApiServer::handle`] with its path already stripped of whatever leads
//! to this cluster. [`server`] reads it and hands it to [`write`], [`list`] or [`watch`], which work on
//! the [`store`]: a map of objects, a revision, and the log of what changed, from which watches are
//! served. Every writer, the controllers included, goes through [`write`], so that defaults,
//! admission, validation and managed fields are the same for all.
//!
//! The [`controllers`] are plain functions from a state and an instant to a changed state and the next
//! instant worth looking at. One task runs them whenever the revision moves or that instant comes;
//! restoring a world that was away runs them through every instant it missed.
//!
//! Must not: share code with the adapters it is a witness for, reach the AWS half other than through
//! the credential check, or call either of the two callbacks while holding the state's lock.

mod addon;
mod admission;
mod controllers;
mod daemonset;
mod defaults;
mod delete;
mod discovery;
mod events;
mod fields;
mod kubelet;
mod list;
mod managed_fields;
mod patch;
mod plugin;
mod protobuf;
mod request;
mod resources;
mod reviews;
mod scheduling;
mod schema;
mod seed;
mod selector;
mod server;
mod state;
mod status;
mod store;
mod table;
mod time;
mod token;
mod validate;
mod watch;
mod webhook;
mod write;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch as channel;

pub(crate) use addon::OnConflict;
pub(crate) use seed::{AnnotationSeed, ChangeHook, ClusterConfig, CredentialCheck, IpFamily, NodeSeed, PluginSeed};
pub(crate) use state::Snapshot;

use state::State;
use status::ApiError;

/// How many instants that a restored cluster has missed are lived through one by one. Only pods that
/// keep restarting have more, and nobody counts their restarts.
const MISSED_INSTANTS: usize = 1000;

/// One cluster's API server.
pub(crate) struct ApiServer {
    config: ClusterConfig,
    state: Mutex<State>,
    credentials: CredentialCheck,
    on_change: ChangeHook,
    /// The revision that the change hook was last told of; its lock keeps those calls in order.
    published: Mutex<u64>,
    /// Moves after the change hook has been told.
    revisions: channel::Sender<u64>,
}

impl ApiServer {
    /// A cluster with the namespaces that every cluster has. Nothing moves in it, and the hook is told
    /// of nothing, until the first change.
    pub(crate) fn new(config: ClusterConfig, credentials: CredentialCheck, on_change: ChangeHook) -> Arc<ApiServer> {
        let mut state = State::new(config);
        let now = Timestamp::now();
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let write = write::Write::internal("namespaces", "", "kube-apiserver", now);
            let created = write.create(&mut state, json!({ "metadata": { "name": name } }));
            created.expect("a namespace can be made in an empty cluster");
        }
        controllers::settle(&mut state, now);
        ApiServer::with(state, credentials, on_change)
    }

    /// The cluster as it was when the snapshot was taken. What should have happened since does when the
    /// controllers start.
    pub(crate) fn restore(
        config: ClusterConfig,
        snapshot: Snapshot,
        credentials: CredentialCheck,
        on_change: ChangeHook,
    ) -> Arc<ApiServer> {
        ApiServer::with(State::restore(config, snapshot), credentials, on_change)
    }

    fn with(state: State, credentials: CredentialCheck, on_change: ChangeHook) -> Arc<ApiServer> {
        let revision = state.store.revision();
        Arc::new(ApiServer {
            config: state.config.clone(),
            state: Mutex::new(state),
            credentials,
            on_change,
            published: Mutex::new(revision),
            revisions: channel::Sender::new(revision),
        })
    }

    /// Everything that outlives the process.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.read(State::snapshot)
    }

    /// Adds the plugin, its service account and its nodes, as far as they are not there. Its pods are
    /// Ready at once, on whatever identity the seed's annotations give them.
    pub(crate) fn install_plugin(&self, plugin: &PluginSeed) {
        self.change(|state, now| plugin::install(state, plugin, now));
    }

    /// Annotates a service account as the named field manager.
    pub(crate) fn annotate_service_account(&self, namespace: &str, name: &str, key: &str, value: &str, manager: &str) {
        let body = json!({ "metadata": { "annotations": { key: value } } });
        self.change(|state, now| plugin::annotate(state, namespace, name, &body, manager, now));
    }

    /// Brings the plugin's service account to what EKS's add-on asks for; `Err` names the fields that
    /// others have set otherwise.
    pub(crate) fn apply_addon_service_account(
        &self,
        namespace: &str,
        name: &str,
        role: Option<&str>,
        on_conflict: OnConflict,
    ) -> Result<(), Vec<String>> {
        self.change(|state, now| addon::apply_service_account(state, namespace, name, role, on_conflict, now))
    }

    /// Has the plugin run another version, as its add-on names it.
    pub(crate) fn set_plugin_version(&self, namespace: &str, daemon_set: &str, version: &str) {
        self.change(|state, now| addon::set_version(state, namespace, daemon_set, version, now));
    }

    /// Deletes the plugin, as an add-on that is deleted does.
    pub(crate) fn remove_plugin(&self, namespace: &str, daemon_set: &str, service_account: &str) {
        self.change(|state, now| addon::remove(state, namespace, daemon_set, service_account, now));
    }

    /// Says which service accounts have a Pod Identity association, for the webhook.
    pub(crate) fn set_pod_identities(&self, service_accounts: BTreeSet<(String, String)>) {
        self.lock().pod_identities = service_accounts;
    }

    /// One object, by its resource's plural name; cluster-scoped ones have an empty namespace.
    pub(crate) fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.read(|state| state.object(resource, namespace, name))
    }

    /// All objects of a resource, in order of namespace and name.
    pub(crate) fn objects(&self, resource: &str) -> Vec<Arc<Value>> {
        self.read(|state| state.objects(resource, None))
    }

    /// Lives through what a restored cluster has missed, then starts the controllers, which end when
    /// the server is dropped. Must be called in a tokio runtime.
    pub(crate) fn start_controllers(self: &Arc<Self>) {
        self.catch_up(Timestamp::now());
        tokio::spawn(run_controllers(Arc::downgrade(self), self.revisions()));
    }

    /// Answers a request, its path as an API server has it.
    pub(crate) async fn handle(self: Arc<Self>, request: Request<Body>) -> Response {
        server::answer(&self, request).await
    }

    fn config(&self) -> &ClusterConfig {
        &self.config
    }

    fn revisions(&self) -> channel::Receiver<u64> {
        self.revisions.subscribe()
    }

    /// Looks at the state.
    fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the state for a client, and publishes the change before answering.
    fn mutate<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> Result<T, ApiError>) -> Result<T, ApiError> {
        self.change(change)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State, Timestamp) -> T) -> T {
        let outcome = change(&mut self.lock(), Timestamp::now());
        self.publish();
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the hook of the state, and then those who watch, unless somebody has already.
    fn publish(&self) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read(|state| state.store.revision()) > *published {
            let snapshot = self.snapshot();
            (self.on_change)(&snapshot);
            *published = snapshot.revision;
            self.revisions.send_replace(snapshot.revision);
        }
    }

    /// Does everything that is due; says when something is due again.
    fn advance(&self, now: Timestamp) -> Option<Timestamp> {
        loop {
            let judged = {
                let mut state = self.lock();
                controllers::settle(&mut state, now);
                kubelet::to_be_probed(&state, now)
            };
            if judged.is_empty() {
                return self.read(kubelet::next_due);
            }
            let verdicts: Vec<Result<(), String>> = judged.iter().map(|pod| (self.credentials)(pod)).collect();
            let mut state = self.lock();
            for (pod, verdict) in judged.iter().zip(verdicts) {
                kubelet::probed(&mut state, pod, verdict, now);
            }
        }
    }

    /// Lives through the instants that have passed since the state was last moved.
    fn catch_up(&self, now: Timestamp) {
        let mut due = self.read(kubelet::next_due);
        for _ in 0..MISSED_INSTANTS {
            match due {
                Some(instant) if instant < now => due = self.advance(instant),
                _ => break,
            }
        }
        self.advance(now);
        self.publish();
    }
}

async fn run_controllers(server: Weak<ApiServer>, mut revisions: channel::Receiver<u64>) {
    loop {
        revisions.borrow_and_update();
        let Some(running) = server.upgrade() else { return };
        let due = running.advance(Timestamp::now());
        running.publish();
        drop(running);
        let wait = due.map(|due| Duration::try_from(due.duration_since(Timestamp::now())).unwrap_or_default());
        let timer = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            moved = revisions.changed() => if moved.is_err() { return },
            () = timer => {}
        }
    }
}

#[cfg(test)]
mod tests;
