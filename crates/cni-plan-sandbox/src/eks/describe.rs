//! How EKS describes what it has: the fields its API documents, filled from the sandbox's world.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::options::IpFamily;
use crate::world::{AUTO_MODE_ROLE, EksCluster, Nodegroup};

/// A self-signed certificate whose key was thrown away. The API server is plain HTTP, so it proves
/// nothing, but clients insist on one that parses.
const AUTHORITY: &str = include_str!("authority.pem");

/// `cluster` of DescribeCluster.
pub(super) fn cluster(cluster: &EksCluster, base_url: &str) -> Value {
    let network = match cluster.ip_family {
        IpFamily::Ipv4 => json!({ "ipFamily": "ipv4", "serviceIpv4Cidr": "10.100.0.0/16" }),
        IpFamily::Ipv6 => json!({ "ipFamily": "ipv6", "serviceIpv6Cidr": "fd30:1c53:5f8a::/108" }),
    };
    let access = cluster.endpoint_access;
    json!({
        "name": cluster.name,
        "arn": cluster.arn(),
        "createdAt": cluster.created_at,
        "version": cluster.version,
        "platformVersion": "eks.17",
        "status": "ACTIVE",
        "endpoint": cluster.endpoint(base_url),
        "certificateAuthority": { "data": STANDARD.encode(AUTHORITY) },
        "identity": { "oidc": { "issuer": cluster.issuer } },
        "kubernetesNetworkConfig": network,
        "roleArn": format!("arn:{}:iam::{}:role/AmazonEKSClusterRole", cluster.partition, cluster.account),
        "resourcesVpcConfig": {
            "subnetIds": ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"],
            "securityGroupIds": [],
            "clusterSecurityGroupId": "sg-0a1b2c3d4e5f60001",
            "vpcId": "vpc-0a1b2c3d4e5f60001",
            "endpointPublicAccess": access.is_public(),
            "endpointPrivateAccess": access.is_private(),
            "publicAccessCidrs": if access.is_public() { json!(["0.0.0.0/0"]) } else { json!([]) },
        },
        "accessConfig": { "authenticationMode": cluster.authentication_mode.as_str() },
        "computeConfig": compute_config(cluster),
        "tags": {},
    })
}

fn compute_config(cluster: &EksCluster) -> Value {
    if !cluster.auto_mode {
        return json!({ "enabled": false });
    }
    json!({
        "enabled": true,
        "nodePools": ["general-purpose", "system"],
        "nodeRoleArn": cluster.role_arn(AUTO_MODE_ROLE),
    })
}

/// `nodegroup` of DescribeNodegroup.
pub(super) fn nodegroup(cluster: &EksCluster, nodegroup: &Nodegroup) -> Value {
    let name = &nodegroup.name;
    let count = nodegroup.nodes.len();
    json!({
        "nodegroupName": name,
        "nodegroupArn": cluster.arn_of(&format!("nodegroup/{}/{name}/a4c1", cluster.name)),
        "clusterName": cluster.name,
        "version": cluster.version,
        "createdAt": cluster.created_at,
        "modifiedAt": cluster.created_at,
        "status": "ACTIVE",
        "capacityType": if name.starts_with("spot") { "SPOT" } else { "ON_DEMAND" },
        "scalingConfig": { "minSize": 0, "maxSize": count + 2, "desiredSize": count },
        "instanceTypes": ["m7g.large"],
        "subnets": ["subnet-0a1b2c3d4e5f60001", "subnet-0a1b2c3d4e5f60002"],
        "amiType": "AL2023_ARM_64_STANDARD",
        "nodeRole": nodegroup.node_role,
        "diskSize": 20,
        "health": { "issues": [] },
        "tags": {},
    })
}
