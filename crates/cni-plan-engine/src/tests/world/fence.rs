//! The clusters' locks, which a session may lose.

use std::time::Duration;

use cni_plan_core::{BoxFuture, ClusterLock, HeldLock, LockHolder, LockRecord, NotTaken, ProviderError};

use super::{Session, World, error};

impl ClusterLock for World {
    fn show(&self) -> BoxFuture<'_, Result<Option<LockRecord>, ProviderError>> {
        Box::pin(async { Ok(None) })
    }

    fn take<'a>(
        &'a self,
        _holder: &'a LockHolder,
        _patience: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn HeldLock>, NotTaken>> {
        Box::pin(async { Ok(Box::new(self.clone()) as Box<dyn HeldLock>) })
    }

    fn break_held<'a>(&'a self, _found: &'a LockRecord) -> BoxFuture<'a, Result<(), ProviderError>> {
        Box::pin(async { Ok(()) })
    }
}

impl HeldLock for World {
    fn check(&self) -> BoxFuture<'_, Result<(), ProviderError>> {
        Box::pin(async {
            let is_lost = self.state().session.as_mut().is_some_and(Session::loses_its_lock);
            if is_lost { Err(error("cannot go on", "someone else has the lock")) } else { Ok(()) }
        })
    }

    fn release(self: Box<Self>) -> BoxFuture<'static, Result<(), ProviderError>> {
        Box::pin(async { Ok(()) })
    }
}
