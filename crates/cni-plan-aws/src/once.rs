//! What is asked for from several places and is to be asked of Amazon once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use cni_plan_core::ProviderError;
use tokio::sync::OnceCell;

/// Values made at most once each; a failure is not kept.
pub(crate) struct Once<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Once(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Once<K, V> {
    pub(crate) async fn get<F>(&self, key: K, make: impl FnOnce() -> F) -> Result<V, ProviderError>
    where
        F: Future<Output = Result<V, ProviderError>>,
    {
        let cell = {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(cells.entry(key).or_default())
        };
        cell.get_or_try_init(make).await.cloned()
    }
}
