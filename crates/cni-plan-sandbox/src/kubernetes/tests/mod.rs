//! The API server seen from outside: requests in, answers and events out, time moved by hand.

mod leases;
mod objects;
mod ownership;
mod pods;
mod reading;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::to_bytes;

use super::*;

const NAMESPACE: &str = "kube-system";
const SYSTEM: &str = "/api/v1/namespaces/kube-system";
const ROLE: &str = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole";
const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
const MERGE: &str = "application/merge-patch+json";
const APPLY: &str = "application/apply-patch+yaml";

/// A cluster of three nodes with the plugin, in which nothing moves unless told to.
struct Cluster {
    api: Arc<ApiServer>,
    /// Whether a pod with a role finds it working.
    role_works: Arc<AtomicBool>,
    /// What the change hook was told last.
    saved: Arc<Mutex<Option<Snapshot>>>,
}

impl Cluster {
    fn new() -> Cluster {
        Cluster::with(config(), Vec::new())
    }

    fn with(config: ClusterConfig, annotations: Vec<AnnotationSeed>) -> Cluster {
        let cluster = Cluster::around(|check, hook| ApiServer::new(config, check, hook));
        let nodes = (1..=3).map(|n| NodeSeed {
            name: node(n),
            nodegroup: "workers".into(),
            labels: BTreeMap::from([("team".into(), "platform".into())]),
            taint: None,
        });
        cluster.api.install_plugin(&PluginSeed {
            namespace: NAMESPACE.into(),
            service_account: "aws-node".into(),
            daemon_set: "aws-node".into(),
            version: "v1.23.1".into(),
            by_eks: false,
            addon_role: None,
            ip_family: IpFamily::Ipv4,
            nodes: nodes.collect(),
            annotations,
            map_roles: None,
        });
        cluster
    }

    fn restored(snapshot: Snapshot) -> Cluster {
        Cluster::around(|check, hook| ApiServer::restore(config(), snapshot, check, hook))
    }

    fn around(make: impl FnOnce(CredentialCheck, ChangeHook) -> Arc<ApiServer>) -> Cluster {
        let role_works = Arc::new(AtomicBool::new(true));
        let saved = Arc::new(Mutex::new(None));
        let (works, save) = (role_works.clone(), saved.clone());
        let check: CredentialCheck = Arc::new(move |pod| {
            let fine = works.load(Ordering::SeqCst) || !pod.to_string().contains("AWS_ROLE_ARN");
            if fine {
                Ok(())
            } else {
                Err("AccessDenied: not authorized to perform ec2:AssignPrivateIpAddresses".into())
            }
        });
        let hook: ChangeHook = Arc::new(move |snapshot| *save.lock().unwrap() = Some(snapshot.clone()));
        Cluster { api: make(check, hook), role_works, saved }
    }

    async fn response(&self, method: &str, path: &str, content_type: &str, body: &str) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", content_type)
            .header("user-agent", "tester/1.0 (linux)")
            .body(Body::from(body.to_owned()))
            .unwrap();
        self.api.clone().handle(request).await
    }

    async fn send(&self, method: &str, path: &str, content_type: &str, body: &str) -> (u16, Value) {
        let response = self.response(method, path, content_type, body).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, "", "").await
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send("POST", path, "application/json", &body.to_string()).await
    }

    async fn patch(&self, path: &str, kind: &str, body: &Value) -> (u16, Value) {
        self.send("PATCH", path, kind, &body.to_string()).await
    }

    async fn delete(&self, path: &str, options: &Value) -> (u16, Value) {
        self.send("DELETE", path, "application/json", &options.to_string()).await
    }

    async fn annotate(&self, key: &str, value: &str) {
        let body = json!({ "metadata": { "annotations": { key: value } } });
        let path = format!("{SYSTEM}/serviceaccounts/aws-node?fieldManager=kubectl-annotate");
        assert_eq!(self.patch(&path, MERGE, &body).await.0, 200);
    }

    /// The plugin's pods by node, as they are.
    fn pods(&self) -> BTreeMap<String, Arc<Value>> {
        let pods = self.api.objects("pods").into_iter();
        pods.map(|pod| (pod["spec"]["nodeName"].as_str().unwrap_or_default().to_owned(), pod)).collect()
    }

    fn ready(&self) -> usize {
        self.api.objects("pods").iter().filter(|pod| is_ready(pod)).count()
    }

    /// Lets everything happen that is due within some seconds from now.
    fn wait(&self, seconds: u64) {
        self.api.advance(Timestamp::now());
        self.api.catch_up(time::after(Timestamp::now(), Duration::from_secs(seconds)));
    }
}

fn config() -> ClusterConfig {
    ClusterConfig {
        name: "my-cluster".into(),
        region: "us-west-2".into(),
        issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE".into(),
        version: "1.33".into(),
        regional_sts_default: false,
        webhook: true,
        ready_after: Duration::from_secs(8),
    }
}

fn node(number: usize) -> String {
    format!("ip-192-168-1-{number}.us-west-2.compute.internal")
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True")
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}
