//! The ConfigMap `kube-system/aws-auth`: which roles nodes come in by, where access entries do not say it.
//!
//! Only read. A line that is not one of nodes is nobody's business here.

use cni_plan_core::{ErrorKind, NodeRole, ProviderError};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde::Deserialize;

use crate::client::Connection;
use crate::error::{Attempt, one_line};

const NAMESPACE: &str = "kube-system";
const NAME: &str = "aws-auth";

/// In the user name of instances (EKS User Guide, "Grant IAM users access to Kubernetes with a ConfigMap");
/// that of Fargate's pods has `{{SessionName}}` there.
const OF_INSTANCES: &str = "{{EC2PrivateDNSName}}";

/// One line of `mapRoles`.
#[derive(Debug, Deserialize)]
struct Mapped {
    rolearn: String,
    #[serde(default)]
    username: String,
}

/// The instance roles that it names; none where there is no such ConfigMap.
pub(crate) async fn node_roles(connection: &Connection) -> Result<Vec<NodeRole>, ProviderError> {
    let api: Api<ConfigMap> = Api::namespaced(connection.client().await?, NAMESPACE);
    let attempt = Attempt::new(format!("read ConfigMap {NAMESPACE}/{NAME}"), "get", "configmaps", Some(NAMESPACE));
    let Some(found) = connection.call(&attempt, api.get_opt(NAME)).await? else { return Ok(Vec::new()) };
    let text = found.data.as_ref().and_then(|data| data.get("mapRoles")).map_or("", String::as_str);
    mapped(text).map_err(|why| ProviderError {
        kind: ErrorKind::Refused,
        what: format!("cannot read mapRoles of ConfigMap {NAMESPACE}/{NAME} in cluster {}", connection.key()),
        why: one_line(&why),
        cure: format!("correct it: `kubectl edit configmap -n {NAMESPACE} {NAME}`; EKS cannot read it either"),
    })
}

fn mapped(text: &str) -> Result<Vec<NodeRole>, String> {
    let lines: Option<Vec<Mapped>> = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
    let instances = lines.into_iter().flatten().filter(|line| line.username.contains(OF_INSTANCES));
    let role = |line: Mapped| {
        let name = line.rolearn.rsplit('/').next().unwrap_or_default().to_owned();
        (!name.is_empty()).then(|| NodeRole { name, found_in: vec![NAME.to_owned()] })
    };
    Ok(instances.filter_map(role).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Fake, refusal};
    use serde_json::json;

    const ROLES: &str = "\
- groups: [system:bootstrappers, system:nodes]
  rolearn: arn:aws:iam::111122223333:role/Nodes
  username: system:node:{{EC2PrivateDNSName}}
- groups:
  - system:bootstrappers
  - system:nodes
  - system:node-proxier
  rolearn: arn:aws:iam::111122223333:role/FargatePods
  username: system:node:{{SessionName}}
- rolearn: arn:aws:iam::111122223333:role/admin
  username: admin
  groups: [system:masters]
";

    async fn read(answer: crate::fake::Answer) -> Result<Vec<String>, ProviderError> {
        let fake = Fake::new(&[]).answering(move |_, path, _| path.contains("/configmaps/").then(|| answer.clone()));
        let roles = node_roles(&fake.connection()).await?;
        Ok(roles.into_iter().map(|role| format!("{} ({})", role.name, role.found_in.join(", "))).collect())
    }

    #[tokio::test]
    async fn instances_are_told_from_fargates_pods_and_from_people() {
        let map = |text: &str| (200, json!({"metadata": {"name": NAME}, "data": {"mapRoles": text}}));
        assert_eq!(read(map(ROLES)).await.unwrap(), ["Nodes (aws-auth)"]);
        assert_eq!(read(map("")).await.unwrap(), Vec::<String>::new());
        assert_eq!(read((200, json!({"metadata": {"name": NAME}}))).await.unwrap(), Vec::<String>::new());
        assert_eq!(read(refusal(404, "NotFound")).await.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_told_with_what_to_do() {
        let error = read((200, json!({"metadata": {}, "data": {"mapRoles": "- rolearn: [\n"}}))).await.unwrap_err();
        assert!(error.cure.contains("kubectl edit configmap -n kube-system aws-auth"), "{error:?}");
        let error = read(refusal(403, "Forbidden")).await.unwrap_err();
        assert_eq!(error.cure, "grant the caller `get` on `configmaps` in namespace kube-system (RBAC)");
    }
}
