//! The pod identity webhook: what it puts into a new pod whose service account has an identity, by a
//! Pod Identity association or by an annotation that names a role. The association wins.
//!
//! Source: facts, aws/amazon-eks-pod-identity-webhook v0.6.17 `pkg/handler`. It acts on creation
//! alone, and does not judge the role.

use serde_json::{Value, json};

use super::ClusterConfig;
use super::admission::push;

const PREFIX: &str = "eks.amazonaws.com";
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";
const DEFAULT_EXPIRATION: u64 = 86_400;
const SHORTEST_EXPIRATION: u64 = 600;

/// Where the SDK finds the token of a role named by annotation.
const WEB_IDENTITY: TokenVolume =
    TokenVolume { name: "aws-iam-token", mount: "/var/run/secrets/eks.amazonaws.com/serviceaccount", path: "token" };
/// Where the SDK finds the token that it shows to the Pod Identity agent.
const POD_IDENTITY: TokenVolume = TokenVolume {
    name: "eks-pod-identity-token",
    mount: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount",
    path: "eks-pod-identity-token",
};
/// The audience of that token.
const AGENT_AUDIENCE: &str = "pods.eks.amazonaws.com";
/// Where the agent answers on every node.
const AGENT: &str = "http://169.254.170.23/v1/credentials";

/// Injects the identity of the pod's service account, if it has one: by a Pod Identity association,
/// or else by the role that its annotation names.
pub(super) fn inject(config: &ClusterConfig, account: &Value, has_association: bool, pod: &mut Value) {
    let Some(identity) = Identity::of(config, account, has_association, pod) else { return };
    let skipped: Vec<String> = annotation(pod, "skip-containers")
        .map(|names| names.split(',').map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    let mut injected = false;
    for list in ["initContainers", "containers"] {
        for container in pod["spec"].get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let skip = container["name"].as_str().is_some_and(|name| skipped.iter().any(|s| s == name));
            if !skip {
                injected |= identity.inject_into(container);
            }
        }
    }
    let volumes = pod["spec"]["volumes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if injected && !volumes.iter().any(|volume| volume["name"] == identity.token.name) {
        let token = json!({
            "audience": identity.audience,
            "expirationSeconds": identity.expiration,
            "path": identity.token.path,
        });
        let sources = json!([{ "serviceAccountToken": token }]);
        let volume = json!({ "name": identity.token.name, "projected": { "sources": sources, "defaultMode": 420 } });
        match pod["spec"].get_mut("volumes").and_then(Value::as_array_mut) {
            Some(volumes) => volumes.insert(0, volume),
            None => pod["spec"]["volumes"] = json!([volume]),
        }
    }
}

/// A projected volume with one token.
struct TokenVolume {
    name: &'static str,
    mount: &'static str,
    path: &'static str,
}

impl TokenVolume {
    fn file(&self) -> String {
        format!("{}/{}", self.mount, self.path)
    }
}

