//! Worlds in which the roles have more on them than the procedure puts there: boundaries, inline policies,
//! copies under other names, tags of the tools that own them. Before the procedure, all of them.

use std::sync::Arc;

use super::parts::{NODE_ROLE, PLUGIN_ROLE, before, plugin_role};
use crate::error::SandboxError;
use crate::furnish::{add_policy_of, attach, bound, cni_policy_arn, detach, put_inline, tag};
use crate::iam::managed;
use crate::options::ClusterSeed;
use crate::world::World;

const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/developer-boundary";
const COPY: &str = "arn:aws:iam::111122223333:policy/platform/vpc-cni";
const VOLUMES: &str = "arn:aws:iam::111122223333:policy/platform/volumes";

/// Whoever uses it may read and keep logs, and nothing else.
const READ_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["ec2:Describe*","logs:*"],"Resource":"*"}]}"#;
/// What boundaries mostly say: all but what would widen one's own permissions.
const ALL_BUT_IAM: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"*","Resource":"*"},
    {"Effect":"Deny","Action":["iam:*","organizations:*"],"Resource":"*"}]}"#;
const GUARDRAIL: &str = r#"{"Version":"2012-10-17","Statement":{
    "Effect":"Deny","Action":["ec2:Delete*","ec2:Terminate*"],"Resource":"*"}}"#;
const BUCKET: &str = r#"{"Version":"2012-10-17","Statement":{
    "Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bootstrap/*"}}"#;
/// Of a driver that works with the node role: it tags volumes, and attaches them, but no interfaces.
const OF_VOLUMES: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":["ec2:AttachVolume","ec2:DetachVolume","ec2:DescribeVolumes"],"Resource":"*"},
    {"Effect":"Allow","Action":"ec2:CreateTags","Resource":"arn:aws:ec2:*:*:volume/*"}]}"#;

pub(super) fn small_boundary(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = with_plugin_role(world)?;
    add_policy_of(world, &seed, BOUNDARY, READ_ONLY)?;
    bound(world, &seed, PLUGIN_ROLE, BOUNDARY)
}

pub(super) fn denied(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = with_plugin_role(world)?;
    put_inline(world, &seed, PLUGIN_ROLE, "guardrail", GUARDRAIL)
}

pub(super) fn inline_copy(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = my_cluster();
    before(world, &seed)?;
    put_inline(world, &seed, NODE_ROLE, "vpc-cni", managed::document(managed::CNI_POLICY))
}

pub(super) fn renamed_policy(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = my_cluster();
    before(world, &seed)?;
    add_policy_of(world, &seed, COPY, managed::document(managed::CNI_POLICY))?;
    attach(world, &seed, NODE_ROLE, COPY)?;
    detach(world, &seed, NODE_ROLE, &cni_policy_arn(&seed))
}

pub(super) fn owned_node_role(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = my_cluster();
    before(world, &seed)?;
    let stack = "eksctl-my-cluster-nodegroup-workers";
    for (key, value) in [
        ("alpha.eksctl.io/cluster-name", "my-cluster"),
        ("alpha.eksctl.io/nodegroup-name", "workers"),
        ("aws:cloudformation:logical-id", "NodeInstanceRole"),
        ("aws:cloudformation:stack-name", stack),
    ] {
        tag(world, &seed, NODE_ROLE, key, value)?;
    }
    Ok(())
}

/// None of it is in the plugin's way, or keeps from nodes less than they shall lose.
pub(super) fn policies_besides(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = with_plugin_role(world)?;
    for (arn, document) in
        [(BOUNDARY, ALL_BUT_IAM), (COPY, managed::document(managed::CNI_POLICY)), (VOLUMES, OF_VOLUMES)]
    {
        add_policy_of(world, &seed, arn, document)?;
    }
    bound(world, &seed, PLUGIN_ROLE, BOUNDARY)?;
    attach(world, &seed, PLUGIN_ROLE, COPY)?;
    put_inline(world, &seed, NODE_ROLE, "bootstrap", BUCKET)?;
    attach(world, &seed, NODE_ROLE, VOLUMES)?;
    tag(world, &seed, NODE_ROLE, "team", "platform")
}

fn my_cluster() -> ClusterSeed {
    ClusterSeed::new("my-cluster")
}

/// The plugin's role is there already, and no pod has it yet.
fn with_plugin_role(world: &Arc<World>) -> Result<ClusterSeed, SandboxError> {
    let seed = my_cluster();
    plugin_role(world, &seed)?;
    before(world, &seed)?;
    Ok(seed)
}
