//! The way to one API server: where it is, who we are, and what every call goes through.
//!
//! From the outside in: the call is timed and reported ([`observe_layer`]), what may
//! be repeated is, where that may help ([`retry`]), a token is put on ([`token`]), kube's own stack sends it.
//! The client is made at the first call, so that constructing a provider costs nothing.

mod observe_layer;
mod retry;
mod token;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cni_plan_core::{CallObserver, ErrorKind, KubernetesAccess, ProviderError, TokenSource};
use kube::api::{Api, ListParams};
use kube::client::{Body, ClientBuilder};
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedAuthInfo, NamedCluster,
    NamedContext,
};
use kube::{Client, Config};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;
use tower::timeout::TimeoutLayer;

use crate::error::{Attempt, CallError};
use observe_layer::ObserveLayer;
use retry::RetryIdempotent;

/// For the TCP and TLS handshakes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one call with its retries, and for a watch to be answered; open, it has no end. A server that
/// takes a watch and says nothing would otherwise be waited for as long as the pods are.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Items on one page of a list, as client-go's pager has it.
const PAGE: u32 = 500;
/// Requests that may wait for the connection pool.
const QUEUE: usize = 1024;

/// One API server.
pub(crate) struct Connection {
    key: String,
    server: String,
    source: Source,
    observer: Arc<dyn CallObserver>,
    client: OnceCell<Client>,
    /// The proxy on the way, known once the client was made.
    proxy: OnceLock<String>,
}

/// Where the address and the credentials come from.
enum Source {
    Context(Box<Config>),
    Endpoint { kubeconfig: Box<Kubeconfig>, tokens: Arc<dyn TokenSource> },
}

