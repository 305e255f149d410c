//! Reports each request to the command's [`CallObserver`]: what it was, when it began, when its
//! answer began. A watch counts until it is open.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use cni_plan_core::{BoxFuture, Call, CallObserver};
use http::{Method, Request};
use tower::{Layer, Service};

const SERVICE: &str = "kubernetes";

tokio::task_local! {
    /// Since when the requests of this task are wanted.
    static WANTED: Duration;
}

/// Counts the requests that `reads` makes as begun now: they are wanted at the same time, whatever
/// connecting takes and in whichever order they get through.
pub(super) async fn begun_now<T>(observer: &dyn CallObserver, reads: impl Future<Output = T>) -> T {
    WANTED.scope(observer.now(), reads).await
}

/// Wraps a service in [`Observe`].
#[derive(Clone)]
pub(super) struct ObserveLayer {
    observer: Arc<dyn CallObserver>,
}

impl ObserveLayer {
    pub(super) fn new(observer: Arc<dyn CallObserver>) -> Self {
        ObserveLayer { observer }
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { inner, observer: Arc::clone(&self.observer) }
    }
}

/// A service whose requests are reported.
#[derive(Clone)]
pub(super) struct Observe<S> {
    inner: S,
    observer: Arc<dyn CallObserver>,
}

impl<S, B> Service<Request<B>> for Observe<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<S::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let operation = operation(request.method(), request.uri().path(), request.uri().query().unwrap_or_default());
        let observer = Arc::clone(&self.observer);
        let began = observer.now();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let began = WANTED.try_with(|wanted| *wanted).unwrap_or(began);
            let answer = answer.await;
            observer.called(Call { service: SERVICE, operation, began, ended: observer.now() });
            answer
        })
    }
}

/// The Kubernetes verb and the resource of a request, as RBAC names them: `list pods`.
fn operation(method: &Method, path: &str, query: &str) -> String {
    // /api/v1/… or /apis/GROUP/VERSION/…, then namespaces/NAME/RESOURCE or RESOURCE.
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match parts.next() {
        Some("api") => drop(parts.next()),
        Some("apis") => drop(parts.nth(1)),
        _ => return format!("{method} {path}").to_lowercase(),
    }
    let mut rest: Vec<&str> = parts.collect();
    if rest.first() == Some(&"namespaces") && rest.len() > 2 {
        rest.drain(..2);
    }
    let resource = match rest.as_slice() {
        [resource, _, sub, ..] => format!("{resource}/{sub}"),
        [resource, ..] => (*resource).to_owned(),
        [] => return format!("{method} {path}").to_lowercase(),
    };
    let watches = query.split('&').any(|pair| pair == "watch=true" || pair == "watch=1");
    let verb = match *method {
        Method::GET if watches => "watch",
        Method::GET if rest.len() == 1 => "list",
        Method::GET => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "call",
    };
    format!("{verb} {resource}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_named_as_rbac_names_them() {
        let table = [
            (Method::GET, "/api/v1/namespaces/kube-system/serviceaccounts/aws-node", "", "get serviceaccounts"),
            (Method::GET, "/api/v1/namespaces/kube-system/pods", "limit=500", "list pods"),
            (Method::GET, "/api/v1/nodes", "&watch=true&timeoutSeconds=290", "watch nodes"),
            (Method::GET, "/apis/apps/v1/namespaces/kube-system/daemonsets", "", "list daemonsets"),
            (Method::PATCH, "/api/v1/namespaces/kube-system/serviceaccounts/aws-node", "", "patch serviceaccounts"),
            (Method::POST, "/api/v1/namespaces/n/serviceaccounts/a/token", "", "create serviceaccounts/token"),
            (Method::DELETE, "/api/v1/namespaces/kube-system/pods/aws-node-1", "", "delete pods"),
            (Method::GET, "/api/v1/namespaces/kube-system", "", "get namespaces"),
            (Method::GET, "/version", "", "get /version"),
        ];
        for (method, path, query, expected) in table {
            assert_eq!(operation(&method, path, query), expected);
        }
    }
}
