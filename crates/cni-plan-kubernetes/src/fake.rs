//! For tests: an API server in the process, just enough for the calls of this crate. It keeps
//! pods and nodes with a log of changes, answers a watch when there is something to tell, and
//! brings deleted pods back. What is asked of a service account is left to the test.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cni_plan_core::{BoxFuture, Call, CallObserver, ProviderError, TokenSource};
use http::{Method, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::client::Connection;

/// Refuses to make tokens.
pub(crate) struct NoTokens;

impl TokenSource for NoTokens {
    fn token(&self) -> BoxFuture<'_, Result<String, ProviderError>> {
        unreachable!("the client of a test signs nothing")
    }
}

/// Hears of no call.
pub(crate) struct Deaf;

impl CallObserver for Deaf {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
    fn called(&self, _: Call) {}
}

/// An answer: status code and body.
pub(crate) type Answer = (u16, Value);

/// Answers what the fake itself does not: method, path with query, body.
pub(crate) type Handler = Box<dyn FnMut(&Method, &str, &Value) -> Option<Answer> + Send>;

/// The server; clones share it.
#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
}

/// What a test may look at and meddle with.
pub(crate) struct State {
    objects: BTreeMap<(&'static str, String), Value>,
    log: Vec<(u64, &'static str, &'static str, Value)>,
    version: u64,
    /// Environment of pods to be born.
    pub(crate) env: Value,
    /// Whether pods are born Ready.
    pub(crate) born_ready: bool,
    /// All requests, as `METHOD path?query`.
    pub(crate) requests: Vec<String>,
    /// The most nodes that were without a Ready pod at a time.
    pub(crate) most_down: usize,
    handler: Handler,
}

const LABELS: &str = "aws-node";

impl Fake {
    /// A cluster with these nodes, each with a Ready pod on the node role.
    pub(crate) fn new(nodes: &[&str]) -> Fake {
        let state = State {
            objects: BTreeMap::new(),
            log: Vec::new(),
            version: 1,
            env: json!([]),
            born_ready: true,
            requests: Vec::new(),
            most_down: 0,
            handler: Box::new(|_, _, _| None),
        };
        let fake = Fake { state: Arc::new(Mutex::new(state)), changed: watch::Sender::new(0) };
        for node in nodes {
            fake.change(|state| {
                state.put("nodes", node, json!({"metadata": {"name": node}}));
                state.birth(node);
            });
        }
        fake
    }

    /// With an answer of the test's own to whatever it wants.
    pub(crate) fn answering(
        self,
        handler: impl FnMut(&Method, &str, &Value) -> Option<Answer> + Send + 'static,
    ) -> Fake {
        self.state().handler = Box::new(handler);
        self
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Changes the world and tells whoever watches.
    pub(crate) fn change(&self, change: impl FnOnce(&mut State)) {
        let version = {
            let mut state = self.state();
            change(&mut state);
            state.version
        };
        self.changed.send_replace(version);
    }

    /// Has the pod of a node born again without anyone who watches hearing of it: as over a connection
    /// that died in silence.
    pub(crate) fn reborn_in_silence(&self, node: &str) {
        let name = self.pod_on(node);
        let mut state = self.state();
        state.remove("pods", &name);
        state.birth(node);
    }

    /// Has the pod of a node born again.
    pub(crate) fn reborn(&self, node: &str) {
        let name = self.pod_on(node);
        self.change(|state| {
            state.remove("pods", &name);
            state.birth(node);
        });
    }

    /// The name of the pod on a node.
    pub(crate) fn pod_on(&self, node: &str) -> String {
        let state = self.state();
        let mut pods = state.objects.iter().filter(|(_, object)| object["spec"]["nodeName"] == node);
        pods.next().map(|((_, name), _)| name.clone()).unwrap()
    }

    /// Waits until the world has changed so.
    pub(crate) async fn until(&self, is_so: impl Fn(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        changed.wait_for(|_| is_so(&self.state())).await.unwrap();
    }

    pub(crate) fn connection(&self) -> Connection {
        let fake = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move { fake.answer(request).await }
        });
        Connection::to(Client::new(service, "default"))
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, kube::Error> {
        let (head, body) = request.into_parts();
        let path = head.uri.to_string();
        let body: Value = serde_json::from_slice(&body.collect_bytes().await?).unwrap_or_default();
        self.state().requests.push(format!("{} {path}", head.method));
        let answered = {
            let mut state = self.state();
            let mut handler = std::mem::replace(&mut state.handler, Box::new(|_, _, _| None));
            let answered = handler(&head.method, &path, &body);
            state.handler = handler;
            answered
        };
        if let Some((status, body)) = answered {
            return Ok(respond(status, body.to_string()));
        }
        let resource = if path.contains("/nodes") {
            "nodes"
        } else if path.contains("/pods") {
            "pods"
        } else {
            "daemonsets"
        };
        if path.contains("watch=true") {
            let lines = self.changes_of(resource, version_asked(&path)).await;
            return Ok(respond(200, lines));
        }
        let (status, body) = match head.method {
            Method::DELETE => self.delete(&path, &body),
            _ => (200, self.state().list(resource)),
        };
        Ok(respond(status, body.to_string()))
    }

    fn delete(&self, path: &str, body: &Value) -> Answer {
        let name = path.split(['/', '?']).find(|part| part.starts_with("aws-node-")).unwrap().to_owned();
        let mut answer = refusal(404, "NotFound");
        self.change(|state| {
            let Some(pod) = state.objects.get(&("pods", name.clone())).cloned() else { return };
            if body["preconditions"]["uid"] != pod["metadata"]["uid"] {
                answer = refusal(409, "Conflict");
                return;
            }
            state.remove("pods", &name);
            answer = (200, pod.clone());
        });
        if answer.0 == 200 {
            // The successor is born when the deletion has been seen.
            let (fake, node) = (self.clone(), answer.1["spec"]["nodeName"].as_str().unwrap().to_owned());
            tokio::spawn(async move {
                tokio::task::yield_now().await;
                fake.change(|state| state.birth(&node));
            });
        }
        answer
    }

    /// Waits until there is something newer, and gives all of it: the watch then ends and is
    /// opened again.
    async fn changes_of(&self, resource: &str, after: u64) -> String {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let lines: Vec<String> = {
                let state = self.state();
                let newer = state.log.iter().filter(|(version, of, _, _)| *version > after && *of == resource);
                newer.map(|(_, _, kind, object)| json!({"type": kind, "object": object}).to_string()).collect()
            };
            if !lines.is_empty() {
                return lines.join("\n") + "\n";
            }
            changed.changed().await.unwrap();
        }
    }
}

impl State {
    /// Makes or replaces an object.
    pub(crate) fn put(&mut self, resource: &'static str, name: &str, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let before = self.objects.insert((resource, name.to_owned()), object.clone());
        let kind = if before.is_some() { "MODIFIED" } else { "ADDED" };
        self.log.push((self.version, resource, kind, object));
    }

