//! Tells the observer of each operation, retries included.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use cni_plan_core::{Call, CallObserver};

/// An interceptor of one service's client.
pub(crate) struct Timing {
    service: &'static str,
    observer: Arc<dyn CallObserver>,
}

impl Timing {
    pub(crate) fn new(service: &'static str, observer: &Arc<dyn CallObserver>) -> Timing {
        Timing { service, observer: Arc::clone(observer) }
    }
}

impl fmt::Debug for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timing").field("service", &self.service).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
struct Began(Duration);

impl Storable for Began {
    type Storer = StoreReplace<Began>;
}

impl Intercept for Timing {
    fn name(&self) -> &'static str {
        "Timing"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Began(self.observer.now()));
        Ok(())
    }

    fn read_after_execution(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(Began(began)) = config.load::<Began>().copied() {
            let operation = config.load::<Metadata>().map_or_else(|| "unknown".to_owned(), |it| it.name().to_owned());
            self.observer.called(Call { service: self.service, operation, began, ended: self.observer.now() });
        }
        Ok(())
    }
}

/// Credentials of an assumed role: getting them is a call too, which no client of ours makes.
pub(crate) struct TimedAssumeRole<P> {
    inner: P,
    observer: Arc<dyn CallObserver>,
}

impl<P> TimedAssumeRole<P> {
    pub(crate) fn new(inner: P, observer: &Arc<dyn CallObserver>) -> TimedAssumeRole<P> {
        TimedAssumeRole { inner, observer: Arc::clone(observer) }
    }
}

impl<P: fmt::Debug> fmt::Debug for TimedAssumeRole<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedAssumeRole").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<P: ProvideCredentials> ProvideCredentials for TimedAssumeRole<P> {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let began = self.observer.now();
            let credentials = self.inner.provide_credentials().await;
            let operation = "AssumeRole".to_owned();
            self.observer.called(Call { service: "sts", operation, began, ended: self.observer.now() });
            credentials
        })
    }
}
