//! The pod identity webhook: what it puts into a new pod whose service account names a role.
//!
//! Source: facts, aws/amazon-eks-pod-identity-webhook v0.6.17 `pkg/handler`. It acts on creation
//! alone, and does not judge the role's ARN.

use serde_json::{Value, json};

use super::ClusterConfig;
use super::admission::push;

const PREFIX: &str = "eks.amazonaws.com";
const VOLUME: &str = "aws-iam-token";
const MOUNT_PATH: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount";
const TOKEN_FILE: &str = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token";
const DEFAULT_AUDIENCE: &str = "sts.amazonaws.com";
const DEFAULT_EXPIRATION: u64 = 86_400;
const SHORTEST_EXPIRATION: u64 = 600;

/// Injects the role of the pod's service account, if it names one.
pub(super) fn inject(config: &ClusterConfig, account: &Value, pod: &mut Value) {
    let Some(identity) = Identity::of(config, account, pod) else { return };
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
    if injected && !volumes.iter().any(|volume| volume["name"] == VOLUME) {
        let token = json!({ "audience": identity.audience, "expirationSeconds": identity.expiration, "path": "token" });
        let sources = json!([{ "serviceAccountToken": token }]);
        let volume = json!({ "name": VOLUME, "projected": { "sources": sources, "defaultMode": 420 } });
        match pod["spec"].get_mut("volumes").and_then(Value::as_array_mut) {
            Some(volumes) => volumes.insert(0, volume),
            None => pod["spec"]["volumes"] = json!([volume]),
        }
    }
}

/// What is injected into one pod.
struct Identity<'a> {
    role: String,
    audience: String,
    expiration: u64,
    regional: bool,
    region: &'a str,
}

impl Identity<'_> {
    fn of<'a>(config: &'a ClusterConfig, account: &Value, pod: &Value) -> Option<Identity<'a>> {
        let role = annotation(account, "role-arn")?.to_owned();
        let expiration = [pod, account]
            .iter()
            .find_map(|object| annotation(object, "token-expiration")?.parse::<u64>().ok())
            .unwrap_or(DEFAULT_EXPIRATION)
            .max(SHORTEST_EXPIRATION);
        let regional = annotation(account, "sts-regional-endpoints")
            .and_then(|text| text.parse().ok())
            .unwrap_or(config.regional_sts_default);
        Some(Identity {
            role,
            audience: annotation(account, "audience").unwrap_or(DEFAULT_AUDIENCE).to_owned(),
            expiration,
            regional,
            region: &config.region,
        })
    }

    /// Adds what the container does not have; says whether it carries the role now.
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
        if has(container, "AWS_ROLE_ARN") || has(container, "AWS_WEB_IDENTITY_TOKEN_FILE") {
            return false;
        }
        push(container, "env", json!({ "name": "AWS_ROLE_ARN", "value": self.role }));
        push(container, "env", json!({ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": TOKEN_FILE }));
        let mounts = container["volumeMounts"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !mounts.iter().any(|mount| mount["mountPath"] == MOUNT_PATH) {
            push(container, "volumeMounts", json!({ "name": VOLUME, "mountPath": MOUNT_PATH, "readOnly": true }));
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
        inject(&config(), &account(&[("role-arn", ROLE), ("sts-regional-endpoints", "true")]), &mut pod);
        for container in ["/spec/initContainers/0", "/spec/containers/0", "/spec/containers/1"] {
            assert_eq!(env(&pod, container, "AWS_ROLE_ARN").as_deref(), Some(ROLE));
            assert_eq!(env(&pod, container, "AWS_WEB_IDENTITY_TOKEN_FILE").as_deref(), Some(TOKEN_FILE));
            assert_eq!(env(&pod, container, "AWS_STS_REGIONAL_ENDPOINTS").as_deref(), Some("regional"));
            assert_eq!(env(&pod, container, "AWS_REGION").as_deref(), Some("us-west-2"));
            let mounts = pod.pointer(container).unwrap()["volumeMounts"].clone();
            assert_eq!(mounts, json!([{ "name": VOLUME, "mountPath": MOUNT_PATH, "readOnly": true }]));
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
        inject(&config(), &account(&[("role-arn", ROLE)]), &mut pod);
        assert_eq!(env(&pod, "/spec/containers/0", "AWS_ROLE_ARN").as_deref(), Some("mine"));
        assert!(env(&pod, "/spec/containers/0", "AWS_WEB_IDENTITY_TOKEN_FILE").is_none());
        assert_eq!(env(&pod, "/spec/containers/1", "AWS_ROLE_ARN").as_deref(), Some(ROLE));
    }

    #[test]
    fn no_role_no_change() {
        let mut untouched = pod();
        inject(&config(), &account(&[("audience", "x")]), &mut untouched);
        assert_eq!(untouched, pod());
    }
}
