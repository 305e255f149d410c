//! The plugin as its DaemonSet runs it, as far as that decides what it needs of its role.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a DaemonSet's template says of the plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// The tag of the image of container `aws-node`, such as `v1.20.0-eksbuild.1`; none where the image
    /// is named by its digest alone.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<String>,
    /// The [`settings`] of container `aws-node` that are there, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub settings: BTreeMap<String, String>,
    /// Names of variables by which the template brings credentials, or a way to some, of its own. Their
    /// values are not looked at.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub own_credentials: BTreeSet<String>,
    /// Whether the node agent beside it sends network policy logs to CloudWatch.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub network_policy_logs: bool,
}

/// Variables of the plugin that decide which permissions it needs (aws/amazon-vpc-cni-k8s, README).
pub mod settings {
    /// Whether pods get IPv4 addresses.
    pub const IPV4: &str = "ENABLE_IPv4";
    /// Whether pods get IPv6 addresses.
    pub const IPV6: &str = "ENABLE_IPv6";
    /// Whether subnets are found by their tags; `true` where it is not there.
    pub const SUBNET_DISCOVERY: &str = "ENABLE_SUBNET_DISCOVERY";
    /// All of them.
    pub const ALL: [&str; 3] = [IPV4, IPV6, SUBNET_DISCOVERY];
}

impl Plugin {
    /// Of which nothing is known.
    pub fn is_unknown(&self) -> bool {
        self == &Plugin::default()
    }

    /// What a setting says; none where it is not there or neither `true` nor `false`.
    pub fn flag(&self, setting: &str) -> Option<bool> {
        self.settings.get(setting)?.parse().ok()
    }
}

/// Nodes on which the plugin's DaemonSet does not run (its affinity, config/master/aws-k8s-cni.yaml).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OtherNode {
    /// EKS Auto Mode's.
    Auto,
    /// Fargate's.
    Fargate,
    /// On premises.
    Hybrid,
    /// `kubernetes.io/os` is `windows`.
    Windows,
}