impl Connection {
    pub(crate) async fn from_kubeconfig(
        key: &str,
        access: &KubernetesAccess,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Connection, ProviderError> {
        let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
        let read = match &access.kubeconfig {
            Some(file) => Kubeconfig::read_from(file),
            None => read_of_environment(std::env::var_os("KUBECONFIG").unwrap_or_default().as_os_str()),
        };
        let config = match read {
            Ok(kubeconfig) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
            Err(error) => Err(error),
        };
        let config = config.map_err(|error| unusable_kubeconfig(key, access, &error))?;
        Ok(Connection {
            key: key.to_owned(),
            server: config.cluster_url.to_string(),
            source: Source::Context(Box::new(config)),
            observer,
            client: OnceCell::new(),
            proxy: OnceLock::new(),
        })
    }

    pub(crate) fn from_endpoint(
        key: &str,
        endpoint: &str,
        certificate_authority: Option<&str>,
        tokens: Arc<dyn TokenSource>,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Connection, ProviderError> {
        endpoint.parse::<http::Uri>().map_err(|error| ProviderError {
            kind: ErrorKind::Refused,
            what: format!("cannot reach the API server of cluster {key}"),
            why: format!("its endpoint {endpoint} is no URL: {error}"),
            cure: "give the spec a `kubernetes.context` to reach the cluster by".to_owned(),
        })?;
        Ok(Connection {
            key: key.to_owned(),
            server: endpoint.to_owned(),
            source: Source::Endpoint { kubeconfig: Box::new(kubeconfig_of(endpoint, certificate_authority)), tokens },
            observer,
            client: OnceCell::new(),
            proxy: OnceLock::new(),
        })
    }

    /// For tests: a connection whose requests end in `client`.
    #[cfg(test)]
    pub(crate) fn to(client: Client) -> Connection {
        use crate::fake::{Deaf, NoTokens};
        let connection = Connection::from_endpoint("test", "http://api.test", None, Arc::new(NoTokens), Arc::new(Deaf));
        Connection { client: OnceCell::new_with(Some(client)), ..connection.expect("the endpoint is a URL") }
    }

    /// The cluster's key in the spec.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The API server's URL, and the proxy on the way to it.
    pub(crate) fn server(&self) -> String {
        match self.proxy.get() {
            Some(proxy) => format!("{} through the proxy {proxy}", self.server),
            None => self.server.clone(),
        }
    }

    /// The client; made at the first call, when a credential plugin may run.
    pub(crate) async fn client(&self) -> Result<Client, ProviderError> {
        let client = self.client.get_or_try_init(|| self.connect()).await;
        client.cloned().map_err(|error| Attempt::new("reach the API server", "get", "", None).failed(self, error))
    }

    /// One call within its time.
    pub(crate) async fn call<T>(
        &self,
        attempt: &Attempt<'_>,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ProviderError> {
        self.try_call(call).await.map_err(|error| attempt.failed(self, error))
    }

    /// As [`Connection::call`], for callers to whom a refusal is an answer.
    pub(crate) async fn try_call<T>(&self, call: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
        match tokio::time::timeout(CALL_TIMEOUT, call).await {
            Ok(answer) => answer.map_err(CallError::from),
            Err(_) => Err(CallError::NoAnswer(CALL_TIMEOUT)),
        }
    }

    /// Reads that are wanted at the same time; a later page of one is not.
    pub(crate) async fn at_once<T>(&self, reads: impl Future<Output = T>) -> T {
        observe_layer::begun_now(self.observer.as_ref(), reads).await
    }

    /// All items of a list, page by page. A list whose pages expired under us begins anew, once.
    pub(crate) async fn list<K>(
        &self,
        attempt: &Attempt<'_>,
        api: &Api<K>,
        params: &ListParams,
    ) -> Result<Vec<K>, ProviderError>
    where
        K: Clone + DeserializeOwned + Debug,
    {
        let mut params = params.clone().limit(PAGE);
        let mut items = Vec::new();
        let mut begun_anew = false;
        loop {
            let call = self.try_call(api.list(&params));
            let answer = if params.continue_token.is_some() { self.at_once(call).await } else { call.await };
            let page = match answer {
                Err(error) if error.code() == Some(410) && params.continue_token.is_some() && !begun_anew => {
                    begun_anew = true;
                    params.continue_token = None;
                    items.clear();
                    continue;
                }
                page => page.map_err(|error| attempt.failed(self, error))?,
            };
            items.extend(page.items);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params.continue_token = Some(token),
                None => return Ok(items),
            }
        }
    }

    async fn connect(&self) -> Result<Client, CallError> {
        let (mut config, tokens) = match &self.source {
            Source::Context(config) => (config.as_ref().clone(), None),
            Source::Endpoint { kubeconfig, tokens } => {
                let options = KubeConfigOptions::default();
                let config = Config::from_custom_kubeconfig(kubeconfig.as_ref().clone(), &options).await;
                (config.map_err(kube::Error::InferKubeconfig)?, Some(Arc::clone(tokens)))
            }
        };
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        // kube would repeat writes too, and for minutes.
        config.default_retry = false;
        if let Some(proxy) = &config.proxy_url {
            // Without the user's name and password, which a proxy's URL may hold.
            let port = proxy.port().map(|port| format!(":{port}")).unwrap_or_default();
            let _ = self.proxy.set(format!("{}{port}", proxy.host().unwrap_or_default()));
        }
        // A credential plugin runs in here, and blocks while it does.
        let built = tokio::task::spawn_blocking(move || ClientBuilder::try_from(config));
        let builder = built.await.map_err(CallError::Interrupted)??;
        let builder = builder
            .with_layer(&BufferLayer::<http::Request<Body>>::new(QUEUE))
            .with_layer(&token::layer(tokens))
            .with_layer(&RetryLayer::new(RetryIdempotent::default()))
            .with_layer(&TimeoutLayer::new(CALL_TIMEOUT))
            .with_layer(&ObserveLayer::new(Arc::clone(&self.observer)));
        tracing::debug!(cluster = self.key, server = self.server, "connecting");
        Ok(builder.build())
    }
}

/// A kubeconfig for an endpoint: kube decodes the authority and honours the proxy environment.
fn kubeconfig_of(endpoint: &str, certificate_authority: Option<&str>) -> Kubeconfig {
    const NAME: &str = "endpoint";
    Kubeconfig {
        clusters: vec![NamedCluster {
            name: NAME.to_owned(),
            cluster: Some(Cluster {
                server: Some(endpoint.to_owned()),
                certificate_authority_data: certificate_authority.map(str::to_owned),
                ..Cluster::default()
            }),
            other: BTreeMap::new(),
        }],
        auth_infos: vec![NamedAuthInfo {
            name: NAME.to_owned(),
            auth_info: Some(AuthInfo::default()),
            other: BTreeMap::new(),
        }],
        contexts: vec![NamedContext {
            name: NAME.to_owned(),
            context: Some(Context { cluster: NAME.to_owned(), user: Some(NAME.to_owned()), ..Context::default() }),
            other: BTreeMap::new(),
        }],
        current_context: Some(NAME.to_owned()),
        ..Kubeconfig::default()
    }
}

/// The files of `KUBECONFIG` merged, else `~/.kube/config`. A listed file that is not there is
/// passed over while another is, as kubectl does; kube would refuse the whole list.
fn read_of_environment(variable: &OsStr) -> Result<Kubeconfig, KubeconfigError> {
    let there: Vec<PathBuf> = std::env::split_paths(variable).filter(|path| path.exists()).collect();
    if there.is_empty() {
        return Kubeconfig::read();
    }
    there.iter().try_fold(Kubeconfig::default(), |merged, path| merged.merge(Kubeconfig::read_from(path)?))
}

fn unusable_kubeconfig(key: &str, access: &KubernetesAccess, error: &KubeconfigError) -> ProviderError {
    let file = access.kubeconfig.as_deref().unwrap_or("KUBECONFIG or ~/.kube/config");
    let (kind, cure) = match error {
        KubeconfigError::ReadConfig(..) | KubeconfigError::FindPath => {
            (ErrorKind::NotFound, "name an existing file under `kubernetes.kubeconfig`, or set KUBECONFIG")
        }
        KubeconfigError::LoadContext(_) | KubeconfigError::CurrentContextNotSet => (
            ErrorKind::NotFound,
            "`kubectl config get-contexts` lists the contexts; name one under `kubernetes.context`",
        ),
        _ => (ErrorKind::Refused, "check that `kubectl config view` reads the file"),
    };
    let why = match error {
        KubeconfigError::ReadConfig(source, _) => source.to_string(),
        KubeconfigError::LoadContext(context) => format!("it has no context {context}"),
        // Behind the place stands an excerpt of the file, whose lines may hold a token.
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    };
    ProviderError {
        kind,
        what: format!("cannot use the kubeconfig of cluster {key}: {file}"),
        why: crate::error::one_line(&why),
        cure: cure.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Deaf, NoTokens};

    /// `-----BEGIN CERTIFICATE-----…` around the bytes 1, 2, 3, as EKS gives it: in base64 once more.
    const AUTHORITY: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFRSUQKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

    #[tokio::test]
    async fn an_endpoint_is_reached_with_its_own_authority() {
        let kubeconfig = kubeconfig_of("https://abc.eks.amazonaws.com", Some(AUTHORITY));
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        assert_eq!(config.cluster_url.to_string(), "https://abc.eks.amazonaws.com/");
        assert_eq!(config.root_cert, Some(vec![vec![1, 2, 3]]));
    }

    #[tokio::test]
    async fn an_authority_that_is_none_is_told_at_the_first_call() {
        let connection =
            Connection::from_endpoint("c", "https://a.test", Some("%"), Arc::new(NoTokens), Arc::new(Deaf)).unwrap();
        let Err(error) = connection.client().await else { panic!("it connected") };
        assert_eq!(error.kind, ErrorKind::Credentials);
        assert!(error.cure.contains("certificate authority"), "{}", error.cure);
    }

    #[test]
    fn an_endpoint_has_to_be_a_url() {
        let refused = Connection::from_endpoint("c", "not a url", None, Arc::new(NoTokens), Arc::new(Deaf));
        assert!(refused.is_err_and(|error| error.why.contains("not a url")));
    }

    #[test]
    fn a_file_missing_from_the_list_of_kubeconfigs_is_passed_over() {
        let file = std::env::temp_dir().join(format!("cni-plan-kubeconfig-{}", std::process::id()));
        std::fs::write(&file, r#"{"apiVersion": "v1", "kind": "Config", "current-context": "there"}"#).unwrap();
        let list = std::env::join_paths([&PathBuf::from("no/such/file"), &file]).unwrap();
        let read = read_of_environment(&list);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(read.unwrap().current_context.as_deref(), Some("there"));
    }

    #[tokio::test]
    async fn a_kubeconfig_that_is_not_there_is_named() {
        let access = KubernetesAccess { kubeconfig: Some("no/such/file".to_owned()), context: None };
        let refused = Connection::from_kubeconfig("c", &access, Arc::new(Deaf)).await;
        let Err(error) = refused else { panic!("it was read") };
        assert_eq!(error.kind, ErrorKind::NotFound);
        assert!(error.what.ends_with("no/such/file"), "{error}");
    }
}
