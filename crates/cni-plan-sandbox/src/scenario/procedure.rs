//! Worlds on the way of the documented procedure: before it, after it, and where it went astray.

use std::sync::Arc;

use serde_json::json;

use super::parts::{NODE_ROLE, PLUGIN_ROLE, annotate, before, built, plugin_role, role_annotation};
use crate::error::SandboxError;
use crate::furnish::{RoleSeed, add_role, attach, cni_policy_arn, detach, web_identity_trust};
use crate::options::{ClusterSeed, IpFamily};
use crate::world::World;

pub(super) fn ipv4(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &ClusterSeed::new("my-cluster"))
}

pub(super) fn ipv6(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &ClusterSeed { ip_family: IpFamily::Ipv6, ..ClusterSeed::new("my-cluster") })
}

pub(super) fn two_clusters(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &ClusterSeed::new("blue"))?;
    before(world, &ClusterSeed::new("green"))
}

pub(super) fn already_done(world: &Arc<World>) -> Result<(), SandboxError> {
    after(world, &ClusterSeed::new("my-cluster"))
}

/// A cluster after the procedure.
pub(super) fn after(world: &Arc<World>, seed: &ClusterSeed) -> Result<(), SandboxError> {
    plugin_role(world, seed)?;
    built(world, seed, vec![role_annotation(seed, PLUGIN_ROLE, "kubectl-annotate")])?;
    detach(world, seed, NODE_ROLE, &cni_policy_arn(seed))
}

pub(super) fn half_done(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = ClusterSeed::new("my-cluster");
    before(world, &seed)?;
    plugin_role(world, &seed)?;
    annotate(world, &seed, &role_annotation(&seed, PLUGIN_ROLE, "kubectl-annotate"));
    Ok(())
}

pub(super) fn drifted(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = ClusterSeed::new("my-cluster");
    before(world, &seed)?;
    let mut trust = web_identity_trust(&seed, "system:serviceaccount:kube-system:aws-node-old");
    if let Some(statements) = trust["Statement"].as_array_mut() {
        statements.push(json!({
            "Sid": "BreakGlass",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{}:root", seed.account) },
            "Action": "sts:AssumeRole",
        }));
    }
    let role = RoleSeed {
        name: PLUGIN_ROLE,
        trust,
        tags: &[("cost-center", "4711"), ("team", "networking")],
        ..RoleSeed::default()
    };
    add_role(world, &seed, &role)?;
    attach(world, &seed, PLUGIN_ROLE, &cni_policy_arn(&seed))?;
    annotate(world, &seed, &role_annotation(&seed, "AmazonEKSVPCCNIRole-old", "eksctl"));
    Ok(())
}