    /// Pods that are Ready.
    pub(crate) fn ready(&self) -> usize {
        self.objects.values().filter(|object| object["status"]["conditions"][0]["status"] == "True").count()
    }

    /// Takes an object away.
    pub(crate) fn remove(&mut self, resource: &'static str, name: &str) {
        let Some(mut object) = self.objects.remove(&(resource, name.to_owned())) else { return };
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.log.push((self.version, resource, "DELETED", object));
        let nodes = self.objects.keys().filter(|(resource, _)| *resource == "nodes").count();
        self.most_down = self.most_down.max(nodes.saturating_sub(self.ready()));
    }

    /// A pod on this node, as pods are now born.
    pub(crate) fn birth(&mut self, node: &str) {
        if !self.objects.contains_key(&("nodes", node.to_owned())) {
            return;
        }
        let name = format!("aws-node-{}", self.version);
        let pod = json!({
            "metadata": {
                "name": name, "namespace": "kube-system", "uid": format!("uid-{name}"), "labels": {"app": LABELS},
                "ownerReferences": [
                    {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "aws-node", "uid": "ds", "controller": true},
                ],
            },
            "spec": {"nodeName": node, "containers": [{"name": "aws-node", "env": self.env}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": if self.born_ready { "True" } else { "False" }}],
                "containerStatuses": [{
                    "name": "aws-node", "ready": self.born_ready, "restartCount": 0, "image": "", "imageID": "",
                    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                }],
            },
        });
        self.put("pods", &name, pod);
    }

    fn list(&self, resource: &str) -> Value {
        let items: Vec<&Value> =
            self.objects.iter().filter(|((of, _), _)| *of == resource).map(|(_, object)| object).collect();
        let daemon_set = json!({
            "metadata": {"name": "aws-node", "uid": "ds"},
            "spec": {
                "selector": {"matchLabels": {"app": LABELS}},
                "template": {"spec": {"serviceAccountName": "aws-node", "containers": []}},
            },
        });
        let items = if resource == "daemonsets" { vec![&daemon_set] } else { items };
        json!({"metadata": {"resourceVersion": self.version.to_string()}, "items": items})
    }
}

/// A Status object.
pub(crate) fn refusal(code: u16, reason: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason,
    });
    (code, body)
}

fn respond(status: u16, body: String) -> Response<Body> {
    Response::builder().status(status).body(Body::from(body.into_bytes())).unwrap()
}

fn version_asked(path: &str) -> u64 {
    let version = path.split(['?', '&']).find_map(|pair| pair.strip_prefix("resourceVersion="));
    version.and_then(|version| version.parse().ok()).unwrap_or_default()
}
