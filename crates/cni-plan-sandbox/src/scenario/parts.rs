//! What scenarios are put together from.

use std::sync::Arc;

use serde_json::json;

use crate::error::SandboxError;
use crate::furnish::{self, Blueprint, RoleSeed, add_role, cni_policy_arn, web_identity_trust};
use crate::kubernetes::AnnotationSeed;
use crate::options::ClusterSeed;
use crate::wire::partition_of_region;
use crate::world::World;

const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";
pub(super) const NODE_ROLE: &str = "AmazonEKSNodeRole";
pub(super) const PLUGIN_ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";
/// The plugin's service account, as trust policies name it.
pub(super) const PLUGIN: &str = "system:serviceaccount:kube-system:aws-node";

/// A cluster before the procedure, among things that are nobody's business here.
pub(super) fn before(world: &Arc<World>, seed: &ClusterSeed) -> Result<(), SandboxError> {
    built(world, seed, Vec::new())
}

pub(super) fn built(
    world: &Arc<World>,
    seed: &ClusterSeed,
    mut annotations: Vec<AnnotationSeed>,
) -> Result<(), SandboxError> {
    unrelated_roles(world, seed)?;
    annotations.push(AnnotationSeed {
        key: "example.com/owner".to_owned(),
        value: "platform-networking".to_owned(),
        manager: "kubectl-annotate".to_owned(),
    });
    let blueprint = Blueprint { annotations, ..Blueprint::new(seed) };
    furnish::build(world, &blueprint).map(|_| ())
}

fn unrelated_roles(world: &World, seed: &ClusterSeed) -> Result<(), SandboxError> {
    let partition = partition_of_region(&seed.region);
    let ci = RoleSeed {
        name: "ci-deployer",
        trust: json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:{partition}:iam::{}:root", seed.account) },
                "Action": "sts:AssumeRole",
            }],
        }),
        description: Some("Deploys from the build system"),
        tags: &[("team", "delivery")],
        attached: Vec::new(),
    };
    add_role(world, seed, &ci)?;
    let dns = RoleSeed {
        name: "external-dns",
        trust: web_identity_trust(seed, "system:serviceaccount:dns:external-dns"),
        tags: &[("team", "edge")],
        ..RoleSeed::default()
    };
    add_role(world, seed, &dns)
}

/// The role of the documented procedure, with the policy attached.
pub(super) fn plugin_role(world: &World, seed: &ClusterSeed) -> Result<(), SandboxError> {
    let role = RoleSeed {
        name: PLUGIN_ROLE,
        trust: web_identity_trust(seed, PLUGIN),
        attached: vec![cni_policy_arn(seed)],
        ..RoleSeed::default()
    };
    add_role(world, seed, &role)
}

pub(super) fn role_annotation(seed: &ClusterSeed, role: &str, manager: &str) -> AnnotationSeed {
    let partition = partition_of_region(&seed.region);
    AnnotationSeed {
        key: ROLE_ARN.to_owned(),
        value: format!("arn:{partition}:iam::{}:role/{role}", seed.account),
        manager: manager.to_owned(),
    }
}

/// Annotates after the pods were born: they do not know of it.
pub(super) fn annotate(world: &World, seed: &ClusterSeed, annotation: &AnnotationSeed) {
    if let Some(cluster) = world.cluster(&seed.region, &seed.name) {
        let AnnotationSeed { key, value, manager } = annotation;
        cluster.api.annotate_service_account(&seed.namespace, &seed.service_account, key, value, manager);
    }
}
