//! Which provider answers for which account and cluster, and which lock guards which cluster.

use std::collections::HashMap;
use std::sync::Arc;

use cni_plan_core::{ClusterLock, Owner, Provider};

/// The providers of one command, by whom they answer for.
#[derive(Default, Clone)]
pub struct Providers {
    accounts: HashMap<String, Arc<dyn Provider>>,
    clusters: HashMap<String, Arc<dyn Provider>>,
    locks: HashMap<String, Arc<dyn ClusterLock>>,
}

impl Providers {
    /// IAM of an account; the first one given answers for it.
    pub fn add_account(&mut self, account: &str, provider: Arc<dyn Provider>) {
        self.accounts.entry(account.to_owned()).or_insert(provider);
    }

    /// The API server of the cluster with that key.
    pub fn add_cluster(&mut self, key: &str, provider: Arc<dyn Provider>) {
        self.clusters.insert(key.to_owned(), provider);
    }

    /// The lock of the cluster with that key.
    pub fn add_lock(&mut self, key: &str, lock: Arc<dyn ClusterLock>) {
        self.locks.insert(key.to_owned(), lock);
    }

    /// What guards the cluster with that key.
    pub fn lock(&self, key: &str) -> Option<&dyn ClusterLock> {
        self.locks.get(key).map(AsRef::as_ref)
    }

    /// Who answers for `owner`.
    pub fn get(&self, owner: Owner<'_>) -> Option<&dyn Provider> {
        match owner {
            Owner::Account(account) => self.accounts.get(account),
            Owner::Cluster(key) => self.clusters.get(key),
        }
        .map(AsRef::as_ref)
    }
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Providers")
            .field("accounts", &self.accounts.keys())
            .field("clusters", &self.clusters.keys())
            .field("locks", &self.locks.keys())
            .finish()
    }
}
