//! What the proof comes to, as the change set keeps it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Address;

/// Whether a plan keeps every pod's permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum SafetyVerdict {
    /// In every state that was examined.
    Safe {
        /// States examined on the way there. A state is: for one requirement of a cluster's identity,
        /// or one node role's policy, whether it, the annotation, the restart and the verification
        /// are in effect, and the identities that pods may carry then.
        forward_states: u64,
        /// States examined on the way back, from each of those on the way there, and from any point
        /// of the way back itself. Counted likewise.
        back_states: u64,
        /// What was without permissions before the plan began and is not held against it, sorted.
        exempt: Vec<Exemption>,
    },
    /// Not in all.
    Unsafe(Danger),
}

impl SafetyVerdict {
    /// Whether no danger was found.
    pub fn is_safe(&self) -> bool {
        matches!(self, SafetyVerdict::Safe { .. })
    }
}

/// A shortest way to a pod without permissions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Danger {
    /// Key of the cluster whose pod it is.
    pub cluster: String,
    /// By what identity that pod calls AWS; not where the plan has a form that cannot be judged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity: Option<Endangered>,
    /// What is done up to then, in an order that the plan allows. None where a pod is without
    /// permissions at once, or where the plan has a form that cannot be judged.
    pub steps: Vec<DangerStep>,
    /// Which pod then loses what, in one sentence for people.
    pub outcome: String,
}

/// One step of a way to danger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DangerStep {
    /// Which.
    pub address: Address,
    /// Whether the plan does it or the way back.
    pub direction: Direction,
    /// What it does, as a clause for people.
    pub does: String,
}

/// Which way a plan is going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// There.
    Forward,
    /// Back to how it was.
    Back,
}

/// The identities that a plan can take permissions from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Endangered {
    /// The role of the node that a pod runs on.
    NodeRole,
    /// The plugin's own role.
    OwnRole,
}

/// An identity that pods had, or would have taken, without permissions before the plan began.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exemption {
    /// Key of the cluster.
    pub cluster: String,
    /// Which identity.
    pub identity: Endangered,
    /// What it lacked.
    pub lacks: Address,
}
