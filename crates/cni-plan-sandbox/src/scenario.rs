//! Worlds to begin with: each a state that people meet on the way.

use std::sync::Arc;

use serde_json::json;

use crate::error::SandboxError;
use crate::furnish::{self, Blueprint, RoleSeed, add_role, attach, cni_policy_arn, detach, web_identity_trust};
use crate::kubernetes::AnnotationSeed;
use crate::options::{ClusterSeed, IpFamily};
use crate::wire::partition_of_region;
use crate::world::World;

/// A world to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it holds, in one line.
    pub summary: &'static str,
    build: fn(&Arc<World>) -> Result<(), SandboxError>,
}

const ROLE_ARN: &str = "eks.amazonaws.com/role-arn";
const NODE_ROLE: &str = "AmazonEKSNodeRole";
const PLUGIN_ROLE: &str = "AmazonEKSVPCCNIRole-my-cluster";
const PLUGIN: &str = "system:serviceaccount:kube-system:aws-node";

/// Every scenario, the plain ones first.
pub fn scenarios() -> &'static [Scenario] {
    const SCENARIOS: [Scenario; 6] = [
        Scenario {
            name: "ipv4",
            summary: "my-cluster, IPv4: the CNI plugin runs on the node role of two node groups",
            build: ipv4,
        },
        Scenario {
            name: "ipv6",
            summary: "my-cluster, IPv6: the same, with the account's own CNI policy on the node role",
            build: ipv6,
        },
        Scenario {
            name: "already-done",
            summary: "my-cluster after the whole procedure: the plugin has its own role, the node role lost the policy",
            build: already_done,
        },
        Scenario {
            name: "half-done",
            summary: "my-cluster with role, attachment and annotation, but pods not restarted and nothing detached",
            build: half_done,
        },
        Scenario {
            name: "drifted",
            summary: "my-cluster after the procedure and a bad day: wrong trust, an annotation to a role that is gone",
            build: drifted,
        },
        Scenario {
            name: "two-clusters",
            summary: "blue and green, IPv4, whose nodes share one role",
            build: two_clusters,
        },
    ];
    &SCENARIOS
}

/// Fills an empty world.
pub(crate) fn build(world: &Arc<World>, name: &str) -> Result<(), SandboxError> {
    match scenarios().iter().find(|scenario| scenario.name == name) {
        Some(scenario) => (scenario.build)(world),
        None => Err(SandboxError::UnknownScenario {
            name: name.to_owned(),
            known: scenarios().iter().map(|scenario| scenario.name).collect(),
        }),
    }
}

fn ipv4(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &ClusterSeed::new("my-cluster"))
}

fn ipv6(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &ClusterSeed { ip_family: IpFamily::Ipv6, ..ClusterSeed::new("my-cluster") })
}

fn two_clusters(world: &Arc<World>) -> Result<(), SandboxError> {
    before(world, &ClusterSeed::new("blue"))?;
    before(world, &ClusterSeed::new("green"))
}

fn already_done(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = ClusterSeed::new("my-cluster");
    plugin_role(world, &seed)?;
    built(world, &seed, vec![role_annotation(&seed, PLUGIN_ROLE, "kubectl-annotate")])?;
    detach(world, &seed, NODE_ROLE, &cni_policy_arn(&seed))
}

fn half_done(world: &Arc<World>) -> Result<(), SandboxError> {
    let seed = ClusterSeed::new("my-cluster");
    before(world, &seed)?;
    plugin_role(world, &seed)?;
    annotate(world, &seed, &role_annotation(&seed, PLUGIN_ROLE, "kubectl-annotate"));
    Ok(())
}

fn drifted(world: &Arc<World>) -> Result<(), SandboxError> {
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

/// A cluster before the procedure, among things that are nobody's business here.
fn before(world: &Arc<World>, seed: &ClusterSeed) -> Result<(), SandboxError> {
    built(world, seed, Vec::new())
}

fn built(world: &Arc<World>, seed: &ClusterSeed, mut annotations: Vec<AnnotationSeed>) -> Result<(), SandboxError> {
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
fn plugin_role(world: &World, seed: &ClusterSeed) -> Result<(), SandboxError> {
    let role = RoleSeed {
        name: PLUGIN_ROLE,
        trust: web_identity_trust(seed, PLUGIN),
        attached: vec![cni_policy_arn(seed)],
        ..RoleSeed::default()
    };
    add_role(world, seed, &role)
}

fn role_annotation(seed: &ClusterSeed, role: &str, manager: &str) -> AnnotationSeed {
    let partition = partition_of_region(&seed.region);
    AnnotationSeed {
        key: ROLE_ARN.to_owned(),
        value: format!("arn:{partition}:iam::{}:role/{role}", seed.account),
        manager: manager.to_owned(),
    }
}

/// Annotates after the pods were born: they do not know of it.
fn annotate(world: &World, seed: &ClusterSeed, annotation: &AnnotationSeed) {
    if let Some(cluster) = world.cluster(&seed.region, &seed.name) {
        let AnnotationSeed { key, value, manager } = annotation;
        cluster.api.annotate_service_account(&seed.namespace, &seed.service_account, key, value, manager);
    }
}
