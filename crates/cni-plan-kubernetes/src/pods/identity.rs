//! By what identity a pod calls AWS, read from its containers' environment. Pure.
//!
//! Facts: aws/amazon-eks-pod-identity-webhook v0.6.17 adds its variables to every container and
//! init container that the pod's annotation does not skip.

use cni_plan_core::PodIdentity;
use k8s_openapi::api::core::v1::{Container, Pod};

const SKIP_CONTAINERS: &str = "eks.amazonaws.com/skip-containers";
const ROLE_ARN: &str = "AWS_ROLE_ARN";
const TOKEN_FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const REGIONAL: &str = "AWS_STS_REGIONAL_ENDPOINTS";
/// Set by a Pod Identity association, which wins over the annotation.
const POD_IDENTITY: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const AGENT_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
/// Static credentials, which every SDK takes before any role.
const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";

/// The identity of a pod. The text of [`PodIdentity::Other`] names containers, never the pod, so
/// that pods of one kind are one group.
pub(super) fn of(pod: &Pod) -> PodIdentity {
    let containers = examined(pod);
    if containers.is_empty() {
        return other("every container is skipped by the annotation eks.amazonaws.com/skip-containers".to_owned());
    }
    let with = |variable: &str| -> Vec<&str> {
        containers.iter().filter(|container| has(container, variable)).map(|container| &*container.name).collect()
    };
    let all = containers.len();

    let keyed = with(ACCESS_KEY);
    if !keyed.is_empty() {
        return other(format!("{ACCESS_KEY} in the environment of {}: it comes before any role", listed(&keyed)));
    }
    let associated = with(POD_IDENTITY);
    if !associated.is_empty() {
        return by_association(&containers, &associated);
    }
    for (variable, found) in [(ROLE_ARN, with(ROLE_ARN)), (TOKEN_FILE, with(TOKEN_FILE))] {
        if !found.is_empty() && found.len() < all {
            let lacking: Vec<&str> =
                containers.iter().map(|container| &*container.name).filter(|name| !found.contains(name)).collect();
            return other(format!("{} without {variable}", listed(&lacking)));
        }
    }
    match (with(ROLE_ARN).is_empty(), with(TOKEN_FILE).is_empty()) {
        (true, true) => PodIdentity::NodeRole,
        (false, true) => other(format!("{ROLE_ARN} without {TOKEN_FILE}")),
        (true, false) => other(format!("{TOKEN_FILE} without {ROLE_ARN}")),
        (false, false) => web_identity(&containers),
    }
}

/// `associated` have the agent's address. SDKs take web identity before it. Which role the agent gives is not in it.
fn by_association(containers: &[&Container], associated: &[&str]) -> PodIdentity {
    for container in containers {
        let name = &container.name;
        if !associated.contains(&name.as_str()) {
            return other(format!("{name} without {POD_IDENTITY}"));
        }
        if has(container, TOKEN_FILE) || has(container, ROLE_ARN) {
            return other(format!("{POD_IDENTITY} in {name}, and {ROLE_ARN} or {TOKEN_FILE}, which comes before it"));
        }
        match value(container, POD_IDENTITY) {
            Some(address) if PodIdentity::AGENT.contains(&address) => {}
            Some(address) => return other(format!("{POD_IDENTITY} of {name} is {address}, not the agent's")),
            None => return other(format!("{POD_IDENTITY} of {name} comes from elsewhere (valueFrom)")),
        }
        if value(container, AGENT_TOKEN_FILE) != Some(PodIdentity::AGENT_TOKEN_FILE) {
            return other(format!("{AGENT_TOKEN_FILE} of {name} is not the webhook's"));
        }
    }
    PodIdentity::UNKNOWN_ROLE
}

/// Every container has both variables.
fn web_identity(containers: &[&Container]) -> PodIdentity {
    let mut roles: Vec<&str> = Vec::new();
    for container in containers {
        let (Some(role), Some(token)) = (value(container, ROLE_ARN), value(container, TOKEN_FILE)) else {
            return other(format!("{ROLE_ARN} or {TOKEN_FILE} of {} comes from elsewhere (valueFrom)", container.name));
        };
        if token != PodIdentity::TOKEN_FILE {
            return other(format!("{TOKEN_FILE} of {} is {token}, not the webhook's", container.name));
        }
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    roles.sort_unstable();
    match roles.as_slice() {
        [role] => {
            // One container that calls the global endpoint is enough to depend on it.
            let regional = containers.iter().all(|container| value(container, REGIONAL) == Some("regional"));
            PodIdentity::WebIdentity { role_arn: (*role).to_owned(), sts_regional: Some(regional) }
        }
        several => other(format!("containers with different roles: {}", several.join(", "))),
    }
}

fn examined(pod: &Pod) -> Vec<&Container> {
    let annotations = pod.metadata.annotations.as_ref();
    let skipped: Vec<&str> = annotations
        .and_then(|annotations| annotations.get(SKIP_CONTAINERS))
        .map(|names| names.split(',').map(str::trim).collect())
        .unwrap_or_default();
    let Some(spec) = &pod.spec else { return Vec::new() };
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    all.filter(|container| !skipped.contains(&container.name.as_str())).collect()
}

fn has(container: &Container, variable: &str) -> bool {
    container.env.iter().flatten().any(|env| env.name == variable)
}

/// The last one counts where a name repeats, as in the kubelet.
fn value<'a>(container: &'a Container, variable: &str) -> Option<&'a str> {
    let last = container.env.iter().flatten().rfind(|env| env.name == variable)?;
    last.value.as_deref()
}

fn listed(names: &[&str]) -> String {
    names.join(", ")
}

