//! Worlds to begin with: each a state that people meet on the way.

mod kinds;
mod parts;
mod procedure;
mod roles;

use std::sync::Arc;

use crate::error::SandboxError;
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

/// Every scenario, the plain ones first.
pub fn scenarios() -> &'static [Scenario] {
    const SCENARIOS: [Scenario; 25] = [
        Scenario {
            name: "ipv4",
            summary: "my-cluster, IPv4: the CNI plugin runs on the node role of two node groups",
            build: procedure::ipv4,
        },
        Scenario {
            name: "ipv6",
            summary: "my-cluster, IPv6: the same, with the account's own CNI policy on the node role",
            build: procedure::ipv6,
        },
        Scenario {
            name: "already-done",
            summary: "my-cluster after the whole procedure: the plugin has its own role, the node role lost the policy",
            build: procedure::already_done,
        },
        Scenario {
            name: "half-done",
            summary: "my-cluster with role, attachment and annotation, but pods not restarted and nothing detached",
            build: procedure::half_done,
        },
        Scenario {
            name: "drifted",
            summary: "my-cluster after the procedure and a bad day: wrong trust, an annotation to a role that is gone",
            build: procedure::drifted,
        },
        Scenario {
            name: "two-clusters",
            summary: "blue and green, IPv4, whose nodes share one role",
            build: procedure::two_clusters,
        },
        Scenario {
            name: "managed-addon",
            summary: "my-cluster, the CNI plugin an EKS add-on without a role, on the node role",
            build: kinds::managed_addon,
        },
        Scenario {
            name: "managed-addon-with-role",
            summary: "my-cluster, the CNI plugin an EKS add-on with its own role, the node role not detached yet",
            build: kinds::managed_addon_with_role,
        },
        Scenario {
            name: "pod-identity",
            summary: "my-cluster, the CNI plugin on its own role by a Pod Identity association, nothing detached yet",
            build: kinds::pod_identity,
        },
        Scenario {
            name: "irsa-with-agent",
            summary: "my-cluster after the whole procedure, with the agent of Pod Identity: either identity can be had",
            build: kinds::irsa_with_agent,
        },
        Scenario {
            name: "shared-role",
            summary: "blue and green, IPv4, whose nodes share one role: two-clusters by another name",
            build: procedure::two_clusters,
        },
        Scenario {
            name: "shared-outside",
            summary: "my-cluster, and legacy beside it and analytics in eu-west-1, all on one node role",
            build: kinds::shared_outside,
        },
        Scenario {
            name: "stale-issuer",
            summary: "my-cluster made anew: the plugin's role trusts the issuer of the cluster that was",
            build: kinds::stale_issuer,
        },
        Scenario {
            name: "small-policy",
            summary: "my-cluster, IPv6, plugin v1.22.1: the account's own CNI policy is the older one, too small for it",
            build: kinds::small_policy,
        },
        Scenario {
            name: "windows",
            summary: "my-cluster with two Windows nodes on a role of their own",
            build: kinds::windows,
        },
        Scenario {
            name: "karpenter",
            summary: "my-cluster with nodes that Karpenter starts, on a role known by its access entry",
            build: kinds::karpenter,
        },
        Scenario {
            name: "self-managed-nodes",
            summary: "my-cluster without node groups: one role known by an access entry, one by aws-auth",
            build: kinds::self_managed_nodes,
        },
        Scenario {
            name: "auto-mode",
            summary: "my-cluster with EKS Auto Mode beside its node groups",
            build: kinds::auto_mode,
        },
        Scenario {
            name: "private-sts",
            summary: "my-cluster in a private VPC from which no endpoint of STS is reached",
            build: kinds::private_sts,
        },
        Scenario {
            name: "small-boundary",
            summary: "my-cluster, and the plugin's role within a boundary that is too small for it",
            build: roles::small_boundary,
        },
        Scenario {
            name: "denied",
            summary: "my-cluster, and the plugin's role with an inline policy that denies a part of what it needs",
            build: roles::denied,
        },
        Scenario {
            name: "inline-copy",
            summary: "my-cluster, whose node role has an inline copy of the CNI policy besides",
            build: roles::inline_copy,
        },
        Scenario {
            name: "renamed-policy",
            summary: "my-cluster, whose node role has the CNI policy under a name of the account's own",
            build: roles::renamed_policy,
        },
        Scenario {
            name: "owned-node-role",
            summary: "my-cluster, whose node role belongs to a stack of eksctl's",
            build: roles::owned_node_role,
        },
        Scenario {
            name: "policies-besides",
            summary: "my-cluster, whose roles have policies, tags and a boundary that are in nobody's way",
            build: roles::policies_besides,
        },
    ];
    &SCENARIOS
}

/// Fills an empty world.
pub(crate) fn build(world: &Arc<World>, name: &str) -> Result<(), SandboxError> {
    match scenarios().iter().find(|scenario| scenario.name == name) {
        Some(scenario) => {
            // First, so that a world that was cut off while it was made is not taken for nobody's.
            world.make_of(scenario.name)?;
            (scenario.build)(world)
        }
        None => Err(SandboxError::UnknownScenario {
            name: name.to_owned(),
            known: scenarios().iter().map(|scenario| scenario.name).collect(),
        }),
    }
}
