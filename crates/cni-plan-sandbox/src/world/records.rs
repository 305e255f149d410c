//! What EKS keeps of a cluster besides its nodes: add-ons and their updates, access entries, Pod
//! Identity associations. What the operations make of them is in `eks`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An EKS add-on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Addon {
    /// `ACTIVE`, `UPDATING`, `UPDATE_FAILED`, … as the API has it.
    pub(crate) status: String,
    pub(crate) addon_version: String,
    /// What is wrong, as `health.issues` shows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) issues: Vec<Value>,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    pub(crate) modified_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) service_account_role_arn: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) configuration_values: Option<String>,
    /// What is on its way; nothing else may begin until it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pending: Option<Pending>,
}

/// A change of an add-on that was accepted and is not over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pending {
    pub(crate) kind: PendingKind,
    /// Microseconds since 1970.
    pub(crate) due: i64,
    /// Whether a fault has decided that it fails.
    #[serde(default)]
    pub(crate) fails: bool,
    #[serde(flatten)]
    pub(crate) wanted: WantedAddon,
}

/// Which change is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PendingKind {
    Create,
    /// The id of the update that tells of it.
    Update {
        id: String,
    },
    /// Whether what the add-on installed stays.
    Delete {
        preserve: bool,
    },
}

/// What a caller asked of an add-on; what was left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WantedAddon {
    pub(crate) addon_version: Option<String>,
    pub(crate) service_account_role_arn: Option<String>,
    pub(crate) configuration_values: Option<String>,
    /// Pairs of service account and role; an empty list takes all of the add-on's associations away.
    pub(crate) pod_identity_associations: Option<Vec<(String, String)>>,
    #[serde(default)]
    pub(crate) resolve_conflicts: ResolveConflicts,
}

/// What EKS does where its values differ from what others have set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum ResolveConflicts {
    /// The change fails.
    #[default]
    None,
    /// EKS's values are set.
    Overwrite,
    /// The others' values stay.
    Preserve,
}

/// An update, as DescribeUpdate tells of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Update {
    /// The add-on it is of.
    pub(crate) addon: String,
    /// `InProgress`, `Successful` or `Failed`.
    pub(crate) status: String,
    /// As the API shows them: `type` and `value`.
    pub(crate) params: Vec<Value>,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// As the API shows them: `errorCode`, `errorMessage`, `resourceIds`.
    pub(crate) errors: Vec<Value>,
    /// Asked again under the same token, it is not begun again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_request_token: Option<String>,
}

/// Who may come to a cluster, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessEntry {
    pub(crate) principal_arn: String,
    /// `EC2_LINUX`, `STANDARD`, … as the API has it.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) kubernetes_groups: Vec<String>,
    pub(crate) username: String,
    /// Seconds since 1970.
    pub(crate) created_at: i64,
    /// The same; 0 in a world of an older program.
    #[serde(default)]
    pub(crate) modified_at: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

/// A role for a service account by way of the Pod Identity agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Association {
    pub(crate) namespace: String,
    pub(crate) service_account: String,
    pub(crate) role_arn: String,
    /// Milliseconds since 1970: what comes of a pod hangs on whether it was born before an update or after it.
    pub(crate) created_at: i64,
    /// The same.
    pub(crate) modified_at: i64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    /// The add-on that the association came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) owner_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) client_request_token: Option<String>,
}