fn other(what: String) -> PodIdentity {
    PodIdentity::Other { what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ROLE: &str = "arn:aws:iam::111122223333:role/r";

    fn container(name: &str, env: &[(&str, &str)]) -> Value {
        let env: Vec<Value> = env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        json!({"name": name, "env": env})
    }

    fn pod(skip: &str, init: &Value, container: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"annotations": {SKIP_CONTAINERS: skip}},
            "spec": {"initContainers": [init], "containers": [container]},
        }))
        .unwrap()
    }

    fn web(role: &'static str, more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
        let mut env = vec![(ROLE_ARN, role), (TOKEN_FILE, PodIdentity::TOKEN_FILE)];
        env.extend(more);
        env
    }

    fn identity(init: &[(&str, &str)], main: &[(&str, &str)]) -> PodIdentity {
        of(&pod("", &container("init", init), &container("aws-node", main)))
    }

    fn by_agent(address: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![(POD_IDENTITY, address), (AGENT_TOKEN_FILE, PodIdentity::AGENT_TOKEN_FILE)]
    }

    #[test]
    fn the_agent_counts_when_every_container_is_sent_to_it() {
        for address in PodIdentity::AGENT {
            assert_eq!(identity(&by_agent(address), &by_agent(address)), PodIdentity::UNKNOWN_ROLE);
        }
    }

    #[test]
    fn a_pod_without_variables_has_the_node_role() {
        assert_eq!(identity(&[], &[("ENABLE_IPv4", "true")]), PodIdentity::NodeRole);
    }

    #[test]
    fn the_role_counts_when_every_container_has_it() {
        let global = PodIdentity::WebIdentity { role_arn: ROLE.to_owned(), sts_regional: Some(false) };
        let regional = PodIdentity::WebIdentity { role_arn: ROLE.to_owned(), sts_regional: Some(true) };
        let in_region = web(ROLE, &[(REGIONAL, "regional")]);
        assert_eq!(identity(&web(ROLE, &[]), &web(ROLE, &[])), global);
        assert_eq!(identity(&in_region, &in_region), regional);
        assert_eq!(identity(&in_region, &web(ROLE, &[])), global);
    }

    #[test]
    fn whatever_is_neither_is_named() {
        type Env = Vec<(&'static str, &'static str)>;
        const AGENT: &str = PodIdentity::AGENT[0];
        let table: [(Env, Env, &str); 11] = [
            (vec![], web(ROLE, &[]), "init without AWS_ROLE_ARN"),
            (web(ROLE, &[]), vec![(ROLE_ARN, ROLE)], "aws-node without AWS_WEB_IDENTITY_TOKEN_FILE"),
            (vec![(ROLE_ARN, ROLE)], vec![(ROLE_ARN, ROLE)], "AWS_ROLE_ARN without AWS_WEB_IDENTITY_TOKEN_FILE"),
            (
                web(ROLE, &[]),
                vec![(ROLE_ARN, ROLE), (TOKEN_FILE, "/mine")],
                "AWS_WEB_IDENTITY_TOKEN_FILE of aws-node is /mine, not the webhook's",
            ),
            (
                by_agent(AGENT),
                web(ROLE, &[(POD_IDENTITY, AGENT)]),
                "AWS_CONTAINER_CREDENTIALS_FULL_URI in aws-node, and",
            ),
            (
                by_agent("http://mine"),
                by_agent(AGENT),
                "AWS_CONTAINER_CREDENTIALS_FULL_URI of init is http://mine, not",
            ),
            (
                by_agent(AGENT),
                vec![(POD_IDENTITY, AGENT), (AGENT_TOKEN_FILE, "/mine")],
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE of aws-node is not the webhook's",
            ),
            (web("b", &[]), web("a", &[]), "containers with different roles: a, b"),
            (vec![], vec![(POD_IDENTITY, AGENT)], "init without AWS_CONTAINER_CREDENTIALS_FULL_URI"),
            (web(ROLE, &[]), web(ROLE, &[(ACCESS_KEY, "AKIA")]), "AWS_ACCESS_KEY_ID in the environment of aws-node"),
            (vec![(TOKEN_FILE, "/x")], vec![(TOKEN_FILE, "/x")], "AWS_WEB_IDENTITY_TOKEN_FILE without AWS_ROLE_ARN"),
        ];
        for (init, main, expected) in table {
            match identity(&init, &main) {
                PodIdentity::Other { what } => assert!(what.starts_with(expected), "{what}\nis not\n{expected}"),
                found => panic!("{found:?} where {expected} was expected"),
            }
        }
    }

    #[test]
    fn a_key_of_static_credentials_is_not_repeated_in_the_text() {
        let PodIdentity::Other { what } = identity(&[], &[(ACCESS_KEY, "AKIASECRET")]) else { panic!("not other") };
        assert!(!what.contains("AKIASECRET"));
    }

    #[test]
    fn skipped_containers_do_not_count() {
        let init = container("init", &[]);
        let main = container("aws-node", &web(ROLE, &[]));
        assert!(matches!(of(&pod("agent, init", &init, &main)), PodIdentity::WebIdentity { .. }));
        assert!(matches!(of(&pod("init,aws-node", &init, &main)), PodIdentity::Other { .. }));
    }

    #[test]
    fn a_value_from_elsewhere_is_not_taken_for_the_webhooks() {
        let from = json!({"name": "aws-node", "env": [
            {"name": ROLE_ARN, "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            {"name": TOKEN_FILE, "value": PodIdentity::TOKEN_FILE},
        ]});
        let found = of(&pod("", &container("init", &web(ROLE, &[])), &from));
        assert!(matches!(found, PodIdentity::Other { what } if what.contains("valueFrom")));
    }
}
