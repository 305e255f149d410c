//! The four calls to the API server, and what their refusals mean.

use cni_plan_core::ProviderError;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DeleteParams, PostParams, Preconditions};

use super::convert::same_holding;
use super::{LeaseLock, NAME, NAMESPACE, RACES};
use crate::error::{Attempt, CallError};
use crate::service_account::FIELD_MANAGER;

const RESOURCE: &str = "leases.coordination.k8s.io";

/// Why a write was not confirmed.
#[derive(Debug)]
pub(super) enum WriteError {
    /// The Lease is not the one that was read, or not there, or there already. Nothing was written.
    Raced(ProviderError),
    /// It may have been written all the same.
    InDoubt(ProviderError),
    /// It was refused, and would be again.
    Refused(ProviderError),
}

impl WriteError {
    pub(super) fn into_inner(self) -> ProviderError {
        match self {
            WriteError::Raced(error) | WriteError::InDoubt(error) | WriteError::Refused(error) => error,
        }
    }
}

impl LeaseLock {
    pub(super) async fn get(&self) -> Result<Option<Lease>, ProviderError> {
        let api = self.api().await?;
        self.connection.call(&attempt("read", "get"), api.get_opt(NAME)).await
    }

    /// Only where there is none.
    pub(super) async fn create(&self, lease: &Lease) -> Result<Lease, WriteError> {
        let api = self.api().await.map_err(WriteError::Refused)?;
        let answer = self.connection.try_call(api.create(&writing(), lease)).await;
        answer.map_err(|error| self.told(&attempt("take", "create"), error))
    }

    /// Only where it is still the version that `lease` was made from.
    pub(super) async fn update(&self, doing: &str, lease: &Lease) -> Result<Lease, WriteError> {
        let api = self.api().await.map_err(WriteError::Refused)?;
        let answer = self.connection.try_call(api.replace(NAME, &writing(), lease)).await;
        answer.map_err(|error| self.told(&attempt(doing, "update"), error))
    }

    /// Deletes the Lease as long as it is the holding that was read, whatever was renewed meanwhile.
    /// Hands back what is someone else's by now, which is left.
    pub(super) async fn remove(&self, mut held: Lease) -> Result<Option<Lease>, ProviderError> {
        let mut races = 0;
        loop {
            let error = match self.delete(&held).await {
                Ok(()) => return Ok(None),
                Err(WriteError::Refused(error)) => return Err(error),
                Err(WriteError::Raced(error) | WriteError::InDoubt(error)) => error,
            };
            match self.get().await? {
                None => return Ok(None),
                Some(found) if !same_holding(&found, &held) => return Ok(Some(found)),
                Some(_) if races == RACES => return Err(error),
                Some(found) => held = found,
            }
            races += 1;
        }
    }

    async fn delete(&self, lease: &Lease) -> Result<(), WriteError> {
        let preconditions = Preconditions {
            uid: lease.metadata.uid.clone(),
            resource_version: lease.metadata.resource_version.clone(),
        };
        let params = DeleteParams::default().preconditions(preconditions);
        let api = self.api().await.map_err(WriteError::Refused)?;
        match self.connection.try_call(api.delete(NAME, &params)).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.told(&attempt("release", "delete"), error)),
        }
    }

    async fn api(&self) -> Result<Api<Lease>, ProviderError> {
        Ok(Api::namespaced(self.connection.client().await?, NAMESPACE))
    }

    fn told(&self, attempt: &Attempt<'_>, error: CallError) -> WriteError {
        let (code, doubt) = (error.code(), error.leaves_doubt());
        let error = attempt.failed(&self.connection, error);
        match code {
            Some(404 | 409) => WriteError::Raced(error),
            _ if doubt => WriteError::InDoubt(error),
            _ => WriteError::Refused(error),
        }
    }
}

/// `doing` as in "cannot … the lock".
fn attempt<'a>(doing: &str, verb: &'a str) -> Attempt<'a> {
    Attempt::new(format!("{doing} the lock (lease {NAMESPACE}/{NAME})"), verb, RESOURCE, Some(NAMESPACE))
}

fn writing() -> PostParams {
    PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() }
}
