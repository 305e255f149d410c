//! The role of a node, whichever kind it is of: what its instance profile says.

use serde_json::Value;

use super::cluster::EksCluster;

const NODEGROUP_LABEL: &str = "eks.amazonaws.com/nodegroup";
const COMPUTE_TYPE_LABEL: &str = "eks.amazonaws.com/compute-type";

/// The ARN of a node's role: its managed node group's, or the one it was built with. For a node that
/// somebody has added by hand it is the role that nodes of its kind come to the cluster with, by access
/// entry or else by the ConfigMap `aws-auth`.
pub(super) fn node_role(cluster: &EksCluster, node: &Value, aws_auth: Option<&Value>) -> Result<String, String> {
    let name = node["metadata"]["name"].as_str().unwrap_or_default();
    let nodegroup = node["metadata"]["labels"][NODEGROUP_LABEL].as_str().unwrap_or_default();
    let kind = entry_type(node);
    cluster
        .nodegroups
        .get(nodegroup)
        .map(|nodegroup| nodegroup.node_role.clone())
        .or_else(|| cluster.instance_roles.get(name).cloned())
        .or_else(|| by_access_entry(cluster, kind))
        .or_else(|| by_config_map(aws_auth?, kind))
        .ok_or_else(|| {
            format!(
                "the node is in no node group (its label says {nodegroup:?}), and neither an access entry of type \
                 {kind} nor aws-auth names a role"
            )
        })
}

/// Whether the Pod Identity agent runs on a node: on Linux instances of EC2.
pub(super) fn has_agent(node: &Value) -> bool {
    entry_type(node) == "EC2_LINUX"
}

/// The type of access entry with which nodes like this one come to the cluster.
fn entry_type(node: &Value) -> &'static str {
    let labels = &node["metadata"]["labels"];
    match (labels[COMPUTE_TYPE_LABEL].as_str(), labels["kubernetes.io/os"].as_str()) {
        (Some("auto"), _) => "EC2",
        (Some("fargate"), _) => "FARGATE_LINUX",
        (Some("hybrid"), _) => "HYBRID_LINUX",
        (_, Some("windows")) => "EC2_WINDOWS",
        _ => "EC2_LINUX",
    }
}

fn by_access_entry(cluster: &EksCluster, kind: &str) -> Option<String> {
    cluster.access_entries.values().find(|entry| entry.kind == kind).map(|entry| entry.principal_arn.clone())
}

/// The first role that `mapRoles` lets in as a node, of Windows if that is asked.
fn by_config_map(aws_auth: &Value, kind: &str) -> Option<String> {
    let roles: Value = serde_yaml::from_str(aws_auth["data"]["mapRoles"].as_str()?).ok()?;
    let in_group = |role: &Value, group: &str| {
        role["groups"].as_array().is_some_and(|groups| groups.iter().any(|one| one == group))
    };
    let is_meant = |role: &&Value| {
        in_group(role, "system:nodes") && in_group(role, "eks:kube-proxy-windows") == (kind == "EC2_WINDOWS")
    };
    roles.as_array()?.iter().find(is_meant)?["rolearn"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::ClusterSeed;
    use serde_json::json;

    fn node(name: &str, labels: &Value) -> Value {
        json!({ "metadata": { "name": name, "labels": labels } })
    }

    fn aws_auth() -> Value {
        let roles = "- rolearn: arn:aws:iam::1:role/admin\n  groups: [system:masters]\n\
                     - rolearn: arn:aws:iam::1:role/win\n  groups: [system:nodes, 'eks:kube-proxy-windows']\n\
                     - rolearn: arn:aws:iam::1:role/lin\n  groups: [system:bootstrappers, system:nodes]\n";
        json!({ "data": { "mapRoles": roles } })
    }

    #[test]
    fn each_kind_of_node_has_its_role() {
        let mut cluster = crate::furnish::bare_cluster(&ClusterSeed::new("c"));
        let (linux, windows) = (json!({ "kubernetes.io/os": "linux" }), json!({ "kubernetes.io/os": "windows" }));
        assert!(node_role(&cluster, &node("n", &linux), None).unwrap_err().contains("EC2_LINUX"));
        let map = aws_auth();
        let role = |cluster: &EksCluster, labels: &Value| node_role(cluster, &node("n", labels), Some(&map)).unwrap();
        assert_eq!(role(&cluster, &linux), "arn:aws:iam::1:role/lin");
        assert_eq!(role(&cluster, &windows), "arn:aws:iam::1:role/win");
        for (kind, labels) in [
            ("EC2_LINUX", linux.clone()),
            ("EC2_WINDOWS", windows),
            ("EC2", json!({ COMPUTE_TYPE_LABEL: "auto" })),
            ("FARGATE_LINUX", json!({ COMPUTE_TYPE_LABEL: "fargate" })),
            ("HYBRID_LINUX", json!({ COMPUTE_TYPE_LABEL: "hybrid" })),
        ] {
            let arn = format!("arn:aws:iam::1:role/{kind}");
            cluster.access_entries.insert(arn.clone(), crate::eks::access_entry(&arn, kind, 0));
            assert_eq!(role(&cluster, &labels), arn);
        }
        cluster.instance_roles.insert("n".to_owned(), "arn:aws:iam::1:role/own".to_owned());
        assert_eq!(role(&cluster, &linux), "arn:aws:iam::1:role/own");
        let in_group = json!({ NODEGROUP_LABEL: "workers" });
        assert_eq!(role(&cluster, &in_group), "arn:aws:iam::111122223333:role/AmazonEKSNodeRole");
    }
}
