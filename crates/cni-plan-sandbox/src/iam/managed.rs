//! The AWS managed policies of the sandbox, with AWS's own documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::world::{Policy, PolicyVersion};

/// The policy that the plugin needs on an IPv4 cluster (procedure.md).
pub(crate) const CNI_POLICY: &str = "AmazonEKS_CNI_Policy";
/// What a node role has besides, as AWS's own guides attach them.
pub(crate) const NODE_POLICIES: [&str; 2] = ["AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryReadOnly"];

/// One AWS managed policy: name, version number, dates, document.
struct Managed {
    name: &'static str,
    version: u32,
    created: &'static str,
    updated: &'static str,
    document: &'static str,
}

const MANAGED: [Managed; 4] = [
    // facts: its version 5, in full.
    Managed {
        name: CNI_POLICY,
        version: 5,
        created: "2018-05-27T21:07:42Z",
        updated: "2024-03-04T20:20:00Z",
        document: include_str!("managed_policies/AmazonEKS_CNI_Policy.json"),
    },
    Managed {
        name: "AmazonEKSWorkerNodePolicy",
        version: 3,
        created: "2018-05-27T21:09:01Z",
        updated: "2023-11-27T00:06:13Z",
        document: include_str!("managed_policies/AmazonEKSWorkerNodePolicy.json"),
    },
    Managed {
        name: "AmazonEC2ContainerRegistryReadOnly",
        version: 3,
        created: "2015-12-21T17:04:15Z",
        updated: "2019-12-10T20:56:32Z",
        document: include_str!("managed_policies/AmazonEC2ContainerRegistryReadOnly.json"),
    },
    Managed {
        name: "AmazonSSMManagedInstanceCore",
        version: 2,
        created: "2019-03-15T17:22:12Z",
        updated: "2019-05-23T16:54:21Z",
        document: include_str!("managed_policies/AmazonSSMManagedInstanceCore.json"),
    },
];

/// The ARN of an AWS managed policy in a partition.
pub(crate) fn arn(partition: &str, name: &str) -> String {
    format!("arn:{partition}:iam::aws:policy/{name}")
}

/// What one says, in the partition `aws`.
pub(crate) fn document(name: &str) -> &'static str {
    MANAGED.iter().find(|managed| managed.name == name).map_or("", |managed| managed.document.trim_end())
}

/// All AWS managed policies of a partition, by ARN.
pub(crate) fn policies(partition: &str) -> Arc<BTreeMap<String, Policy>> {
    Arc::new(MANAGED.iter().map(|managed| (arn(partition, managed.name), policy(partition, managed))).collect())
}

fn policy(partition: &str, managed: &Managed) -> Policy {
    let document = managed.document.trim_end().replace("arn:aws:", &format!("arn:{partition}:"));
    let version = PolicyVersion { document, create_date: managed.updated.to_owned() };
    Policy {
        name: managed.name.to_owned(),
        policy_id: crate::world::unique_id("ANPA", managed.name, 0),
        path: "/".to_owned(),
        arn: arn(partition, managed.name),
        description: None,
        create_date: managed.created.to_owned(),
        update_date: managed.updated.to_owned(),
        versions: BTreeMap::from([(managed.version, version)]),
        default_version: managed.version,
        next_version: managed.version + 1,
        tags: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_document_is_one_iam_would_take_and_speaks_of_its_partition() {
        for policy in policies("aws-cn").values() {
            let document = &policy.versions[&policy.default_version].document;
            crate::policy::check_identity_policy(document).unwrap();
            assert!(!document.contains("arn:aws:"), "{}", policy.name);
        }
    }
}
