//! Somebody else's hands on the world between two commands: plain HTTP, none of the product's code.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cni_plan_sandbox::Sandbox;

/// A trust document that lets the account's own people in, and nobody else.
pub const FOREIGN_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"BreakGlass","Effect":"Allow",
    "Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}]}"#;

/// Calls a sandbox as another client would.
pub struct Wire {
    address: String,
}

impl Wire {
    /// To this sandbox.
    pub fn to(sandbox: &Sandbox) -> Wire {
        Wire::at(&sandbox.url())
    }

    /// To the sandbox that another process serves at `http://HOST:PORT`.
    pub fn at(url: &str) -> Wire {
        Wire { address: url.trim_start_matches("http://").to_owned() }
    }

    /// Everything there is, without what differs between two runs that did the same.
    ///
    /// # Panics
    /// When the sandbox does not answer with JSON.
    pub fn state(&self) -> serde_json::Value {
        let body = self.send("GET", "/_sandbox/state?comparable=true", "text/plain", "", "");
        serde_json::from_str(&body).expect("the state is JSON")
    }

    /// Calls an IAM action in account 111122223333; returns the answer's XML.
    ///
    /// # Panics
    /// When IAM refuses.
    #[track_caller]
    pub fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", "2010-05-08").extend_pairs(parameters);
        let scope = "SANDBOX111122223333/20261123/us-west-2/iam/aws4_request";
        let signature =
            format!("authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n");
        self.send("POST", "/", "application/x-www-form-urlencoded", &signature, &form.finish())
    }

    /// Calls EKS in account 111122223333.
    ///
    /// # Panics
    /// When EKS refuses.
    #[track_caller]
    pub fn eks(&self, method: &str, path: &str, body: &serde_json::Value) -> String {
        let scope = "SANDBOX111122223333/20261123/us-west-2/eks/aws4_request";
        let signature =
            format!("authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n");
        self.send(method, path, "application/json", &signature, &body.to_string())
    }

    /// Sets variables of a container of a cluster's DaemonSet `kube-system/aws-node`, by name.
    ///
    /// # Panics
    /// When the API server refuses.
    #[track_caller]
    pub fn set_env(&self, cluster: &str, container: &str, variables: &[(&str, &str)]) {
        let path = format!("/k8s/us-west-2/{cluster}/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node");
        let env = variables.iter().map(|(name, value)| serde_json::json!({ "name": name, "value": value }));
        let container = serde_json::json!({ "name": container, "env": env.collect::<Vec<_>>() });
        let body = serde_json::json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
        self.send("PATCH", &path, "application/strategic-merge-patch+json", "", &body.to_string());
    }

    /// Makes a DaemonSet in `kube-system` that is none of the plugin's.
    ///
    /// # Panics
    /// When the API server refuses.
    #[track_caller]
    pub fn create_daemon_set(&self, cluster: &str, name: &str, on_host_network: bool) {
        let path = format!("/k8s/us-west-2/{cluster}/apis/apps/v1/namespaces/kube-system/daemonsets");
        let body = serde_json::json!({
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": { "name": name },
            "spec": { "selector": { "matchLabels": { "app": name } }, "template": {
                "metadata": { "labels": { "app": name } },
                "spec": {
                    "hostNetwork": on_host_network,
                    "containers": [{ "name": name, "image": format!("example.com/{name}:1") }],
                },
            } },
        });
        self.send("POST", &path, "application/json", "", &body.to_string());
    }

    /// Sets an annotation of a cluster's `kube-system/aws-node` as `manager`, forcing ownership.
    ///
    /// # Panics
    /// When the API server refuses.
    #[track_caller]
    pub fn annotate(&self, cluster: &str, manager: &str, key: &str, value: &str) {
        let path = format!(
            "/k8s/us-west-2/{cluster}/api/v1/namespaces/kube-system/serviceaccounts/aws-node?fieldManager={manager}&force=true"
        );
        let body = serde_json::json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": { "name": "aws-node", "namespace": "kube-system", "annotations": { key: value } },
        });
        self.send("PATCH", &path, "application/apply-patch+yaml", "", &body.to_string());
    }

    /// Has the webhook leave out these containers of a cluster's `kube-system/aws-node` pods, which are
    /// replaced for it.
    ///
    /// # Panics
    /// When the API server refuses.
    #[track_caller]
    pub fn leave_out(&self, cluster: &str, containers: &str) {
        let path = format!("/k8s/us-west-2/{cluster}/apis/apps/v1/namespaces/kube-system/daemonsets/aws-node");
        let annotations = serde_json::json!({ "eks.amazonaws.com/skip-containers": containers });
        let body = serde_json::json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
        self.send("PATCH", &path, "application/merge-patch+json", "", &body.to_string());
    }

    /// Sends one request, its further header lines each ended by CR LF; returns status and body,
    /// whatever they are.
    ///
    /// # Panics
    /// When nobody listens or what comes is no answer.
    #[track_caller]
    pub fn exchange(&self, method: &str, path: &str, content_type: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("the service listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket can have a limit");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{headers}content-type: \
             {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .expect("the service takes a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the service answers");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("an answer has a status");
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
        (status, body.to_owned())
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, content_type: &str, headers: &str, body: &str) -> String {
        let (status, answer) = self.exchange(method, path, content_type, headers, body);
        assert!((200..300).contains(&status), "{method} {path} {body}: {status} {answer}");
        answer
    }
}
