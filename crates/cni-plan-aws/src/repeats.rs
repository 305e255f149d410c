//! Whether the SDK has repeated a call: what a repetition is refused may have been done by the call
//! before it, whose answer was lost.

use std::cell::Cell;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeTransmitInterceptorContextRef;
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

tokio::task_local! {
    static WAS_REPEATED: Cell<bool>;
}

/// An interceptor that notices.
#[derive(Debug)]
pub(crate) struct Repeats;

impl Repeats {
    /// What `work` comes to, and whether any call that it made was sent more than once.
    pub(crate) async fn noticed<T>(work: impl Future<Output = T>) -> (T, bool) {
        WAS_REPEATED.scope(Cell::new(false), async { (work.await, WAS_REPEATED.with(Cell::get)) }).await
    }
}

impl Intercept for Repeats {
    fn name(&self) -> &'static str {
        "Repeats"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if config.load::<RequestAttempts>().is_some_and(|attempts| attempts.attempts() > 1) {
            // Calls that nobody asks about are made outside of any scope.
            let _ = WAS_REPEATED.try_with(|was_repeated| was_repeated.set(true));
        }
        Ok(())
    }
}