/// What is injected into one pod.
struct Identity<'a> {
    /// The variables that are the identity: where a container has one of them, none is added.
    variables: [(&'static str, String); 2],
    token: TokenVolume,
    audience: String,
    expiration: u64,
    regional: bool,
    region: &'a str,
}

impl Identity<'_> {
    fn of<'a>(config: &'a ClusterConfig, account: &Value, has_association: bool, pod: &Value) -> Option<Identity<'a>> {
        let regional = annotation(account, "sts-regional-endpoints")
            .and_then(|text| text.parse().ok())
            .unwrap_or(config.regional_sts_default);
        if has_association {
            return Some(Identity {
                variables: [
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AGENT.to_owned()),
                    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", POD_IDENTITY.file()),
                ],
                token: POD_IDENTITY,
                audience: AGENT_AUDIENCE.to_owned(),
                expiration: DEFAULT_EXPIRATION,
                regional,
                region: &config.region,
            });
        }
        let role = annotation(account, "role-arn")?.to_owned();
        let expiration = [pod, account]
            .iter()
            .find_map(|object| annotation(object, "token-expiration")?.parse::<u64>().ok())
            .unwrap_or(DEFAULT_EXPIRATION)
            .max(SHORTEST_EXPIRATION);
        Some(Identity {
            variables: [("AWS_ROLE_ARN", role), ("AWS_WEB_IDENTITY_TOKEN_FILE", WEB_IDENTITY.file())],
            token: WEB_IDENTITY,
            audience: annotation(account, "audience").unwrap_or(DEFAULT_AUDIENCE).to_owned(),
            expiration,
            regional,
            region: &config.region,
        })
    }

    /// Adds what the container does not have; says whether it carries the identity now.
    fn inject_into(&self, container: &mut Value) -> bool {
        let has = |container: &Value, name: &str| {
            container["env"].as_array().is_some_and(|env| env.iter().any(|variable| variable["name"] == name))
        };
        if self.regional && !has(container, "AWS_STS_REGIONAL_ENDPOINTS") {
            push(container, "env", json!({ "name": "AWS_STS_REGIONAL_ENDPOINTS", "value": "regional" }));
        }
        if !has(container, "AWS_DEFAULT_REGION") && !has(container, "AWS_REGION") {
            push(container, "env", json!({ "name": "AWS_DEFAULT_REGION", "value": self.region }));
            push(container, "env", json!({ "name": "AWS_REGION", "value": self.region }));
        }
        if self.variables.iter().any(|(name, _)| has(container, name)) {
            return false;
        }
        for (name, value) in &self.variables {
            push(container, "env", json!({ "name": name, "value": value }));
        }
        let mounts = container["volumeMounts"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !mounts.iter().any(|mount| mount["mountPath"] == self.token.mount) {
            let mount = json!({ "name": self.token.name, "mountPath": self.token.mount, "readOnly": true });
            push(container, "volumeMounts", mount);
        }
        true
    }
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][format!("{PREFIX}/{name}")].as_str()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/AmazonEKSVPCCNIRole";

    fn config() -> ClusterConfig {
        ClusterConfig {
            name: "my-cluster".into(),
            region: "us-west-2".into(),
            issuer: "https://oidc.example/id/X".into(),
            version: "1.33".into(),
            regional_sts_default: false,
            webhook: true,
            ready_after: Duration::ZERO,
        }
    }

    fn account(annotations: &[(&str, &str)]) -> Value {
        let annotations: serde_json::Map<String, Value> =
            annotations.iter().map(|(name, value)| (format!("{PREFIX}/{name}"), json!(value))).collect();
        json!({ "metadata": { "annotations": annotations } })
    }

    fn pod() -> Value {
        json!({ "metadata": {}, "spec": {
            "initContainers": [{ "name": "init" }],
            "containers": [{ "name": "aws-node", "env": [{ "name": "A", "value": "1" }] }, { "name": "agent" }],
        } })
    }

    fn env(pod: &Value, pointer: &str, name: &str) -> Option<String> {
        let container = pod.pointer(pointer)?;
        let found = container["env"].as_array()?.iter().find(|variable| variable["name"] == name)?;
        found["value"].as_str().map(str::to_owned)
    }

    #[test]
    fn every_container_carries_the_role() {
        let mut pod = pod();
        inject(&config(), &account(&[("role-arn", ROLE), ("sts-regional-endpoints", "true")]), false, &mut pod);
        for container in ["/spec/initContainers/0", "/spec/containers/0", "/spec/containers/1"] {
            assert_eq!(env(&pod, container, "AWS_ROLE_ARN").as_deref(), Some(ROLE));
            assert_eq!(
                env(&pod, container, "AWS_WEB_IDENTITY_TOKEN_FILE").as_deref(),
                Some(WEB_IDENTITY.file().as_str())
            );
            assert_eq!(env(&pod, container, "AWS_STS_REGIONAL_ENDPOINTS").as_deref(), Some("regional"));
            assert_eq!(env(&pod, container, "AWS_REGION").as_deref(), Some("us-west-2"));
            let mounts = pod.pointer(container).unwrap()["volumeMounts"].clone();
            assert_eq!(mounts, json!([{ "name": "aws-iam-token", "mountPath": WEB_IDENTITY.mount, "readOnly": true }]));
        }
        let token = json!({ "audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token" });
        assert_eq!(pod["spec"]["volumes"][0]["projected"]["sources"], json!([{ "serviceAccountToken": token }]));
        assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn annotations_choose() {
        let mut pod = pod();
        pod["metadata"]["annotations"] = json!({
            "eks.amazonaws.com/skip-containers": "agent, init", "eks.amazonaws.com/token-expiration": "5",
        });
        inject(
            &config(),
            &account(&[("role-arn", ROLE), ("audience", "other"), ("token-expiration", "7200")]),
            false,
            &mut pod,
        );
        assert!(env(&pod, "/spec/containers/1", "AWS_ROLE_ARN").is_none());
        assert!(env(&pod, "/spec/initContainers/0", "AWS_ROLE_ARN").is_none());
        assert!(env(&pod, "/spec/containers/0", "AWS_STS_REGIONAL_ENDPOINTS").is_none());
        let token = &pod["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"];
        assert_eq!((&token["audience"], &token["expirationSeconds"]), (&json!("other"), &json!(600)));
    }

    #[test]
    fn an_identity_already_there_is_left_alone() {
        let mut pod = pod();
        pod["spec"]["containers"][0]["env"] = json!([{ "name": "AWS_ROLE_ARN", "value": "mine" }]);
        inject(&config(), &account(&[("role-arn", ROLE)]), false, &mut pod);
        assert_eq!(env(&pod, "/spec/containers/0", "AWS_ROLE_ARN").as_deref(), Some("mine"));
        assert!(env(&pod, "/spec/containers/0", "AWS_WEB_IDENTITY_TOKEN_FILE").is_none());
        assert_eq!(env(&pod, "/spec/containers/1", "AWS_ROLE_ARN").as_deref(), Some(ROLE));
    }

    #[test]
    fn no_role_no_change() {
        let mut untouched = pod();
        inject(&config(), &account(&[("audience", "x")]), false, &mut untouched);
        assert_eq!(untouched, pod());
    }
    #[test]
    fn an_association_wins_over_the_annotation() {
        let mut pod = pod();
        inject(&config(), &account(&[("role-arn", ROLE), ("token-expiration", "7200")]), true, &mut pod);
        for container in ["/spec/initContainers/0", "/spec/containers/0", "/spec/containers/1"] {
            assert_eq!(env(&pod, container, "AWS_CONTAINER_CREDENTIALS_FULL_URI").as_deref(), Some(AGENT));
            assert_eq!(
                env(&pod, container, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").as_deref(),
                Some("/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token")
            );
            assert!(env(&pod, container, "AWS_ROLE_ARN").is_none());
        }
        let token = json!({ "audience": AGENT_AUDIENCE, "expirationSeconds": 86400, "path": "eks-pod-identity-token" });
        assert_eq!(pod["spec"]["volumes"][0]["projected"]["sources"], json!([{ "serviceAccountToken": token }]));
    }
}
